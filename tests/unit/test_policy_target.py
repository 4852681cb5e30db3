"""The arithmetic of a monthly target: what it asks for, and what its limits let through."""

import math

import pytest

from smart_leverage.policy.arithmetic import (
    exponential,
    exponential_less_one,
    finite_or_zero,
    normal_cdf,
)
from smart_leverage.policy.target import (
    annual_compound,
    breakeven_win_rate,
    consecutive_days_to_monthly_limit,
    daily_compound,
    daily_simple,
    daily_trigger_probability,
    monthly_target_amount,
    required_sleeve_return,
    required_sleeve_sharpe,
    required_win_rate_log,
    required_win_rate_simple,
    two_month_drawdown_at_monthly_limit,
)

NAN = math.nan


def test_the_target_of_the_design_in_money_and_per_day() -> None:
    assert monthly_target_amount(96_014.32, 0.05) == pytest.approx(4_800.72, abs=0.005)
    assert daily_simple(0.05, 22.0) == pytest.approx(0.0022727, abs=1e-7)
    assert daily_compound(0.05, 22.0) == pytest.approx(0.0022202, abs=1e-7)
    assert daily_compound(0.05, 21.0) == pytest.approx(0.0023260, abs=1e-7)
    assert daily_compound(0.05, 30.44) == pytest.approx(0.0016042, abs=1e-6)
    assert annual_compound(0.05) == pytest.approx(0.79586, abs=1e-5)


def test_the_rounded_daily_rate_of_the_design_compounds_to_more_than_its_month() -> None:
    assert math.pow(1.0023, 22.0) - 1.0 == pytest.approx(0.0518, abs=1e-4)
    assert daily_compound(0.0518, 22.0) == pytest.approx(0.0023, abs=1e-5)


@pytest.mark.parametrize(
    ("allocation", "monthly", "yearly", "sharpe"),
    [
        pytest.param(0.25, 0.20, 7.92, 3.43, id="learning"),
        pytest.param(0.40, 0.125, 3.11, 2.14, id="stable"),
        pytest.param(0.60, 0.08333, 1.61, 1.43, id="profitable"),
    ],
)
def test_a_part_of_the_account_must_earn_the_target_of_the_whole(
    allocation: float, monthly: float, yearly: float, sharpe: float
) -> None:
    needed = required_sleeve_return(0.05, allocation)
    assert needed == pytest.approx(monthly, abs=1e-5)
    assert annual_compound(needed) == pytest.approx(yearly, abs=0.01)
    assert required_sleeve_sharpe(0.05, allocation, 0.70) == pytest.approx(sharpe, abs=0.005)


def test_nothing_invested_earns_no_target() -> None:
    for allocation in (0.0, -0.1, NAN):
        assert required_sleeve_return(0.05, allocation) == math.inf
        assert required_sleeve_sharpe(0.05, allocation, 0.70) == math.inf
    assert required_sleeve_sharpe(0.05, 0.4, 0.0) == math.inf
    assert required_sleeve_sharpe(0.05, -0.4, -0.7) == math.inf


@pytest.mark.parametrize(
    ("trades", "risk", "payoff", "cost", "rate"),
    [
        pytest.param(100.0, 0.005, 1.0, 0.0, 0.55, id="the-number-of-the-design"),
        pytest.param(20.0, 0.01, 1.0, 0.0, 0.625, id="twenty-trades"),
        pytest.param(20.0, 0.005, 1.0, 0.0, 0.75, id="half-the-risk"),
        pytest.param(20.0, 0.01, 1.5, 0.0, 0.50, id="payoff-one-and-a-half"),
        pytest.param(20.0, 0.01, 2.0, 0.0, 0.4167, id="payoff-two"),
        pytest.param(60.0, 0.01, 1.0, 0.1, 0.592, id="with-costs"),
    ],
)
def test_the_win_rate_a_target_needs(
    trades: float, risk: float, payoff: float, cost: float, rate: float
) -> None:
    assert required_win_rate_simple(0.05, trades, risk, payoff, cost) == pytest.approx(
        rate, abs=5e-4
    )


def test_a_target_of_nothing_needs_the_break_even_rate() -> None:
    for payoff in (0.5, 1.0, 2.0):
        assert required_win_rate_simple(0.0, 20.0, 0.01, payoff, 0.1) == breakeven_win_rate(
            payoff, 0.1
        )


@pytest.mark.parametrize(
    ("payoff", "rate"), [(1.0, 0.5), (1.5, 0.4), (2.0, 1.0 / 3.0), (0.5, 2.0 / 3.0), (0.0, 1.0)]
)
def test_break_even_without_costs(payoff: float, rate: float) -> None:
    assert breakeven_win_rate(payoff, 0.0) == pytest.approx(rate)


def test_what_cannot_be_reached_is_infinite() -> None:
    assert breakeven_win_rate(-1.0, 0.0) == math.inf
    assert breakeven_win_rate(NAN, 0.0) == math.inf
    assert required_win_rate_simple(0.05, 0.0, 0.01, 1.0, 0.0) == math.inf
    assert required_win_rate_simple(0.05, 20.0, NAN, 1.0, 0.0) == math.inf
    assert required_win_rate_log(-1.0, 20.0, 0.01, 1.0) == math.inf
    assert required_win_rate_log(0.05, 20.0, 1.0, 1.0) == math.inf
    assert required_win_rate_log(0.05, 20.0, 0.01, NAN) == math.inf


def test_the_log_win_rate_is_the_one_whose_growth_meets_the_target() -> None:
    rate = required_win_rate_log(0.05, 20.0, 0.01, 1.5)
    growth = 20.0 * (rate * math.log(1.015) + (1.0 - rate) * math.log(0.99))
    assert growth == pytest.approx(math.log(1.05))


@pytest.mark.parametrize(
    ("daily", "monthly", "days"),
    [
        pytest.param(0.03, 0.08, 3.0, id="the-design"),
        pytest.param(0.04, 0.0784, 3.0, id="meeting-the-limit-is-not-passing-it"),
        pytest.param(0.041, 0.080319, 3.0, id="meeting-the-limit-but-for-rounding"),
        pytest.param(0.08, 0.08, 2.0, id="equal-limits"),
        pytest.param(0.09, 0.08, 1.0, id="one-day-is-enough"),
        pytest.param(1.0, 0.08, 1.0, id="everything-in-a-day"),
        pytest.param(0.03, 0.0, 1.0, id="no-loss-allowed"),
        pytest.param(0.03, 1.0, math.inf, id="everything-allowed"),
        pytest.param(0.0, 0.08, math.inf, id="no-loss-made"),
        pytest.param(NAN, 0.08, math.inf, id="daily-unknown"),
        pytest.param(0.03, NAN, math.inf, id="monthly-unknown"),
    ],
)
def test_days_at_the_daily_limit_until_the_month_is_over(
    daily: float, monthly: float, days: float
) -> None:
    assert consecutive_days_to_monthly_limit(daily, monthly) == days


def test_two_months_inside_the_limit_are_a_drawdown_beyond_it() -> None:
    assert two_month_drawdown_at_monthly_limit(0.079, 2) == pytest.approx(0.151759)
    assert two_month_drawdown_at_monthly_limit(0.079, 0) == 0.0
    assert two_month_drawdown_at_monthly_limit(1.0, 2) == 1.0
    assert math.isnan(two_month_drawdown_at_monthly_limit(NAN, 2))


@pytest.mark.parametrize(
    ("exposure", "limit", "vol", "share_of_days"),
    [
        pytest.param(0.25, 0.02, 0.045, 0.038, id="one-coin-holds-the-whole-cap"),
        pytest.param(1.0, 0.02, 0.045, 0.328, id="own-value"),
        pytest.param(0.25, 0.03, 0.04, 0.001, id="portfolio-learning"),
        pytest.param(0.40, 0.03, 0.04, 0.030, id="portfolio-stable"),
        pytest.param(0.60, 0.03, 0.04, 0.106, id="portfolio-profitable"),
        pytest.param(-0.40, 0.03, 0.04, 0.030, id="short-counts-alike"),
        pytest.param(0.0, 0.03, 0.04, 0.0, id="nothing-held"),
        pytest.param(NAN, 0.03, 0.04, 1.0, id="exposure-unknown"),
        pytest.param(0.4, NAN, 0.04, 1.0, id="limit-unknown"),
        pytest.param(0.4, 0.03, 0.0, 1.0, id="no-volatility-is-unknown"),
    ],
)
def test_how_often_a_daily_limit_trips(
    exposure: float, limit: float, vol: float, share_of_days: float
) -> None:
    assert daily_trigger_probability(exposure, limit, vol) == pytest.approx(share_of_days, abs=5e-4)


def test_undefined_rates_are_nan() -> None:
    assert math.isnan(daily_simple(0.05, 0.0))
    assert math.isnan(daily_compound(-1.0, 22.0))
    assert math.isnan(daily_compound(0.05, NAN))
    assert math.isnan(annual_compound(-1.5))
    assert annual_compound(-1.0) == -1.0


def test_the_normal_distribution() -> None:
    assert normal_cdf(0.0) == 0.5
    assert normal_cdf(1.959963984540054) == pytest.approx(0.975)
    assert normal_cdf(-40.0) >= 0.0
    assert math.isnan(normal_cdf(NAN))


def test_exponentials_overflow_to_infinity_without_an_exception() -> None:
    assert exponential(710.0) == exponential_less_one(1e308) == math.inf
    assert exponential(709.0) == math.exp(709.0)
    assert exponential(-1e308) == 0.0
    assert exponential_less_one(-math.inf) == -1.0
    assert exponential_less_one(1e-17) == 1e-17


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf, -1.0, 0.0])
def test_a_capacity_that_is_not_a_positive_number_is_none(value: float) -> None:
    assert finite_or_zero(value) == 0.0
    assert finite_or_zero(3.0) == 3.0
