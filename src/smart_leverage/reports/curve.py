"""The curve of one unit invested: returns by day and month, and every fall below a high."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from statistics import fmean, stdev
from typing import NamedTuple

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.reports.story import Story

DAYS_OF_COINS = 365
DAYS_OF_SHARES = 252
"""Days in a year that have a return, by what trades."""

_YEAR_DAYS = 365.25
_Z_90 = 1.6448536269514722
"""Standard normal quantile of a two-sided 90 % interval."""


class Close(NamedTuple):
    """The NAV at the end of a period and the return that the period made, fractions."""

    label: str
    nav: float
    change: float


class Fall(NamedTuple):
    """One stay below a high; `depth` is 1 − lowest ÷ high, positive, `end_ns` the next high."""

    depth: float
    high_ns: int
    low_ns: int
    end_ns: int | None

    def days(self, last_ns: int) -> float:
        """Return how long it lasted, or has lasted so far, days."""
        return ((last_ns if self.end_ns is None else self.end_ns) - self.high_ns) / DAY_NS


class Curve:
    """NAV of an account over time; begins with 1 at the opening, flows are never a return."""

    def __init__(self, story: Story) -> None:
        self.times = [story.account.at_ns, *(mark.at_ns for mark in story.marks)]
        self.navs = [1.0, *story.nav]
        self.equities = [
            float(story.opening_equity),
            *(float(mark.equity) for mark in story.marks),
        ]
        self.days = closes(self.times, self.navs, story.calendar.day_of)
        self.months = closes(self.times, self.navs, story.calendar.month_of)
        self.falls = falls(self.times, self.navs)
        is_coin = any(instrument.is_crypto for instrument in story.instruments.values())
        self.days_per_year = DAYS_OF_COINS if is_coin else DAYS_OF_SHARES

    @cached_property
    def depths(self) -> list[float]:
        """How far each point lies below the best one before it, negative fractions."""
        return underwater(self.navs)

    @property
    def span_days(self) -> float:
        """Calendar days from the opening to the last mark."""
        return (self.times[-1] - self.times[0]) / DAY_NS

    @property
    def total(self) -> float:
        """Return since the opening, fraction."""
        return self.navs[-1] - 1.0

    @cached_property
    def deepest(self) -> Fall | None:
        """The deepest fall; None when the curve was never below a high."""
        return max(self.falls, key=lambda fall: fall.depth, default=None)

    def growth_per_year(self) -> float:
        """Return the yearly growth that compounds to the whole, over 365.25 calendar days."""
        if self.navs[-1] <= 0.0:
            return -1.0
        return math.expm1(math.log(self.navs[-1]) * _YEAR_DAYS / self.span_days)


def closes(
    times: Sequence[int], navs: Sequence[float], label_of: Callable[[int], str]
) -> list[Close]:
    """Return the periods that hold a mark, oldest first; the first point only opens.

    A period's return is counted from the last mark before it, as the loss limits count it.
    """
    ends: dict[str, float] = {}
    for at_ns, nav in zip(times[1:], navs[1:], strict=True):
        ends[label_of(at_ns)] = nav
    before, found = navs[0], []
    for label, nav in ends.items():
        found.append(Close(label, nav, nav / before - 1.0 if before > 0.0 else 0.0))
        before = nav
    return found


def falls(times: Sequence[int], navs: Sequence[float]) -> list[Fall]:
    """Return every stay below a high, oldest first; the last one may not have ended."""
    found: list[Fall] = []
    high, high_ns, low, low_ns = navs[0], times[0], navs[0], times[0]
    for at_ns, nav in zip(times, navs, strict=True):
        if nav >= high:
            if low < high:
                found.append(Fall(1.0 - low / high, high_ns, low_ns, at_ns))
            high, high_ns, low, low_ns = nav, at_ns, nav, at_ns
        elif nav < low:
            low, low_ns = nav, at_ns
    if low < high:
        found.append(Fall(1.0 - low / high, high_ns, low_ns, None))
    return found


def underwater(navs: Sequence[float]) -> list[float]:
    """Return how far each point lies below the best one before it: 0 at a high, else negative."""
    high, found = navs[0], []
    for nav in navs:
        high = max(high, nav)
        found.append(nav / high - 1.0 if high > 0.0 else 0.0)
    return found


def volatility(changes: Sequence[float], per_year: int) -> float | None:
    """Return the yearly standard deviation of returns; None with fewer than two."""
    return stdev(changes) * math.sqrt(per_year) if len(changes) > 1 else None


def sharpe(changes: Sequence[float], per_year: int) -> float | None:
    """Return mean over standard deviation, a year, cash at zero; None where nothing varied."""
    spread = stdev(changes) if len(changes) > 1 else 0.0
    return fmean(changes) / spread * math.sqrt(per_year) if spread > 0.0 else None


def sharpe_interval(changes: Sequence[float], per_year: int) -> tuple[float, float] | None:
    """Return where the true Sharpe ratio lies with 90 % confidence if periods are independent.

    Source:
        Lo 2002, "The Statistics of Sharpe Ratios": the standard error of one period's ratio s over
        n periods is √((1 + s²/2) ÷ n).
    """
    middle = sharpe(changes, per_year)
    if middle is None:
        return None
    one = middle / math.sqrt(per_year)
    half = _Z_90 * math.sqrt((1.0 + one * one / 2.0) / len(changes)) * math.sqrt(per_year)
    return middle - half, middle + half


def sortino(changes: Sequence[float], per_year: int) -> float | None:
    """Return mean over downside deviation, a year, target zero; None without a loss."""
    if not changes:
        return None
    down = math.sqrt(sum(min(change, 0.0) ** 2 for change in changes) / len(changes))
    return fmean(changes) / down * math.sqrt(per_year) if down > 0.0 else None


def simple_months(curve: Curve) -> dict[str, float]:
    """Return the sum of each month's daily returns, by month."""
    sums: dict[str, float] = {}
    for day in curve.days:
        month = day.label[:7]
        sums[month] = sums.get(month, 0.0) + day.change
    return sums


def mean_over_time(times: Sequence[int], values: Sequence[float]) -> float | None:
    """Return the time-weighted mean where each value holds until the next; None without time."""
    span = times[-1] - times[0] if times else 0
    if span <= 0:
        return None
    held = (
        value * (after - before)
        for value, (before, after) in zip(values, pairwise(times), strict=False)
    )
    return math.fsum(held) / span
