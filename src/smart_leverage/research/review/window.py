"""A part of a story between two instants, with the marks, days and records that lie in it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Protocol, TypeVar

from smart_leverage.books.allocation import Allocation, Efficiency
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.enforcement import Enforcement, step_named
from smart_leverage.domain.records import Marked
from smart_leverage.reports.curve import Close, closes
from smart_leverage.reports.story import Story
from smart_leverage.reports.usage import Group, groups


class Dated(Protocol):
    """Anything that happened at an instant."""

    @property
    def at_ns(self) -> int:
        """When, UTC."""
        ...


R = TypeVar("R", bound=Dated)


class Window:
    """What happened after `from_ns` until `until_ns`, inclusive; times are UTC.

    `days` are those asked for, `covered_days` those of them on which the account existed.
    """

    def __init__(self, story: Story, days: int, until_ns: int) -> None:
        self.story = story
        self.days = days
        self.until_ns = until_ns
        self.from_ns = until_ns - days * DAY_NS
        times = [mark.at_ns for mark in story.marks]
        self._low = bisect_right(times, self.from_ns)
        self._high = bisect_right(times, until_ns)
        self._times = times

    @property
    def covered_days(self) -> float:
        """Days of the window since the opening of the account."""
        began = max(self.from_ns, self.story.account.at_ns)
        return max(self.until_ns - began, 0) / DAY_NS

    @property
    def is_covered(self) -> bool:
        """Whether the account existed during all of it."""
        return self.story.account.at_ns <= self.from_ns

    @property
    def step(self) -> Enforcement:
        """The step of enforcement at the end of the window; an unknown word is the last one."""
        words = [self.story.account.enforcement]
        words += [
            each.after
            for each in self.story.steps
            if each.effective_ns <= each.at_ns <= self.until_ns
        ]
        step = step_named(words[-1])
        return Enforcement.ALL if step is None else step

    def of(self, kind: type, records: Iterable[R]) -> list[tuple[int, R]]:
        """Return the records of a kind that lie in the window, each with its event."""
        places = self.story.places.get(kind, ())
        pairs = zip(places, records, strict=True)
        return [(seq, one) for seq, one in pairs if self.from_ns < one.at_ns <= self.until_ns]

    # -- the curve --------------------------------------------------------------------------------

    @property
    def marks(self) -> range:
        """Places of the marks that lie in the window."""
        return range(self._low, self._high)

    @cached_property
    def _opening(self) -> tuple[int, float]:
        """The last valuation before the window, or the opening of the account."""
        if self._low:
            return self.from_ns, self.story.nav[self._low - 1]
        return self.story.account.at_ns, 1.0

    @cached_property
    def change(self) -> float | None:
        """Return over the window, fraction, flows left out; None without a mark in it."""
        before = self._opening[1]
        if not self.marks or before <= 0.0:
            return None
        return self.story.nav[self._high - 1] / before - 1.0

    @cached_property
    def days_closed(self) -> list[Close]:
        """The risk days of the window that hold a mark; the first and last may be parts."""
        start, nav = self._opening
        times = [start, *self._times[self._low : self._high]]
        navs = [nav, *self.story.nav[self._low : self._high]]
        return closes(times, navs, self.story.calendar.day_of)

    @cached_property
    def months(self) -> list[Close]:
        """Every risk month until the end of the window, from the opening on."""
        times = [self.story.account.at_ns, *self._times[: self._high]]
        return closes(times, [1.0, *self.story.nav[: self._high]], self.story.calendar.month_of)

    @cached_property
    def deepest(self) -> float:
        """The deepest that a mark of the window lay below any earlier high, positive fraction."""
        high, deepest = 1.0, 0.0
        for place, nav in enumerate(self.story.nav[: self._high]):
            high = max(high, nav)
            if place >= self._low:
                deepest = max(deepest, 1.0 - nav / high)
        return deepest

    # -- exposure ---------------------------------------------------------------------------------

    @cached_property
    def efficiency(self) -> Efficiency:
        """How the crypto allocation was used, weighted by time; see `books.allocation`."""
        used = Allocation()
        first = max(self._low - 1, 0)
        for place in range(first, self._high):
            mark = self.story.marks[place]
            if mark.equity > 0:
                at_ns = max(mark.at_ns, self.from_ns)
                used.mark(at_ns, Decimal(mark.crypto / mark.equity), mark.crypto_cap)
        return used.efficiency

    @cached_property
    def groups(self) -> list[Group]:
        """Crypto, leveraged and gross, the marks of the window only."""
        return [self._cut(each) for each in groups(self.story)]

    def _cut(self, group: Group) -> Group:
        low, high = (bisect_right(group.times, at) for at in (self.from_ns, self.until_ns))
        exposures, caps = group.exposures[low:high], group.caps[low:high]
        return Group(group.name, group.times[low:high], exposures, caps)

    @property
    def mark_places(self) -> Sequence[int]:
        """The events of the marks in the window."""
        return self.story.places.get(Marked, ())[self._low : self._high]
