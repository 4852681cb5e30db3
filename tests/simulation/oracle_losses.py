"""What was lost, for the oracle: since day and month began, in 24 hours and 30 days, from peaks.

Marks are kept as they were made, divided by what flows have scaled the account by since the start;
multiplied by that of now they are what they would be without any flow in between.
"""

from bisect import bisect_right
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from tests.simulation.audit_market import SECOND

F = Fraction
HOUR = 3_600 * SECOND
DAY, MONTH = 24 * HOUR, 30 * 24 * HOUR


class _Mark(NamedTuple):
    at_ns: int
    day: int
    scaled: Fraction


class Lost(NamedTuple):
    """Losses as fractions, negative for gains; None where nothing says from what."""

    day: Fraction | None
    month: Fraction | None
    day_rolling: Fraction | None
    month_rolling: Fraction | None
    drawdown: Fraction | None


class Losses:
    """Marks, openings and peaks of an account."""

    def __init__(self) -> None:
        self.last: Fraction | None = None
        """Equity at the last mark, with the flows since."""
        self.opened: dict[str, Fraction] = {}
        self._factor = F(1)
        self._day = 0
        self._marks: list[_Mark] = []
        self._hours: list[_Mark] = []
        """The first mark of each hour, to which windows reach back."""
        self._best = F(0)
        """The best mark since the start or the last resume."""

    # -- what happens -----------------------------------------------------------------------------

    def mark(self, at_ns: int, equity: Fraction) -> None:
        self.last = equity
        mark = _Mark(at_ns, self._day, equity / self._factor)
        self._marks.append(mark)
        self._best = max(self._best, mark.scaled)
        if not self._hours or at_ns // HOUR > self._hours[-1].at_ns // HOUR:
            self._hours.append(mark)

    def begin(self, period: str, label: str, equity: Fraction) -> None:
        """Open a day or a month."""
        self.opened[period] = equity / self._factor
        if period == "day":
            self._day = date.fromisoformat(label).toordinal()

    def flow(self, amount: Fraction) -> None:
        """Let money come or go: neither a gain nor a loss."""
        if self.last is None:
            return
        before, self.last = self.last, self.last + amount
        if before > 0 and self.last > 0:
            self._factor *= self.last / before

    def resume(self, at_ns: int, equity: Fraction) -> None:
        """Begin anew: a person has lifted a trip."""
        self.last = equity
        scaled = equity / self._factor
        self.opened = dict.fromkeys(self.opened, scaled)
        self._marks, self._hours = [], [_Mark(at_ns, self._day, scaled)]
        self._best = scaled

    # -- what is so -------------------------------------------------------------------------------

    def at(self, at_ns: int, equity: Fraction) -> Lost:
        """Return what an equity is a loss of, at a time after all marks."""
        return Lost(
            self._loss(self.opened.get("day"), equity),
            self._loss(self.opened.get("month"), equity),
            self._loss(self._before(at_ns - DAY), equity),
            self._loss(self._before(at_ns - MONTH), equity),
            self._loss(max(self._best, equity / self._factor), equity),
        )

    def opening(self) -> Fraction:
        """Return the equity with which the day began, flow-adjusted."""
        return self.opened["day"] * self._factor

    def peak(self, days: int, equity: Fraction) -> Fraction:
        """Return the best mark of so many risk days, or the present equity."""
        first = self._day - days + 1
        recent = (each.scaled for each in self._marks if each.day >= first)
        return max(max(recent, default=F(0)) * self._factor, equity)

    def _before(self, at_ns: int) -> Fraction | None:
        if not self._hours:
            return None
        place = bisect_right(self._hours, at_ns, key=lambda each: each.at_ns)
        return self._hours[max(place - 1, 0)].scaled

    def _loss(self, scaled: Fraction | None, equity: Fraction) -> Fraction | None:
        if not scaled or scaled <= 0:
            return None
        return 1 - equity / (scaled * self._factor)
