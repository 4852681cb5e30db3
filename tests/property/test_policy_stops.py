"""Whatever the volatility: a stop stands below its entry, its limit below it, in bounds."""

import math

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.stops import (
    Stops,
    is_through_stop,
    stop_distance,
    stop_limit_price,
    stop_price,
)

AT = Stops()

any_float = st.floats(allow_nan=True, allow_infinity=True)
prices = st.floats(1e-6, 1e9)


@given(any_float)
def test_a_distance_never_leaves_its_bounds(volatility: float) -> None:
    assert AT.distance_min <= stop_distance(volatility, AT) <= AT.distance_max


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_wilder_asset_never_has_a_nearer_stop(a: float, b: float) -> None:
    calm, wild = (stop_distance(each, AT) for each in sorted((a, b)))
    assert calm <= wild


@given(prices, any_float)
def test_entry_stop_and_limit_stand_in_this_order(entry: float, volatility: float) -> None:
    stop = stop_price(entry, stop_distance(volatility, AT))
    assert 0.0 < stop_limit_price(stop, AT) < stop < entry
    assert not is_through_stop(entry, stop)
    assert is_through_stop(stop, stop)


@given(prices, prices, prices)
def test_a_lower_price_is_never_less_through_a_stop(a: float, b: float, stop: float) -> None:
    low, high = sorted((a, b))
    assert is_through_stop(low, stop) >= is_through_stop(high, stop)


@given(any_float)
def test_what_is_unknown_is_through_nothing(known: float) -> None:
    assert not is_through_stop(math.nan, known)
    assert not is_through_stop(known, math.nan)
