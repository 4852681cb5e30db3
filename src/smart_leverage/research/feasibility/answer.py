"""How likely a target is inside a drawdown at a Sharpe ratio, and the verdict on it.

Independent normal days at a constant volatility are assumed; a record gives the Sharpe ratio only.
"""

import math
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from smart_leverage.research.feasibility.bounds import (
    goal_probability_upper_bound,
    prob_month_at_least_gbm,
)
from smart_leverage.research.feasibility.joint import (
    constant_leverage_joint,
    surplus_policy_joint,
)
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.drawdown_laws import prob_mdd_exceeds_bm
from smart_leverage.research.verify.resampling import bootstrap_interval

VOLATILITIES = tuple(0.06 + 0.02 * step for step in range(11))
MULTIPLES = (0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
PATHS = 4000
"""Of each step of a search."""
CLOSES = 2.0 * 0.5826 / math.sqrt(252.0)
"""So many volatilities a year a fall is deeper at some moment than at the daily closes, mean."""
KEPT = 0.9
"""In so many years of all the drawdown is kept, where a Sharpe ratio counts as enough."""
TOLD_PATHS = 20_000
"""Of what is told."""


class Verdict(StrEnum):
    """What may be said at the ends of the interval of the Sharpe ratio."""

    ATTAINABLE = "attainable"
    NOT_ATTAINABLE = "not attainable"
    UNDECIDED = "undecided"


class Chance(NamedTuple):
    """Probabilities at one Sharpe ratio and a volatility a year."""

    sharpe: float
    volatility: float
    month: float
    below_1: float
    below_3: float
    below_12: float
    joint_1: float
    joint_3: float
    joint_12: float


def sharpe_interval(
    returns: FloatArray, per_year: int = 252, seed: int = 0
) -> tuple[float, float, float]:
    """Return lower end, value and upper end of the Sharpe ratio a year, at 90 %.

    Args:
        returns: (n,), daily.
        per_year: How many of them a year has.
        seed: Of the block bootstrap.
    """

    def sharpe(values: FloatArray) -> float:
        spread = float(np.std(values, ddof=1))
        return float(np.mean(values)) / spread * math.sqrt(per_year) if spread > 0.0 else math.nan

    found = bootstrap_interval(returns, sharpe, 0.90, seed=seed)
    return found.lower, found.value, found.upper


def best_volatility(sharpe: float, monthly: float, drawdown: float) -> float:
    """Return the constant volatility a year of a grid that makes both likeliest in a year."""

    def both(vol: float) -> float:
        return constant_leverage_joint(
            sharpe, vol, monthly=monthly, drawdown=drawdown, paths=PATHS, seed=1
        ).joint

    return max(VOLATILITIES, key=both)


def chance(sharpe: float, vol: float, monthly: float, drawdown: float) -> Chance:
    """Return the probabilities at a Sharpe ratio and a volatility, both a year."""
    found = [
        constant_leverage_joint(sharpe, vol, months, monthly=monthly, drawdown=drawdown,
                                paths=TOLD_PATHS, seed=2)
        for months in (1, 3, 12)
    ]  # fmt: skip
    below, joint = [one.prob_mdd_below for one in found], [one.joint for one in found]
    return Chance(sharpe, vol, prob_month_at_least_gbm(sharpe, vol, monthly), *below, *joint)


def surplus(sharpe: float, monthly: float, drawdown: float) -> tuple[float, float]:
    """Return the best multiple of Kelly for the surplus rule, and the probability of both."""
    if sharpe <= 0.0:
        return 0.0, 0.0  # the rule holds nothing without an edge
    found = {
        multiple: surplus_policy_joint(sharpe, multiple, 1.0 - drawdown, 3.0, monthly=monthly,
                                       drawdown=drawdown, paths=PATHS, seed=2).joint
        for multiple in MULTIPLES
    }  # fmt: skip
    best = max(found, key=lambda multiple: found[multiple])
    return best, found[best]


def most(sharpe: float, monthly: float, drawdown: float) -> float:
    """Return a probability of both in a year that no sizing passes.

    It is that of the likeliest way to the year's goal before the floor is met; the months between
    and the drawdown from later peaks are not asked of it, so the true one lies below.
    """
    goal = (1.0 + monthly) ** 12
    return goal_probability_upper_bound(sharpe, 1.0, 1.0 - drawdown, goal)


def verdict(lower_joint: float, upper_most: float) -> Verdict:
    """Return the verdict: the joint probability at the low end, the best rule's at the high end."""
    if lower_joint >= 0.5:
        return Verdict.ATTAINABLE
    return Verdict.NOT_ATTAINABLE if upper_most < 0.5 else Verdict.UNDECIDED


def sharpe_needed(monthly: float, drawdown: float) -> float:
    """Return the Sharpe ratio of a median month at the target, drawdown kept 9 times in 10.

    The volatility is the Sharpe ratio's own best for that; drawdowns are those of daily closes.
    """
    goal, depth = 12.0 * math.log1p(monthly), -math.log1p(-drawdown)

    def is_enough(sharpe: float) -> bool:
        room = sharpe**2 - 2.0 * goal
        if room < 0.0:
            return False  # no volatility makes the median month
        least = sharpe - math.sqrt(room)
        for vol in least * np.linspace(1.0, 1.5, 11):
            drift = sharpe * float(vol) - float(vol) ** 2 / 2.0
            fall = prob_mdd_exceeds_bm(depth + CLOSES * float(vol), drift, float(vol), 1.0)
            if fall <= 1.0 - KEPT:
                return True
        return False

    low, high = 0.0, 40.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
