"""What timing exposure by volatility adds to a factor: the regression of Moreira and Muir.

Months are scaled by one over the variance of the month before, to the same standard deviation as
without, and regressed on the unscaled. The alpha is what timing adds. In the market it did not
survive the publication; the product shows both halves.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smart_leverage.research.numbers import FloatArray, series


class ManagedFit(NamedTuple):
    """Managed on plain returns, monthly; alpha, its error and rmse in per cent a year."""

    months: int
    alpha_annual_pct: float
    alpha_standard_error: float
    """Consistent under heteroskedasticity."""
    beta: float
    r_squared: float
    rmse: float
    sharpe_plain: float
    sharpe_managed: float
    constant: float
    """Scale of the weights that makes both standard deviations equal."""


class Months(NamedTuple):
    """Returns compounded by calendar month, and the variance realised within."""

    month: NDArray[Any]
    """(n_months,), datetime64[M], every month that has a day."""
    total: FloatArray
    variance: FloatArray
    """Sum of squared deviations of the days from the mean of their month."""


def by_month(days: ArrayLike, returns: ArrayLike) -> Months:
    """Return daily returns as months.

    Args:
        days: (n,), dates in order, anything that NumPy reads as such.
        returns: (n,), simple returns.
    """
    values = series(returns, "returns")
    stamps = np.asarray(days, dtype="datetime64[M]")
    if stamps.shape != values.shape:
        raise ValueError(f"days: {values.size} are needed, there are {stamps.size}")
    if np.any(np.diff(stamps) < np.timedelta64(0, "M")):
        raise ValueError("days: they have to be in order")
    month, start, counts = np.unique(stamps, return_index=True, return_counts=True)
    total = np.expm1(np.add.reduceat(np.log1p(values), start))
    means = np.add.reduceat(values, start) / counts
    variance = np.add.reduceat((values - np.repeat(means, counts)) ** 2, start)
    return Months(month, total, variance)


def volatility_managed(
    days: ArrayLike,
    returns: ArrayLike,
    riskless: ArrayLike | None = None,
    first_month: str | None = None,
    last_month: str | None = None,
) -> ManagedFit:
    """Return what scaling a factor by its past variance adds.

    Args:
        days: (n,), dates in order.
        returns: (n,), daily returns of the factor: excess returns, or a factor that costs nothing.
        riskless: (n,), daily; given for an excess return, so that a month is the compounded total
            less the compounded riskless return. None compounds the returns as they are.
        first_month: "1926-08"; the month before it has to be there for its variance. None: second.
        last_month: Included; None is the last.

    Source:
        Moreira and Muir 2017, table 1.
    """
    months = by_month(days, returns)
    plain = months.total
    if riskless is not None:
        cash = series(riskless, "riskless")
        both = by_month(days, series(returns, "returns") + cash)
        plain = both.total - by_month(days, cash).total
    follows = np.diff(months.month) == np.timedelta64(1, "M")
    wanted = np.concatenate(([False], follows & (months.variance[:-1] > 0.0)))
    if first_month is not None:
        wanted &= months.month >= np.datetime64(first_month, "M")
    if last_month is not None:
        wanted &= months.month <= np.datetime64(last_month, "M")
    chosen = np.flatnonzero(wanted)
    if chosen.size < 3:
        raise ValueError(f"months: three at least are needed, there are {chosen.size}")
    return _fit(plain[chosen], plain[chosen] / months.variance[chosen - 1])


def _fit(plain: FloatArray, weighted: FloatArray) -> ManagedFit:
    constant = float(np.std(plain, ddof=1) / np.std(weighted, ddof=1))
    managed = constant * weighted
    design = np.column_stack((np.ones_like(plain), plain))
    inverse = np.linalg.inv(design.T @ design)
    alpha, beta = inverse @ (design.T @ managed)
    residuals = managed - design @ np.array([alpha, beta])
    spread = inverse @ ((design.T * residuals**2) @ design) @ inverse
    squares = float(np.sum((managed - np.mean(managed)) ** 2))
    annual = 100.0 * 12.0
    return ManagedFit(
        months=plain.size,
        alpha_annual_pct=annual * float(alpha),
        alpha_standard_error=annual * math.sqrt(spread[0, 0]),
        beta=float(beta),
        r_squared=1.0 - float(np.sum(residuals**2)) / squares,
        rmse=annual * math.sqrt(float(np.mean(residuals**2))),
        sharpe_plain=_annual_sharpe(plain),
        sharpe_managed=_annual_sharpe(managed),
        constant=constant,
    )


def _annual_sharpe(months: FloatArray) -> float:
    return math.sqrt(12.0) * float(np.mean(months) / np.std(months, ddof=1))
