"""Histories that might have been: block bootstraps, how long their blocks have to be, intervals.

Resample the returns of a strategy at exposure 1, all assets with the same rows, and run the policy
on each; resampling the equity of a policy that depends on its path is wrong.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import FloatArray, matrix, positive, series, whole, within


class MeanVariance(NamedTuple):
    """A mean, and the variance that a bootstrap gives it; exact, without resampling."""

    mean: float
    variance_of_mean: float


class BlockLengths(NamedTuple):
    """Best mean length of blocks, for the stationary and for the circular bootstrap."""

    stationary: float
    circular: float


class Interval(NamedTuple):
    """Lower and upper end, and the value of the sample itself."""

    lower: float
    upper: float
    value: float


def circular_block_mean_variance(values: ArrayLike, block: int) -> MeanVariance:
    """Return the variance of the mean under the circular block bootstrap.

    Args:
        values: (n,).
        block: Length of a block; it has to divide n, else there is no exact value.
    """
    sample, length = series(values, "values"), whole(block, "block", 1)
    if sample.size % length:
        raise ValueError(f"block: {length} does not divide {sample.size}")
    mean = float(np.mean(sample))
    around = np.concatenate((sample, sample[: length - 1]))
    means = np.convolve(around, np.full(length, 1.0 / length), mode="valid")
    return MeanVariance(mean, float(length / sample.size * np.mean((means - mean) ** 2)))


def stationary_mean_variance(values: ArrayLike, expected_block: float) -> MeanVariance:
    """Return the variance of the mean under the stationary bootstrap.

    Args:
        values: (n,).
        expected_block: Mean length of a block, 1 at least.

    Source:
        Politis and Romano 1994.
    """
    sample, length = series(values, "values"), positive(expected_block, "expected_block")
    if length < 1.0:
        raise ValueError(f"expected_block: 1 at least is needed, not {length:g}")
    n, mean = sample.size, float(np.mean(sample))
    spectrum = np.abs(np.fft.rfft(sample - mean)) ** 2
    covariance = np.fft.irfft(spectrum, n) / n  # circular, at every lag
    lag = np.arange(1, n)
    weights = (n - lag) * (1.0 - 1.0 / length) ** lag
    total = n * covariance[0] + 2.0 * np.sum(weights * covariance[1:])
    return MeanVariance(mean, float(total / n**2))


def optimal_block_length(values: ArrayLike) -> BlockLengths:
    """Return the length of blocks that estimates the variance of the mean best.

    Args:
        values: (n,), not constant; ten at least.

    Source:
        Politis and White 2004, corrected 2009.
    """
    from arch.bootstrap import optimal_block_length as lengths  # a second to load

    sample = series(values, "values", 10)
    if np.ptp(sample) == 0.0:
        raise ValueError("values: they never differ, so they have no memory to measure")
    best = lengths(sample)
    return BlockLengths(
        stationary=float(best["stationary"].iloc[0]), circular=float(best["circular"].iloc[0])
    )


def block_length(returns: ArrayLike) -> float:
    """Return the mean length of blocks to resample returns with: it keeps quiet and wild times.

    The length for the returns alone is far too short for their volatility, and drawdowns would look
    mild. So it is the largest over returns and their sizes, at most a quarter of the record.

    Args:
        returns: (n,) or (n, n_assets).
    """
    columns = matrix(returns, "returns", 10)
    longest = max(
        optimal_block_length(series_of).stationary
        for column in columns.T
        for series_of in (column, np.abs(column))
        if np.ptp(series_of) > 0.0
    )
    return float(min(max(longest, 1.0), columns.shape[0] / 4.0))


def resamples(
    returns: ArrayLike, expected_block: float, count: int, seed: int = 0, first: int = 0
) -> Iterator[FloatArray]:
    """Yield resampled histories of the same length, by the stationary bootstrap.

    Every history has a seed of its own, so the number `i` is the same whoever makes it: parts made
    by several workers (`first`, `count`) are the whole.

    Args:
        returns: (n,) or (n, n_assets); the rows of all assets are kept together.
        expected_block: Mean length of a block, 1 at least.
        count: Histories to yield.
        seed: Of all of them.
        first: Number of the first one.
    """
    from arch.bootstrap import StationaryBootstrap  # a second to load

    values = np.asarray(returns, dtype=np.float64)
    rows = matrix(values, "returns", 2).shape[0]
    length: Any = positive(expected_block, "expected_block")  # the library's type says whole
    if length < 1.0:
        raise ValueError(f"expected_block: 1 at least is needed, not {length:g}")
    for number in range(first, first + whole(count, "count")):
        source = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        draw = StationaryBootstrap(length, np.arange(rows), seed=source)
        yield values[draw.update_indices()]


def bootstrap_interval(
    returns: ArrayLike,
    statistic: Callable[[FloatArray], float],
    level: float = 0.90,
    expected_block: float | None = None,
    count: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return where a statistic of returns lies, by the percentiles of resampled histories.

    Args:
        returns: (n,) or (n, n_assets).
        statistic: Of one history; histories where it is NaN are left out.
        level: Probability inside, in (0, 1).
        expected_block: Mean length of a block; None takes `block_length`.
        count: Resamples.
        seed: The same one gives the same interval.

    Raises:
        ValueError: The statistic is undefined for more than a tenth of the histories.
    """
    tail = 0.5 * (1.0 - within(level, "level", 0.0, 1.0))
    length = block_length(returns) if expected_block is None else expected_block
    values = np.array([statistic(each) for each in resamples(returns, length, count, seed)])
    known = values[np.isfinite(values)]
    if known.size < 0.9 * values.size or known.size == 0:
        raise ValueError(f"statistic: undefined for {values.size - known.size} of {values.size}")
    low, high = np.quantile(known, [tail, 1.0 - tail])
    whole_sample = float(statistic(np.asarray(returns, dtype=np.float64)))
    return Interval(float(low), float(high), whole_sample)


def standard_error_of_probability(p: float, count: int) -> float:
    """Return the Monte Carlo error of a share of so many simulated histories."""
    return math.sqrt(max(p * (1.0 - p), 0.0) / whole(count, "count", 1))
