"""Quotes are fetched a day a part, kept as they came, and what is odd about them is told."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.bars_server import Server, paged, serving

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import BadData, ConfigError, SourceDown
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.market_rows import QuoteRow
from smart_leverage.domain.registry import Registry
from smart_leverage.market.download.alpaca import AlpacaQuotes
from smart_leverage.market.download.checking import check
from smart_leverage.market.download.fetching import Got, days, get
from smart_leverage.market.download.findings import Checked
from smart_leverage.market.download.line import Line
from smart_leverage.market.download.repairing import repair
from smart_leverage.market.download.rows import QUOTES, BarSpan, Wanted
from smart_leverage.market.download.store import Series, series_of
from smart_leverage.market.files import load

COIN, SHARE = AssetClass.CRYPTO, AssetClass.US_EQUITY
PAGE = 10
KEYS = ("id", "secret")
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    midnight = (date(year, month, day).toordinal() - _EPOCH_DAY) * DAY_NS
    return midnight + hour * HOUR_NS + minute * MINUTE_NS


NOW = ns(2024, 3, 10, 12)
SPAN = BarSpan(ns(2024, 2, 28), ns(2024, 3, 3))


def stamp(at_ns: int) -> str:
    day, rest = divmod(at_ns, DAY_NS)
    second, part = divmod(rest, SECOND_NS)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"{date.fromordinal(_EPOCH_DAY + day)}T{clock}.{part:09}Z"


def quote(at_ns: int, bid: float = 99.0, ask: float = 101.0, size: float = 2.5) -> dict[str, Any]:
    return {"t": stamp(at_ns), "bp": bid, "bs": size, "ap": ask, "as": 1, "z": "C"}


def of_day(first_ns: int) -> list[dict[str, Any]]:
    """Return 24 quotes of a day: two within a microsecond, one in its last nanosecond."""
    hours = [quote(first_ns + hour * HOUR_NS, 99.0 + hour / 100) for hour in range(22)]
    two = first_ns + 22 * HOUR_NS
    return [*hours, quote(two + 1), quote(two + 2), quote(first_ns + DAY_NS - 1)][1:]


class Market:
    """What the server has; days can be taken away and come back."""

    def __init__(self) -> None:
        self.days = {day_ns: of_day(day_ns) for day_ns in range(*SPAN, DAY_NS)}
        self.symbol = "BTC/USD"

    def answers(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        rows = [row for day_ns in sorted(self.days) for row in self.days[day_ns]]
        return 200, {}, paged(self.symbol, rows, query, PAGE, "quotes")


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def server(market: Market) -> Iterator[Server]:
    with serving(market.answers) as running:
        yield running


@pytest.fixture
def source(server: Server) -> Iterator[AlpacaQuotes]:
    with AlpacaQuotes(COIN, line=Line(server.url, sleep=lambda pause_s: None)) as asks:
        yield asks


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return series_of(tmp_path, "alpaca", Wanted(COIN, "BTC/USD", QUOTES))


def told(found: Checked, *, faults: bool = True) -> list[tuple[str, int]]:
    return [(one.kind, one.number) for one in found.findings if one.is_fault is faults]


# -- getting --------------------------------------------------------------------------------------


def test_pages_become_a_part_a_day_exact_to_the_nanosecond(
    series: Series, source: AlpacaQuotes, server: Server
) -> None:
    steps: list[tuple[int, int]] = []
    got = get(series, source, SPAN, NOW, progress=lambda done, of: steps.append((done, of)))
    assert got == Got(kept=0, fetched=4, rows=4 * 24)
    assert list(series.manifest.parts) == ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]
    assert {path for path, _ in server.asked} == {"/v1beta3/crypto/us/quotes"}
    assert len(server.asked) == 4 * 3
    assert steps == sorted(steps)
    assert steps[-1] == (4 * 1440, 4 * 1440)
    assert check(series) == Checked(4 * 24, (), (), ())
    (first, *_, two, last) = series.rows(series.manifest.parts["2024-02-28"])
    assert first == QuoteRow(SPAN.from_ns + HOUR_NS, 99.01, 2.5, 101.0, 1.0)
    assert two.at_ns == SPAN.from_ns + 22 * HOUR_NS + 2
    assert last.at_ns == SPAN.from_ns + DAY_NS - 1
    table = pl.scan_parquet(f"{series.path}/*.parquet").sort("ts").collect()
    assert table.columns == ["ts", "bid", "bid_size", "ask", "ask_size"]
    assert table.schema["ts"] == pl.Datetime("ns", "UTC")
    assert table.height == 4 * 24


def test_an_interruption_keeps_finished_days_and_goes_on_behind_them(
    series: Series, source: AlpacaQuotes, server: Server, market: Market
) -> None:
    def stop(path: str, query: dict[str, str]) -> Any:
        if query["start"] >= "2024-03-01" and query.get("page_token"):
            return 200, {}, b'{"quotes": {"BTC/'  # the line went dead in the middle of a day
        return market.answers(path, query)

    server.answers = stop
    with pytest.raises(SourceDown, match="cannot be read"):
        get(series, source, SPAN, NOW)
    server.answers = market.answers
    before = len(server.asked)
    assert get(series, source, SPAN, NOW) == Got(kept=2, fetched=2, rows=2 * 24)
    assert {query["start"][:10] for _, query in server.asked[before:]} == {
        "2024-03-01",
        "2024-03-02",
    }
    assert check(series).is_sound


def test_a_day_grows_on_either_side_and_stays_in_order(
    series: Series, source: AlpacaQuotes, market: Market
) -> None:
    # The same quote comes back within an instant: it stood, gave way, and stands again.
    at_ns = SPAN.from_ns + 12 * HOUR_NS + 7
    turns = [quote(at_ns, 98.0), quote(at_ns, 97.0), quote(at_ns, 98.0)]
    market.days[SPAN.from_ns][12:12] = turns
    for first, last in ((11, 14), (3, 14), (3, 20)):
        span = BarSpan(ns(2024, 2, 28, first), ns(2024, 2, 28, last))
        get(series, source, span, NOW)
    rows = series.rows(series.manifest.parts["2024-02-28"])
    assert len(rows) == 17 + len(turns)
    assert [row[1] for row in rows if row.at_ns == at_ns] == [98.0, 97.0, 98.0]
    assert all(a.at_ns <= b.at_ns for a, b in pairwise(rows))
    assert told(check(series)) == []


def test_what_has_not_settled_is_left_for_the_next_time(
    series: Series, source: AlpacaQuotes
) -> None:
    span = BarSpan(ns(2024, 3, 1), 2**63 - 1)
    get(series, source, span, ns(2024, 3, 1, 12, 16))
    assert series.manifest.parts["2024-03-01"].until_ns == ns(2024, 3, 1, 12)
    assert get(series, source, span, ns(2024, 3, 2, 1)).rows == 24 - 11


def test_quotes_of_shares_need_keys_and_name_their_feed(
    server: Server, market: Market, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="need a key"):
        AlpacaQuotes(SHARE)
    market.symbol = "SPY"
    with AlpacaQuotes(SHARE, url=server.url, keys=KEYS, feed="iex") as source:
        series = series_of(tmp_path, source.name, Wanted(SHARE, "SPY", QUOTES))
        assert get(series, source, SPAN, NOW).rows == 4 * 24
        path, query = server.asked[-1]
        assert (path, query["feed"], "adjustment" in query) == ("/v2/stocks/quotes", "iex", False)
        assert server.heads[-1]["APCA-API-SECRET-KEY"] == "secret"
        split = series_of(tmp_path, source.name, Wanted(SHARE, "SPY", QUOTES, "split"))
        with pytest.raises(BadData, match="kept as they stood"):
            get(split, source, SPAN, NOW)
    assert series.path == tmp_path / "alpaca-iex" / "SPY" / "quotes" / "raw"


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T00:00:00",
        "2024-03-01T00:00:00+01:00",
        "2024-03-01T00:00:00.1234567890Z",
        "2024-03-01T00:00:00.-1Z",
        "2024-03-01Z",
    ],
)
def test_a_stamp_that_is_no_instant_of_utc_is_refused(
    series: Series, source: AlpacaQuotes, market: Market, text: str
) -> None:
    market.days = {0: [{**quote(ns(2024, 3, 1)), "t": text}]}
    with pytest.raises(SourceDown, match=r"is no instant|does not match"):
        get(series, source, BarSpan(ns(2024, 2, 29), ns(2024, 3, 2)), NOW)


def test_readers_of_bars_refuse_quotes(series: Series, source: AlpacaQuotes) -> None:
    get(series, source, SPAN, NOW)
    with pytest.raises(BadData, match="holds quotes"):
        load([series.path], Registry.builtin())


# -- what is told ---------------------------------------------------------------------------------


def kept(series: Series, rows: Sequence[QuoteRow]) -> Checked:
    with series.writing():
        series.keep("2024-02-28", (SPAN.from_ns, SPAN.from_ns + DAY_NS), rows, NOW, "2024-03-10")
    return check(series)


def row(second: int, bid: float = 99.0, ask: float = 101.0, size: float = 1.0) -> QuoteRow:
    return QuoteRow(SPAN.from_ns + second * SECOND_NS, bid, size, ask, size)


NAN = float("nan")


@pytest.mark.parametrize(
    ("rows", "fault", "known"),
    [
        pytest.param([row(0), row(2), row(1), row(3)], [("disorder", 1)], [], id="out-of-order"),
        pytest.param([row(0), row(1), row(1), row(1, 98.0)], [], [], id="one-instant"),
        pytest.param([row(0, 102.0), row(1), row(2, 103.0)], [], [("crossed", 2)], id="crossed"),
        pytest.param([row(0, 101.0)], [], [], id="locked"),
        pytest.param([row(0, 0.0), row(1, ask=0.0)], [], [("empty", 2)], id="no-price"),
        pytest.param([row(0, size=0.0), row(1)], [], [("empty", 1)], id="no-size"),
        pytest.param([row(0, NAN), row(1)], [], [("empty", 1)], id="nan"),
    ],
)
def test_odd_quotes_are_counted_and_stay(
    series: Series,
    rows: list[QuoteRow],
    fault: list[tuple[str, int]],
    known: list[tuple[str, int]],
) -> None:
    found = kept(series, rows)
    assert (found.rows, told(found), told(found, faults=False)) == (len(rows), fault, known)


def test_disorder_from_the_source_is_kept_and_told(
    series: Series, source: AlpacaQuotes, market: Market
) -> None:
    day = market.days[SPAN.from_ns]
    day[3], day[4] = day[4], day[3]
    get(series, source, SPAN, NOW)
    (one,) = check(series).findings
    assert (one.kind, one.number, one.is_fault) == ("disorder", 1, True)
    assert "2024-02-28 04:00:00Z" in one.said


def test_a_day_without_quotes_is_told_asked_for_again_and_written_down(
    series: Series, source: AlpacaQuotes, server: Server, market: Market
) -> None:
    late, dead = ns(2024, 2, 29), ns(2024, 3, 1)
    gone = market.days.pop(late)
    del market.days[dead]
    get(series, source, SPAN, NOW)
    assert told(check(series)) == [("holes", 2)]
    before = len(server.asked)
    market.days[late] = gone
    done = repair(series, source, NOW)
    assert (done.holes, done.rows) == (2, 24)
    assert [hole.from_ns for hole in done.empty] == [dead]
    assert {query["start"][:10] for _, query in server.asked[before:]} == {
        "2024-02-29",
        "2024-03-01",
    }
    after = check(series)
    assert (told(after), told(after, faults=False)) == ([], [("holes_empty", 1)])


def test_days_of_shares_without_a_session_are_no_holes(
    server: Server, market: Market, tmp_path: Path
) -> None:
    market.symbol = "SPY"
    span = BarSpan(ns(2024, 2, 28), ns(2024, 3, 6))  # Wednesday to Tuesday
    without = {ns(2024, 2, 29), ns(2024, 3, 2), ns(2024, 3, 3)}  # Thursday and a weekend
    market.days = {day: of_day(day) for day in range(*span, DAY_NS) if day not in without}
    with AlpacaQuotes(SHARE, url=server.url, keys=KEYS) as source:
        series = series_of(tmp_path, source.name, Wanted(SHARE, "SPY", QUOTES))
        get(series, source, span, NOW)
    found = check(series)
    assert told(found) == [("holes", 1)]
    assert [hole.from_ns for hole in found.holes] == [ns(2024, 2, 29)]


def test_where_quotes_begin_later_and_end_earlier_is_no_fault(
    series: Series, source: AlpacaQuotes, market: Market
) -> None:
    market.days = {ns(2024, 3, 1): of_day(ns(2024, 3, 1))}
    get(series, source, SPAN, NOW)
    found = check(series)
    assert (told(found), told(found, faults=False)) == (
        [],
        [("begins_later", 2), ("ends_earlier", 1)],
    )
    market.days.clear()
    get(series, source, SPAN, NOW, is_again=True)
    assert told(check(series), faults=False) == [("nothing", 0)]


def test_a_time_between_two_calls_was_never_asked_for(series: Series, source: AlpacaQuotes) -> None:
    for day in (28, 29):
        noon = ns(2024, 2, day, 12)
        get(series, source, BarSpan(noon, noon + 6 * HOUR_NS), NOW)
    assert told(check(series)) == [("never_asked", 1)]


def test_a_damaged_day_is_told_and_fetched_again(series: Series, source: AlpacaQuotes) -> None:
    get(series, source, SPAN, NOW)
    file = series.path / series.manifest.parts["2024-02-29"].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert told(check(series)) == [("damaged", 1)]
    assert repair(series, source, NOW).mended == ("2024-02-29",)
    assert check(series) == Checked(4 * 24, (), (), ())


# -- in general -----------------------------------------------------------------------------------


@given(st.integers(0, 20_000 * 1440), st.integers(1, 40 * 1440))
def test_days_cover_a_span_without_gap_or_overlap(first: int, length: int) -> None:
    span = BarSpan(first * MINUTE_NS, (first + length) * MINUTE_NS)
    parts = list(days(span))
    assert [parts[0][1].from_ns, parts[-1][1].until_ns] == list(span)
    assert all(a.until_ns == b.from_ns for (_, a), (_, b) in pairwise(parts))
    assert all(part.from_ns < part.until_ns <= part.from_ns + DAY_NS for _, part in parts)
    names = [date.fromisoformat(name) for name, _ in parts]
    assert names == [names[0] + timedelta(days=n) for n in range(len(names))]
