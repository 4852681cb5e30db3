"""Lengths of bars: which there are, and where a bar of each begins and ends."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.timeframes import BarCalendar, Timeframe, Unit, read_timeframe

SHARES, COINS = BarCalendar(AssetClass.US_EQUITY), BarCalendar(AssetClass.CRYPTO)


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("1Min", 1, Unit.MINUTE),
        ("59Min", 59, Unit.MINUTE),
        ("15T", 15, Unit.MINUTE),
        ("23Hour", 23, Unit.HOUR),
        ("1Day", 1, Unit.DAY),
        ("1D", 1, Unit.DAY),
        ("1Week", 1, Unit.WEEK),
        ("12Month", 12, Unit.MONTH),
    ],
)
def test_lengths_that_there_are(text: str, number: int, unit: Unit) -> None:
    assert read_timeframe(text) == Timeframe(number, unit)


@pytest.mark.parametrize(
    "text",
    ["", "Min", "0Min", "60Min", "24Hour", "2Day", "2Week", "5Month", "1min", "1 Min", "01Min",
     "1.5Hour", "-1Day", "1Year", "１Min"],
)  # fmt: skip
def test_lengths_that_there_are_not(text: str) -> None:
    with pytest.raises(ValueError, match="1Min to 59Min"):
        read_timeframe(text)


@pytest.mark.parametrize(
    ("cut", "frame", "at", "start", "end"),
    [
        pytest.param(COINS, "7Min", "2026-08-03 23:59", "2026-08-03 23:55", "2026-08-04 00:00",
                     id="minutes-stop-at-midnight"),
        pytest.param(COINS, "5Hour", "2026-08-03 12:00", "2026-08-03 10:00", "2026-08-03 15:00",
                     id="hours-from-midnight"),
        pytest.param(COINS, "1Day", "2026-08-03 12:00", "2026-08-03 00:00", "2026-08-04 00:00",
                     id="day-of-coins"),
        pytest.param(COINS, "1Week", "2026-08-09 23:59", "2026-08-03 00:00", "2026-08-10 00:00",
                     id="week-from-monday"),
        pytest.param(COINS, "3Month", "2026-08-03 00:00", "2026-07-01 00:00", "2026-10-01 00:00",
                     id="quarter"),
        pytest.param(COINS, "12Month", "2026-12-31 23:59", "2026-01-01 00:00", "2027-01-01 00:00",
                     id="year"),
        pytest.param(SHARES, "1Day", "2026-08-03 15:00", "2026-08-03 04:00", "2026-08-04 04:00",
                     id="day-in-summer"),
        pytest.param(SHARES, "1Day", "2026-12-01 15:00", "2026-12-01 05:00", "2026-12-02 05:00",
                     id="day-in-winter"),
        pytest.param(SHARES, "1Week", "2026-11-04 15:00", "2026-11-02 05:00", "2026-11-09 05:00",
                     id="week-after-the-clocks"),
        pytest.param(SHARES, "1Month", "2026-11-04 15:00", "2026-11-01 04:00", "2026-12-01 05:00",
                     id="month-over-the-clocks"),
        pytest.param(SHARES, "1Hour", "2026-08-03 13:30", "2026-08-03 13:00", "2026-08-03 14:00",
                     id="first-hour"),
    ],
)  # fmt: skip
def test_where_bars_begin_and_end(
    cut: BarCalendar, frame: str, at: str, start: str, end: str
) -> None:
    assert cut.bucket(read_timeframe(frame), ns(at)) == (ns(start), ns(end))


FRAMES = some.sampled_from(["1Min", "7Min", "1Hour", "5Hour", "1Day", "1Week", "1Month", "4Month"])
INSTANTS = some.integers(ns("2020-01-01"), ns("2029-01-01"))


@given(FRAMES, INSTANTS, some.sampled_from([SHARES, COINS]))
def test_bars_follow_one_another_without_a_gap(text: str, at_ns: int, cut: BarCalendar) -> None:
    frame = read_timeframe(text)
    start_ns, end_ns = cut.bucket(frame, at_ns)
    assert start_ns <= at_ns < end_ns
    assert cut.bucket(frame, start_ns) == cut.bucket(frame, end_ns - 1) == (start_ns, end_ns)
    assert cut.bucket(frame, end_ns).start_ns == end_ns
