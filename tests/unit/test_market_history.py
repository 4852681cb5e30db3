"""Longer bars by hand-made numbers; quotes and trades that add up to them; nothing from later."""

from array import array
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.market_rows import BarRow, Place, Span
from smart_leverage.domain.timeframes import DAY, MINUTE, Timeframe, Unit, read_timeframe
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.history import EmbeddedMarket
from smart_leverage.market.quotes import QuotePath
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.server.desk.pages import page
from smart_leverage.wire.data import HistoryRequest

BTC, SPY = Key("crypto:BTC/USD"), Key("us_equity:SPY")
ALL = 2**62
EVERYTHING = Span(0, ALL)


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


Row = tuple[str, float, float, float, float, float]


def series(key: Key, rows: list[Row], step_ns: int = MINUTE_NS) -> BarSeries:
    """Return bars of a minute from (start, open, high, low, close, volume)."""
    starts = array("q", (ns(row[0]) for row in rows))
    opens, highs, lows, closes, volumes = (
        array("d", (float(row[place]) for row in rows)) for place in range(1, 6)
    )
    ends = array("q", (start + step_ns for start in starts))
    return BarSeries(
        key, step_ns, starts, ends, opens, highs, lows, closes, volumes, Source("by hand", "")
    )


THREE: list[Row] = [
    ("2026-08-03 13:58", 100, 104, 98, 102, 60),
    ("2026-08-03 13:59", 102, 103, 99, 100, 120),
    ("2026-08-03 14:00", 100, 110, 90, 105, 30),
]


def bars(
    rows: list[Row], frame: str, now: str, key: Key = BTC, span: Span = EVERYTHING
) -> list[BarRow]:
    market = EmbeddedMarket(lambda: [series(key, rows)])
    return list(market.bars(key, read_timeframe(frame), span, ns(now)))


# -- bars -----------------------------------------------------------------------------------------


def test_a_longer_bar_is_what_its_minutes_add_up_to() -> None:
    first, second = bars(THREE, "1Hour", "2026-08-03 15:00")
    # Means of the ticks: (100+208+196+102)/6 - 2/120 and (102+206+198+100)/6 + 2/120.
    money = 60 * (101.0 - 1 / 60) + 120 * (101.0 + 1 / 60)
    assert first == (ns("2026-08-03 13:00"), 100, 104, 98, 100, 180, 120, round(money / 180, 8))
    assert second[:6] == (ns("2026-08-03 14:00"), 100, 110, 90, 105, 30)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        pytest.param("2026-08-03 13:59", 0, id="nothing-has-closed"),
        pytest.param("2026-08-03 14:00", 1, id="closed-this-instant"),
        pytest.param("2026-08-03 14:59", 1, id="the-second-grows"),
        pytest.param("2026-08-03 15:00", 2, id="both"),
    ],
)
def test_a_bar_is_told_once_it_has_closed(now: str, hours: int) -> None:
    assert len(bars(THREE, "1Hour", now)) == hours


def test_a_day_of_shares_has_closed_when_its_session_has() -> None:
    rows: list[Row] = [
        ("2026-08-03 13:30", 10, 11, 9, 10, 100.4),
        ("2026-08-03 19:59", 10, 12, 10, 11, 200.4),
    ]
    assert bars(rows, "1Day", "2026-08-03 19:59", SPY) == []
    (day,) = bars(rows, "1Day", "2026-08-03 20:00", SPY)
    assert (day.at_ns, day.volume) == (ns("2026-08-03 04:00"), 300)
    assert isinstance(day.volume, int)
    assert bars(rows, "1Week", "2026-08-07 19:59", SPY) == []
    assert len(bars(rows, "1Week", "2026-08-07 20:00", SPY)) == 1


def test_both_ends_of_a_span_are_included_by_the_beginning_of_a_bar() -> None:
    every = bars(THREE, "1Min", "2026-08-03 15:00")
    assert [row.at_ns for row in every] == [ns(row[0]) for row in THREE]
    first, last = every[0].at_ns, every[-1].at_ns
    for low, high, count in ((0, 0, 3), (1, 0, 2), (0, -1, 2), (1, -1, 1)):
        span = Span(first + low, last + high)
        assert len(bars(THREE, "1Min", "2026-08-03 15:00", span=span)) == count
        falling = bars(THREE, "1Min", "2026-08-03 15:00", span=span._replace(is_descending=True))
        assert falling[::-1] == bars(THREE, "1Min", "2026-08-03 15:00", span=span)
    # A day that begins before the span is left out, though its bars lie inside.
    assert bars(THREE, "1Day", "2026-08-04 00:00", span=Span(first, last)) == []


def test_a_length_shorter_than_the_bars_or_none_of_theirs_is_not_made_up() -> None:
    market = EmbeddedMarket(lambda: [series(BTC, THREE[:1], 5 * MINUTE_NS)])
    assert list(market.bars(BTC, MINUTE, Span(0, ALL), ALL)) == []
    assert list(market.bars(BTC, Timeframe(7, Unit.MINUTE), Span(0, ALL), ALL)) == []
    assert len(list(market.bars(BTC, Timeframe(10, Unit.MINUTE), Span(0, ALL), ALL))) == 1


def test_who_is_not_known_has_no_rows() -> None:
    market, key = EmbeddedMarket(lambda: [series(BTC, THREE)]), Key("crypto:ETH/USD")
    assert list(market.bars(key, DAY, Span(0, ALL), ALL)) == []
    assert list(market.quotes(key, Span(0, ALL), ALL)) == []
    assert market.latest_bar(key, ALL) is None
    assert market.snapshot(key, ALL) is None


# -- the last word --------------------------------------------------------------------------------


def test_a_snapshot_has_the_minute_and_the_day_as_far_as_they_have_come() -> None:
    market = EmbeddedMarket(lambda: [series(BTC, THREE)])
    now_ns = ns("2026-08-03 14:00") + 20 * SECOND_NS
    told = market.snapshot(BTC, now_ns)
    assert told is not None
    assert told.minute is not None
    assert told.day is not None
    # A rising bar sees its low before its high: it is at 90 after a third of the way.
    assert told.minute[:5] == (ns("2026-08-03 14:00"), 100, 100, 90, 90)
    assert told.minute.trades == 21
    assert told.day[:5] == (ns("2026-08-03"), 100, 104, 90, 90)
    assert told.day.volume == pytest.approx(180 + 30 * 21 / 60)
    assert told.day_before is None
    assert market.snapshot(BTC, ns("2026-08-03 13:00")) is None


def test_after_the_market_the_last_word_stays() -> None:
    market = EmbeddedMarket(lambda: [series(BTC, THREE)])
    told = market.snapshot(BTC, ns("2026-08-05"))
    assert told is not None
    assert told.minute is not None
    assert told.quote is not None
    assert told.quote.at_ns == ns("2026-08-03 14:00") + 59 * SECOND_NS
    assert (told.minute.at_ns, told.minute.close) == (ns("2026-08-03 14:00"), 105)
    assert told.day == next(market.bars(BTC, DAY, Span(0, ALL), ns("2026-08-05")))


# -- a whole market -------------------------------------------------------------------------------

MONDAY = date(2026, 8, 3)
MADE = generate(SyntheticMarket(seed=5, first_day=MONDAY, days=4, step_s=60))
MARKET = EmbeddedMarket(lambda: MADE)
KEYS = [each.key for each in MADE]
START_NS = ns("2026-08-03")
MOMENTS = some.integers(START_NS - HOUR_NS, START_NS + 5 * DAY_NS)
FRAMES = some.sampled_from(["1Min", "7Min", "15Min", "1Hour", "5Hour", "1Day", "1Week", "1Month"])


@given(some.sampled_from(KEYS), FRAMES, MOMENTS, MOMENTS, some.booleans())
def test_no_row_speaks_of_later_than_now(
    key: Key, text: str, start_ns: int, now_ns: int, falls: bool
) -> None:
    """What is told now, and had been told before, is told again when the market has gone on."""
    frame, span = read_timeframe(text), Span(start_ns, ALL, falls)
    rows = list(MARKET.bars(key, frame, span, now_ns))
    cut_off = EmbeddedMarket(lambda: [_until(each, now_ns) for each in MADE if each.key == key])
    assert rows == list(cut_off.bars(key, frame, span, now_ns))
    assert [row.at_ns for row in rows] == sorted((row.at_ns for row in rows), reverse=falls)
    near = Span(now_ns - MINUTE_NS, now_ns + MINUTE_NS, falls)
    stamps = [row.at_ns for row in MARKET.quotes(key, near, now_ns)]
    stamps += [row.at_ns for row in MARKET.trades(key, near, now_ns)]
    assert all(near.start_ns <= at_ns <= now_ns for at_ns in stamps)
    told = MARKET.snapshot(key, now_ns)
    for part in told or ():
        assert part is None or part.at_ns <= now_ns


def _until(each: BarSeries, now_ns: int) -> BarSeries:
    """Return the bars of a series that have closed."""
    count = sum(end <= now_ns for end in each.ends)
    names = ("starts", "ends", "opens", "highs", "lows", "closes", "volumes")
    columns = {name: getattr(each, name)[:count] for name in names}
    return BarSeries(each.key, each.step_ns, **columns, source=each.source)


@given(some.sampled_from(KEYS), MOMENTS)
@example(Key("crypto:DOGE/USD"), 1_785_968_520_000_000_000)  # a middle is rounded below its bar
def test_bars_are_what_the_trades_add_up_to(key: Key, at_ns: int) -> None:
    bar = MARKET.latest_bar(key, at_ns)
    if bar is None:
        return
    trades = list(MARKET.trades(key, Span(bar.at_ns, bar.at_ns + MINUTE_NS - 1), ALL))
    volume = sum(trade.size for trade in trades)
    assert bar.trades == len(trades)
    assert bar.volume == pytest.approx(volume)
    mean = sum(trade.price * trade.size for trade in trades) / volume
    # Sizes of shares are whole, so they are not all of one size; prices are close together.
    assert bar.average == pytest.approx(mean, rel=1e-5)
    assert bar.low <= min(trade.price for trade in trades)
    assert bar.high >= max(trade.price for trade in trades)
    assert all(one.number < other.number for one, other in pairwise(trades))


@given(MOMENTS)
def test_quotes_are_those_that_the_venue_fills_at(at_ns: int) -> None:
    at_ns -= at_ns % SECOND_NS
    quoted = {quote.key: (quote.bid, quote.ask) for quote in QuotePath(MADE).at(at_ns)}
    for key in KEYS:
        quote = MARKET.latest_quote(key, at_ns)
        if quote is not None and quote.at_ns == at_ns:
            assert quoted.pop(key) == (quote.bid, quote.ask)
    assert not quoted


@given(
    some.lists(some.sampled_from([key.partition(":")[2] for key in KEYS[:5]]), min_size=1),
    some.integers(1, 50),
    some.booleans(),
    MOMENTS,
    some.sampled_from(["5Hour", "1Hour", "1Day"]),
)
def test_pages_one_after_another_are_the_whole(
    symbols: list[str], limit: int, falls: bool, now_ns: int, text: str
) -> None:
    frame = read_timeframe(text)
    whole = HistoryRequest(
        tuple(sorted(set(symbols))), Span(START_NS, now_ns, falls), 10_000, None, frame
    )

    def rows_of(symbol: str, span: Span) -> Iterator[BarRow]:
        return MARKET.bars(Key(f"crypto:{symbol}"), frame, span, now_ns)

    expected = page(whole, rows_of)
    assert expected.after is None
    found: dict[str, list[BarRow]] = {}
    after: Place | None = None
    while True:
        one = page(whole._replace(limit=limit, after=after), rows_of)
        count = sum(map(len, one.rows.values()))
        for symbol, rows in one.rows.items():
            found.setdefault(symbol, []).extend(rows)
        after = one.after
        if after is None:
            break
        assert count == limit
    assert found == expected.rows
    assert list(found) == sorted(found)
