"""What one account's course comes to: growth, falls, years inside it, and what it took.

Years are stretches of 365 days that begin on every day there is one; they overlap, so that far
fewer of them are independent than are counted.
"""

import math
from typing import NamedTuple

import numpy as np

from smart_leverage.research.compare.running import Course
from smart_leverage.research.kernel.results import Floats, Ints
from smart_leverage.research.verify.tail import expected_shortfall_sample

YEAR_DAYS = 365
DAYS_A_YEAR = 365.25
DRAWDOWN_GOAL, MONTH_GOAL = 0.08, 0.05
"""The design's target: never so far below the best mark, and so much a month."""
YEAR_GOAL = (1.0 + MONTH_GOAL) ** 12 - 1.0
TAIL = 0.975


class Figures(NamedTuple):
    """Fractions unless another unit is named; NaN where the days say nothing of it.

    `growth` is a year, compounded. `drawdown` is the deepest fall from mark to mark. `calm` is the
    share of years with a drawdown below 8 %, `good_months` that of whole months with 5 % or more,
    `both` that of years that were calm and brought what twelve such months do. `year_low` is the
    5 % quantile of the return of years, `fall_low` to `fall_high` the middle nine tenths of their
    drawdowns. `volatility` is a year, of daily log returns. `shortfall` is the mean loss of the
    worst 2.5 % of days. `turnover` and `fees` are a year, as multiples and shares of equity.
    `exposure`, `exposure_crypto` and the cap on it, `cap_crypto`, are means over marks, `halted` is
    the share of marks at which the account was halted.
    """

    growth: float
    drawdown: float
    calm: float
    good_months: float
    both: float
    year_low: float
    fall_low: float
    fall_middle: float
    fall_high: float
    volatility: float
    shortfall: float
    turnover: float
    fees: float
    exposure: float
    exposure_crypto: float
    cap_crypto: float
    halted: float
    trades: int
    years: int
    months: int


class Years(NamedTuple):
    """Stretches of 365 days, (n_years,): return and deepest fall of each."""

    growth: Floats
    fall: Floats


def figures_of(course: Course, months: Ints) -> Figures:
    """Return the figures of a course.

    Args:
        course: Over the days that count.
        months: (n_days,), number of the risk month of each day.
    """
    span = len(course.day_equity) / DAYS_A_YEAR
    total = math.log(course.day_equity[-1] / course.start)
    years, by_month = years_of(course), month_returns(course, months)
    is_calm = years.fall < DRAWDOWN_GOAL
    low, middle, high = _quantiles(years.fall, 0.05, 0.5, 0.95)
    losses = -np.expm1(course.log_returns)
    return Figures(
        growth=math.expm1(total / span),
        drawdown=_fall(np.concatenate([[course.start], course.equity])),
        calm=_mean(is_calm),
        good_months=_mean(by_month >= MONTH_GOAL),
        both=_mean(is_calm & (years.growth >= YEAR_GOAL)),
        year_low=_quantiles(years.growth, 0.05)[0],
        fall_low=low,
        fall_middle=middle,
        fall_high=high,
        volatility=volatility_of(course),
        shortfall=expected_shortfall_sample(losses, TAIL),
        turnover=course.traded / span,
        fees=course.fees / span,
        exposure=float(np.mean(course.exposure)),
        exposure_crypto=float(np.mean(course.exposure_crypto)),
        cap_crypto=float(np.mean(course.cap_crypto)),
        halted=float(np.mean(course.is_halted)),
        trades=course.trades,
        years=len(years.growth),
        months=len(by_month),
    )


def volatility_of(course: Course) -> float:
    """Return the volatility a year of daily log returns, of coins' 365.25 days."""
    return float(np.std(course.log_returns) * math.sqrt(DAYS_A_YEAR))


def years_of(course: Course) -> Years:
    """Return what every stretch of 365 days came to; none where there are fewer days."""
    opens = np.concatenate([[course.start], course.day_equity])
    count = max(len(course.day_equity) - YEAR_DAYS + 1, 0)
    edges = np.searchsorted(course.mark_day, np.arange(count + YEAR_DAYS))
    falls = np.empty(count)
    for first in range(count):
        last = edges[first + YEAR_DAYS] if first + YEAR_DAYS < len(edges) else None
        marks = course.equity[edges[first] : last]
        falls[first] = _fall(np.concatenate([[opens[first]], marks]))
    return Years(opens[YEAR_DAYS:][:count] / opens[:count] - 1.0, falls)


def month_returns(course: Course, months: Ints) -> Floats:
    """Return the returns of whole months: those that neither begin nor end outside of the days."""
    ends = np.flatnonzero(np.diff(months))
    opens = course.day_equity[ends]
    return np.asarray(opens[1:] / opens[:-1] - 1.0)


def _fall(equity: Floats) -> float:
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


def _mean(values: np.typing.NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _quantiles(values: Floats, *shares: float) -> tuple[float, ...]:
    if not len(values):
        return (math.nan,) * len(shares)
    return tuple(float(each) for each in np.quantile(values, shares))
