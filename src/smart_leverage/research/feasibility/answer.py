"""How likely a target is inside a drawdown at a Sharpe ratio that is taken as known.

Independent normal days are assumed; `record` answers from days that happened.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from smart_leverage.research.feasibility.best_rule import Goal, best_rule_value
from smart_leverage.research.feasibility.bounds import (
    goal_probability_upper_bound,
    prob_month_at_least_gbm,
)
from smart_leverage.research.feasibility.histories import HORIZONS, Target
from smart_leverage.research.feasibility.joint import (
    constant_leverage_joint,
    surplus_policy_joint,
)
from smart_leverage.research.verify.drawdown_laws import (
    max_vol_for_drawdown_budget,
    prob_mdd_below_gbm,
)

VOLATILITIES = tuple(0.06 + 0.02 * step for step in range(11))
"""Tried for a drawdown of 8 %, and in proportion for others."""
AT_PEAK = (0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.40, 0.50)
"""Volatilities a year that the surplus rule holds at the peak, likewise."""
PATHS = 4000
"""Of each step of a search."""
TOLD_PATHS = 20_000
"""Of what is told."""
KEPT = 0.9
"""In so many years of all the drawdown is kept, where a Sharpe ratio counts as enough."""
EVEN = 0.5
SHARPE_MOST = 20.0


class Verdict(StrEnum):
    """What may be said at the ends of the interval of the Sharpe ratio."""

    ATTAINABLE = "attainable"
    NOT_ATTAINABLE = "not attainable"
    UNDECIDED = "undecided"


class Chance(NamedTuple):
    """Probabilities at one Sharpe ratio and a volatility a year, held all the time."""

    sharpe: float
    volatility: float
    month: float
    below_1: float
    below_3: float
    below_12: float
    joint_1: float
    joint_3: float
    joint_12: float


class Budget(NamedTuple):
    """What a Sharpe ratio buys while the drawdown is kept with a probability.

    Attributes:
        sharpe: A year.
        kept: Probability that the drawdown of a year stays below.
        volatility: The largest that does, a year.
        monthly: Median month at it, fraction.
    """

    sharpe: float
    kept: float
    volatility: float
    monthly: float


def best_volatility(
    sharpe: float,
    target: Target,
    *,
    grid: Sequence[float] = VOLATILITIES,
    paths: int = PATHS,
) -> float:
    """Return the constant volatility a year of a grid that makes both likeliest in a year."""

    def both(vol: float) -> float:
        return constant_leverage_joint(
            sharpe, vol, monthly=target.monthly, drawdown=target.drawdown, paths=paths, seed=1
        ).joint

    return max((vol * target.scale for vol in grid), key=both)


def chance(sharpe: float, vol: float, target: Target) -> Chance:
    """Return the probabilities at a Sharpe ratio and a volatility, both a year."""
    found = [
        constant_leverage_joint(sharpe, vol, months, monthly=target.monthly,
                                drawdown=target.drawdown, paths=TOLD_PATHS, seed=2)
        for months in HORIZONS
    ]  # fmt: skip
    below, joint = [one.prob_mdd_below for one in found], [one.joint for one in found]
    return Chance(sharpe, vol, prob_month_at_least_gbm(sharpe, vol, target.monthly), *below, *joint)


def surplus(sharpe: float, target: Target, paths: int = PATHS) -> tuple[float, float]:
    """Return the best multiple of Kelly for the surplus rule, and the probability of both.

    The multiple is chosen on other paths than those that are told.

    Args:
        sharpe: A year.
        target: To be made.
        paths: Simulated; at most `PATHS` of them for each step of the search.
    """
    if sharpe <= 0.0:
        return 0.0, 0.0  # the rule holds nothing without an edge

    def both(multiple: float, paths: int, seed: int) -> float:
        return surplus_policy_joint(
            sharpe, multiple, 1.0 - target.drawdown, 3.0, monthly=target.monthly,
            drawdown=target.drawdown, paths=paths, seed=seed,
        ).joint  # fmt: skip

    multiples = [vol * target.scale / (sharpe * target.drawdown) for vol in AT_PEAK]
    best = max(multiples, key=lambda multiple: both(multiple, min(paths, PATHS), 1))
    return best, both(best, paths, 2)


def best_value(sharpe: float, target: Target, months: int = 12) -> float:
    """Return what the best of all rules makes, see `best_rule`."""
    return best_rule_value(Goal(sharpe, target.monthly, target.drawdown, months))


def most(sharpe: float, target: Target) -> float:
    """Return a probability of both in a year that no sizing passes.

    It is that of the likeliest way to the year's goal before the floor is met; the months between
    and the drawdown from later peaks are not asked of it, so the true one lies below. Whoever has a
    losing strategy can bet at once, before it has lost: no less than without an edge.
    """
    goal = (1.0 + target.monthly) ** 12
    return goal_probability_upper_bound(max(sharpe, 0.0), 1.0, 1.0 - target.drawdown, goal)


def verdict(lower_joint: float, upper_best: float) -> Verdict:
    """Return the verdict: the joint probability at the low end, the best rule's at the high end."""
    if lower_joint >= EVEN:
        return Verdict.ATTAINABLE
    return Verdict.NOT_ATTAINABLE if upper_best < EVEN else Verdict.UNDECIDED


def even_by_best(target: Target) -> float:
    """Return the Sharpe ratio at which the best of all rules makes both every second year."""

    def over(sharpe: float) -> float:
        value = best_value(sharpe, target)
        return float(ndtri(min(max(value, 1e-9), 1.0 - 1e-9)))  # nearly a line, so few steps do

    return _crossing(over, 0.02)


def even_by_surplus(target: Target, paths: int = PATHS) -> float:
    """Return the Sharpe ratio at which the surplus rule makes both every second year."""
    return _crossing(lambda sharpe: surplus(sharpe, target, paths)[1] - EVEN, 0.02)


def _crossing(over: Callable[[float], float], near: float) -> float:
    """Return where a rising function passes 0; infinity where it does not up to 20.

    Minus infinity where it has passed at 0: no skill is needed.
    """
    low, high = 0.0, 4.0
    if over(low) >= 0.0:
        return -math.inf
    while over(high) < 0.0:
        low, high = high, 2.0 * high
        if high > SHARPE_MOST:
            return math.inf
    return float(brentq(over, low, high, xtol=near, rtol=1e-9))


def budget(sharpe: float, drawdown: float, kept: float = KEPT) -> Budget:
    """Return the volatility that keeps a drawdown for a year, and the median month it buys."""
    vol = max_vol_for_drawdown_budget(sharpe, drawdown, 1.0, kept)
    monthly = math.expm1((sharpe * vol - vol * vol / 2.0) / 12.0) if vol < math.inf else math.inf
    return Budget(sharpe, kept, vol, monthly)


def sharpe_needed(target: Target, kept: float = KEPT) -> float:
    """Return the Sharpe ratio of a median month at the target, drawdown kept as often as told.

    The volatility is the Sharpe ratio's own best for that; drawdowns are those of daily closes.
    """
    goal = 12.0 * math.log1p(target.monthly)

    def is_enough(sharpe: float) -> bool:
        room = sharpe**2 - 2.0 * goal
        if room < 0.0:
            return False  # no volatility makes the median month
        least = sharpe - math.sqrt(room)
        return any(
            prob_mdd_below_gbm(sharpe, float(vol), target.drawdown, 1.0) >= kept
            for vol in least * np.linspace(1.0, 1.5, 11)
        )

    low, high = 0.0, 40.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
