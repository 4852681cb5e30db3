"""What a candidate is chosen by: one number that parts of different length share."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smart_leverage.research.kernel.results import Floats, Metrics

MONTH_DAYS = 365.25 / 12.0
"""Days of a month, where a rate is told by the month."""

DRAWDOWN_GOAL = 0.08
"""The design's goal: less than this from best mark to worst."""


class Score(NamedTuple):
    """A wish: `value` makes it from metrics, one number per candidate; more is better.

    NaN means that the part says nothing of it, and is worse than every number. `is_share` tells
    that it is a fraction and shown in per cent.
    """

    name: str
    says: str
    value: Callable[[Metrics], Floats]
    is_share: bool


def _month(of: Metrics) -> Floats:
    # The kernel counts a day when the next one begins; the last one has begun as well.
    days = of.days.astype(np.float64) + 1.0
    return np.asarray(np.maximum(1.0 + of.growth, 0.0) ** (MONTH_DAYS / days) - 1.0)


def _month_bounded(of: Metrics) -> Floats:
    return np.where(of.drawdown < DRAWDOWN_GOAL, _month(of), -1.0 - of.drawdown)


def _sharpe(of: Metrics) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found = of.day_mean / of.day_std
    return np.where(np.isfinite(found), found, np.nan)


SCORES = {
    each.name: each
    for each in (
        Score("month", "growth, as a rate by the month", _month, is_share=True),
        Score(
            "month_bounded",
            "growth by the month where the drawdown stays below 8 %; else −1 − drawdown",
            _month_bounded,
            is_share=True,
        ),
        Score(
            "sharpe",
            "mean over deviation of daily returns, not annualised",
            _sharpe,
            is_share=False,
        ),
    )
}
"""By name; the first one is used when nobody says otherwise."""


def ordered(values: Floats) -> Floats:
    """Return values with what is not known below everything."""
    return np.where(np.isnan(values), -np.inf, values)


def best_of(values: Floats) -> int:
    """Return the place of the best; of equal ones the first, which is the policy as it was."""
    return int(np.argmax(ordered(values)))
