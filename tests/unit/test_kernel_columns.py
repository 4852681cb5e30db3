"""Columns of bars: what is refused, and what a hole, an end and a session become."""

import math
from array import array
from datetime import date
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.parity.kernel_worlds import Scripted

from smart_leverage.domain.calendars import NEVER_NS, Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.research.kernel import columns_of, signals_of
from smart_leverage.research.kernel.market import market_of
from smart_leverage.research.kernel.signals import from_arrays

START_NS = 1_614_556_800_000_000_000
"""2021-03-01T00:00:00Z, a Monday."""

BTC, ETH, SPY = Key("crypto:BTC/USD"), Key("crypto:ETH/USD"), Key("us_equity:SPY")
LATE_NS = 2**62


def series(key: Key = BTC, hours: tuple[int, ...] = (0, 1, 2, 3)) -> BarSeries:
    """Return hourly bars that begin at these hours; the number of a bar is its price."""
    prices = array("d", (100.0 + place for place in range(len(hours))))
    return BarSeries(
        key=key,
        step_ns=HOUR_NS,
        starts=array("q", (START_NS + hour * HOUR_NS for hour in hours)),
        ends=array("q", (START_NS + (hour + 1) * HOUR_NS for hour in hours)),
        opens=prices,
        highs=array("d", (price + 1 for price in prices)),
        lows=array("d", (price - 1 for price in prices)),
        closes=array("d", (price + 0.5 for price in prices)),
        volumes=array("d", [1.0] * len(hours)),
        source=Source("a file", ""),
    )


def changed(column: str, place: int, value: float) -> BarSeries:
    """Return hourly bars of which one number is another one."""
    one = series()
    numbers = array(getattr(one, column).typecode, getattr(one, column))
    numbers[place] = value
    return replace(one, **{column: numbers})


def session_bars(*spans: tuple[int, int]) -> BarSeries:
    """Return bars of a share over these spans."""
    one = series(SPY, tuple(range(len(spans))))
    return replace(
        one,
        starts=array("q", (start for start, _ in spans)),
        ends=array("q", (end for _, end in spans)),
    )


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        pytest.param(replace(series(), closes=array("d", [1.0])), "unequal length", id="length"),
        pytest.param(series(hours=()), "has no bars", id="empty"),
        pytest.param(series(hours=(0, 1, 1)), "is there twice", id="twice"),
        pytest.param(series(hours=(0, 2, 1)), "before the bar before it has ended", id="order"),
        pytest.param(changed("ends", 1, START_NS + HOUR_NS), "ends before it begins", id="span"),
        pytest.param(changed("closes", 2, math.nan), "prices that cannot be", id="nan"),
        pytest.param(changed("lows", 2, 0.0), "prices that cannot be", id="zero"),
        pytest.param(changed("highs", 2, 90.0), "prices that cannot be", id="high-below-low"),
        pytest.param(changed("highs", 2, math.inf), "prices that cannot be", id="infinite"),
        pytest.param(replace(series(), key=Key("crypto:FOO/USD")), "registry", id="unknown"),
    ],
)
def test_what_cannot_be_is_refused(bad: BarSeries, fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        columns_of([bad, series(ETH)], now_ns=LATE_NS)


def test_the_row_and_the_file_of_a_fault_are_named() -> None:
    with pytest.raises(BadData, match=r"a file, row 3: crypto:BTC/USD: the bar at 2021-03-01 02"):
        columns_of([changed("closes", 2, math.nan)], now_ns=LATE_NS)


def test_a_bar_that_has_not_ended_is_refused() -> None:
    now_ns = START_NS + 4 * HOUR_NS
    assert columns_of([series()], now_ns=now_ns).bars == 4
    with pytest.raises(BadData, match=r"row 4: .*ends in the future"):
        columns_of([series()], now_ns=now_ns - 1)


def test_no_bars_and_two_series_of_one_instrument_are_refused() -> None:
    with pytest.raises(BadData, match="there are no bars"):
        columns_of([])
    with pytest.raises(BadData, match="has two series"):
        columns_of([series(), series(hours=(7,))], now_ns=LATE_NS)


def test_bars_that_end_within_a_minute_of_each_other_are_refused() -> None:
    shifted = series(ETH)
    starts = array("q", (start + 30 * 10**9 for start in shifted.starts))
    shifted = replace(shifted, starts=starts, ends=array("q", (at + HOUR_NS for at in starts)))
    with pytest.raises(BadData, match="less than a minute apart"):
        columns_of([series(), shifted], now_ns=LATE_NS)


def test_a_day_of_a_share_that_ends_at_midnight_is_refused() -> None:
    """It would be known hours before its close was traded."""
    session = Sessions.xnys().session_on(date(2021, 3, 2))
    assert session is not None
    midnight = START_NS + DAY_NS
    with pytest.raises(BadData, match="does not lie inside a session"):
        columns_of([session_bars((midnight, midnight + DAY_NS))], now_ns=LATE_NS)
    bars = columns_of([session_bars((session.open_ns, session.close_ns))], now_ns=LATE_NS)
    assert list(bars.instants["at"]) == [session.open_ns, session.close_ns]
    assert list(bars.instants["is_session"]) == [1, 0]


def test_a_hole_stays_a_hole() -> None:
    bars = columns_of([series(hours=(0, 1, 5)), series(ETH, (0, 1, 2, 3, 4, 5))], now_ns=LATE_NS)
    place = list(bars.instants["at"]).index(START_NS + 4 * HOUR_NS)
    assert bars.cells["closes"][place, 0] == 0
    assert np.isnan(bars.cells["low"][place, 0])
    assert bars.low[place, 0] == bars.close[place, 0] == 101.5  # the last one stays
    assert bars.cells["fresh_close"][place, 0] == 0
    assert bars.cells["fresh_close"][place, 1] == 1


def test_instruments_stand_by_key_and_what_ends_early_is_named() -> None:
    bars = columns_of([series(ETH, (0, 1, 2, 3)), series(BTC, (0, 1))], now_ns=LATE_NS)
    assert bars.keys == (BTC, ETH)
    assert bars.dead == {BTC: START_NS + 2 * HOUR_NS}


def test_days_and_months_begin_at_midnight_of_the_risk_time_zone() -> None:
    bars = columns_of([series(hours=tuple(range(10)))], now_ns=LATE_NS)
    first = np.flatnonzero(bars.instants["is_day_new"])
    assert list(bars.instants["at"][first]) == [START_NS + 5 * HOUR_NS]  # midnight in New York
    assert np.diff(bars.instants["month"])[first[0] - 1] == 1
    in_utc = columns_of([series(hours=tuple(range(10)))], timezone="UTC", now_ns=LATE_NS)
    assert not in_utc.instants["is_day_new"].any()


def test_trading_time_of_shares_counts_sessions_only() -> None:
    spans = []
    for day in (2, 3):
        session = Sessions.xnys().session_on(date(2021, 3, day))
        assert session is not None
        spans.append((session.open_ns, session.close_ns))
    bars = columns_of([session_bars(*spans), series(hours=tuple(range(80)))], now_ns=LATE_NS)
    at = list(bars.instants["at"])
    begin, end = at.index(spans[0][0]), at.index(spans[1][1])
    calendar = Sessions.xnys()
    for place in range(begin, end + 1):
        traded = int(bars.instants["traded"][place] - bars.instants["traded"][begin])
        assert traded // MINUTE_NS == calendar.open_minutes(spans[0][0], at[place])
        assert bars.instants["opens_at"][place] == calendar.next_open(at[place])
        assert bars.instants["closes_at"][place] == calendar.next_close(at[place])
        assert bars.instants["is_session"][place] == calendar.is_open(at[place])
    assert columns_of([series()], now_ns=LATE_NS).instants["opens_at"].max() < NEVER_NS


# --- signals -------------------------------------------------------------------------------------


def idea(**changes: Any) -> Opportunity:
    facts: dict[str, Any] = {
        "at_ns": START_NS + 2 * HOUR_NS,
        "key": BTC,
        "side": Side.BUY,
        "confidence": 0.7,
        "volatility_ratio": None,
        "horizon_s": 60,
        "source": "x",
        "id": "1",
    }
    return Opportunity(**(facts | changes))


def test_a_signal_stands_at_the_instant_at_which_it_is_decided() -> None:
    bars = columns_of([series()], now_ns=LATE_NS)
    signals = signals_of([Scripted([idea()])], [series()], bars)
    assert list(np.diff(signals.first)) == [0, 0, 1, 0, 0]
    assert signals.rows[0].tolist() == (0, 1, 0, 0.7, 2.0)


def test_a_signal_without_bars_and_an_id_used_twice_are_refused() -> None:
    bars = columns_of([series()], now_ns=LATE_NS)
    with pytest.raises(BadData, match="names crypto:ETH/USD"):
        signals_of([Scripted([idea(key=ETH)])], [series()], bars)
    with pytest.raises(BadData, match="comes twice"):
        signals_of([Scripted([idea(), idea()])], [series()], bars)


def test_signals_may_come_as_arrays() -> None:
    bars = columns_of([series()], now_ns=LATE_NS)
    made = signals_of([Scripted([idea(volatility_ratio=1.5)])], [series()], bars)
    at, asset = np.array([START_NS + 2 * HOUR_NS]), np.array([0])
    is_buy, confidence, ratio = np.array([True]), np.array([0.7]), np.array([1.5])
    given = from_arrays(bars, at, asset, is_buy, confidence, ratio)
    assert given.rows.tobytes() == made.rows.tobytes()
    assert list(given.first) == list(made.first)
    for wrong, fault in (
        ((at + 1, asset, is_buy, confidence, ratio), "a signal cannot be"),
        ((at, asset + 1, is_buy, confidence, ratio), "a signal cannot be"),
        ((at, asset, is_buy, confidence + 0.5, ratio), "a signal cannot be"),
        ((at - 2 * HOUR_NS, asset, is_buy, confidence, ratio), "no bar of its instrument ends"),
        ((at, asset, is_buy, confidence[:0], ratio), "unequal length"),
    ):
        with pytest.raises(BadData, match=fault):
            from_arrays(bars, *wrong)


def test_columns_that_are_cut_out_of_longer_ones_have_to_begin_on_day_0() -> None:
    bars = columns_of([series(hours=tuple(range(60)))])
    assert len(market_of(bars, signals_of([], [], bars)).instants) == len(bars.instants)
    (begins, *_) = np.flatnonzero(bars.instants["is_day_new"])
    for first in (int(begins), int(begins) + 3):
        part = bars._replace(
            instants=bars.instants[first:].copy(),
            **{name: getattr(bars, name)[first:] for name in ("cells", "low", "close", "ratio")},
        )
        none = signals_of([], [], part)
        with pytest.raises(BadData, match="is of day 1, and an account opens on day 0"):
            market_of(part, none)
        part.instants["day"] -= part.instants["day"][0]
        part.instants["is_day_new"][0] = 0
        assert len(market_of(part, none).instants) == len(bars.instants) - first
