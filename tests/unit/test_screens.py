"""Pages from a ledger alone: every one of them renders, says what is not known, and escapes."""

import asyncio
import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.unit.test_cli_status import BTC, opened
from tests.unit.test_tracking import marked

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import (
    Decided,
    FlowSeen,
    Record,
    StateChanged,
    TierGranted,
)
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.drawdown import surplus_exposure
from smart_leverage.policy.earning import whole_steps
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.screens.events import QUEUE_MAX, Broadcast, Message
from smart_leverage.server.desk.screens.history import POINTS_MAX
from smart_leverage.server.desk.screens.pages import PAGES, Screens
from smart_leverage.server.desk.screens.reading import ReadingRoom
from smart_leverage.server.desk.visitors import Visitor
from smart_leverage.server.http import Reply, Streamed
from smart_leverage.wire.errors import WireError

D = Decimal
HOUR = 3_600 * 10**9
HOSTILE = "<b onclick=alert(1)>"


def decided(number: int, verdict: str = "denied", bot: str = HOSTILE) -> Decided:
    return Decided(
        at_ns=number, decision_id=f"d{number}", bot=bot, source="order", key=BTC, side=Side.BUY,
        asked=D("0.5"), allowed=D("0.1"), given=D(0), price=D(50_000), verdict=verdict,
        reason="cap_crypto", unit="fraction", bound=D("0.25"), would_be=D("0.6"),
        figures={"equity": "10000.00"},
    )  # fmt: skip


def state(at_ns: int, after: str) -> StateChanged:
    return StateChanged(at_ns=at_ns, before="active", after=after, why=HOSTILE, who="a test")


class Desk:
    """The pages over a ledger that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite"
        self.ledger = SqliteLedger(self.path)
        self.now_ns = 40 * HOUR
        self.screens = Screens(self.path, lambda: self.now_ns)
        self.routes = {route.path: route for route in self.screens.routes()}

    def asked(self, path: str, values: dict[str, str], *, is_htmx: bool, **query: str) -> Any:
        visitor = Visitor("anna", frozenset({Scope.READ}), "")
        asked = Asked(
            visitor=visitor, path=path, query_bytes=urlencode(query).encode(), values=values,
            form={}, is_htmx=is_htmx,
        )  # fmt: skip
        return self.routes[path].handler(asked)

    def shown(self, path: str, *, is_htmx: bool = False, which: str = "", **query: str) -> Reply:
        values = {"which": which, "name": which}
        answer = asyncio.run(self.asked(path, values, is_htmx=is_htmx, **query))
        assert isinstance(answer, Reply)
        return answer

    def close(self) -> None:
        self.screens.close()
        self.ledger.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def history(hours: int) -> list[Record]:
    return [marked(hour * HOUR, str(10_000 + 100 * (hour % 7))) for hour in range(1, hours)]


# -- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path for _, path, _, _ in PAGES])
def test_a_page_of_a_new_account_says_what_is_not_known(desk: Desk, path: str) -> None:
    with pytest.raises(WireError, match="cannot be read yet"):
        desk.shown(path)
    desk.ledger.commit(opened())
    page = desk.shown(path).body.decode()
    assert "orders inside the caps pass" in page
    assert "nan" not in page.lower()
    assert "None" not in page


@pytest.mark.parametrize("path", [path for _, path, _, _ in PAGES])
def test_a_page_escapes_what_comes_from_outside(desk: Desk, path: str) -> None:
    desk.ledger.commit([*opened(), decided(1), state(2, "halted"), *history(30)])
    page = desk.shown(path).body.decode()
    assert HOSTILE not in page
    assert "<b onclick" not in page
    assert "HALTED" in page


def test_a_page_says_so_when_the_account_does_not_run(desk: Desk) -> None:
    desk.ledger.commit([*opened(), *history(3)])
    desk.now_ns = 2 * HOUR + 10**9
    assert "is-stale" not in desk.shown("/").body.decode()
    desk.now_ns = 2 * HOUR + 91 * 10**9
    page = desk.shown("/").body.decode()
    assert "is-stale" in page
    assert "STALE: no record for 1 min 31 s" in page


def test_an_unknown_filter_is_refused_with_what_would_be_right(desk: Desk) -> None:
    desk.ledger.commit([*opened(), decided(1)])
    with pytest.raises(WireError, match="did you mean cap_crypto"):
        desk.shown("/orders", reason="cap_cripto")
    with pytest.raises(WireError, match="approved, cut, denied"):
        desk.shown("/orders", verdict="refused")
    assert b"Nothing matches" in desk.shown("/orders", symbol="NOPE").body
    assert b"d1" in desk.shown("/orders", symbol="btc-usd", verdict="denied").body


def asked_what(desk: Desk, **query: Any) -> str:
    """Return what the page of limits says of other figures, as words in a row."""
    page = desk.shown("/limits", **query).body.decode()
    part = page[page.index('id="what-if"') : page.index('id="pending-title"')]
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


def test_other_figures_are_put_to_the_rules_that_trade(desk: Desk) -> None:
    desk.ledger.commit([*opened(), *history(3)])
    assert "At most" not in asked_what(desk)
    cap = whole_steps(surplus_exposure(4.0, 0.93, 0.97, 1.0), 100.0)
    said = asked_what(desk, fall="3 %", tier="STABLE")
    assert "Tier STABLE." in said
    assert f"crypto {100 * cap:.1f} % drawdown" in said
    assert "tail" in said
    assert "not in force" in said
    assert "crypto 25.0 % hard" in asked_what(desk, fall="0")  # the tier's own cap is the smallest


def test_what_would_trip_is_said_before_it_does(desk: Desk) -> None:
    desk.ledger.commit([*opened(), *history(3)])
    said = asked_what(desk, fall="0.09", month="-9 %", tier="PROFITABLE")
    assert "Tier EMERGENCY." in said
    assert said.count("WOULD TRIP") == 2
    assert "crypto 0.0 % drawdown" in said


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("fall", "much", "is no number"),
        ("fall", "-1 %", "beyond what an account can do"),
        ("fall", "101 %", "beyond what an account can do"),
        ("month", "NaN", "beyond what an account can do"),
        ("month", "x%", "is not a number"),
        ("tier", "SUPER", "is no tier"),
        ("fall", HOSTILE, "is no number"),
    ],
)
def test_figures_that_cannot_be_are_said_and_nothing_is_computed(
    desk: Desk, name: str, text: str, why: str
) -> None:
    desk.ledger.commit([*opened(), *history(3)])
    query: dict[str, Any] = {name: text}
    said = asked_what(desk, **query)
    assert why in said
    assert "At most" not in said
    assert HOSTILE not in desk.shown("/limits", **query).body.decode()


def test_a_decision_is_explained_as_the_command_does(desk: Desk) -> None:
    desk.ledger.commit([*opened(), decided(1, bot="grid")])
    drawer = desk.shown("/decisions/{which}", is_htmx=True, which="d1").body.decode()
    assert "0.5 BTC/USD, about $25,000.00" in drawer
    assert "crypto cap: 25.0 % of equity allowed, this order would make 60.0 %" in drawer
    assert "<html" not in drawer
    assert "<html" in desk.shown("/decisions/{which}", which="d1").body.decode()
    with pytest.raises(WireError) as refusal:
        desk.shown("/decisions/{which}", which="d9")
    assert refusal.value.status == 404


def test_an_export_has_every_field_and_runs_in_no_spreadsheet(desk: Desk) -> None:
    desk.ledger.commit([*opened(), decided(1, bot="=cmd()"), decided(2, bot="-1")])
    rows = list(csv.DictReader(io.StringIO(desk.shown("/orders.csv").body.decode())))
    assert [row["bot"] for row in rows] == ["-1", "'=cmd()"]
    assert rows[0]["asked"] == "0.5"
    lines = [json.loads(line) for line in desk.shown("/orders.json").body.splitlines()]
    assert [line["bot"] for line in lines] == ["-1", "=cmd()"]


# -- charts ---------------------------------------------------------------------------------------


def test_a_chart_has_at_most_two_thousand_points_and_keeps_the_extremes(desk: Desk) -> None:
    marks = [marked(minute * 60 * 10**9, "10000") for minute in range(1, 9_000)]
    marks[4_321] = marked(marks[4_321].at_ns, "7000")
    desk.ledger.commit([*opened(), *marks])
    told = json.loads(desk.shown("/charts/{name}", which="equity").body)
    assert len(told["times"]) <= 2_000
    assert min(told["series"][0]["values"]) == 7_000.0
    assert desk.shown("/charts/{name}", which="equity.csv").body.count(b"\n") == 9_001
    day = json.loads(desk.shown("/charts/{name}", which="equity", range="1d").body)
    assert day["times"][-1] - day["times"][0] <= 86_400
    with pytest.raises(WireError):
        desk.shown("/charts/{name}", which="nothing")


def test_a_chart_knows_halts_tiers_and_flows(desk: Desk) -> None:
    tier = TierGranted(
        at_ns=4 * HOUR, before="LEARNING", after="EMERGENCY", earned="EMERGENCY", wins=0, closed=0,
        win_rate="", month_return="-0.06", why="fall",
    )  # fmt: skip
    flow = FlowSeen(at_ns=5 * HOUR, amount=D(1_000), source="bank")
    marks = history(9)
    desk.ledger.commit([
        *opened(), *marks[:2], state(3 * HOUR - 5, "halted"), *marks[2:4], tier, flow,
        *marks[4:6], state(6 * HOUR + 5, "active"), *marks[6:],
    ])  # fmt: skip
    told = json.loads(desk.shown("/charts/{name}", which="exposure").body)
    assert [[round(at) for at in span] for span in told["halts"]] == [[3 * 3600, 6 * 3600]]
    assert told["tiers"] == [[4 * 3600, "EMERGENCY"]]
    assert told["flows"] == [[5 * 3600, 1_000.0]]
    # A deposit is no return: of its month only what was earned is left.
    page = desk.shown("/performance").body.decode()
    assert "EMERGENCY" in page


def test_a_long_history_is_bounded_and_keeps_its_lowest_point(tmp_path: Path) -> None:
    room = ReadingRoom(tmp_path / "ledger.sqlite", lambda: 0)
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit(opened())
        step = 10**9
        for block in range(0, POINTS_MAX + 5_000, 5_000):
            ledger.commit([
                marked((block + n) * step, "6000" if block + n == 777 else "10000")
                for n in range(5_000)
            ])  # fmt: skip

        def look(standing: Any) -> tuple[int, float]:
            columns = standing.history.columns
            return len(columns.at_ns), min(columns.equity)

        count, lowest = asyncio.run(room.ask(look))
    room.close()
    assert count < POINTS_MAX
    assert lowest == 6_000.0


# -- the stream -----------------------------------------------------------------------------------


def parsed(parts: list[bytes]) -> list[tuple[str, int, str]]:
    found = []
    for block in b"".join(parts).decode().split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if line[:1] != ":"]
        fields = {name: value for name, _, value in lines if name != "data"}
        text = "\n".join(value for name, _, value in lines if name == "data")
        if fields:
            found.append((fields["event"], int(fields["id"]), text))
    return found


async def heard(desk: Desk, until: int, change: Any, **query: str) -> list[tuple[str, int, str]]:
    """Listen to the first page, change the ledger once all was told, and hear on."""
    answer = await desk.asked("/events", {}, is_htmx=False, page="now", **query)
    assert isinstance(answer, Streamed)
    parts: list[bytes] = []
    async with asyncio.timeout(20):
        async for part in answer.parts:
            parts.append(part)
            if len(parts) == until:
                await change()
            if len(parts) > until and b"HALTED" in part:
                break
    await answer.parts.aclose()  # type: ignore[attr-defined]
    return parsed(parts)


def test_a_stream_tells_how_things_stand_and_then_what_changes(desk: Desk) -> None:
    desk.ledger.commit([*opened(), *history(3)])

    async def halt() -> None:
        await asyncio.to_thread(desk.ledger.commit, [state(3 * HOUR, "halted")])

    told = asyncio.run(heard(desk, 7, halt))
    names = [name for name, _, _ in told[:7]]
    assert names == [
        *("ribbon", "exposure", "breakers", "today", "decisions", "positions", "duties"),
    ]
    head = desk.ledger.head.seq
    assert {seq for _, seq, _ in told[:7]} == {head - 1}
    ribbon = next(text for name, seq, text in told if name == "ribbon" and seq == head)
    assert "nothing that adds exposure passes" in ribbon
    assert "onclick=" not in ribbon.replace("&lt;b onclick=", "")


def test_who_comes_back_hears_the_news_since_then_and_nothing_twice(desk: Desk) -> None:
    desk.ledger.commit([*opened(), decided(1, bot="grid")])
    seen = desk.ledger.head.seq
    desk.ledger.commit([state(2, "halted"), decided(3, bot="grid")])

    def frame(after: int) -> list[str]:
        reply = desk.shown("/frame", page="help", after=str(after))
        return [each["text"] for each in json.loads(reply.body) if each["name"] == "toast"]

    assert len(frame(seen)) == 2
    assert frame(desk.ledger.head.seq) == []
    ahead = json.loads(desk.shown("/frame", page="help", after="999").body)
    assert ahead[0]["name"] == "reload"


def test_a_slow_reader_is_dropped_and_a_quick_one_is_not(desk: Desk) -> None:
    desk.ledger.commit(opened())
    room = ReadingRoom(desk.path, lambda: desk.now_ns)
    broadcast = Broadcast(room)

    async def play() -> None:
        slow = broadcast.listen("help", 0)
        await anext(slow)
        assert broadcast.readers == 1
        many = [Message("ribbon", number, "x") for number in range(QUEUE_MAX + 1)]
        broadcast._hand_out(many)
        assert broadcast.readers == 0
        quick = broadcast.listen("help", 0)
        await anext(quick)
        broadcast._hand_out(many[:QUEUE_MAX])
        assert broadcast.readers == 1
        await quick.aclose()  # type: ignore[attr-defined]
        await slow.aclose()  # type: ignore[attr-defined]
        assert broadcast.readers == 0

    asyncio.run(play())
    room.close()


def test_the_ledger_is_not_held_by_a_page_that_is_open(desk: Desk) -> None:
    desk.ledger.commit([*opened(), *history(30)])

    async def checkpoint() -> None:
        with sqlite3.connect(desk.path) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0
        await asyncio.to_thread(desk.ledger.commit, [state(31 * HOUR, "halted")])

    asyncio.run(heard(desk, 7, checkpoint))
