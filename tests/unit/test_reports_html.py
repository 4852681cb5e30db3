"""The report is one file: complete, harmless whatever names it holds, and small."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, Role, Side
from smart_leverage.domain.records import (
    AccountOpened,
    AssetLocked,
    BreakerMoved,
    Decided,
    Filled,
    FlowSeen,
    InstrumentListed,
    Intended,
    Marked,
    Noted,
    PlanMoved,
    Record,
    Resumed,
    StateChanged,
    TierGranted,
    Unprotected,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.reports.html import SIZE_MAX, Comparison, DataFile, write_report

D = Decimal
BTC = Key("crypto:BTC/USD")
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&<b>"
START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""


def opening(account: str = "demo", **changes: Any) -> Iterator[Record]:
    fields: dict[str, Any] = {
        "at_ns": START_NS,
        "account": account,
        "mode": "sim",
        "cash": D(100_000),
        "risk_timezone": "America/New_York",
        "preset": "classic",
        "policy": "limits.gross_cap = 1.0",
        "policy_hash": "eec8e3cb9e6f70a0",
        "enforcement": "all",
        "version": "0.1.0",
    }
    yield AccountOpened(**{**fields, **changes})
    yield InstrumentListed(at_ns=START_NS, instrument=Registry.builtin()[BTC])


def mark(hours: float, equity: float, crypto: float = 0.2, cap: str = "0.25") -> Marked:
    money = D(f"{equity:.2f}")
    return Marked(
        at_ns=START_NS + int(hours * HOUR_NS),
        equity=money,
        cash=money,
        crypto=money * D(f"{crypto:.4f}"),
        leveraged=money * D(f"{crypto:.4f}"),
        gross=money * D(f"{crypto * 1.1:.4f}"),
        crypto_cap=D(cap),
        leveraged_cap=D("0.35"),
    )


def denied(
    hours: float, *, bot: str = "greedy", reason: str = "cap_crypto", key: Key = BTC
) -> Decided:
    return Decided(
        at_ns=START_NS + int(hours * HOUR_NS),
        decision_id=f"d{hours}",
        bot=bot,
        source="order",
        key=key,
        side=Side.BUY,
        asked=D(1),
        allowed=D(0),
        given=D(0),
        price=D(50_000),
        verdict="denied",
        reason=reason,
        unit="fraction",
        bound=D("0.25"),
        would_be=D("0.41"),
        figures={},
    )


def filled(number: int, side: Side, price: float, role: Role = Role.BOT) -> Iterator[Record]:
    at_ns = START_NS + number * HOUR_NS
    order = Order(
        client_order_id=f"o{number}",
        bot="greedy",
        key=BTC,
        side=side,
        qty=D(1),
        role=role,
        stop_price=D(50_500) if role is Role.STOP else None,
    )
    yield Intended(at_ns=at_ns, order=order, decision_id=f"x{number}", reserve_price=D(0))
    yield Filled(
        at_ns=at_ns,
        fill=Fill(
            execution_id=f"e{number}",
            client_order_id=f"o{number}",
            key=BTC,
            side=side,
            qty=D(1),
            price=D(f"{price:.2f}"),
            fee=D(1),
            fee_asset="USD",
            at_ns=at_ns,
        ),
    )


def eventful() -> Iterator[Record]:
    """Yield a month in which everything that a report tells of happens once."""
    yield mark(0, 100_000, 0.8)
    for at, status, share, stage in ((0, "started", "0.8", 1), (1, "reached", "0.24", 2)):
        yield PlanMoved(
            at_ns=START_NS + at * HOUR_NS,
            plan_id="p1",
            status=status,
            group="crypto",
            stage=stage,
            ceiling=D("0.245"),
            exposure=D(share),
            deadline_ns=START_NS + 2 * HOUR_NS,
            why="crypto over its cap",
        )
    yield from filled(2, Side.BUY, 50_000)
    yield from filled(30, Side.SELL, 51_000)
    yield from filled(31, Side.BUY, 51_000)
    yield from filled(60, Side.SELL, 50_450, Role.STOP)
    yield Unprotected(at_ns=START_NS + 3 * HOUR_NS, key=BTC, since_ns=START_NS, why="new")
    for day in range(1, 25):
        yield mark(24 * day, 100_000 + 900 * math.sin(day), 0.2 + 0.002 * day)
        yield denied(24 * day + 1, reason="cap_crypto" if day % 3 else "cap_symbol")
    yield FlowSeen(at_ns=START_NS + 610 * HOUR_NS, amount=D(5_000), source="bank")
    yield mark(612, 105_000)
    yield AssetLocked(
        at_ns=START_NS + 613 * HOUR_NS,
        key=BTC,
        loss=D("0.021"),
        limit=D("0.02"),
        until_ns=START_NS + 624 * HOUR_NS,
    )
    yield BreakerMoved(
        at_ns=START_NS + 614 * HOUR_NS,
        breaker="month",
        is_tripped=True,
        value=D("0.081"),
        limit=D("0.08"),
        why="loss over the limit",
    )
    yield TierGranted(
        at_ns=START_NS + 614 * HOUR_NS,
        before="LEARNING",
        after="EMERGENCY",
        earned="EMERGENCY",
        wins=1,
        closed=2,
        win_rate="",
        month_return="-0.081",
        why="fall",
    )
    yield StateChanged(
        at_ns=START_NS + 614 * HOUR_NS,
        before="active",
        after="halted",
        why="loss limit of the month",
        who="policy",
    )
    yield mark(620, 97_000, 0.0)


def written(to: Path, records: Iterable[Record], **given: Any) -> str:
    ledger = to / "ledger.sqlite"
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        store.commit([*records])
    with Reader.open(ledger) as reader:
        return write_report(reader, to / "report.html", **given).read_text()


class Parsed(HTMLParser):
    """Every element with its attributes, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of an eventful month."""
    return written(
        tmp_path_factory.mktemp("report"),
        [*opening(), *eventful()],
        command="smart-leverage demo --seed 1",
        data=[DataFile("BTC-USD.1h.parquet", "ab" * 32, 625, "2024-01-01", "2024-01-27", 2)],
        baseline=Comparison(
            "the same bot without the gateway",
            [(START_NS + hour * HOUR_NS, 100_000 - 40 * hour) for hour in range(600)],
        ),
    )


# -- what it says ---------------------------------------------------------------------------------


def test_the_verdict_is_three_sentences(page: str) -> None:
    text = Parsed(page).text
    assert "From 2023-12-31 to 2024-01-26 (25.8 days) equity went from $100,000.00 to $97" in text
    assert (
        "Of 24 orders that bots asked for 24 were denied (most for: crypto cap 16, symbol cap 8)"
    ) in text
    assert "1 plan sold down, the largest took crypto from 80.0 % to 24.0 % in 1 h" in text
    assert "It ended HALTED (nothing that adds exposure passes; exits, cancels" in text


def test_the_ribbon_has_mode_state_tier_and_caps(page: str) -> None:
    text = Parsed(page).text
    assert "SIM ■ HALTED nothing that adds exposure passes" in text
    assert "Tier 0 EMERGENCY Equity $97,000.00" in text
    assert "crypto ● OK 0.0 % of 25.0 %" in text


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("p1 crypto 80.0 % 24.0 % 24.5 % 2 h 1 h reached, in time", id="plan"),
        pytest.param("loss limit of the month 8.10 % 8.00 % ■ still tripped", id="breaker"),
        pytest.param("BTC/USD 2.10 % 2.00 %", id="lock"),
        pytest.param("BTC/USD stop 1 $50,500.00 $50,450.00 −0.10 % event", id="stop"),
        pytest.param("BTC/USD 1 3 h 3 h", id="without-a-stop"),
        pytest.param("+$5,000.00 bank event", id="flow"),
        pytest.param("fall: earned EMERGENCY, 1 of 2 trades won, month −8.10 %", id="tier"),
        pytest.param("“the same bot without the gateway” comes from another run", id="baseline"),
        pytest.param("BTC-USD.1h.parquet 625 2024-01-01 2024-01-27 2 abab", id="data"),
        pytest.param("smart-leverage demo --seed 1", id="command"),
        pytest.param("time in America/New_York", id="time-zone"),
        pytest.param("The money was simulated.", id="what-a-simulator-cannot-know"),
        pytest.param("an aim is not a promise", id="no-promise"),
        pytest.param("policy hash eec8e3cb9e6f70a0", id="policy"),
        pytest.param(
            "crypto cap: 25.0 % of equity allowed, this order would make 41.0 %", id="why"
        ),
    ],
)
def test_what_happened_stands_in_the_page(page: str, words: str) -> None:
    assert words in Parsed(page).text


def test_a_plan_that_fell_short_says_what_was_left(tmp_path: Path) -> None:
    left = "not sold: BTC/USD (refused)"
    moves = [
        PlanMoved(
            at_ns=START_NS + hours * HOUR_NS, plan_id=plan_id, status=status, group="crypto",
            stage=stage, ceiling=D("0.245"), exposure=D("0.4"),
            deadline_ns=START_NS + 2 * HOUR_NS, why=why,
        )
        for hours, plan_id, status, stage, why in (
            (0, "p1", "started", 2, "crypto over its cap"),
            (3, "p1", "failed", 2, left),
            (3, "p2", "started", 3, "continues p1, which ended without success"),
        )
    ]  # fmt: skip
    text = Parsed(
        written(tmp_path, [*opening(), mark(0, 100_000, 0.4), *moves, mark(4, 99_000)])
    ).text
    assert f"2 h 3 h ended without success {left}" in text
    assert "2 plans sold down, the largest took crypto from 40.0 % to 40.0 %" in text
    assert ", 1 fell short, and" in text


def test_the_months_are_numbers_in_cells(page: str) -> None:
    cells = re.findall(r'<td class="(up-\d|down-\d|flat)( year)?">([^<]+)</td>', page)
    assert len(cells) >= 4
    assert all(re.fullmatch(r"[+−]?\d+\.\d", text) for _, _, text in cells)


def test_every_picture_has_a_sentence_a_source_and_a_table(page: str) -> None:
    charts = page.split('<figure class="chart"')[1:]
    assert len(charts) == 5
    for chart in charts:
        assert re.search(r"<figcaption>[^<]{20,}</figcaption>", chart)
        assert "Source: " in chart
        assert "<details><summary>Show table</summary>" in chart
        assert "<tbody>" in chart
        assert 'role="img" aria-label=' in chart


# -- what it is -----------------------------------------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert "http://" not in page
    assert "https://" not in page
    for tag, attributes in Parsed(page).elements:
        assert tag not in ("img", "iframe", "object", "embed", "form", "base")
        assert "src" not in attributes
        href = attributes.get("href") or "#"
        assert href.startswith(("#", "data:,"))
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|eval\(", page)


def test_the_content_policy_knows_style_and_script_by_their_hashes(page: str) -> None:
    policy = next(
        attributes["content"] or ""
        for tag, attributes in Parsed(page).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_links_lead_somewhere_and_names_are_given_once(page: str) -> None:
    elements = Parsed(page).elements
    names = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(names) == len(set(names))
    for _, attributes in elements:
        href = attributes.get("href") or ""
        assert not href.startswith("#") or href[1:] in names


def test_pictures_are_there_without_any_script(page: str) -> None:
    without = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert len(re.findall(r'<path class="main" d="m[^"]{20,}"', without)) >= 4
    assert '<button id="theme" type="button" hidden>' in without


def test_the_crosshair_reads_the_exact_values(page: str) -> None:
    (panels, *_) = [
        json.loads(text)
        for text in re.findall(
            r'<script type="application/json" class="series">(.*?)</script>', page
        )
    ]
    equity = next(series for series in panels[0] if series["name"] == "equity")
    assert sum(equity["values"]) / equity["scale"] == 97_000.0
    assert sum(equity["times"]) == START_NS // 10**9 + 620 * 3600


def test_a_number_stays_with_its_sign(page: str) -> None:
    body = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    assert "\u00a0%" in body
    assert not re.search(r"\d %", body)


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    records = [
        *opening(HOSTILE, preset=HOSTILE, policy_hash=HOSTILE, mode="sim<i>", version=HOSTILE),
        mark(0, 100_000),
        denied(1, bot=HOSTILE, reason=HOSTILE, key=Key(f"crypto:{HOSTILE}")),
        FlowSeen(at_ns=START_NS + 2 * HOUR_NS, amount=D(1), source=HOSTILE),
        StateChanged(
            at_ns=START_NS + 2 * HOUR_NS, before="active", after=HOSTILE, why=HOSTILE, who=HOSTILE
        ),
        TierGranted(
            at_ns=START_NS + 2 * HOUR_NS,
            before="LEARNING",
            after=HOSTILE,
            earned=HOSTILE,
            wins=0,
            closed=0,
            win_rate=HOSTILE,
            month_return=HOSTILE,
            why=HOSTILE,
        ),
        PlanMoved(
            at_ns=START_NS + 2 * HOUR_NS,
            plan_id=HOSTILE,
            status=HOSTILE,
            group=HOSTILE,
            stage=1,
            ceiling=D("0.2"),
            exposure=D("0.3"),
            deadline_ns=START_NS,
            why=HOSTILE,
        ),
        BreakerMoved(
            at_ns=START_NS + 2 * HOUR_NS,
            breaker=HOSTILE,
            is_tripped=True,
            value=D("0.1"),
            limit=D("0.1"),
            why=HOSTILE,
        ),
        AssetLocked(
            at_ns=START_NS + 2 * HOUR_NS,
            key=Key(HOSTILE),
            loss=D("0.1"),
            limit=D("0.1"),
            until_ns=START_NS + 9 * HOUR_NS,
        ),
        Resumed(at_ns=START_NS + 2 * HOUR_NS, who=HOSTILE, reason=HOSTILE, equity=D(1)),
        Unprotected(at_ns=START_NS + 3 * HOUR_NS, key=Key(HOSTILE), since_ns=START_NS, why=HOSTILE),
        Noted(at_ns=START_NS + 3 * HOUR_NS, code=HOSTILE, text=HOSTILE),
        mark(4, 100_100),
    ]
    page = written(
        tmp_path,
        records,
        command=HOSTILE,
        data=[DataFile(HOSTILE, HOSTILE, 1, HOSTILE, HOSTILE, 0)],
        baseline=Comparison(HOSTILE, [(START_NS, 1.0), (START_NS + HOUR_NS, 2.0)]),
    )
    parsed = Parsed(page)
    assert not {"img", "b", "i"} & parsed.tags
    assert HOSTILE in parsed.text
    assert page.count("<script") == page.count("</script>") == 4
    assert not any(name.startswith("on") for _, each in parsed.elements for name in each)


def test_what_steers_a_screen_is_not_passed_on(tmp_path: Path) -> None:
    page = written(tmp_path, [*opening("a\u202eb\x07c"), mark(0, 100_000)])
    text = Parsed(page).text
    assert "a\ufffdb\ufffdc" in text
    assert "\u202e" not in text


# -- accounts in which little or much happened ----------------------------------------------------


def test_an_account_that_was_never_valued_has_a_report(tmp_path: Path) -> None:
    text = Parsed(written(tmp_path, opening())).text
    assert "Never valued, ended ACTIVE" in text
    assert "No trade was closed, so there is no win rate" in text
    assert "not known: the account was never valued" in text
    assert "Equity not known" in text


def test_an_account_with_one_mark_has_a_report(tmp_path: Path) -> None:
    page = written(tmp_path, [*opening(), mark(0, 100_000)])
    assert "0.00 % in 0.0 days, ended ACTIVE" in Parsed(page).text
    assert "NaN" not in page
    assert '="nan' not in page


def test_an_account_that_lost_everything_has_a_report(tmp_path: Path) -> None:
    page = written(tmp_path, [*opening(), mark(0, 100_000), mark(24, 0), mark(48, 0)])
    assert "−100.00 % in 2.0 days" in Parsed(page).text


def test_a_state_of_a_newer_version_is_shown_as_the_strictest(tmp_path: Path) -> None:
    change = StateChanged(
        at_ns=START_NS + HOUR_NS, before="active", after="napping", why="tired", who="policy"
    )
    page = written(tmp_path, [*opening(), mark(0, 100_000), change, mark(2, 100_000)])
    assert "■ NAPPING a state of a newer version" in Parsed(page).text
    assert 'class="ribbon state-halted"' in page


def test_a_ledger_without_an_account_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no account yet"):
        written(tmp_path, [Noted(at_ns=1, code="hello", text="nothing yet")])
    assert not (tmp_path / "report.html").exists()


def busy() -> Iterator[Record]:
    """Yield three years with restless marks, thousands of trades, and long names."""
    for number in range(800):
        yield from filled(2 * number, Side.BUY, 50_000 + number % 97)
        yield from filled(2 * number + 1, Side.SELL, 50_000 + number % 89 * 3)
    for hour in range(0, 3 * 365 * 24, 4):
        wild = math.sin(hour * 1.7) + math.sin(hour * 0.013) * 5
        cap = "0.25" if hour % 8 else "0.4"
        yield mark(hour, 100_000 + 2_000 * wild, 0.2 + 0.02 * wild, cap)
        if hour % 20 == 0:
            yield denied(hour, bot=f"bot {hour % 730} {'x' * 80}")
            yield StateChanged(
                at_ns=START_NS + hour * HOUR_NS,
                before="active",
                after="halted" if hour % 40 else "active",
                why="w" * 200,
                who="policy",
            )


def test_years_and_thousands_of_trades_stay_small(tmp_path: Path) -> None:
    page = written(tmp_path, [*opening("n" * 200), *busy()])
    assert len(page.encode()) <= SIZE_MAX
    text = Parsed(page).text
    assert re.search(r"\d+ of 800 rows shown; the latest ones are shown", text)
    series = re.findall(r'class="series">(.*?)</script>', page)
    longest = max(
        len(each["times"]) for text in series for panel in json.loads(text) for each in panel
    )
    assert 200 < longest <= 2_000


def test_extremes_survive_the_drawing_of_years(tmp_path: Path) -> None:
    quiet = [mark(hour / 60, 100_000 + hour % 3) for hour in range(6_000)]
    quiet[4_321] = mark(4_321 / 60, 123_456.78)
    page = written(tmp_path, [*opening(), *quiet])
    (panels, *_) = map(json.loads, re.findall(r'class="series">(.*?)</script>', page))
    equity, here = panels[0][0], 0
    values = [here := here + step for step in equity["values"]]
    assert max(values) == 12_345_678
    assert len(values) <= 2_000
    assert quiet[1].at_ns - quiet[0].at_ns == MINUTE_NS


def test_a_report_replaces_the_one_before_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    written(tmp_path, [*opening(), mark(0, 100_000)])
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert sorted(
        path.name for path in tmp_path.iterdir() if path.suffix in (".html", ".part")
    ) == ["report.html"]
