"""Drawdowns of a sample, with and without deposits."""

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import series


def max_drawdown(returns: ArrayLike) -> float:
    """Return the largest fall below the best point so far; the start is the first such point.

    Args:
        returns: (n,), simple returns, fractions of −1 or more; none is no drawdown.

    Returns:
        Positive fraction of the peak, in [0, 1].
    """
    values = series(returns, "returns", 0)
    if values.size and values.min() < -1.0:
        raise ValueError(f"returns: {values.min()} loses more than everything")
    wealth = np.concatenate(([1.0], np.cumprod(1.0 + values)))
    return float(np.max(1.0 - wealth / np.maximum.accumulate(wealth)))


def max_drawdown_with_flows(equity: ArrayLike, flows: ArrayLike) -> float:
    """Return the largest drawdown of time-weighted returns, so that a withdrawal is no loss.

    Args:
        equity: (n,), at the end of each period, account currency; above 0 but for the last.
        flows: (n,), deposits and withdrawals at the start of each period, positive in. The first is
            not read: nothing was there before it.
    """
    worth = series(equity, "equity", 1)
    flow = series(flows, "flows", 1)
    if flow.size != worth.size:
        raise ValueError(f"flows: {worth.size} are needed, there are {flow.size}")
    base = worth[:-1] + flow[1:]
    if np.any(base <= 0.0) or np.any(worth < 0.0):
        raise ValueError("equity: no return can be taken from an equity of nothing or less")
    return max_drawdown(worth[1:] / base - 1.0)
