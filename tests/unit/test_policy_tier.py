"""Which tier a record earns, which is granted, and what the caps of each are."""

import math

import pytest

from smart_leverage.policy.tier import (
    TOLERANCE,
    Caps,
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

EMERGENCY, LEARNING, STABLE, PROFITABLE = Tier


# --- the tier that is earned ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("win_rate", "month_return", "tier"),
    [
        pytest.param(0.60, 0.0, PROFITABLE, id="sixty-per-cent-is-profitable"),
        pytest.param(0.60 - 1e-9, 0.0, STABLE, id="just-below-sixty"),
        pytest.param(0.60 - 0.5 * TOLERANCE, 0.0, PROFITABLE, id="rounding-below-sixty"),
        pytest.param(0.60 - 2.0 * TOLERANCE, 0.0, STABLE, id="more-than-rounding-below-sixty"),
        pytest.param(0.45, 0.0, STABLE, id="forty-five-per-cent-is-stable"),
        pytest.param(0.45 - 1e-9, 0.0, LEARNING, id="just-below-forty-five"),
        pytest.param(0.45 - 0.5 * TOLERANCE, 0.0, STABLE, id="rounding-below-forty-five"),
        pytest.param(0.45 - 2.0 * TOLERANCE, 0.0, LEARNING, id="more-than-rounding-below"),
        pytest.param(1.0, 0.0, PROFITABLE, id="every-trade-won"),
        pytest.param(0.0, 0.0, LEARNING, id="no-trade-won"),
        pytest.param(0.70, -0.05, PROFITABLE, id="minus-five-is-no-emergency"),
        pytest.param(0.70, 95.0 / 100.0 - 1.0, PROFITABLE, id="minus-five-in-binary"),
        pytest.param(0.70, -0.05 - 2.0 * TOLERANCE, EMERGENCY, id="more-than-rounding-beyond"),
        pytest.param(0.70, -0.0501, EMERGENCY, id="a-losing-month-outvotes-the-record"),
        pytest.param(math.nan, -0.06, EMERGENCY, id="a-losing-month-without-a-record"),
    ],
)
def test_an_edge_belongs_to_the_better_tier(
    win_rate: float, month_return: float, tier: Tier
) -> None:
    assert select_tier(win_rate, month_return, AT) is tier


@pytest.mark.parametrize(
    ("win_rate", "month_return", "tier"),
    [
        pytest.param(math.nan, 0.10, LEARNING, id="no-record"),
        pytest.param(math.inf, 0.0, LEARNING, id="infinite-record"),
        pytest.param(-math.inf, 0.0, LEARNING, id="minus-infinite-record"),
        pytest.param(55.0, 0.0, LEARNING, id="per-cent-is-no-fraction"),
        pytest.param(1.0 + 1e-9, 0.0, LEARNING, id="more-won-than-traded"),
        pytest.param(-0.5, 0.0, LEARNING, id="negative-record"),
        pytest.param(0.99, math.nan, EMERGENCY, id="unknown-month"),
        pytest.param(0.99, math.inf, EMERGENCY, id="infinite-month"),
        pytest.param(0.99, -math.inf, EMERGENCY, id="minus-infinite-month"),
        pytest.param(math.nan, math.nan, EMERGENCY, id="nothing-known"),
    ],
)
def test_what_is_not_known_earns_the_careful_tier(
    win_rate: float, month_return: float, tier: Tier
) -> None:
    assert select_tier(win_rate, month_return, AT) is tier


# --- the record ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wins", "closed", "rate"),
    [
        pytest.param(12, 20, 0.6, id="just-enough-trades"),
        pytest.param(0, 20, 0.0, id="all-lost"),
        pytest.param(20, 20, 1.0, id="all-won"),
        pytest.param(33, 60, 0.55, id="more-trades"),
    ],
)
def test_a_record_is_wins_over_closed_trades(wins: int, closed: int, rate: float) -> None:
    assert win_rate_of(wins, closed, 20) == rate


@pytest.mark.parametrize("trades_min", [1, 0, -5])
def test_a_single_trade_is_a_record_where_one_is_enough(trades_min: int) -> None:
    assert win_rate_of(1, 1, trades_min) == 1.0


@pytest.mark.parametrize(
    ("wins", "closed", "trades_min"),
    [
        pytest.param(19, 19, 20, id="one-trade-short"),
        pytest.param(0, 0, 20, id="no-trades"),
        pytest.param(0, 0, 0, id="no-trades-and-none-needed"),
        pytest.param(0, 0, -5, id="no-trades-and-fewer-needed"),
        pytest.param(-1, -1, -5, id="fewer-than-none"),
        pytest.param(21, 20, 20, id="more-won-than-closed"),
        pytest.param(-1, 20, 20, id="fewer-than-none-won"),
    ],
)
def test_too_few_or_impossible_trades_are_no_record(
    wins: int, closed: int, trades_min: int
) -> None:
    rate = win_rate_of(wins, closed, trades_min)
    assert math.isnan(rate)
    assert select_tier(rate, 0.0, AT) is LEARNING


# --- caps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "caps"),
    [
        pytest.param(EMERGENCY, Caps(crypto=0.20, leveraged=0.28), id="emergency"),
        pytest.param(LEARNING, Caps(crypto=0.25, leveraged=0.35), id="learning"),
        pytest.param(STABLE, Caps(crypto=0.40, leveraged=0.60), id="stable"),
        pytest.param(PROFITABLE, Caps(crypto=0.60, leveraged=0.80), id="profitable"),
    ],
)
def test_the_caps_of_the_original_design(tier: Tier, caps: Caps) -> None:
    assert tier_caps(tier, CAPS) == caps


@pytest.mark.parametrize("number", [-1, 4, 99])
def test_a_tier_that_nobody_knows_gets_the_lowest_caps(number: int) -> None:
    assert tier_caps(number, CAPS) == CAPS.emergency  # type: ignore[arg-type]


# --- the tier that is granted --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "earned", "ceiling", "after"),
    [
        pytest.param(PROFITABLE, EMERGENCY, PROFITABLE, EMERGENCY, id="falls-all-the-way"),
        pytest.param(PROFITABLE, LEARNING, PROFITABLE, LEARNING, id="falls-two-steps"),
        pytest.param(STABLE, LEARNING, PROFITABLE, LEARNING, id="falls-one-step"),
        pytest.param(STABLE, STABLE, PROFITABLE, STABLE, id="stays"),
        pytest.param(EMERGENCY, PROFITABLE, PROFITABLE, LEARNING, id="first-step-up"),
        pytest.param(LEARNING, PROFITABLE, PROFITABLE, STABLE, id="second-step-up"),
        pytest.param(STABLE, PROFITABLE, PROFITABLE, PROFITABLE, id="third-step-up"),
        pytest.param(LEARNING, STABLE, PROFITABLE, STABLE, id="no-further-than-earned"),
        pytest.param(LEARNING, PROFITABLE, LEARNING, LEARNING, id="no-further-than-the-ceiling"),
        pytest.param(EMERGENCY, PROFITABLE, EMERGENCY, EMERGENCY, id="ceiling-at-the-bottom"),
        pytest.param(PROFITABLE, PROFITABLE, STABLE, STABLE, id="a-lowered-ceiling-is-a-fall"),
        pytest.param(PROFITABLE, PROFITABLE, EMERGENCY, EMERGENCY, id="ceiling-falls-three-steps"),
    ],
)
def test_a_fall_is_instant_and_a_rise_is_one_step(
    granted: Tier, earned: Tier, ceiling: Tier, after: Tier
) -> None:
    assert granted_tier(granted, earned, ceiling, is_rise_due=True, is_tripped=False) is after


@pytest.mark.parametrize(
    ("is_rise_due", "is_tripped"),
    [
        pytest.param(False, False, id="rose-already-today"),
        pytest.param(True, True, id="tripped"),
        pytest.param(False, True, id="both"),
    ],
)
def test_nothing_rises_twice_a_day_or_while_tripped(is_rise_due: bool, is_tripped: bool) -> None:
    for granted in Tier:
        for earned in Tier:
            after = granted_tier(granted, earned, PROFITABLE, is_rise_due, is_tripped)
            assert after is min(granted, earned)


def test_an_emergency_takes_three_days_to_get_back_from() -> None:
    granted = EMERGENCY
    path = []
    for _ in range(4):
        granted = granted_tier(granted, PROFITABLE, PROFITABLE, is_rise_due=True, is_tripped=False)
        path.append(granted)
    assert path == [LEARNING, STABLE, PROFITABLE, PROFITABLE]
