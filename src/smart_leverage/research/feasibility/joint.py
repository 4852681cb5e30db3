"""How likely a year makes its target and stays inside its drawdown, both at once, by simulation.

Steps are days; the drawdown is judged on closes. A seed gives the same paths always; each share has
a Monte Carlo error of √(p(1 − p)/paths), about 0.0013 for one half at the usual number.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from smart_leverage.research.numbers import FloatArray, finite, positive, whole, within

PATHS = 150_000
PATHS_AT_ONCE = 4096
TRADING_DAYS = 252.0
TOLERANCE = 1e-12


class ConstantJoint(NamedTuple):
    """Shares of paths at a constant volatility."""

    prob_mdd_below: float
    prob_total_return: float
    """The return of all months reaches what the monthly target compounds to."""
    joint: float
    prob_month: float
    """Share of months that reach the target, over all paths."""
    prob_every_month: float
    """Every month reaches the target, and the drawdown stays below."""


class SurplusJoint(NamedTuple):
    """Shares of paths under the surplus rule."""

    prob_mdd_below: float
    prob_total_return: float
    joint: float
    mean_log_growth_per_month: float


def constant_leverage_joint(
    sharpe: float,
    annual_vol: float,
    months: int = 12,
    days_per_month: int = 21,
    monthly: float = 0.05,
    drawdown: float = 0.08,
    paths: int = PATHS,
    seed: int = 0,
) -> ConstantJoint:
    """Return how likely a constant volatility makes the target inside the drawdown.

    Args:
        sharpe: Sharpe ratio a year, in excess of cash.
        annual_vol: Held all the time, above 0.
        months: Of the horizon.
        days_per_month: A year has 252 of them.
        monthly: Target, fraction above −1.
        drawdown: Fraction in (0, 1), on closes.
        paths: Simulated.
        seed: Of the simulation.
    """
    vol, count = positive(annual_vol, "annual_vol"), whole(months, "months", 1)
    goal = math.log1p(within(monthly, "monthly", -1.0, math.inf)) - TOLERANCE
    depth = -math.log1p(-within(drawdown, "drawdown", 0.0, 1.0)) - TOLERANCE
    days = whole(days_per_month, "days_per_month", 1)
    drift = (finite(sharpe, "sharpe") * vol - vol * vol / 2.0) / TRADING_DAYS
    hits = np.zeros(5)
    for noise in _noise(count * days, paths, seed):
        wealth, peak, deepest, months_made = (np.zeros(noise.shape[1]) for _ in range(4))
        opening = wealth.copy()
        for day, shock in enumerate(noise, start=1):
            wealth += vol / math.sqrt(TRADING_DAYS) * shock + drift
            np.maximum(peak, wealth, out=peak)
            np.maximum(deepest, peak - wealth, out=deepest)
            if day % days == 0:
                months_made += wealth - opening >= goal
                opening = wealth.copy()
        is_shallow, is_reached = deepest < depth, wealth >= count * goal
        hits += [
            is_shallow.sum(),
            is_reached.sum(),
            (is_shallow & is_reached).sum(),
            months_made.sum() / count,
            (is_shallow & (months_made == count)).sum(),
        ]
    return ConstantJoint(*(float(hit) / paths for hit in hits))


def surplus_policy_joint(
    sharpe: float,
    multiplier_of_kelly: float,
    alpha: float,
    vol_cap: float,
    months: int = 12,
    days_per_month: int = 21,
    monthly: float = 0.05,
    drawdown: float = 0.08,
    paths: int = PATHS,
    seed: int = 0,
) -> SurplusJoint:
    """Return how likely the surplus rule, set once a day, makes the target inside the drawdown.

    The volatility held on a day is multiplier × Sharpe × (1 − α·peak/wealth).

    Args:
        sharpe: Sharpe ratio a year, in excess of cash.
        multiplier_of_kelly: In units of the Kelly leverage, 0 or more.
        alpha: Floor as a fraction of the peak, in (0, 1).
        vol_cap: Largest volatility a year held on any day, above 0.
        months: Of the horizon.
        days_per_month: A year has 252 of them.
        monthly: Target, fraction above −1.
        drawdown: Fraction in (0, 1), on closes.
        paths: Simulated.
        seed: Of the simulation.
    """
    theta, cap = finite(sharpe, "sharpe"), positive(vol_cap, "vol_cap")
    floor, count = within(alpha, "alpha", 0.0, 1.0), whole(months, "months", 1)
    scale = positive(multiplier_of_kelly, "multiplier_of_kelly") * theta
    goal = math.exp(count * math.log1p(within(monthly, "monthly", -1.0, math.inf))) - TOLERANCE
    depth = within(drawdown, "drawdown", 0.0, 1.0) - TOLERANCE
    days = whole(days_per_month, "days_per_month", 1)
    totals = np.zeros(4)
    for noise in _noise(count * days, paths, seed):
        wealth, peak = np.ones(noise.shape[1]), np.ones(noise.shape[1])
        wealth_share, lowest = np.ones(noise.shape[1]), np.ones(noise.shape[1])
        returns = theta / TRADING_DAYS + noise / math.sqrt(TRADING_DAYS)  # at volatility 1
        for day in returns:
            surplus = 1.0 - floor / wealth_share
            wealth *= 1.0 + np.minimum(np.maximum(scale * surplus, 0.0), cap) * day
            np.maximum(wealth, 1e-12, out=wealth)  # a loss of everything is final
            np.maximum(peak, wealth, out=peak)
            np.divide(wealth, peak, out=wealth_share)
            np.minimum(lowest, wealth_share, out=lowest)
        is_shallow, is_reached = 1.0 - lowest < depth, wealth >= goal
        totals += [
            is_shallow.sum(),
            is_reached.sum(),
            (is_shallow & is_reached).sum(),
            np.log(wealth).sum() / count,
        ]
    return SurplusJoint(*(float(total) / paths for total in totals))


def _noise(steps: int, paths: int, seed: int) -> Iterator[FloatArray]:
    """Yield standard normal noise, (steps, some paths); the second half mirrors the first."""
    left, source = whole(paths, "paths", 1), np.random.default_rng(seed)
    while left:
        width = min(left, PATHS_AT_ONCE)
        half = source.standard_normal((steps, (width + 1) // 2))
        yield np.concatenate((half, -half), axis=1)[:, :width]
        left -= width
