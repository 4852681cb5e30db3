"""Volatility: weighted variance, its ratio to normal, and what daily leverage makes of a path."""

import math

import pytest

from smart_leverage.policy.volatility import (
    VolatilityMemory,
    VolatilityState,
    annualised,
    daily_rebalanced_leverage,
    ewma_step,
    ewma_volatility,
    leveraged_return_exact,
    levered_growth,
    step_volatility,
    vol_target_scale,
    volatility_ratio,
)

NAN = math.nan
MEMORY = VolatilityMemory()
START = VolatilityState(realised=NAN, reference=NAN, returns=0)


def after(returns: list[float], at: VolatilityMemory = MEMORY) -> VolatilityState:
    state = START
    for value in returns:
        state = step_volatility(state, value, at)
    return state


def test_up_and_down_by_a_tenth_costs_a_twofold_fund_four_per_cent() -> None:
    path = daily_rebalanced_leverage([0.10, -0.10], 2.0)
    assert path.levered_return == pytest.approx(-0.04)
    assert path.leverage_times_return == pytest.approx(-0.02)
    assert path.gap == pytest.approx(-0.02)


def test_a_trend_gives_a_leveraged_fund_more_than_its_multiple() -> None:
    assert daily_rebalanced_leverage([0.05, 0.05], 2.0).gap == pytest.approx(0.005)


def test_a_fund_cannot_lose_more_than_everything() -> None:
    assert levered_growth(1.0, -0.40, 3.0) == 0.0
    assert daily_rebalanced_leverage([-0.40, 0.50], 3.0).levered_return == -1.0


@pytest.mark.parametrize(
    ("leverage", "earned"),
    [
        pytest.param(2.0, -0.03921, id="twofold"),
        pytest.param(3.0, -0.11308, id="threefold"),
        pytest.param(1.0, 0.0, id="plain-has-no-decay"),
        pytest.param(0.0, 0.0, id="cash-has-no-decay"),
        pytest.param(-1.0, -0.03921, id="inverse-decays-like-twofold"),
    ],
)
def test_a_flat_year_at_twenty_per_cent_volatility(leverage: float, earned: float) -> None:
    assert leveraged_return_exact(0.0, leverage, 0.04, 0.0, 1.0) == pytest.approx(earned, abs=1e-5)


def test_a_total_loss_has_no_leveraged_return() -> None:
    assert math.isnan(leveraged_return_exact(-1.0, 2.0, 0.04, 0.0, 1.0))
    assert math.isnan(leveraged_return_exact(NAN, 2.0, 0.04, 0.0, 1.0))


def test_the_first_return_starts_the_variance() -> None:
    assert ewma_step(NAN, 0.02, 0.94) == pytest.approx(0.0004)
    assert ewma_step(0.0004, 0.0, 0.94) == pytest.approx(0.000376)


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
def test_a_return_that_is_no_number_changes_nothing(value: float) -> None:
    state = after([0.01, -0.02])
    assert step_volatility(state, value, MEMORY) == state
    assert ewma_step(0.0004, value, 0.94) == 0.0004


def test_a_path_of_volatility_includes_the_return_at_its_index() -> None:
    path = ewma_volatility([0.01, -0.02], 0.94, 252.0)
    assert path[0] == pytest.approx(0.01 * math.sqrt(252.0))
    assert path[1] == pytest.approx(math.sqrt((0.94 * 0.0001 + 0.06 * 0.0004) * 252.0))
    assert ewma_volatility([], 0.94, 252.0) == []


def test_an_unknown_variance_has_no_volatility() -> None:
    assert math.isnan(annualised(NAN, 252.0))
    assert math.isnan(annualised(-1.0, 252.0))
    assert annualised(0.0, 252.0) == 0.0


@pytest.mark.parametrize(
    ("target", "sigma", "scale"),
    [
        pytest.param(0.10, 0.40, 0.25, id="inside"),
        pytest.param(0.10, 0.05, 1.0, id="upper"),
        pytest.param(0.10, 9.0, 0.1, id="lower"),
        pytest.param(0.10, 0.0, 0.1, id="no-volatility-is-unknown"),
        pytest.param(0.10, NAN, 0.1, id="volatility-unknown"),
        pytest.param(NAN, 0.40, 0.1, id="target-unknown"),
    ],
)
def test_volatility_target(target: float, sigma: float, scale: float) -> None:
    assert vol_target_scale(target, sigma, 0.1, 1.0) == scale


def test_a_steady_market_has_the_ratio_one() -> None:
    assert volatility_ratio(after([0.01, -0.01] * 15), MEMORY) == pytest.approx(1.0)


def test_a_ratio_waits_for_enough_returns() -> None:
    assert math.isnan(volatility_ratio(after([0.01] * 19), MEMORY))
    assert volatility_ratio(after([0.01] * 20), MEMORY) == pytest.approx(1.0)


def test_a_market_turning_wild_raises_the_ratio_and_calming_down_lowers_it() -> None:
    calm = [0.01, -0.01] * 50
    wild = [0.03, -0.03] * 5
    assert volatility_ratio(after(calm + wild), MEMORY) > 1.5
    assert volatility_ratio(after(wild * 5 + [0.005, -0.005] * 15), MEMORY) < 0.8


def test_the_ratio_does_not_depend_on_the_unit_of_the_returns() -> None:
    returns = [0.01, -0.02, 0.015, 0.005, -0.03] * 5
    in_percent = [100.0 * value for value in returns]
    assert volatility_ratio(after(in_percent), MEMORY) == pytest.approx(
        volatility_ratio(after(returns), MEMORY)
    )


def test_a_market_that_never_moved_has_no_ratio() -> None:
    assert math.isnan(volatility_ratio(after([0.0] * 30), MEMORY))
    assert math.isnan(volatility_ratio(START, MEMORY))
