"""What daily returns of a sleeve say: worst days, volatility, mean, and how far to trust them."""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from smart_leverage.domain.evidence import DAYS_MIN, DAYS_MIN_MEAN, SleeveFigures
from smart_leverage.policy.kelly import kelly_estimation_shrinkage
from smart_leverage.policy.volatility import ewma_volatility
from smart_leverage.research.verify.drawdown_laws import max_vol_for_drawdown_budget
from smart_leverage.research.verify.record import days_a_year
from smart_leverage.research.verify.tail import expected_shortfall_unit

DECAY = 0.94
LEVEL, DEGREES = 0.975, 4.0
DRAWDOWN, KEPT, TARGET_MAX = 0.08, 0.90, 0.10
"""The drawdown of a year that is to be stayed below, how surely, and the highest target."""

LOW = 0.10
"""Probability that a mean lies below its lower bound."""

DIGITS = 10


class Returns(NamedTuple):
    """Daily returns at exposure 1, fractions, and the dates of their days."""

    dates: Sequence[str]
    values: Sequence[float]


class Mean(NamedTuple):
    """Lower bounds a year: of the mean return, and of the Sharpe ratio."""

    low: float
    sharpe_low: float


def sleeve_figures(returns: Returns) -> SleeveFigures:
    """Return the figures of a sleeve; what needs more days than there are is left empty.

    - es_per_unit: expected shortfall of a day at 97.5 %, the worse of sample and Student, ν = 4.
    - volatility: exponentially weighted, 0.94 a day, annualised by 365 where weekends are among
      the days, else by 252.
    - volatility_target: the largest with which a year's drawdown on daily closes stays below 8 %
      with a probability of 0.90, at the lower bound of the Sharpe ratio and at 0 at least; at most
      10 %.
    - mean_low: bound of the annual mean that lies below it with 90 %, from Student's t; cash is
      taken to bear nothing, and days to be independent.
    - kelly_best: θ²T/(1 + θ²T), θ the lower bound of the Sharpe ratio, 0 where it is negative.

    Args:
        returns: (n,), oldest first; each above −1.
    """
    days = len(returns.values)
    values = np.asarray(returns.values, dtype=np.float64)
    if days < DAYS_MIN or np.ptp(values) == 0.0:
        return SleeveFigures(days=days)
    per_year = days_a_year(map(date.fromisoformat, returns.dates))
    mean = mean_low(values.tolist(), per_year)
    floor = max(mean.sharpe_low, 0.0)
    target = max_vol_for_drawdown_budget(floor, DRAWDOWN, 1.0, KEPT, float(per_year))
    figures = SleeveFigures(
        days=days,
        es_per_unit=number(expected_shortfall_unit(values, LEVEL, DEGREES)),
        volatility=number(ewma_volatility(values.tolist(), DECAY, per_year)[-1]),
        volatility_target=number(min(target, TARGET_MAX)),
    )
    if days < DAYS_MIN_MEAN:
        return figures
    best = kelly_estimation_shrinkage(floor, days / per_year).optimal_multiplier
    return SleeveFigures(
        days=days,
        es_per_unit=figures.es_per_unit,
        volatility=figures.volatility,
        volatility_target=figures.volatility_target,
        mean_low=number(mean.low),
        kelly_best=number(best),
    )


def mean_low(values: Sequence[float], per_year: int) -> Mean:
    """Return the lower bounds of mean and Sharpe ratio a year; see `sleeve_figures`.

    Args:
        values: (n,), two different ones at least.
        per_year: Days a year.
    """
    deviation = float(np.std(values, ddof=1))
    width = -float(stdtrit(len(values) - 1, LOW)) * deviation / math.sqrt(len(values))
    low = (float(np.mean(values)) - width) * per_year
    return Mean(low, low / (deviation * math.sqrt(per_year)))


def number(value: float) -> str:
    """Return a figure as evidence holds it, to ten digits; empty where it is not known."""
    return repr(float(f"{value:.{DIGITS}g}")) if math.isfinite(value) else ""
