"""Whatever the start: a plan never allows more later, never buys, and ends inside the cap."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.deleverage import (
    Deleveraging,
    ceiling_now,
    deadline_minutes,
    is_over_band,
    kept_lots,
    trim_target,
)

AT = Deleveraging()

any_float = st.floats(allow_nan=True, allow_infinity=True)
caps = st.floats(0.01, 1.0)
exposures = st.floats(0.0, 4.0)
minutes = st.floats(0.0, 300.0)
lots = st.integers(0, 10**12)


@given(exposures, caps, minutes, minutes)
def test_a_ceiling_never_rises_with_time(start: float, cap: float, a: float, b: float) -> None:
    early, late = (ceiling_now(start, cap, each, AT) for each in sorted((a, b)))
    assert late <= early


@given(exposures, caps, minutes)
def test_a_ceiling_is_between_the_end_and_the_start(
    start: float, cap: float, elapsed: float
) -> None:
    ceiling = ceiling_now(start, cap, elapsed, AT)
    assert ceiling >= trim_target(cap, AT) - 1e-15
    assert ceiling <= max(start, trim_target(cap, AT))


@given(exposures, caps, minutes)
def test_a_ceiling_is_never_above_the_first_one(start: float, cap: float, elapsed: float) -> None:
    first = max(trim_target(AT.first_ceiling, AT), trim_target(cap, AT))
    assert ceiling_now(start, cap, elapsed, AT) <= first


@given(exposures, caps, st.floats(45.0, 1e6))
def test_after_the_last_slice_the_ceiling_is_inside_the_cap(
    start: float, cap: float, elapsed: float
) -> None:
    assert ceiling_now(start, cap, elapsed, AT) == trim_target(cap, AT)


@given(exposures, caps, caps, minutes)
def test_a_lower_cap_never_raises_the_ceiling_once_the_slices_are_over(
    start: float, a: float, b: float, elapsed: float
) -> None:
    low, high = (ceiling_now(start, cap, 45.0 + elapsed, AT) for cap in sorted((a, b)))
    assert low <= high


@given(any_float, any_float, any_float)
def test_a_plan_answers_whatever_it_is_told(start: float, cap: float, elapsed: float) -> None:
    assert isinstance(ceiling_now(start, cap, elapsed, AT), float)
    assert deadline_minutes(start, AT) in (AT.first_minutes, AT.last_minutes)


@given(caps, exposures)
def test_a_trim_ends_where_the_next_is_far_away(cap: float, exposure: float) -> None:
    """From the end of a trim to its next beginning everything has to gain more than 7 %."""
    target = trim_target(cap, AT)
    assert not is_over_band(target * 1.07, cap, AT)
    if is_over_band(exposure, cap, AT):
        assert exposure > cap > target


@given(lots, any_float, any_float)
def test_no_more_is_kept_than_was_held(held: int, exposure: float, ceiling: float) -> None:
    assert 0 <= kept_lots(held, exposure, ceiling) <= held


@given(st.integers(0, 10**9), st.floats(0.001, 4.0), st.floats(0.001, 4.0))
def test_what_is_kept_is_inside_the_ceiling_and_less_than_a_lot_from_it(
    held: int, exposure: float, ceiling: float
) -> None:
    kept = kept_lots(held, exposure, ceiling)
    allowed = held * Fraction(ceiling) / Fraction(exposure)
    if exposure > ceiling:
        assert kept <= allowed * (1 + Fraction(1, 10**15))
        assert kept > allowed * (1 - Fraction(1, 10**15)) - 1
    else:
        assert kept == held


@given(lots, st.floats(0.001, 4.0), exposures, exposures)
def test_a_lower_ceiling_never_keeps_more(held: int, exposure: float, a: float, b: float) -> None:
    low, high = (kept_lots(held, exposure, each) for each in sorted((a, b)))
    assert low <= high


@given(lots, st.floats(0.001, 4.0))
def test_what_is_unknown_sells_nothing(held: int, known: float) -> None:
    assert kept_lots(held, math.nan, known) == held
    assert kept_lots(held, known, math.nan) == held
