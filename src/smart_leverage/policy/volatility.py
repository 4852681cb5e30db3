"""How wild a market is: weighted variance, its ratio to normal, and what leverage makes of it."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from smart_leverage.policy.arithmetic import exponential_less_one
from smart_leverage.rule import rule


class VolatilityMemory(NamedTuple):
    """How fast old returns are forgotten; weights of the past in (0, 1)."""

    decay_realised: float = 0.94
    decay_reference: float = 0.99
    returns_min: int = 20
    """Fewest returns before a ratio is stated."""


class VolatilityState(NamedTuple):
    """Two weighted variances of the same returns: what is, and what is usual."""

    realised: float
    reference: float
    returns: int


class LeveredPath(NamedTuple):
    """A fund that is rebalanced to its factor every day, beside the naive multiple."""

    levered_return: float
    leverage_times_return: float
    gap: float


@rule
def levered_growth(growth: float, daily_return: float, leverage: float) -> float:
    """Return the value of a daily rebalanced fund after one more day, never below zero.

    Args:
        growth: Value before the day, 1.0 at the start.
        daily_return: Return of what the fund follows, fraction. NaN stays NaN.
        leverage: The fund's factor; negative for inverse funds.
    """
    factor = 1.0 + leverage * daily_return
    if factor < 0.0:
        return 0.0
    return growth * factor


@rule
def leveraged_return_exact(
    underlying_return: float,
    leverage: float,
    integrated_variance: float,
    rate: float,
    years: float,
) -> float:
    """Return what a continuously rebalanced fund earns over a span of time, fees left out.

    The decay (L² − L)/2 × variance is zero for factors 0 and 1 and positive outside.

    Args:
        underlying_return: Return of what the fund follows over the span, fraction above −1.
        leverage: The fund's factor.
        integrated_variance: Annualised variance x years over the span.
        rate: Interest per year, continuously compounded.
        years: Length of the span.

    Returns:
        Fraction; NaN at a total loss of the underlying.

    Source:
        Avellaneda and Zhang 2010.
    """
    if not underlying_return > -1.0:
        return math.nan
    decay = 0.5 * (leverage * leverage - leverage) * integrated_variance
    financing = (1.0 - leverage) * rate * years
    return exponential_less_one(leverage * math.log1p(underlying_return) - decay + financing)


@rule
def ewma_step(variance: float, value: float, decay: float) -> float:
    """Return an exponentially weighted variance after one more return; the mean is taken as zero.

    What is known after a return may size only what is held after it.

    Args:
        variance: Variance before, per period. NaN: this is the first return.
        value: The return. NaN or infinite: the variance stays as it was.
        decay: Weight of the past, 0.94 for days.

    Source:
        RiskMetrics 1996.
    """
    if not math.isfinite(value):
        return variance
    square = value * value
    if not variance >= 0.0:
        return square
    return decay * variance + (1.0 - decay) * square


@rule
def annualised(variance: float, periods_per_year: float) -> float:
    """Return volatility per year from variance per period; NaN when either is unknown.

    Args:
        variance: Per period.
        periods_per_year: 252 for sessions, 365 for days of coins, 8760 for their hours.
    """
    scaled = variance * periods_per_year
    if not scaled >= 0.0:
        return math.nan
    return math.sqrt(scaled)


@rule
def vol_target_scale(target: float, sigma: float, lower: float, upper: float) -> float:
    """Return the exposure that brings volatility to a target, within bounds.

    Args:
        target: Wanted volatility, same period as `sigma`.
        sigma: Volatility at exposure 1. Not positive or NaN: the lower bound.
        lower: Smallest scale.
        upper: Largest scale.
    """
    if not sigma > 0.0:
        return lower
    scale = target / sigma
    if not scale > lower:
        return lower
    if scale > upper:
        return upper
    return scale


@rule
def step_volatility(state: VolatilityState, value: float, at: VolatilityMemory) -> VolatilityState:
    """Return both variances after one more return; NaN or infinity changes nothing.

    Args:
        state: Before; NaN variances and 0 returns at the start.
        value: Return of one period, fraction.
        at: Weights of the past.
    """
    returns = state.returns
    if math.isfinite(value):
        returns = returns + 1
    return VolatilityState(
        realised=ewma_step(state.realised, value, at.decay_realised),
        reference=ewma_step(state.reference, value, at.decay_reference),
        returns=returns,
    )


@rule
def volatility_ratio(state: VolatilityState, at: VolatilityMemory) -> float:
    """Return realised over reference volatility of the same period: 1.0 is normal.

    Returns:
        Ratio above 0.0; NaN, which denies sizing, before there are enough returns or when the
        reference never moved.
    """
    if state.returns < at.returns_min or not state.reference > 0.0:
        return math.nan
    ratio = state.realised / state.reference
    if not 0.0 < ratio < math.inf:
        return math.nan
    return math.sqrt(ratio)


def ewma_volatility(returns: Iterable[float], decay: float, periods_per_year: float) -> list[float]:
    """Return the annualised volatility after each return.

    Args:
        returns: One per period, oldest first.
        decay: Weight of the past.
        periods_per_year: Calendar of the series.

    Returns:
        As many values as returns; the value at an index includes the return at that index.
    """
    variance = math.nan
    path = []
    for value in returns:
        variance = ewma_step(variance, value, decay)
        path.append(annualised(variance, periods_per_year))
    return path


def daily_rebalanced_leverage(returns: Iterable[float], leverage: float) -> LeveredPath:
    """Return what a daily rebalanced fund earned, and how far that is from the naive multiple.

    Args:
        returns: Daily returns of what the fund follows, oldest first.
        leverage: The fund's factor.
    """
    levered = plain = 1.0
    for value in returns:
        levered = levered_growth(levered, value, leverage)
        plain = levered_growth(plain, value, 1.0)
    naive = leverage * (plain - 1.0)
    return LeveredPath(
        levered_return=levered - 1.0,
        leverage_times_return=naive,
        gap=levered - 1.0 - naive,
    )
