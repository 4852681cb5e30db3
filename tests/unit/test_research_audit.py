"""What trades and days can tell, and that too few of them tell nothing."""

from datetime import date, timedelta

import numpy as np
import pytest

from smart_leverage.research.audit import days_of, rate_of, target_of


def dates(count: int) -> list[str]:
    return [(date(2024, 1, 1) + timedelta(days=day)).isoformat() for day in range(count)]


def drawn(count: int, mean: float, deviation: float = 0.01) -> list[float]:
    values = np.random.default_rng(1).normal(0.0, deviation, count)
    return list(values - values.mean() + mean)


def test_the_win_rate_is_held_against_the_one_that_its_payoff_needs() -> None:
    """80 % wins of 1 against losses of 5 lose money: break-even is 5 ÷ 6."""
    won = [place % 5 != 0 for place in range(100)]
    rate = rate_of(won, gain=80.0, loss=100.0)
    assert rate is not None
    assert rate.payoff == pytest.approx(0.2)
    assert rate.breakeven == pytest.approx(1 / 1.2)
    assert rate.told.bar == rate.breakeven
    assert rate.told.lower < rate.lower < 0.8 < rate.upper < rate.told.upper


def test_a_payoff_takes_a_win_and_a_loss() -> None:
    rate = rate_of([True] * 30, gain=30.0, loss=0.0)
    assert rate is not None
    assert (rate.payoff, rate.breakeven, rate.told.bar) == (None, None, 0.5)
    assert rate_of([], 0.0, 0.0) is None


@pytest.mark.parametrize(
    ("count", "says"),
    [
        pytest.param(29, "29 days are too few for a Sharpe ratio; 30 are the least", id="few"),
        pytest.param(0, "0 days are too few", id="none"),
    ],
)
def test_too_few_days_have_no_probability(count: int, says: str) -> None:
    told = days_of(dates(count), drawn(count, 0.001) if count else [], [], 0.05)
    assert told.luck is None
    assert told.why.startswith(says)


def test_days_that_never_differ_have_none_either() -> None:
    told = days_of(dates(40), [0.0] * 40, [0.01], 0.05)
    assert told.luck is None
    assert "never moved" in told.why
    assert told.months is not None
    assert told.months.months == 1


def test_enough_days_have_one() -> None:
    told = days_of(dates(250), drawn(250, 0.002), [0.04, 0.06], 0.05)
    assert told.luck is not None
    assert told.luck.luck.deflated.decided > 0.95
    assert told.months is not None
    assert told.months.mean == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("returns", "says"),
    [
        pytest.param(drawn(59, 0.001), "59 days are too few for a probability", id="few"),
        pytest.param([0.0] * 80, "no day differs", id="still"),
        pytest.param([*drawn(80, 0.001), -1.0], "a day lost everything", id="ruin"),
    ],
)
def test_what_says_nothing_of_the_target_says_what_it_would_take(
    returns: list[float], says: str
) -> None:
    told = target_of(returns, 252, 0.05, 0.08)
    assert told.best is None
    assert told.why.startswith(says)
    assert told.needed == pytest.approx(4.33, abs=0.05)  # the reference figure of 5 % and 8 %


def test_the_target_is_judged_at_both_ends_of_the_sharpe_ratio() -> None:
    returns = drawn(250, 0.001)
    told = target_of(returns, 252, 0.05, 0.08)
    assert told.best is not None
    assert told.held is not None
    low, value, high = told.best
    assert low.sharpe < value.sharpe < high.sharpe
    assert low.joint_12 <= value.joint_12 <= high.joint_12
    deviation = float(np.std(returns, ddof=1))
    assert value.sharpe == pytest.approx(0.001 / deviation * 252**0.5)
    assert told.volatility == pytest.approx(deviation * 252**0.5)
    assert told.most is not None
    assert told.most >= high.joint_12
