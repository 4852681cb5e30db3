"""Whatever the figures: lots fit exactly up to the tolerance, and none that fits is lost."""

import math
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from smart_leverage.policy.caps import exposure_of, headroom, lots_within
from smart_leverage.policy.tier import TOLERANCE

any_float = st.floats(allow_nan=True, allow_infinity=True)
money = st.floats(0.01, 1e9)
lot_values = st.floats(1e-4, 1e6)
caps = st.floats(0.01, 4.0)
counts = st.integers(1, 10**9)
PROMISED = 1 + Fraction(TOLERANCE) + Fraction(1, 10**15)
"""The tolerance of the rule, and the rounding of its own last comparison."""


@given(any_float, any_float, any_float)
def test_room_is_finite_and_not_negative(cap: float, equity: float, worst: float) -> None:
    assert 0.0 <= headroom(cap, equity, worst) < math.inf


@given(caps, money, any_float)
def test_room_is_at_most_the_cap(cap: float, equity: float, worst: float) -> None:
    assert headroom(cap, equity, worst) <= cap * equity


@given(caps, caps, money, money, money, money)
def test_more_cap_or_equity_or_less_held_never_leaves_less_room(
    a: float, b: float, c: float, d: float, e: float, f: float
) -> None:
    tight = headroom(min(a, b), min(c, d), max(e, f))
    wide = headroom(max(a, b), max(c, d), min(e, f))
    assert tight <= wide


@given(any_float, any_float)
def test_lots_are_a_count_that_a_double_holds(room: float, lot_value: float) -> None:
    lots = lots_within(room, lot_value)
    assert isinstance(lots, int)
    assert 0 <= lots < 2**53


@given(st.floats(0.0, 1e9), lot_values)
@example(0.3, 0.1)
@example(25_000.0, 0.1)
def test_the_lots_fit_and_one_more_would_not(room: float, lot_value: float) -> None:
    lots = lots_within(room, lot_value)
    assert lots * Fraction(lot_value) <= Fraction(room) * PROMISED
    assert (lots + 1) * Fraction(lot_value) > Fraction(room)


@given(counts, st.integers(1, 10**6), st.sampled_from([1, 10, 100, 10_000, 10**9]))
def test_an_exact_multiple_is_that_many_lots(lots: int, price: int, parts: int) -> None:
    """Room and lot are decimals that a person wrote; both are rounded to doubles on the way."""
    lot_value = Fraction(price, parts)
    assert lots_within(float(lots * lot_value), float(lot_value)) == lots


@given(counts, st.integers(1, 10**6), st.sampled_from([1, 10, 100, 10_000]))
def test_what_is_missing_a_millionth_of_a_lot_is_not_that_many(
    lots: int, price: int, parts: int
) -> None:
    if lots > 10**5:
        lots = lots % 10**5 + 1
    lot_value = Fraction(price, parts)
    room = (lots - Fraction(1, 10**6)) * lot_value
    assert lots_within(float(room), float(lot_value)) == lots - 1


@given(money, money, lot_values)
def test_more_room_never_holds_fewer_lots(a: float, b: float, lot_value: float) -> None:
    assert lots_within(min(a, b), lot_value) <= lots_within(max(a, b), lot_value)


@given(money, lot_values, lot_values)
def test_a_dearer_lot_never_fits_more_often(room: float, a: float, b: float) -> None:
    assert lots_within(room, max(a, b)) <= lots_within(room, min(a, b))


@given(caps, money, money, st.floats(1e-3, 1e6))
def test_filling_the_headroom_stays_inside_the_cap(
    cap: float, equity: float, worst: float, lot_value: float
) -> None:
    lots = lots_within(headroom(cap, equity, worst), lot_value)
    if lots > 0:
        filled = Fraction(worst) + lots * Fraction(lot_value)
        assert filled <= Fraction(cap) * Fraction(equity) * PROMISED
        assert exposure_of(float(filled), equity) <= cap * (1.0 + 2.0 * TOLERANCE)
