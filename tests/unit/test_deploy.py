"""Alert rules and board ask, in sound queries, for metrics that exist with labels they have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smart_leverage.server.metrics.catalogue import CATALOGUE, PREFIX, Metric

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
BOARD = DEPLOY / "grafana" / "smart-leverage.json"

SAMPLES: dict[str, Metric] = {name: one for one in CATALOGUE for name in one.samples}
TARGET = {"job", "instance", "run", "process"}
"""Labels that the scraper adds; `deploy/prometheus/prometheus.yml` names the last two."""

FUNCTIONS = {"rate", "increase", "histogram_quantile", "sum", "time"}
WORDS = {"and", "or", "on", "by", "up"}

TOKEN = re.compile(
    r"""(?x) \s* (?:
      (?P<duration> \[ \d+ [smhd] \] )
    | (?P<number>   \d+ (?:\.\d+)? )
    | (?P<text>     " (?:[^"\\]|\\.)* " )
    | (?P<name>     [a-zA-Z_:][a-zA-Z0-9_:]* )
    | (?P<sign>     =~ | != | >= | <= | == | [-+*/(){}=,<>] )
    )"""
)


class Asked:
    """A query taken apart: its names, the labels that it chooses by, and those it groups by."""

    def __init__(self, query: str) -> None:
        self.names: set[str] = set()
        self.chosen: list[tuple[str, str, str]] = []
        """Metric, label, and what it has to be."""
        self.grouped: set[str] = set()
        self.tokens = list(self._tokens(query))
        self._balance()
        self._read()

    @staticmethod
    def _tokens(query: str) -> Iterator[tuple[str, str]]:
        place = 0
        while place < len(query.rstrip()):
            found = TOKEN.match(query, place)
            assert found, f"no query from here on: {query[place:]!r}"
            assert found.lastgroup
            yield found.lastgroup, found[found.lastgroup]
            place = found.end()

    def _balance(self) -> None:
        opened = []
        for _, text in self.tokens:
            if text in ("(", "{"):
                opened.append(text)
            elif text in (")", "}"):
                assert opened, "closed what was never opened"
                assert opened.pop() + text in ("()", "{}")
        assert not opened

    def _read(self) -> None:
        metric, depth_of_labels, grouping = "", False, False
        for place, (kind, text) in enumerate(self.tokens):
            before = self.tokens[place - 1][1] if place else ""
            after = self.tokens[place + 1][1] if place + 1 < len(self.tokens) else ""
            if text in "{}":
                depth_of_labels = text == "{"
            elif text == "(" and before in ("by", "on"):
                grouping = True
            elif text == ")":
                grouping = False
            elif kind == "name" and depth_of_labels:
                self.chosen.append((metric, text, self.tokens[place + 2][1].strip('"')))
            elif kind == "name" and grouping:
                self.grouped.add(text)
            elif kind == "name" and text not in WORDS | FUNCTIONS:
                metric = text
                self.names.add(text)
            elif kind == "name" and text in FUNCTIONS:
                assert after == "(" or text == "sum", text
                metric = text
            elif text == "up":
                metric = text


def check(query: str) -> Asked:
    asked = Asked(query)
    for name in asked.names:
        assert name in SAMPLES, f"{name} is in no catalogue"
    labels = {label for name in asked.names for label in SAMPLES[name].labels} | TARGET | {"le"}
    assert asked.grouped <= labels, asked.grouped - labels
    for name, label, value in asked.chosen:
        if label in TARGET:
            continue
        metric = SAMPLES[name]
        assert label in metric.labels, f"{name} has no {label}"
        assert value in metric.values[metric.labels.index(label)], value
    for kind, text in asked.tokens:
        assert kind != "name" or text in asked.names | asked.grouped | WORDS | FUNCTIONS | {
            label for _, label, _ in asked.chosen
        }
    return asked


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def board() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(BOARD.read_text(encoding="utf-8"))
    return read


def panels() -> list[dict[str, Any]]:
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_is_served_and_says_what_to_do(rule: dict[str, Any]) -> None:
    asked = check(rule["expr"])
    assert asked.names or "up" in rule["expr"]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "action"}
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    known = {label for name in asked.names for label in SAMPLES[name].labels} | TARGET
    for label in re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())):
        assert label in known, label


def test_alerts_cover_what_was_promised_and_no_name_comes_twice() -> None:
    told = [rule["alert"] for rule in rules()]
    assert len(told) == len(set(told))
    asked = set().union(*(check(rule["expr"]).names for rule in rules()))
    for name in (
        "state", "limit_used_ratio", "broker_age_seconds", "notify_failures_total",
        "ledger_verified_age_seconds", "ready", "ledger_trouble",
    ):  # fmt: skip
        assert PREFIX + name in asked, name


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_is_served_and_fits_on_the_board(panel: dict[str, Any]) -> None:
    assert panel["type"] in ("stat", "timeseries", "bargauge")
    assert panel["description"]
    place = panel["gridPos"]
    assert 0 <= place["x"] < place["x"] + place["w"] <= 24
    assert panel["targets"]
    for target in panel["targets"]:
        asked = check(target["expr"])
        known = {label for name in asked.names for label in SAMPLES[name].labels} | TARGET
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in known, label
            assert not asked.grouped or label in asked.grouped, label
        assert target["datasource"]["uid"] == "${datasource}"


def test_the_board_is_one_that_can_be_loaded_and_no_two_panels_overlap() -> None:
    read = board()
    assert read["schemaVersion"] >= 36
    assert read["uid"]
    assert len({panel["id"] for panel in read["panels"]}) == len(read["panels"])
    assert [one["name"] for one in read["templating"]["list"]] == ["datasource", "run"]
    taken: set[tuple[int, int]] = set()
    for panel in read["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_stands_on_the_board() -> None:
    """What nobody looks at need not be counted."""
    shown = set().union(
        *(check(target["expr"]).names for panel in panels() for target in panel["targets"])
    )
    shown = {SAMPLES[name].name for name in shown}
    assert shown == {one.name for one in CATALOGUE}


@pytest.mark.parametrize(
    "query",
    [
        "smart_leverage_invented > 1",
        'smart_leverage_state{state="asleep"} == 1',
        'smart_leverage_state{group="crypto"}',
        "sum by (symbol) (smart_leverage_exposure_ratio)",
        "rate(smart_leverage_decisions_total[5m)",
        "(smart_leverage_tier",
        "smart_leverage_tier ; drop",
        "smart_leverage_decision_seconds > 1",
    ],
)
def test_the_check_finds_a_query_that_would_show_nothing(query: str) -> None:
    with pytest.raises(AssertionError):
        check(query)
