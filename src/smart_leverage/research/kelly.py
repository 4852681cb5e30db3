"""Risk-constrained Kelly: the fastest growth whose risk of a fall below today's wealth is bounded.

The bound is about a fraction of *today's* wealth, over all time. It is no bound on a drawdown from
the peak; with any constant bet that exceeds every level sooner or later.

Source: Busseti, Ryu and Boyd 2016.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import LinearConstraint, NonlinearConstraint, brentq, minimize
from scipy.special import logsumexp

from smart_leverage.policy.kelly import kelly_binary, log_growth_binary
from smart_leverage.research.numbers import FloatArray, positive, series, whole, within


class BinaryBet(NamedTuple):
    """The stake, what Kelly would stake, and the log growth of the stake per bet."""

    fraction: float
    kelly: float
    growth: float


class DiscreteBets(NamedTuple):
    """Weights of the bets, their log growth per round, and the value of the constraint."""

    weights: FloatArray
    growth: float
    constraint_value: float
    """Mean of wealth to the power −λ; the bound holds up to 1. NaN without a bound."""


def rck_lambda(alpha: float, beta: float) -> float:
    """Return the risk aversion that keeps the risk of ever falling below `alpha` under `beta`.

    Args:
        alpha: Fraction of today's wealth, in (0, 1).
        beta: Probability, in (0, 1).
    """
    return math.log(within(beta, "beta", 0.0, 1.0)) / math.log(within(alpha, "alpha", 0.0, 1.0))


def rck_gbm_fraction_of_kelly(alpha: float, beta: float) -> float:
    """Return the fraction of Kelly that meets the bound in continuous time, exactly.

    Args:
        alpha: Fraction of today's wealth, in (0, 1).
        beta: Probability, in (0, 1).
    """
    return 2.0 / (1.0 + rck_lambda(alpha, beta))


def rck_binary(p: float, gain: float, loss: float, alpha: float, beta: float) -> BinaryBet:
    """Return the constrained stake on one repeated bet.

    Args:
        p: Probability to win, in [0, 1].
        gain: Won per unit staked, above 0.
        loss: Lost per unit staked, above 0.
        alpha: Fraction of today's wealth, in (0, 1).
        beta: Probability, in (0, 1).
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p: a number from 0 to 1 is needed, not {p}")
    aversion = rck_lambda(alpha, beta)
    won, lost = positive(gain, "gain"), positive(loss, "loss")
    kelly = kelly_binary(p, won, lost).used

    def excess(stake: float) -> float:
        if stake * lost >= 1.0:
            return math.inf
        parts = [-aversion * math.log1p(stake * won), -aversion * math.log1p(-stake * lost)]
        return float(logsumexp(parts, b=[p, 1.0 - p]))

    stake = kelly
    if kelly > 0.0 and p < 1.0 and excess(kelly) > 0.0:
        low = kelly
        while excess(low) > 0.0:
            low /= 2.0
        stake = float(brentq(excess, low, min(2.0 * low, kelly), xtol=1e-16, rtol=1e-14))
    return BinaryBet(stake, kelly, log_growth_binary(p, won, lost, stake))


def rck_discrete(
    returns: ArrayLike,
    probabilities: ArrayLike,
    alpha: float | None = None,
    beta: float | None = None,
    aversion: float | None = None,
) -> DiscreteBets:
    """Return the constrained weights of several bets with finitely many outcomes.

    Args:
        returns: (n_bets, n_outcomes), gross returns per unit, 0 or more; one of the bets should be
            cash, 1 always, else the bound may be out of reach.
        probabilities: (n_outcomes,), summing to 1.
        alpha: Fraction of today's wealth, in (0, 1). None with `beta` None is plain Kelly.
        beta: Probability, in (0, 1).
        aversion: λ itself, instead of both; 0 is plain Kelly.

    Raises:
        ValueError: An input is out of range, or no weights were found that meet the bound.
    """
    gross, chances = _bets(returns, probabilities)
    if aversion is None:
        aversion = 0.0
        if alpha is not None and beta is not None:
            aversion = rck_lambda(alpha, beta)
        elif alpha is not None or beta is not None:
            raise ValueError("alpha and beta: both are needed, or neither")
    if not 0.0 <= aversion < math.inf:
        raise ValueError(f"aversion: 0 or more is needed, not {aversion}")
    weights = _solved(gross, chances, aversion)
    value = math.exp(_risk(weights, gross, chances, aversion)) if aversion else 1.0
    growth = float(chances @ np.log(weights @ gross))
    return DiscreteBets(weights, growth, value)


def _bets(returns: ArrayLike, probabilities: ArrayLike) -> tuple[FloatArray, FloatArray]:
    gross = np.asarray(returns, dtype=np.float64)
    chances = series(probabilities, "probabilities")
    if gross.ndim != 2 or gross.shape[1] != chances.size:
        raise ValueError(f"returns: a row per bet with {chances.size} outcomes is needed")
    if not np.all(np.isfinite(gross)) or gross.min() < 0.0:
        raise ValueError("returns: gross returns of 0 or more are needed")
    if chances.min() < 0.0 or abs(chances.sum() - 1.0) > 1e-9:
        raise ValueError("probabilities: none below 0, and their sum is 1")
    return gross, chances / chances.sum()


def _risk(weights: FloatArray, gross: FloatArray, chances: FloatArray, aversion: float) -> float:
    """Return the log of the mean of wealth to the power −λ."""
    return float(logsumexp(-aversion * np.log(weights @ gross), b=chances))


def _solved(gross: FloatArray, chances: FloatArray, aversion: float) -> FloatArray:
    """Return the weights, by sequential quadratic programming with exact derivatives."""

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        wealth = np.maximum(weights @ gross, 1e-12)
        return -float(chances @ np.log(wealth)), -(gross @ (chances / wealth))

    def risk(weights: FloatArray) -> float:
        return _risk(np.maximum(weights, 0.0) + 1e-300, gross, chances, aversion)

    def risk_slope(weights: FloatArray) -> FloatArray:
        wealth = np.maximum(weights @ gross, 1e-12)
        log_parts = -aversion * np.log(wealth)
        share = chances * np.exp(log_parts - log_parts.max())
        slope: FloatArray = -aversion * (gross @ (share / wealth)) / share.sum()
        return slope

    count = gross.shape[0]
    constraints: list[LinearConstraint | NonlinearConstraint] = [
        LinearConstraint(np.ones((1, count)), 1.0, 1.0)
    ]
    if aversion > 0.0:
        constraints.append(NonlinearConstraint(risk, -np.inf, 0.0, jac=risk_slope))
    safest = np.zeros(count)
    safest[int(np.argmax(gross.min(axis=1)))] = 1.0
    start = 0.9 * safest + 0.1 / count
    found = minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints=constraints,
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    weights = np.clip(found.x, 0.0, 1.0)
    weights = weights / weights.sum()
    if aversion > 0.0 and _risk(weights, gross, chances, aversion) > 1e-6:
        raise ValueError(f"no weights meet the bound: {found.message}")
    return np.asarray(weights, dtype=np.float64)


def prob_ever_below(
    weights: ArrayLike,
    returns: ArrayLike,
    probabilities: ArrayLike,
    alpha: float,
    rounds: int = 100,
) -> float:
    """Return how likely wealth falls below `alpha` times its start within some rounds.

    Log wealth is followed on a grid: no simulation, and the same answer always. A step between two
    points of the grid is shared by both, so that its mean is kept.

    Args:
        weights: (n_bets,), summing to 1.
        returns: (n_bets, n_outcomes), gross returns.
        probabilities: (n_outcomes,), summing to 1.
        alpha: In (0, 1).
        rounds: 1 at least.
    """
    gross, chances = _bets(returns, probabilities)
    wealth = series(weights, "weights") @ gross
    depth, count = -math.log(within(alpha, "alpha", 0.0, 1.0)), whole(rounds, "rounds", 1)
    steps = np.log(np.maximum(wealth, 1e-300))
    cell = depth / max(round(depth / 5e-4), 1)
    floor = round(depth / cell)  # cells between the start and the level
    most = max(float(steps.max()), cell)
    size = floor + 1 + round(min(count * most, max(40.0 * float(np.std(steps)), 4.0)) / cell)
    moves = np.clip(steps / cell, -2.0 * size, None)
    low = np.floor(moves).astype(int)
    kernel = np.zeros(int(low.max() - low.min()) + 2)
    np.add.at(kernel, low - low.min(), chances * (1.0 - (moves - low)))
    np.add.at(kernel, low - low.min() + 1, chances * (moves - low))
    return _fallen(kernel, int(low.min()), size, floor, count)


def _fallen(kernel: FloatArray, lowest: int, size: int, start: int, rounds: int) -> float:
    """Return the mass that has left a grid at its lower end; what leaves above is safe."""
    width = 1 << (size + kernel.size).bit_length()
    spectrum = np.fft.rfft(kernel, width)
    here = np.zeros(size)
    here[start] = 1.0
    fallen = 0.0
    for _ in range(rounds):
        spread = np.fft.irfft(np.fft.rfft(here, width) * spectrum, width)[: size + kernel.size]
        edge = max(-lowest, 0)  # index of what lands on the level itself
        fallen += float(spread[:edge].sum())
        here = np.zeros(size)
        kept = spread[edge : edge + size]
        here[: kept.size] = kept
    return fallen
