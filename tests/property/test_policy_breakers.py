"""Whatever the marks: a trip stays, a deeper loss trips no less, and nothing unknown trips."""

import math

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.breakers import (
    BreakerOpens,
    BreakerState,
    LossLimits,
    is_asset_locked,
    severity,
    step_breakers,
)

LIMITS = LossLimits()
EMERGENCY_MONTH = -0.05
CLEAR = BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False)

any_float = st.floats(allow_nan=True, allow_infinity=True)
money = st.floats(1.0, 1e9)
shares = st.floats(0.0, 2.0)
states = st.builds(BreakerState, st.booleans(), st.booleans(), st.booleans())
opens = st.builds(BreakerOpens, any_float, any_float)


@given(states, any_float, opens)
def test_no_mark_lifts_a_trip(state: BreakerState, equity: float, at: BreakerOpens) -> None:
    after = step_breakers(state, equity, at, LIMITS, EMERGENCY_MONTH)
    assert after.is_day_tripped >= state.is_day_tripped
    assert after.is_month_tripped >= state.is_month_tripped


@given(states, st.lists(any_float, max_size=20), money)
def test_a_path_is_as_severe_as_its_worst_mark(
    state: BreakerState, marks: list[float], opening: float
) -> None:
    at = BreakerOpens(day=opening, month=opening)
    for equity in marks:
        before, state = state, step_breakers(state, equity, at, LIMITS, EMERGENCY_MONTH)
        if before.is_day_tripped or before.is_month_tripped:
            assert severity(state) >= severity(before._replace(is_emergency=False))


@given(money, shares, shares)
def test_a_deeper_loss_trips_no_less(opening: float, a: float, b: float) -> None:
    at = BreakerOpens(day=opening, month=opening)
    low, high = (
        step_breakers(CLEAR, opening * share, at, LIMITS, EMERGENCY_MONTH)
        for share in sorted((a, b))
    )
    assert all(deep >= mild for deep, mild in zip(low, high, strict=True))


@given(st.sampled_from([math.nan, math.inf, -math.inf]), states, opens)
def test_the_unknown_never_trips(unknown: float, state: BreakerState, at: BreakerOpens) -> None:
    after = step_breakers(state, unknown, at, LIMITS, EMERGENCY_MONTH)
    assert after == state._replace(is_emergency=True)


@given(states, any_float, opens)
def test_an_emergency_does_not_depend_on_what_was(
    state: BreakerState, equity: float, at: BreakerOpens
) -> None:
    fresh = step_breakers(CLEAR, equity, at, LIMITS, EMERGENCY_MONTH)
    after = step_breakers(state, equity, at, LIMITS, EMERGENCY_MONTH)
    assert after.is_emergency == fresh.is_emergency


@given(money, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_losing_more_of_an_asset_never_unlocks_it(opening: float, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert is_asset_locked(low * opening, opening, LIMITS) <= is_asset_locked(
        high * opening, opening, LIMITS
    )
