"""One period of a story: the records that stand in it, and the account before and after."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from smart_leverage.books.book import cash_of
from smart_leverage.books.doings import Doings
from smart_leverage.books.exact import EXACT, ZERO
from smart_leverage.books.trades import Trade
from smart_leverage.books.units import Worth
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    ExposureMoved,
    FlowSeen,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    Resumed,
    StateChanged,
    TierGranted,
    Unprotected,
)
from smart_leverage.reports.citing import cited
from smart_leverage.reports.local import LocalTime
from smart_leverage.reports.statement.close import Close, Position
from smart_leverage.reports.statement.period import Period
from smart_leverage.reports.story import Execution, Story
from smart_leverage.reports.usage import Group, groups

T = TypeVar("T")

ROWS_MAX = 40
"""So many rows of a kind are shown; the table says what it leaves out."""

_LISTS: dict[type, Callable[[Story], Sequence[Any]]] = {
    AssetLocked: lambda story: story.locks,
    BreakerMoved: lambda story: story.breakers,
    Decided: lambda story: story.decisions,
    ExposureMoved: lambda story: story.exposures,
    FlowSeen: lambda story: story.flows,
    LimitChanged: lambda story: story.limits,
    Marked: lambda story: story.marks,
    Noted: lambda story: story.notes,
    Resumed: lambda story: story.resumes,
    StateChanged: lambda story: story.states,
    TierGranted: lambda story: story.tiers,
    Unprotected: lambda story: story.unprotected,
}


class Part:
    """The part of a story that one period is; the story may have been read beyond its end.

    `before` is how the account stood when the period began; None in its first one.
    """

    def __init__(self, story: Story, period: Period, before: Close | None, after: Close) -> None:
        self.story = story
        self.period = period
        self.before = before
        self.after = after
        self.first_seq = 1 if before is None else before.seq + 1
        self.last_seq = after.seq
        self.zone = LocalTime(story.account.risk_timezone)
        self.start_ns = max(period.start_ns, story.account.at_ns)
        last_ns = period.end_ns if self.is_over else after.at_ns
        self.end_ns = max(last_ns, self.start_ns)

    @property
    def is_whole(self) -> bool:
        """Whether the account was there from its beginning, and the ledger goes on after it."""
        return self.is_over and self.story.account.at_ns <= self.period.start_ns

    @property
    def is_over(self) -> bool:
        """Whether the ledger holds something from after it."""
        return self.story.last_ns >= self.period.end_ns

    # -- records ----------------------------------------------------------------------------------

    def records(self, kind: type[T]) -> Sequence[T]:
        """Return the records of a kind that stand in the period, oldest first."""
        first, last = self._range(kind)
        return _LISTS[kind](self.story)[first:last]

    def places(self, kind: type) -> Sequence[int]:
        """Return where in the journal they stand."""
        first, last = self._range(kind)
        return self.story.places.get(kind, ())[first:last]

    def placed(self, kind: type[T]) -> list[tuple[T, int]]:
        """Return the records of a kind, each with where in the journal it stands."""
        return list(zip(self.records(kind), self.places(kind), strict=True))

    def last_before(self, kind: type[T]) -> T | None:
        """Return the last record of a kind before the period; None where there is none."""
        first, _ = self._range(kind)
        found: Sequence[T] = _LISTS[kind](self.story)
        return found[first - 1] if first else None

    def place_before(self, kind: type) -> int | None:
        """Return where it stands."""
        first, _ = self._range(kind)
        return self.story.places[kind][first - 1] if first else None

    def source(self, kind: type, noun: str, plural: str = "") -> str:
        """Return how many records of a kind there are, and where they stand."""
        return cited(self.places(kind), noun, plural)

    def _range(self, kind: type) -> tuple[int, int]:
        places = self.story.places.get(kind, ())
        return bisect_left(places, self.first_seq), bisect_right(places, self.last_seq)

    def _holds(self, at_ns: int) -> bool:
        return self.start_ns <= at_ns < self.period.end_ns and at_ns <= self.after.at_ns

    @cached_property
    def executions(self) -> Sequence[Execution]:
        """The fills of the period by orders that the ledger knows."""
        found = self.story.executions
        first = bisect_left(found, self.first_seq, key=_seq)
        return found[first : bisect_right(found, self.last_seq, key=_seq)]

    @cached_property
    def rejected(self) -> Sequence[OrderMoved]:
        """The orders that the broker refused."""
        return [each for each in self.story.rejected if self._holds(each.at_ns)]

    @cached_property
    def doings(self) -> Doings:
        """What was asked, given, refused and filled, counted."""
        counts = Doings()
        for decision in self.records(Decided):
            counts.take(decision)
        for refusal in self.rejected:
            counts.take(refusal)
        for each in self.executions:
            counts.fill(each.fill)
        return counts

    @cached_property
    def trades(self) -> Sequence[Trade]:
        """The trades whose first closing slice was filled in the period."""
        every = self.story.book.trades()
        first = bisect_left(every, (self.period.start_ns, ""), key=_rank)
        return every[first : bisect_left(every, (self.period.end_ns, ""), key=_rank)]

    # -- money ------------------------------------------------------------------------------------

    @property
    def opening(self) -> Worth:
        """What the account was worth when the period began, or when it was opened."""
        return Worth(self.story.opening_equity) if self.before is None else self.before.worth

    @property
    def opening_equity(self) -> Decimal:
        """Equity at the last mark before the period with what came in since, or at the opening."""
        return self.opening.equity

    @property
    def closing_equity(self) -> Decimal | None:
        """Equity at the last mark of the period with what came in since; None without a mark."""
        return self.after.worth.equity if self.records(Marked) else None

    @property
    def flows(self) -> Decimal:
        """Deposits less withdrawals."""
        return self.after.worth.came_in(self.opening)

    @property
    def result(self) -> Decimal | None:
        """Money made, flows left out; None where it is not known."""
        return self.after.worth.result(self.opening) if self.records(Marked) else None

    @cached_property
    def navs(self) -> tuple[float, list[float]]:
        """NAV before the period, and at each mark of it."""
        first, last = self._range(Marked)
        return (self.story.nav[first - 1] if first else 1.0), self.story.nav[first:last]

    @property
    def change(self) -> float | None:
        """Return of the period, fraction, flows left out; None where it is not known."""
        return self.after.worth.change(self.opening) if self.records(Marked) else None

    @cached_property
    def high(self) -> float:
        """The best NAV before the period, that of the opening among them."""
        first, _ = self._range(Marked)
        return max([1.0, *self.story.nav[:first]])

    # -- exposure ---------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> list[Group]:
        """Exposure and caps of the period, with what held when it began and until it ended."""
        return [self._cut(each) for each in groups(self.story)]

    def _cut(self, group: Group) -> Group:
        times = group.times
        first, last = bisect_left(times, self.start_ns), bisect_left(times, self.period.end_ns)
        start = max(first - 1, 0)
        cut = [max(at_ns, self.start_ns) for at_ns in times[start:last]]
        exposures, caps = group.exposures[start:last], group.caps[start:last]
        if cut and cut[-1] < self.end_ns:
            cut, exposures, caps = (
                [*cut, self.end_ns],
                [*exposures, exposures[-1]],
                caps + caps[-1:],
            )
        return Group(group.name, cut, exposures, caps)

    # -- instruments ------------------------------------------------------------------------------

    @cached_property
    def moved(self) -> dict[Key, Decimal | None]:
        """What each instrument made: value now, less before, less what was put in, fees included.

        None where a price is not known. By the values at which the engine opened the next day;
        where there are none, by last known prices, and then the sum is not the change of equity.
        """
        before = _by_key(() if self.before is None else self.before.positions)
        after = _by_key(self.after.positions)
        cash: dict[Key, Decimal] = {}
        for fill, _, _, _ in self.executions:
            cash[fill.key] = EXACT.add(cash.get(fill.key, ZERO), cash_of(fill))
        for key, amount in self._corrections():
            cash[key] = EXACT.add(cash.get(key, ZERO), amount)
        for adopted in self.story.adopted:
            if self._holds(adopted.at_ns):
                value = EXACT.multiply(adopted.qty, adopted.price)
                cash[adopted.key] = EXACT.subtract(cash.get(adopted.key, ZERO), value)
        return {
            key: _made(before.get(key), after.get(key), cash.get(key, ZERO))
            for key in sorted({*before, *after, *cash})
        }

    def _corrections(self) -> Iterator[tuple[Key, Decimal]]:
        """Yield what cash executions moved in the period beside what counts of them by now.

        What is held at its ends was counted before a correction, or after it, and so is the cash.
        """
        for record, seq, executed_seq in self.story.revisions:
            was_told = self.first_seq <= executed_seq <= self.last_seq
            is_told = self.first_seq <= seq <= self.last_seq
            if was_told is is_told:
                continue
            after = ZERO if record.after is None else cash_of(record.after)
            change = EXACT.subtract(after, cash_of(record.before))
            yield record.before.key, change if is_told else EXACT.minus(change)


def _made(before: Position | None, after: Position | None, cash: Decimal) -> Decimal | None:
    start = ZERO if before is None else before.value
    end = ZERO if after is None else after.value
    return None if start is None or end is None else end - start + cash


def _by_key(positions: Sequence[Position]) -> dict[Key, Position]:
    return {each.key: each for each in positions}


def _seq(execution: Execution) -> int:
    return execution.seq


def _rank(trade: Trade) -> tuple[int, str]:
    return trade.rank
