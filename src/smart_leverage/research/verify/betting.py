"""Tests of a mean return by betting against it: valid however often one looks.

A bet that a return lies above m multiplies its stake by 1 + λ(x − m). Where the mean is at most m,
no way of betting has an expected gain, so a stake that has grown twentyfold is evidence at 5 %.
Bets are never negative, so all that has to be known of the returns is how low they can get.

Source: Waudby-Smith and Ramdas 2024.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import FloatArray, finite, positive, series, within

MIXTURE_BETS = 16


class BettingProcess(NamedTuple):
    """The stake after each return, the bets that made it, and the best it has been."""

    e_values: FloatArray
    bets: FloatArray
    max_e: float


class MixtureProcess(NamedTuple):
    """The mean stake of several constant bets after each return, and the best it has been."""

    e_values: FloatArray
    max_e: float


def _returns(x: ArrayLike, null_mean: float, lower_bound: float) -> tuple[FloatArray, float]:
    """Return the returns and how far the mean to beat lies above their lower bound."""
    values = series(x, "x", 0)
    room = finite(null_mean, "null_mean") - finite(lower_bound, "lower_bound")
    if room <= 0.0:
        raise ValueError(f"lower_bound: {lower_bound} is not below the mean of {null_mean}")
    if values.size and values.min() < lower_bound:
        raise ValueError(f"x: {values.min()} is below the lower bound of {lower_bound}: no test")
    return values, room


def betting_e_process_mean_above(
    x: ArrayLike,
    null_mean: float,
    lower_bound: float,
    alpha: float = 0.05,
    prior_sd: float = 0.05,
    max_bet_fraction: float = 0.5,
) -> BettingProcess:
    """Return the evidence that the mean of `x` lies above another, by bets that learn.

    Args:
        x: (n,), returns in order of time.
        null_mean: Mean to beat.
        lower_bound: No return can be below it: −1 without leverage.
        alpha: Level that the bets are tuned for, in (0, 1).
        prior_sd: Standard deviation assumed before the first return, above 0.
        max_bet_fraction: Of the largest bet that cannot lose everything, in (0, 1).

    Returns:
        Three parts; without returns `max_e` is 1.0.

    Raises:
        ValueError: A return is below its bound, which voids the test.
    """
    values, room = _returns(x, null_mean, lower_bound)
    most = within(max_bet_fraction, "max_bet_fraction", 0.0, 1.0) / room
    bar = 2.0 * math.log(1.0 / within(alpha, "alpha", 0.0, 1.0))
    squares, total = positive(prior_sd, "prior_sd") ** 2, float(null_mean)
    stake, stakes, bets = 1.0, [], []
    for t, value in enumerate(values, start=1):
        variance = squares / t
        bet = min(math.sqrt(bar / (variance * t * math.log1p(t))), most)
        stake *= 1.0 + bet * (value - null_mean)
        total += value
        squares += (value - total / (t + 1)) ** 2
        stakes.append(stake)
        bets.append(bet)
    return BettingProcess(np.array(stakes), np.array(bets), max([*stakes], default=1.0))


def mixture_e_process_mean_above(
    x: ArrayLike, null_mean: float, lower_bound: float
) -> MixtureProcess:
    """Return the evidence that the mean of `x` lies above another, by a mixture of constant bets.

    Args:
        x: (n,), returns in order of time.
        null_mean: Mean to beat.
        lower_bound: No return can be below it: −1 without leverage.

    Raises:
        ValueError: A return is below its bound, which voids the test.
    """
    values, room = _returns(x, null_mean, lower_bound)
    bets = 0.9 / room * 2.0 ** (-np.arange(MIXTURE_BETS) / 2.0)
    stakes = np.cumsum(np.log1p(np.outer(values - null_mean, bets)), axis=0)
    e_values = np.mean(np.exp(np.minimum(stakes, 700.0)), axis=1)
    return MixtureProcess(e_values, float(max(e_values, default=1.0)))
