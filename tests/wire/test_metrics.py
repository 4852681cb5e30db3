"""What both processes serve to a monitoring system, and to whom; an account that answers at all."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.wire.raw import Answer, Raw
from tests.wire.serving import Served, gateway
from tests.wire.test_desk_process import desk_url, eventually

from smart_leverage.server.metrics.catalogue import CATALOGUE, PREFIX, Kind, Place, served_by
from smart_leverage.server.metrics.desk import QUIET_S, DeskWatch
from smart_leverage.server.metrics.requests import Answers

NOBODY = ("", "")
SILENT_WITHIN_S = 60.0
"""Several questions to the broker may be under way, and each is waited for some seconds."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway(tmp_path_factory.mktemp("account")) as running:
        yield running


@pytest.fixture(scope="module")
def scraper(served: Served) -> tuple[str, str]:
    return served.add_bot("prometheus", scope="scrape")


def families(answer: Answer) -> dict[str, Metric]:
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {each.name: each for each in text_string_to_metric_families(answer.body.decode())}


def value(found: dict[str, Metric], name: str, **labels: str) -> float:
    family = found[PREFIX + name.removesuffix("_total")]
    return next(
        sample.value
        for sample in family.samples
        if sample.labels == labels and not sample.name.endswith(("_created", "_bucket", "_sum"))
    )


@pytest.mark.parametrize("place", [Place.TRADE, Place.DESK])
def test_an_endpoint_serves_what_the_catalogue_says_and_nothing_else(
    served: Served, scraper: tuple[str, str], place: Place
) -> None:
    Raw(served.url, served.keys["bot"]).order(qty="0.001")
    url = served.url if place is Place.TRADE else desk_url(served)
    found = families(Raw(url, scraper)("GET", "/metrics"))
    promised = {one.full_name.removesuffix("_total"): one for one in served_by(place)}
    assert found.keys() == promised.keys()
    for name, family in found.items():
        metric = promised[name]
        assert (family.type, family.documentation) == (metric.kind.value, metric.meaning)
        for sample in family.samples:
            labels = dict(sample.labels)
            if metric.kind is Kind.HISTOGRAM:
                labels.pop("le", None)
            assert tuple(sorted(labels)) == tuple(sorted(metric.labels)), sample
            for label, allowed in zip(metric.labels, metric.values, strict=bool(metric.values)):
                assert labels[label] in allowed, sample


def test_every_metric_is_served_by_one_process_or_both() -> None:
    found = {one.name for place in (Place.TRADE, Place.DESK) for one in served_by(place)}
    assert found == {one.name for one in CATALOGUE}


def test_the_figures_follow_what_happens(served: Served, scraper: tuple[str, str]) -> None:
    bot, scrape = Raw(served.url, served.keys["bot"]), Raw(served.url, scraper)

    def now() -> dict[str, Metric]:
        return families(scrape("GET", "/metrics"))

    before = now()
    assert bot.order(qty="0.002").status == 200
    assert bot.order(qty="9").status == 403
    eventually(lambda: value(now(), "exposure_ratio", group="crypto") > 0)  # once it has filled
    after = now()
    labels = {"verdict": "denied", "reason": "cap_symbol"}
    assert value(after, "decisions_total", **labels) >= 1
    assert value(after, "decision_seconds") == value(before, "decision_seconds") + 2
    assert value(after, "broker_seconds", call="submit") > 0
    assert value(after, "ledger_seq") > value(before, "ledger_seq")
    for metric, label in (("exposure_ratio", "group"), ("cap_ratio", "group")):
        assert 0 < value(after, metric, **{label: "crypto"}) <= 0.25
    told = bot("GET", "/sl/v1/status").json
    assert value(after, "equity") == pytest.approx(float(told["equity"]), rel=1e-3)
    assert value(after, "state", state=told["state"]) == 1.0
    assert value(after, "requests_total", status="403") > value(
        before, "requests_total", status="403"
    )
    assert value(after, "bot_age_seconds") < value(after, "start_time_seconds")
    assert 0 <= value(after, "broker_age_seconds") < 5.0


def test_a_token_to_scrape_opens_the_metrics_and_nothing_else(
    served: Served, scraper: tuple[str, str]
) -> None:
    for url in (served.url, desk_url(served)):
        scrape, nobody = Raw(url, scraper), Raw(url, NOBODY)
        assert scrape("GET", "/metrics").status == 200
        assert nobody("GET", "/metrics").status == 401
        bearer = {"Authorization": f"Bearer {'.'.join(scraper)}"}
        assert nobody("GET", "/metrics", headers=bearer).status == 200
        assert scrape("GET", "/metrics?debug=1").status == 422
    for method, path in (
        ("GET", "/v2/account"), ("GET", "/sl/v1/status"), ("POST", "/v2/orders"),
        ("DELETE", "/v2/orders"), ("POST", "/sl/v1/halt"), ("GET", "/v2/positions"),
    ):  # fmt: skip
        body = {"reason": "x"} if method == "POST" else None
        assert Raw(served.url, scraper)(method, path, body).status == 403, path
    reader = served.add_bot("reader", scope="read")
    assert Raw(served.url, reader)("GET", "/metrics").status == 200


def test_health_takes_no_key_and_tells_nothing_of_the_account(served: Served) -> None:
    for url in (served.url, desk_url(served)):
        nobody = Raw(url, NOBODY)
        assert nobody("GET", "/healthz").json == {"status": "live"}
        assert eventually(lambda nobody=nobody: nobody("GET", "/readyz").status == 200)  # type: ignore[misc]
        assert nobody("GET", "/readyz").json == {"status": "ready", "reasons": []}
        foreign = nobody("GET", "/healthz", headers={"Host": "evil.example"})
        assert foreign.status == 421


def test_an_account_whose_broker_is_silent_lives_and_is_not_ready(tmp_path: Path) -> None:
    with gateway(tmp_path) as served:
        nobody = Raw(served.url, NOBODY)
        keys = served.add_bot("prometheus", scope="scrape")
        assert nobody("GET", "/readyz").status == 200
        venue = int((served.folder / "broker.pid").read_text())
        os.kill(venue, signal.SIGSTOP)
        try:
            told = eventually(lambda: _not_ready(nobody), SILENT_WITHIN_S)
            assert "the broker does not answer" in told
            assert nobody("GET", "/healthz").status == 200
            found = families(Raw(served.url, keys)("GET", "/metrics"))
            assert value(found, "ready") == 0.0
            assert value(found, "broker_age_seconds") > 3.0
        finally:
            os.kill(venue, signal.SIGCONT)
        assert eventually(lambda: nobody("GET", "/readyz").status == 200, SILENT_WITHIN_S)


def _not_ready(nobody: Raw) -> list[str]:
    answer = nobody("GET", "/readyz")
    reasons = answer.json["reasons"]
    assert answer.status == (503 if reasons else 200)
    return [each for each in reasons if "broker" in each]


def test_a_desk_whose_account_stands_still_says_so_though_it_lives(tmp_path: Path) -> None:
    """The ledger is read on its own: a desk does not take the word of the process beside it."""
    with gateway(tmp_path) as served:
        pass
    ledger = served.folder / "ledger.sqlite"

    def reasons(later_s: float, path: Path = ledger) -> list[str]:
        watch = DeskWatch(path, Answers(), lambda: time.time_ns() + int(later_s * 1e9))
        return list(asyncio.run(watch.readiness.reasons()))

    assert reasons(0.0) == []
    assert re.search("stands still", " ".join(reasons(QUIET_S + 60.0)))
    assert reasons(0.0, tmp_path / "missing.sqlite") == ["the ledger cannot be read"]
    ledger.write_bytes(b"no ledger at all" * 64)
    assert reasons(0.0) == ["the ledger cannot be read"]
