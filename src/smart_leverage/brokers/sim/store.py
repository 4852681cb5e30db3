"""Where the venue keeps what happened, and the store of backtests: lists in memory."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from smart_leverage.brokers.sim.purse import Change, Purse
from smart_leverage.brokers.sim.unit import Counters, Unit
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.orders import Fill, TradeUpdate

T = TypeVar("T")


class Store(Protocol):
    """Keeps what a call changed as a whole, and answers for the past."""

    @property
    def is_durable(self) -> bool:
        """Whether prices are worth handing over too, because somebody may continue from them."""
        ...

    def keep(self, unit: Unit, purse: Purse, counters: Counters) -> None:
        """Keep everything and empty the unit and the purse's changes, or raise and keep nothing."""
        ...

    def updates(self, after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
        """Return the stream's messages above a sequence, oldest first."""
        ...

    def activities(self, after: int, limit: int | None = None) -> Sequence[Activity]:
        """Return the activities above a number, oldest first."""
        ...

    def changes(self, after: int, limit: int | None = None) -> Sequence[Change]:
        """Return the entries of cash and units above a number, oldest first."""
        ...

    def fill(self, execution_id: str) -> Fill | None:
        """Return an execution, also one that was corrected since, or None."""
        ...

    def close(self) -> None:
        """Let go of whatever is held open."""
        ...


class MemoryStore:
    """Keeps everything in lists; gone with the process. Refusals are not remembered."""

    is_durable = False

    def __init__(self) -> None:
        self._updates: list[TradeUpdate] = []
        self._activities: list[Activity] = []
        self._changes: list[Change] = []

    def keep(self, unit: Unit, purse: Purse, counters: Counters) -> None:
        """Append what the call changed."""
        self._updates += unit.updates
        self._activities += unit.activities
        self._changes += purse.changes
        purse.changes.clear()
        unit.clear()

    def updates(self, after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
        """Return the stream's messages above a sequence, oldest first."""
        return numbered_above(self._updates, after, limit)

    def activities(self, after: int, limit: int | None = None) -> Sequence[Activity]:
        """Return the activities above a number, oldest first."""
        return numbered_above(self._activities, after, limit)

    def changes(self, after: int, limit: int | None = None) -> Sequence[Change]:
        """Return the entries of cash and units above a number, oldest first."""
        return numbered_above(self._changes, after, limit)

    def fill(self, execution_id: str) -> Fill | None:
        """Return an execution, also one that was corrected since, or None."""
        fills = (each.fill for each in reversed(self._updates) if each.fill is not None)
        return next((each for each in fills if each.execution_id == execution_id), None)

    def close(self) -> None:
        """Do nothing; there is nothing open."""


def numbered_above(rows: Sequence[T], after: int, limit: int | None, first: int = 1) -> Sequence[T]:
    """Return the rows above a number, where rows are numbered from `first` without a gap."""
    start = max(0, after + 1 - first)
    return rows[start:] if limit is None else rows[start : start + limit]
