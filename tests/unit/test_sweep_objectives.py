"""What is looked for, and the figures that it is made of."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.figures import Goal, Periods, day_returns, months_of, shortfall
from smart_leverage.research.sweep.objectives import OBJECTIVES, front, objectives_of


class Curve(NamedTuple):
    """A run of which only the curve is looked at."""

    curve: dict[str, np.ndarray]


@pytest.mark.parametrize(
    ("losses", "level", "mean"),
    [
        pytest.param([5.0, 1.0, 2.0, 3.0, 4.0], 0.6, 4.5, id="the-worst-two-of-five"),
        pytest.param([5.0, 1.0, 2.0, 3.0, 4.0], 0.5, (5 + 4 + 0.5 * 3) / 2.5, id="half-of-one"),
        pytest.param([5.0, 1.0], 0.975, 5.0, id="too-few-is-the-worst"),
        pytest.param([-1.0, -2.0], 0.5, -1.0, id="gains-are-negative-losses"),
    ],
)
def test_expected_shortfall_is_the_mean_of_the_worst_share(losses, level, mean) -> None:
    assert shortfall(np.array(losses), level) == pytest.approx(mean, rel=1e-12)


def test_expected_shortfall_of_nothing_is_not_known() -> None:
    assert math.isnan(shortfall(np.zeros(0), 0.975))


def test_expected_shortfall_is_the_least_over_all_thresholds() -> None:
    losses = np.random.default_rng(5).normal(size=333)
    least = min(a + np.maximum(losses - a, 0.0).sum() / (0.025 * 333) for a in losses)
    assert shortfall(losses, 0.975) == pytest.approx(least, rel=1e-12)


MONTHS = Periods(
    day=np.array([0, 1, 1, 2, 3, 4]), month=np.array([0, 0, 0, 1, 1, 2]), whole=frozenset((0, 1))
)
EQUITY = np.array([100.0, 87.5, 106.0, 100.0, 112.0, 200.0])
"""The first month gains 6 % and falls 12.5 % on the way, the second both 5.66 %."""


@pytest.mark.parametrize(
    ("goal", "good"),
    [
        pytest.param(Goal(0.05, 0.13), 2, id="both"),
        pytest.param(Goal(0.06, 0.13), 1, id="the-edge-of-the-return-is-good"),
        pytest.param(Goal(0.05, 0.125), 1, id="the-edge-of-the-drawdown-is-not"),
        pytest.param(Goal(0.5, 0.13), 0, id="none-and-not-the-month-that-is-not-whole"),
    ],
)
def test_a_good_month_returns_the_goal_and_never_falls_as_deep_as_its_drawdown(goal, good) -> None:
    months = months_of(Curve({"equity": EQUITY}), MONTHS, 100.0, goal)  # type: ignore[arg-type]
    assert (months.months, months.months_good) == (2, good)
    assert months.month_worst == pytest.approx(112 / 106 - 1)
    assert months.month_fall == 0.125


def test_days_go_from_last_mark_to_last_mark_and_the_last_one_is_not_over() -> None:
    found = day_returns(EQUITY, MONTHS.day, 80.0)
    assert found == pytest.approx([0.25, 0.06, 100 / 106 - 1, 0.12])


def values(name: str, **figures: float) -> float:
    columns = {key: np.array([value]) for key, value in figures.items()}
    return float(OBJECTIVES[name].value(columns, Goal())[0])


def test_whatever_breaks_the_drawdown_stands_below_whatever_keeps_it() -> None:
    kept = values("growth_bounded", growth=-0.07, drawdown=0.0799)
    broken = values("growth_bounded", growth=9.0, drawdown=0.08)
    worse = values("growth_bounded", growth=9.0, drawdown=0.5)
    assert kept > broken > worse


def test_no_whole_month_is_no_probability_and_no_deviation_no_sharpe() -> None:
    assert math.isnan(values("goal_reached", months=0.0, months_good=0.0))
    assert values("goal_reached", months=4.0, months_good=1.0) == 0.25
    assert math.isnan(values("sharpe", day_mean=0.0, day_std=0.0))


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_what_is_not_known_is_worse_than_everything(name: str) -> None:
    losses = OBJECTIVES[name].losses(np.array([np.nan, 1.0, 2.0]))
    assert losses[0] == np.inf
    assert (losses[1] > losses[2]) == OBJECTIVES[name].is_more_better


def test_the_front_is_what_nothing_beats_in_everything() -> None:
    chance = np.random.default_rng(3)
    losses = np.round(chance.random((200, 3)), 1)
    losses[7] = np.inf
    beaten = [
        any((other <= row).all() and (other < row).any() for other in losses) for row in losses
    ]
    wanted = ~np.array(beaten) & np.isfinite(losses).all(axis=1)
    assert (front(losses) == wanted).all()


@pytest.mark.parametrize(
    ("names", "has_months", "told"),
    [
        pytest.param(["groth"], True, "did you mean growth?", id="unknown"),
        pytest.param(["growth", "growth"], True, "each once", id="twice"),
        pytest.param([], True, "at least one", id="none"),
        pytest.param(["goal_reached"], False, "leave out months = false", id="needs-the-curve"),
    ],
)
def test_objectives_that_cannot_be_are_refused(names, has_months, told) -> None:
    with pytest.raises(ConfigError) as refused:
        objectives_of(names, has_months=has_months)
    assert told in str(refused.value)
