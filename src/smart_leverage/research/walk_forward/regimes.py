"""In which weather a day was: by rules laid down before, from what was known before it began.

The label of a day is made of returns of earlier days only. Two things are looked at: whether the
volatility of the last weeks lies in the lower, middle or upper third of all that was measured
before, and whether the market has risen or fallen over the last months.
"""

import math
from bisect import bisect_left, insort
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.research.kernel.columns import Columns
from smart_leverage.research.kernel.results import Floats

UNKNOWN = 0
NAMES = (
    "not known yet",
    "calm, falling",
    "calm, rising",
    "usual, falling",
    "usual, rising",
    "wild, falling",
    "wild, rising",
)
"""The regimes by number."""


class Rules(NamedTuple):
    """How a regime is judged.

    Attributes:
        volatility_days: Over so many returns the volatility is taken.
        trend_days: Over so many returns the trend is taken.
        past_days: So many earlier volatilities are needed before thirds are told.
    """

    volatility_days: int = 20
    trend_days: int = 60
    past_days: int = 60


def market_returns(bars: Columns) -> Floats:
    """Return what the market did each risk day: the mean over instruments of their daily returns.

    Every instrument counts alike, from last price to last price, on days on which it had a bar,
    as it had on the day before.

    Returns:
        (n_days,), fraction; NaN where no instrument says anything.
    """
    ends = day_ends(bars)
    closes = bars.cells["closes"]
    has_bar = np.zeros((len(ends), len(bars.keys)), dtype=np.bool_)
    for day, (first, end) in enumerate(pairwise([0, *ends])):
        has_bar[day] = closes[first:end].any(axis=0)
    close = bars.close[np.maximum(ends - 1, 0)]
    found = np.full(len(ends), np.nan)
    for day in range(1, len(ends)):
        is_known = has_bar[day] & has_bar[day - 1] & (close[day - 1] > 0.0)
        if is_known.any():
            found[day] = float(np.mean(close[day][is_known] / close[day - 1][is_known] - 1.0))
    return found


def day_ends(bars: Columns) -> npt.NDArray[np.int64]:
    """Return where each risk day ends among the instants; days without one are empty.

    Returns:
        (n_days,), the place behind the last instant of the day.
    """
    days = bars.instants["day"]
    return np.searchsorted(days, np.arange(int(days[-1]) + 1), side="right").astype(np.int64)


def label_days(returns: Floats, rules: Rules = Rules()) -> npt.NDArray[np.int64]:  # noqa: B008
    """Return the regime of every day; that of day d depends on returns before d alone.

    Args:
        returns: (n_days,), fraction; NaN where there was none, and such a day is passed over.
        rules: How long is looked back.

    Returns:
        (n_days,), places in `NAMES`.
    """
    found = np.full(len(returns), UNKNOWN)
    past: list[float] = []
    known: list[float] = []
    for day, change in enumerate(returns):
        if len(known) >= max(rules.volatility_days, rules.trend_days):
            volatility = float(np.std(known[-rules.volatility_days :]))
            if len(past) >= rules.past_days:
                third = min(3 * bisect_left(past, volatility) // len(past), 2)
                trend = math.fsum(known[-rules.trend_days :])
                found[day] = 1 + 2 * third + (1 if trend > 0.0 else 0)
            insort(past, volatility)
        if not math.isnan(change):
            known.append(float(change))
    return found
