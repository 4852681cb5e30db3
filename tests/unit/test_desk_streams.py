"""What a stream tells, by a clock that the test moves; who is turned away, and who is dropped."""

import asyncio
from datetime import date, datetime
from itertools import count
from typing import Any

from smart_leverage.domain.bots import NOBODY
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.market.history import EmbeddedMarket
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.server.desk.streams import Streams
from smart_leverage.server.desk.ticking import Ticking
from smart_leverage.server.frames import Reader, until_one_ends, written
from smart_leverage.wire.data_stream import Wanted

SHARES, COINS = AssetClass.US_EQUITY, AssetClass.CRYPTO
MARKET = EmbeddedMarket(
    lambda: generate(SyntheticMarket(first_day=date(2026, 8, 3), days=1, step_s=60))
)
OPEN_NS = int(datetime.fromisoformat("2026-08-03T13:30:00+00:00").timestamp()) * SECOND_NS
CLOSE_NS = OPEN_NS + 390 * MINUTE_NS


def told(channel: str, symbol: str, *instants: int, kind: AssetClass = SHARES) -> list[list[str]]:
    """Return when the rows were that each of some looks brought."""
    ticking = Ticking(MARKET)
    wanted = {(kind, Wanted(channel, symbol))}
    found = []
    for at_ns in instants:
        news = ticking.news(at_ns, wanted)
        rows = [row for topic in news.values() for row in topic]
        found.append([f"{row['t']:%H:%M:%S}" for row in rows])
    return found


def test_quotes_come_each_second_while_the_exchange_is_open() -> None:
    seconds = (CLOSE_NS + step * SECOND_NS for step in (-3, -2, -1, 0, 1))
    assert told("quotes", "SPY", *seconds) == [[], ["19:59:58"], ["19:59:59"], [], []]


def test_a_pause_costs_quotes_and_no_trades() -> None:
    instants = (OPEN_NS, OPEN_NS + 3 * SECOND_NS)
    assert told("quotes", "SPY", *instants) == [[], ["13:30:03"]]
    assert told("trades", "SPY", *instants) == [[], ["13:30:01", "13:30:02", "13:30:03"]]


def test_a_minute_is_told_once_when_it_has_closed() -> None:
    instants = [OPEN_NS + step * SECOND_NS for step in (-1, 0, 59, 60, 61, 185, 186)]
    assert told("bars", "SPY", *instants) == [
        [],
        [],
        [],
        ["13:30:00"],
        [],
        ["13:31:00", "13:32:00"],
        [],
    ]
    assert told("dailyBars", "SPY", *instants) == [[], [], [], ["04:00:00"], [], ["04:00:00"], []]


def test_a_star_means_all_of_a_class_and_none_of_the_other() -> None:
    ticking = Ticking(MARKET)
    wanted = {(COINS, Wanted("orderbooks", "*"))}
    assert ticking.news(OPEN_NS, wanted) == {}
    news = ticking.news(OPEN_NS + SECOND_NS, wanted)
    assert {topic.symbol for topic in news} == {
        key.partition(":")[2] for key in MARKET.listed() if key.startswith("crypto:")
    }


def test_a_clock_that_went_back_tells_nothing_twice() -> None:
    instants = (OPEN_NS + 9 * SECOND_NS, OPEN_NS, OPEN_NS + SECOND_NS)
    assert told("trades", "SPY", *instants)[1] == []


# -- who is turned away, and who is dropped -------------------------------------------------------


class Wire:
    """A connection whose other side says nothing; what it is told is kept."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self._messages = iter([{"type": "websocket.connect"}])

    async def receive(self) -> dict[str, Any]:
        for message in self._messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Any) -> None:
        self.said.append(message)


def test_who_does_not_say_its_name_is_turned_away() -> None:
    wire = Wire()
    streams = Streams(MARKET, dict, lambda: OPEN_NS, authenticate_within_s=0.01)
    asyncio.run(streams.of(SHARES)({"headers": []}, wire.receive, wire.send))
    assert [message["type"] for message in wire.said] == [
        "websocket.accept", "websocket.send", "websocket.send", "websocket.close",
    ]  # fmt: skip
    assert wire.said[2]["text"] == '[{"T":"error","code":404,"msg":"auth timeout"}]'


def test_who_does_not_read_is_dropped_and_nobody_waits_for_it() -> None:
    async def stuck(message: Any) -> None:
        await asyncio.Event().wait()

    async def attend() -> int:
        reader = Reader(NOBODY, stuck, written, queue_max=10)
        told = count()

        async def tell() -> None:
            for _ in range(30):
                reader.put([next(told)])
                await asyncio.sleep(0)
            await asyncio.Event().wait()

        await until_one_ends(reader.write(), reader.watch(dict, lambda: 0), tell())
        assert reader.is_dropped
        return next(told)

    assert asyncio.run(attend()) <= 31


def test_what_breaks_in_one_stream_is_told_in_the_log(caplog: Any) -> None:
    async def broken() -> None:
        raise KeyError("a bug")

    asyncio.run(until_one_ends(broken()))
    assert "a stream broke" in caplog.text
