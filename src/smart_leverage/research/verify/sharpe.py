"""How much a Sharpe ratio proves: its probability, the length it takes, and what many trials do.

Everything is per period of the record; only what says so is annual. The kurtosis of the normal
distribution is 3: a library that returns its excess over that has to be corrected before.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from smart_leverage.research.numbers import finite, positive, series, whole, within

EULER = 0.5772156649015329


class SharpeRatio(NamedTuple):
    """Mean over standard deviation, per period and annualised for display."""

    per_period: float
    annual: float


class Moments(NamedTuple):
    """Shape of a distribution, by population moments; the kurtosis of the normal is 3."""

    skewness: float
    kurtosis: float


def sharpe_ratio(
    returns: ArrayLike, rf_per_period: float = 0.0, periods_per_year: float = 252.0
) -> SharpeRatio:
    """Return the Sharpe ratio of a record.

    Args:
        returns: (n,), simple returns, fractions; two at least.
        rf_per_period: Riskless return of one period.
        periods_per_year: 252 for sessions, 365 for days of coins.

    Returns:
        Both NaN, undefined and not infinite, where the returns never differ.
    """
    excess = series(returns, "returns", 2) - finite(rf_per_period, "rf_per_period")
    scale = math.sqrt(positive(periods_per_year, "periods_per_year"))
    deviation = float(np.std(excess, ddof=1))
    if deviation <= 1e-15 * float(np.max(np.abs(excess))):  # what rounding makes of a constant
        return SharpeRatio(math.nan, math.nan)
    ratio = float(np.mean(excess)) / deviation
    return SharpeRatio(per_period=ratio, annual=ratio * scale)


def moments(returns: ArrayLike) -> Moments:
    """Return skewness and kurtosis of a record.

    Args:
        returns: (n,), two at least.

    Returns:
        Both NaN where the returns never differ.
    """
    values = series(returns, "returns", 2)
    centred = values - np.mean(values)
    variance = float(np.mean(centred**2))
    if variance <= (1e-15 * float(np.max(np.abs(values)))) ** 2:
        return Moments(math.nan, math.nan)
    return Moments(
        skewness=float(np.mean(centred**3)) / variance**1.5,
        kurtosis=float(np.mean(centred**4)) / variance**2,
    )


def _spread(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Return the variance of an estimated Sharpe ratio times the number of periods."""
    at = finite(sharpe, "sharpe")
    skew, kurt = finite(skewness, "skewness"), finite(kurtosis, "kurtosis")
    spread = 1.0 - skew * at + (kurt - 1.0) / 4.0 * at * at
    if spread <= 0.0:
        raise ValueError(
            f"the variance of this Sharpe ratio is {spread:g}: undefined for such moments"
        )
    return spread


def probabilistic_sharpe(
    sharpe: float, benchmark: float, n: int, skewness: float, kurtosis: float
) -> float:
    """Return the probability that the true Sharpe ratio exceeds a benchmark.

    Args:
        sharpe: Of the record, per period.
        benchmark: Sharpe ratio to beat, per period.
        n: Periods of the record, two at least.
        skewness: Of the returns.
        kurtosis: Of the returns, 3 for the normal.

    Raises:
        ValueError: The moments are impossible together, so that the variance is not positive.

    Source:
        Bailey and López de Prado 2012.
    """
    length = whole(n, "n", 2)
    above = finite(sharpe, "sharpe") - finite(benchmark, "benchmark")
    deviation = math.sqrt(_spread(sharpe, skewness, kurtosis) / (length - 1))
    return float(ndtr(above / deviation))


def min_track_record_length(
    sharpe: float, benchmark: float, skewness: float, kurtosis: float, confidence: float
) -> float:
    """Return how many periods a record needs before its Sharpe ratio proves to beat a benchmark.

    Args:
        sharpe: Per period.
        benchmark: Per period.
        skewness: Of the returns.
        kurtosis: Of the returns, 3 for the normal.
        confidence: In (0, 1), 0.95 usually.

    Returns:
        Periods, not whole; infinity where the ratio is not above its benchmark.

    Source:
        Bailey and López de Prado 2012.
    """
    z = float(ndtri(within(confidence, "confidence", 0.0, 1.0)))
    spread = _spread(sharpe, skewness, kurtosis)
    if sharpe <= finite(benchmark, "benchmark"):
        return math.inf
    return 1.0 + spread * (z / (sharpe - benchmark)) ** 2


def expected_max_sharpe(trials: float, variance_of_sharpes: float) -> float:
    """Return the best Sharpe ratio that so many trials without any skill lead to expect.

    An approximation: ten trials give 1.5746 where the exact value is 1.5388.

    Args:
        trials: Every configuration ever looked at, or how many they are worth after clustering;
            1 at least.
        variance_of_sharpes: Of the Sharpe ratios over the trials.

    Returns:
        In the unit of the Sharpe ratios; 0.0 for one trial.

    Source:
        Bailey and López de Prado 2014.
    """
    count, variance = finite(trials, "trials"), finite(variance_of_sharpes, "variance_of_sharpes")
    if count < 1.0 or variance < 0.0:
        raise ValueError(f"one trial at least, and no negative variance: {count:g}, {variance:g}")
    if count == 1.0:
        return 0.0
    most = (1.0 - EULER) * ndtri(1.0 - 1.0 / count) + EULER * ndtri(1.0 - 1.0 / (count * math.e))
    return math.sqrt(variance) * float(most)


def deflated_sharpe(
    sharpe: float,
    n: int,
    skewness: float,
    kurtosis: float,
    trials: float,
    variance_of_sharpes: float,
) -> float:
    """Return the probability that a Sharpe ratio beats the best that luck would have brought.

    Args:
        sharpe: Of the chosen record, per period.
        n: Periods of the record, two at least.
        skewness: Of its returns.
        kurtosis: Of its returns, 3 for the normal.
        trials: Every configuration ever looked at.
        variance_of_sharpes: Of their Sharpe ratios, per period.

    Source:
        Bailey and López de Prado 2014.
    """
    benchmark = expected_max_sharpe(trials, variance_of_sharpes)
    return probabilistic_sharpe(sharpe, benchmark, n, skewness, kurtosis)


def min_backtest_length_years(trials: float, annual_sharpe: float) -> float:
    """Return the years below which so many trials reach a Sharpe ratio by luck alone.

    Args:
        trials: Configurations tried, 1 at least.
        annual_sharpe: Of the best one, above 0.

    Source:
        Bailey, Borwein, López de Prado and Zhu 2014.
    """
    return (expected_max_sharpe(trials, 1.0) / positive(annual_sharpe, "annual_sharpe")) ** 2


def _null_spread(benchmark: float, skewness: float, kurtosis: float, rho: float) -> float:
    """Return the variance under the null times the number of periods, with autocorrelation."""
    at = finite(benchmark, "benchmark")
    memory = within(rho, "autocorrelation", -1.0, 1.0)
    square = memory * memory
    level = (1.0 + memory) / (1.0 - memory)
    slope = 1.0 + memory / (1.0 - memory) + square / (1.0 - square)
    curve = (1.0 + square) / (1.0 - square)
    tails = (finite(kurtosis, "kurtosis") - 1.0) / 4.0
    spread = level - slope * finite(skewness, "skewness") * at + curve * tails * at * at
    if spread <= 0.0:
        raise ValueError(f"the variance under the null is {spread:g}: undefined for such moments")
    return spread


def psr_null_variance_ar1(
    sharpe: float,
    benchmark: float,
    n: int,
    skewness: float,
    kurtosis: float,
    autocorrelation: float,
) -> float:
    """Return the probabilistic Sharpe ratio with the variance under the null and with memory.

    It differs widely from the older form for skewed records. Report both, decide on the smaller.

    Args:
        sharpe: Of the record, per period.
        benchmark: Sharpe ratio to beat, per period.
        n: Periods of the record, two at least.
        skewness: Of the returns.
        kurtosis: Of the returns, 3 for the normal.
        autocorrelation: Of successive returns, in (−1, 1).

    Raises:
        ValueError: The moments are impossible together.

    Source:
        López de Prado, Lipton and Zoonekynd 2025.
    """
    length = whole(n, "n", 2)
    spread = _null_spread(benchmark, skewness, kurtosis, autocorrelation)
    return float(ndtr((finite(sharpe, "sharpe") - benchmark) / math.sqrt(spread / length)))


def min_track_record_null_variance(
    sharpe: float,
    benchmark: float,
    skewness: float,
    kurtosis: float,
    autocorrelation: float,
    confidence: float,
) -> float:
    """Return how many periods a record needs, by the variance under the null.

    Args:
        sharpe: Per period.
        benchmark: Per period.
        skewness: Of the returns.
        kurtosis: Of the returns, 3 for the normal.
        autocorrelation: Of successive returns, in (−1, 1).
        confidence: In (0, 1).

    Returns:
        Periods, not whole; infinity where the ratio is not above its benchmark.
    """
    z = float(ndtri(within(confidence, "confidence", 0.0, 1.0)))
    spread = _null_spread(benchmark, skewness, kurtosis, autocorrelation)
    if finite(sharpe, "sharpe") <= benchmark:
        return math.inf
    return spread * (z / (sharpe - benchmark)) ** 2
