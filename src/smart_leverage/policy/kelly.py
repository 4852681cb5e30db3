"""What growth alone would stake, and how much less an uncertain edge allows.

Two things are called Kelly and must not be mixed: a *fraction of equity staked* on a bet that loses
everything staked, and a *leverage*, which may exceed 1 because a position loses a part of itself.
"""

import math
from typing import NamedTuple

from smart_leverage.policy.arithmetic import exponential, finite_or_zero
from smart_leverage.policy.beta import beta_quantile
from smart_leverage.rule import rule


class Stake(NamedTuple):
    """The stake that growth asks for, negative where the bet loses, and the one to take."""

    full: float
    used: float


class GrowthOptimum(NamedTuple):
    """The leverage that grows fastest, that growth a year, and the Sharpe ratio a year."""

    leverage: float
    growth: float
    sharpe: float


class FractionOfKelly(NamedTuple):
    """What a fraction keeps of the best growth, and the risk of ever falling to the floor."""

    relative_growth: float
    prob_ever_below_floor: float


class Shrinkage(NamedTuple):
    """How much of an estimated optimum to use, and the growth a year of three ways to bet."""

    optimal_multiplier: float
    growth_at_optimal: float
    growth_full_plugin: float
    growth_known: float


class PosteriorStake(NamedTuple):
    """Win rate believed and its lower bound, each with the stake that it supports."""

    posterior_mean: float
    kelly_mean: float
    p_lower: float
    kelly_lower: float


@rule
def kelly_binary(p: float, gain: float, loss: float) -> Stake:
    """Return the stake that makes a repeated bet grow fastest.

    Args:
        p: Probability to win, in [0, 1].
        gain: Won per unit staked, above 0.
        loss: Lost per unit staked, above 0. At 1 the answer is a fraction of equity; below 1, where
            only a part of the position can be lost, it is a leverage.

    Returns:
        `full` is p/loss − (1 − p)/gain, `used` is never below 0.0; NaN and 0.0 outside of these
        ranges.

    Source:
        Kelly 1956; Thorp 2006.
    """
    if not (0.0 <= p <= 1.0 and 0.0 < gain < math.inf and 0.0 < loss < math.inf):
        return Stake(full=math.nan, used=0.0)
    full = p / loss - (1.0 - p) / gain
    return Stake(full=full, used=finite_or_zero(full))


@rule
def log_growth_binary(p: float, gain: float, loss: float, fraction: float) -> float:
    """Return the expected log growth of equity per bet.

    Args:
        p: Probability to win, in [0, 1].
        gain: Won per unit staked, above 0.
        loss: Lost per unit staked, above 0.
        fraction: Staked, 0 or more.

    Returns:
        Log growth; minus infinity where a loss takes everything; NaN outside of these ranges.
    """
    if not (0.0 <= p <= 1.0 and gain > 0.0 and loss > 0.0 and fraction >= 0.0):
        return math.nan
    won = p * math.log1p(fraction * gain) if p > 0.0 else 0.0
    if p == 1.0:
        return won
    if not fraction * loss < 1.0:
        return -math.inf
    return won + (1.0 - p) * math.log1p(-fraction * loss)


@rule
def optimal_leverage_gbm(mu: float, rate: float, sigma: float) -> GrowthOptimum:
    """Return the constant leverage that grows fastest under a geometric Brownian motion.

    Args:
        mu: Expected return a year at leverage 1, arithmetic.
        rate: Interest a year.
        sigma: Volatility a year, above 0.

    Returns:
        Leverage (μ − r)/σ², negative where cash earns more; all NaN without a volatility.

    Source:
        Merton 1969; Thorp 2006, section 7.
    """
    variance = sigma * sigma
    if not (sigma > 0.0 and variance > 0.0):
        return GrowthOptimum(leverage=math.nan, growth=math.nan, sharpe=math.nan)
    sharpe = (mu - rate) / sigma
    return GrowthOptimum(
        leverage=(mu - rate) / variance, growth=rate + 0.5 * sharpe * sharpe, sharpe=sharpe
    )


@rule
def growth_rate_gbm(mu: float, rate: float, sigma: float, leverage: float) -> float:
    """Return the log growth a year of a constant leverage; NaN stays NaN.

    Args:
        mu: Expected return a year at leverage 1, arithmetic.
        rate: Interest a year.
        sigma: Volatility a year.
        leverage: Exposure, held by continuous rebalancing.
    """
    risk = leverage * sigma
    return rate + leverage * (mu - rate) - 0.5 * risk * risk


@rule
def fractional_kelly(fraction_of_kelly: float, floor_fraction: float) -> FractionOfKelly:
    """Return what betting a fraction of Kelly keeps and risks, in continuous time and for ever.

    Args:
        fraction_of_kelly: In (0, 2); from 2 on nothing grows and every floor is reached.
        floor_fraction: Of the equity at the *start*, not of its peak, in (0, 1).

    Returns:
        c(2 − c), and α^(2/c − 1); NaN and 1.0 when something is NaN or negative.

    Source:
        MacLean, Ziemba, Blazenko 1992; Thorp 2006.
    """
    if not (fraction_of_kelly >= 0.0 and floor_fraction >= 0.0):
        return FractionOfKelly(relative_growth=math.nan, prob_ever_below_floor=1.0)
    kept = fraction_of_kelly * (2.0 - fraction_of_kelly)
    risk = 1.0
    if fraction_of_kelly == 0.0 or floor_fraction == 0.0:
        risk = 0.0 if floor_fraction < 1.0 else 1.0
    elif fraction_of_kelly < 2.0 and floor_fraction < 1.0:
        risk = exponential((2.0 / fraction_of_kelly - 1.0) * math.log(floor_fraction))
    return FractionOfKelly(relative_growth=kept, prob_ever_below_floor=risk)


@rule
def kelly_estimation_shrinkage(sharpe_true: float, years_of_data: float) -> Shrinkage:
    """Return how much of an estimated optimum to use, when the estimate comes from few years.

    Betting all of it loses money in expectation while Sharpe² x years is below 1.

    Args:
        sharpe_true: Sharpe ratio a year. Use a lower bound of it, never the estimate.
        years_of_data: Behind the estimate, above 0.

    Returns:
        Multiplier in [0, 1], growth in logs a year; multiplier 0.0 when something is NaN or there
        are no years.

    Source:
        Quadratic growth; compare Baker and McHale 2013, Kan and Zhou 2007.
    """
    square = sharpe_true * sharpe_true
    evidence = square * years_of_data
    if not (years_of_data > 0.0 and evidence >= 0.0):
        return Shrinkage(
            optimal_multiplier=0.0,
            growth_at_optimal=0.0,
            growth_full_plugin=-math.inf,
            growth_known=0.5 * square,
        )
    multiplier = evidence / (1.0 + evidence) if evidence < math.inf else 1.0
    return Shrinkage(
        optimal_multiplier=multiplier,
        growth_at_optimal=0.5 * square * multiplier,
        growth_full_plugin=square - 0.5 * (square + 1.0 / years_of_data),
        growth_known=0.5 * square,
    )


@rule
def kelly_posterior(
    prior_a: float,
    prior_b: float,
    wins: float,
    trades: float,
    payoff_ratio: float,
    lower_quantile: float,
) -> PosteriorStake:
    """Return what a record of wins supports: the stake of its mean, and of its lower bound.

    Args:
        prior_a: Wins believed in advance, above 0.
        prior_b: Losses believed in advance, above 0.
        wins: Closed trades won; may be discounted, so not whole.
        trades: Closed trades, at least as many.
        payoff_ratio: Mean win over mean loss, above 0.
        lower_quantile: Probability that the win rate lies below the bound, in (0, 1).

    Returns:
        Stakes in [0, 1]; stakes of 0.0 outside of these ranges.
    """
    a = prior_a + wins
    b = prior_b + trades - wins
    if not (prior_a > 0.0 and prior_b > 0.0 and 0.0 <= wins <= trades < math.inf):
        return PosteriorStake(
            posterior_mean=math.nan, kelly_mean=0.0, p_lower=math.nan, kelly_lower=0.0
        )
    mean = a / (a + b)
    lower = beta_quantile(lower_quantile, a, b)
    return PosteriorStake(
        posterior_mean=mean,
        kelly_mean=kelly_binary(mean, payoff_ratio, 1.0).used,
        p_lower=lower,
        kelly_lower=kelly_binary(lower, payoff_ratio, 1.0).used,
    )


@rule
def kelly_cap(kelly_fraction: float, shrink: float, mu: float, sigma: float) -> float:
    """Return the most exposure that a fraction of a shrunk Kelly leverage allows.

    Args:
        kelly_fraction: Of the optimum, 0.5 for half Kelly.
        shrink: `optimal_multiplier` of the shrinkage, in [0, 1].
        mu: Lower bound of the expected excess return a year at exposure 1.
        sigma: Volatility a year at exposure 1.

    Returns:
        Fraction of equity, 0.0 or more; 0.0 without an edge and when anything is NaN.
    """
    variance = sigma * sigma
    if not (mu > 0.0 and sigma > 0.0 and variance > 0.0 and kelly_fraction > 0.0 and shrink > 0.0):
        return 0.0
    return finite_or_zero(kelly_fraction * shrink * mu / variance)
