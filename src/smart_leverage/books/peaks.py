"""The best equity of the last days, and the equity of some time ago: what rolling limits go by."""

from bisect import bisect_left, bisect_right
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.exact import EXACT, ZERO, ratio
from smart_leverage.domain.clock import DAY_NS, HOUR_NS

KEPT_NS = 31 * DAY_NS
"""Marks older than this are forgotten, but for the last of them."""


class _Day(NamedTuple):
    ordinal: int
    best: Decimal


class RollingPeak:
    """Best marks by risk day; only those that no later day has beaten, so the first one is best.

    Flows scale them all, so that no flow is ever a drawdown.
    """

    def __init__(self) -> None:
        self._days: list[_Day] = []

    def mark(self, label: str, equity: Decimal) -> None:
        """Note an equity on a risk day, `2026-11-26`; a label of an earlier day is of the last."""
        days = self._days
        ordinal = date.fromisoformat(label).toordinal()
        if days:
            ordinal = max(ordinal, days[-1].ordinal)
        while days and days[-1].best <= equity:
            days.pop()
        if not days or days[-1].ordinal < ordinal:
            days.append(_Day(ordinal, equity))

    def best(self, label: str, within_days: int) -> Decimal:
        """Return the best mark of so many risk days up to this one, 0 where there is none."""
        first = date.fromisoformat(label).toordinal() - within_days + 1
        place = bisect_left(self._days, first, key=_ordinal)
        return self._days[place].best if place < len(self._days) else ZERO

    def flow(self, before: Decimal, after: Decimal) -> None:
        """Scale by equity after ÷ before a deposit or a withdrawal; both have to be above 0."""
        self._days = [_Day(day.ordinal, _scaled(day.best, before, after)) for day in self._days]

    def resume(self) -> None:
        """Forget everything: a person has begun anew."""
        self._days.clear()


def _ordinal(day: _Day) -> int:
    return day.ordinal


class _Mark(NamedTuple):
    at_ns: int
    equity: Decimal


class RollingMarks:
    """The first mark of every hour, of a month and a little more."""

    def __init__(self) -> None:
        self._marks: list[_Mark] = []

    def mark(self, at_ns: int, equity: Decimal) -> None:
        """Note an equity; of an hour only the first counts."""
        marks = self._marks
        if marks and at_ns // HOUR_NS <= marks[-1].at_ns // HOUR_NS:
            return
        marks.append(_Mark(at_ns, equity))
        if marks[0].at_ns < at_ns - 2 * KEPT_NS:
            del marks[: self._place(at_ns - KEPT_NS)]

    def before(self, at_ns: int) -> Decimal:
        """Return the last mark at or before a time, or the first there is; NaN without any."""
        if not self._marks:
            return Decimal("NaN")
        return self._marks[self._place(at_ns)].equity

    def daily(self, at_ns: int) -> list[float]:
        """Return the marks of a time, of 24 hours before it, and so on, the oldest first.

        Flows are taken out. It ends where the marks do, or where two of them would be one.
        """
        found: list[int] = []
        while self._marks:
            place = self._place(at_ns - len(found) * DAY_NS)
            if found and place == found[-1]:
                break
            found.append(place)
        return [float(self._marks[place].equity) for place in reversed(found)]

    def flow(self, before: Decimal, after: Decimal) -> None:
        """Scale by equity after ÷ before a deposit or a withdrawal; both have to be above 0."""
        self._marks = [_Mark(one.at_ns, _scaled(one.equity, before, after)) for one in self._marks]

    def resume(self, at_ns: int, equity: Decimal) -> None:
        """Begin anew at this equity."""
        self._marks = [_Mark(at_ns, equity)]

    def _place(self, at_ns: int) -> int:
        return max(bisect_right(self._marks, at_ns, key=_time) - 1, 0)


def _time(one: _Mark) -> int:
    return one.at_ns


def _scaled(equity: Decimal, before: Decimal, after: Decimal) -> Decimal:
    return ratio(EXACT.multiply(equity, after), before)
