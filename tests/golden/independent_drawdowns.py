"""What drawdowns and the feasibility of a target should give, by another method.

Nothing here calls what it judges.
"""

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath as mp
import numpy as np
import scipy.optimize
import scipy.stats
from tests.golden.independent_rules import exact

NORMAL = statistics.NormalDist()


# --- drawdowns ------------------------------------------------------------------------------------


def max_drawdown(returns: list[float]) -> Any:
    wealth = [Fraction(1)]
    for value in returns:
        wealth.append(wealth[-1] * (1 + exact(value)))
    return max(1 - b / a for i, a in enumerate(wealth) if a > 0 for b in wealth[i:])


def max_drawdown_with_flows(equity: list[float], flows: list[float]) -> Any:
    return max_drawdown(
        [
            float(exact(equity[t]) / (exact(equity[t - 1]) + exact(flows[t])) - 1)
            for t in range(1, len(equity))
        ]
    )


def exceeds(h: Any, mu: Any, sigma: Any, years: Any) -> Any:
    """Invert the transform with thirty digits and three times as many nodes."""
    m = mp.mpf(mu) / mp.mpf(sigma) ** 2

    def transform(s: Any) -> Any:
        delta = mp.sqrt(m * m + 2 * s / mp.mpf(sigma) ** 2)
        below = delta * mp.cosh(delta * h) - m * mp.sinh(delta * h)
        return delta * mp.exp(-m * h) / below / s

    return mp.invertlaplace(transform, years, method="talbot", degree=44)


def prob_mdd_exceeds_bm(h: float, mu: float, sigma: float, T: float) -> Any:  # noqa: N803
    return exceeds(mp.mpf(h), mu, sigma, T)


def expected_max_drawdown_bm(mu: float, sigma: float, T: float) -> Any:  # noqa: N803
    """Integrate the probabilities over all levels."""
    with mp.workdps(20):
        scale = sigma * math.sqrt(T) + max(-mu * T, 0.0)
        points, weights = np.polynomial.legendre.leggauss(24)
        total = mp.mpf(0)
        edges = (0.03, 0.06, 0.1, 0.15, 0.25, 0.6, 1.2, 2.0, 3.2, 6.0)
        for low, high in pairwise(edges):
            for x, w in zip(points, weights, strict=True):
                at = mp.mpf(scale * (low + (high - low) * (x + 1) / 2))
                total += w * scale * (high - low) / 2 * exceeds(at, mu, sigma, T)
        return total + 0.03 * scale  # so little is exceeded for certain


def emdd_q_function(sign: str, x: float) -> Any:
    drift = 1.0 if sign == "positive" else -1.0
    return expected_max_drawdown_bm(drift, math.sqrt(0.5), x)


def prob_mdd_below_gbm(
    sharpe: float,
    annual_vol: float,
    drawdown: float,
    years: float,
    monitoring: str,
    steps_per_year: float = 252.0,
) -> Any:
    vol, level = mp.mpf(annual_vol), -mp.log(1 - mp.mpf(drawdown))
    if monitoring == "daily":
        level += 2 * (-mp.zeta(0.5) / mp.sqrt(2 * mp.pi)) * vol / mp.sqrt(steps_per_year)
    return 1 - exceeds(level, sharpe * vol - vol**2 / 2, vol, years)


def max_vol_for_drawdown_budget(
    sharpe: float, drawdown: float, years: float, probability: float, steps_per_year: float
) -> Any:
    def surplus(vol: float) -> float:
        return float(
            prob_mdd_below_gbm(sharpe, vol, drawdown, years, "daily", steps_per_year) - probability
        )

    return scipy.optimize.bisect(surplus, 0.005, 0.6, xtol=1e-9)


def mean_time_to_drawdown(mu: float, sigma: float, h: float) -> Any:
    """Take the slope of the transform of the first time, at zero."""
    m, variance = mp.mpf(mu) / mp.mpf(sigma) ** 2, mp.mpf(sigma) ** 2

    def transform(s: Any) -> Any:
        delta = mp.sqrt(m * m + 2 * s / variance)
        below = delta * mp.cosh(delta * h) - m * mp.sinh(delta * h)
        return delta * mp.exp(-m * h) / below

    step = mp.mpf(10) ** -9
    with mp.workdps(50):
        return (
            -(transform(step) - transform(-step)) / (2 * step) if mu else (mp.mpf(h) / sigma) ** 2
        )


# --- feasibility ----------------------------------------------------------------------------------


def prob_month_at_least_gbm(sharpe: float, annual_vol: float, monthly: float) -> Any:
    """Integrate the density of a month's wealth."""
    drift, vol = (sharpe * annual_vol - annual_vol**2 / 2) / 12, annual_vol / mp.sqrt(12)

    def density(w: Any) -> Any:
        return mp.npdf(mp.log(w), drift, vol) / w

    start = 1 + mp.mpf(monthly)
    return mp.quad(density, [start, start + vol, start + 4 * vol, start + 20 * vol, mp.inf])


def goal_probability_upper_bound(sharpe: float, years: float, floor: float, target: float) -> Any:
    """Use the lemma of Neyman and Pearson: the most likely set that costs what there is.

    Under prices without an edge the chance of the goal is (1 − floor)/(target − floor); the set of
    that chance that is likeliest with the edge lies above a quantile of the noise.
    """
    chance = (1 - mp.mpf(floor)) / (mp.mpf(target) - floor)
    edge = mp.findroot(lambda q: mp.quad(mp.npdf, [q, q + 6, q + 40]) - chance, 1)
    shift = sharpe * mp.sqrt(years)
    return mp.quad(lambda z: mp.npdf(z - shift), [edge, edge + 6, edge + 20, edge + 60])


def twelve_month_streak_upper_bound(
    sharpe: float, monthly: float, drawdown: float, months: int
) -> Any:
    one = goal_probability_upper_bound(
        sharpe, mp.mpf(1) / 12, 1 - mp.mpf(drawdown), 1 + mp.mpf(monthly)
    )
    return mp.fprod([one] * months)


def constant_leverage_joint(
    sharpe: float,
    annual_vol: float,
    months: int,
    days_per_month: int,
    monthly: float,
    drawdown: float,
) -> Any:
    """Simulate wealth itself, step by step, with another generator and four times the paths."""
    source, counts, paths = np.random.Generator(np.random.MT19937(7)), np.zeros(4), 40
    for _ in range(paths):
        size = 10_000
        wealth, peak, deepest, opening = np.ones(size), np.ones(size), np.zeros(size), np.ones(size)
        made = np.zeros(size)
        for day in range(months * days_per_month):
            z = source.standard_normal(size)
            vol = annual_vol / math.sqrt(252)
            wealth = wealth * np.exp(sharpe * annual_vol / 252 - vol * vol / 2 + vol * z)
            peak = np.maximum(peak, wealth)
            deepest = np.maximum(deepest, 1 - wealth / peak)
            if (day + 1) % days_per_month == 0:
                made += wealth / opening >= 1 + monthly
                opening = wealth
        shallow, reached = deepest < drawdown, wealth >= (1 + monthly) ** months
        counts += [shallow.mean(), reached.mean(), (shallow & reached).mean(), made.mean() / months]
    names = ("prob_mdd_below", "prob_total_return", "joint", "prob_month")
    return dict(zip(names, counts / paths, strict=True))


def surplus_policy_joint(
    sharpe: float,
    multiplier_of_kelly: float,
    alpha: float,
    vol_cap: float,
    months: int,
    days_per_month: int,
) -> Any:
    source, counts, paths = np.random.Generator(np.random.MT19937(8)), np.zeros(4), 40
    for _ in range(paths):
        size = 10_000
        wealth, peak, deepest = np.ones(size), np.ones(size), np.zeros(size)
        for _day in range(months * days_per_month):
            z = source.standard_normal(size)
            vol = np.clip(multiplier_of_kelly * sharpe * (1 - alpha * peak / wealth), 0, vol_cap)
            wealth = wealth * (1 + vol * (sharpe / 252 + z / math.sqrt(252)))
            peak = np.maximum(peak, wealth)
            deepest = np.maximum(deepest, 1 - wealth / peak)
        shallow, reached = deepest < 0.08, wealth >= 1.05**months
        growth = np.log(wealth).mean() / months
        counts += [shallow.mean(), reached.mean(), (shallow & reached).mean(), growth]
    names = ("prob_mdd_below", "prob_total_return", "joint", "mean_log_growth_per_month")
    return dict(zip(names, counts / paths, strict=True))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        max_drawdown,
        max_drawdown_with_flows,
        prob_mdd_exceeds_bm,
        expected_max_drawdown_bm,
        emdd_q_function,
        prob_mdd_below_gbm,
        max_vol_for_drawdown_budget,
        mean_time_to_drawdown,
        prob_month_at_least_gbm,
        goal_probability_upper_bound,
        twelve_month_streak_upper_bound,
        constant_leverage_joint,
        surplus_policy_joint,
    )
}
