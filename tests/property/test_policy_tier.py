"""Whatever the record: a better one never costs a tier, and a fall never waits."""

import math

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.tier import (
    Tier,
    TierCaps,
    TierThresholds,
    granted_tier,
    select_tier,
    tier_caps,
    win_rate_of,
)

AT = TierThresholds()
CAPS = TierCaps()

rates = st.floats(0.0, 1.0) | st.sampled_from([0.45, 0.60, math.nextafter(0.6, 0.0)])
months = st.floats(-1.0, 1.0) | st.sampled_from([-0.05, 95.0 / 100.0 - 1.0])
any_float = st.floats(allow_nan=True, allow_infinity=True)
tiers = st.sampled_from(list(Tier))
counts = st.integers(-5, 1000)


@given(rates, rates, any_float)
def test_a_better_win_rate_never_costs_a_tier(a: float, b: float, month: float) -> None:
    low, high = sorted((a, b))
    assert select_tier(low, month, AT) <= select_tier(high, month, AT)


@given(any_float, months, months)
def test_a_better_month_never_costs_a_tier(win_rate: float, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert select_tier(win_rate, low, AT) <= select_tier(win_rate, high, AT)


@given(any_float, any_float)
def test_only_a_fraction_and_a_known_month_earn_more_than_learning(
    win_rate: float, month: float
) -> None:
    if select_tier(win_rate, month, AT) > Tier.LEARNING:
        assert 0.44 < win_rate <= 1.0
        assert -0.051 < month < math.inf


@given(counts, counts, counts)
def test_a_record_is_a_fraction_or_none(wins: int, closed: int, trades_min: int) -> None:
    rate = win_rate_of(wins, closed, trades_min)
    assert math.isnan(rate) or 0.0 <= rate <= 1.0
    if not math.isnan(rate):
        assert closed >= max(trades_min, 1)


@given(tiers, tiers)
def test_a_better_tier_never_has_a_lower_cap(a: Tier, b: Tier) -> None:
    low, high = tier_caps(min(a, b), CAPS), tier_caps(max(a, b), CAPS)
    assert low.crypto <= high.crypto
    assert low.leveraged <= high.leveraged


@given(tiers, tiers, tiers, st.booleans(), st.booleans())
def test_what_is_granted_is_earned_allowed_and_at_most_one_step_up(
    granted: Tier, earned: Tier, ceiling: Tier, is_rise_due: bool, is_tripped: bool
) -> None:
    after = granted_tier(granted, earned, ceiling, is_rise_due, is_tripped)
    assert after <= min(earned, ceiling) or after == granted
    assert after <= earned
    assert after <= ceiling
    assert after <= granted + 1
    if min(earned, ceiling) <= granted:
        assert after == min(earned, ceiling)
    if is_tripped or not is_rise_due:
        assert after <= granted


@given(tiers, tiers, tiers, tiers, st.booleans(), st.booleans())
def test_earning_more_never_grants_less(
    granted: Tier, a: Tier, b: Tier, ceiling: Tier, is_rise_due: bool, is_tripped: bool
) -> None:
    low, high = (
        granted_tier(granted, earned, ceiling, is_rise_due, is_tripped) for earned in sorted((a, b))
    )
    assert low <= high
