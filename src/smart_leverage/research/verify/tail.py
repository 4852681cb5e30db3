"""The mean of the worst losses, from a sample or from a distribution."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from smart_leverage.research.numbers import finite, positive, series, within


def expected_shortfall_sample(losses: ArrayLike, level: float) -> float:
    """Return the mean of the worst share of losses.

    Where the share is not a whole number of losses, the one on the edge counts with a fraction; so
    the result equals the minimum of Rockafellar and Uryasev.

    Args:
        losses: (n,), positive where something was lost.
        level: In [0, 1): 0.975 takes the worst 2.5 %.

    Source:
        Rockafellar and Uryasev 2000; Acerbi and Tasche 2002.
    """
    worst = np.sort(series(losses, "losses"))[::-1]
    share = 1.0 - finite(level, "level")
    if not 0.0 < share <= 1.0:
        raise ValueError(f"level: a number from 0 to below 1 is needed, not {level}")
    weights = np.clip(share * worst.size - np.arange(worst.size), 0.0, 1.0)
    return float(np.sum(weights * worst) / (share * worst.size))


def expected_shortfall_normal(mean_return: float, sigma: float, level: float) -> float:
    """Return the expected shortfall of normal returns, as a positive loss.

    Args:
        mean_return: Of one period.
        sigma: Standard deviation of one period, above 0.
        level: In (0, 1).
    """
    tail = within(level, "level", 0.0, 1.0)
    z = float(ndtri(tail))
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return -finite(mean_return, "mean_return") + positive(sigma, "sigma") * density / (1.0 - tail)


def expected_shortfall_student(degrees_of_freedom: float, sigma: float, level: float) -> float:
    """Return the expected shortfall of Student returns around zero, as a positive loss.

    Args:
        degrees_of_freedom: Above 2, where a standard deviation exists.
        sigma: Standard deviation of one period, above 0.
        level: In (0, 1).
    """
    nu = within(degrees_of_freedom, "degrees_of_freedom", 2.0, math.inf)
    tail = within(level, "level", 0.0, 1.0)
    z = float(stdtrit(nu, tail))
    log_density = (
        math.lgamma((nu + 1.0) / 2.0)
        - math.lgamma(nu / 2.0)
        - 0.5 * math.log(nu * math.pi)
        - (nu + 1.0) / 2.0 * math.log1p(z * z / nu)
    )
    scale = positive(sigma, "sigma") * math.sqrt((nu - 2.0) / nu)
    return scale * (nu + z * z) / (nu - 1.0) * math.exp(log_density) / (1.0 - tail)


def expected_shortfall_unit(
    returns: ArrayLike, level: float = 0.975, degrees_of_freedom: float = 4.0
) -> float:
    """Return the expected shortfall at exposure 1 to size by: the worse of sample and Student.

    A short sample has not seen its worst day yet; the Student value stands in for it.

    Args:
        returns: (n,), of one period at exposure 1; 20 at least.
        level: In (0, 1).
        degrees_of_freedom: Of the Student distribution, above 2.

    Returns:
        Positive loss; NaN where the returns never differ.
    """
    values = series(returns, "returns", 20)
    deviation = float(np.std(values, ddof=1))
    if deviation == 0.0:
        return math.nan
    sample = expected_shortfall_sample(-values, level)
    return max(sample, expected_shortfall_student(degrees_of_freedom, deviation, level))
