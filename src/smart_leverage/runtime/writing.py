"""What was decided, on its way into the ledger: in order, and whoever decides need not wait."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from smart_leverage.domain.records import Record
from smart_leverage.ledger.base import Ledger, Ticket
from smart_leverage.runtime.meter import SLOW_S, Durations

Tell = Callable[[Record], None]
"""Hears every record once it is durable, in order; it must be quick and must not raise."""

Kept = Callable[[bool], None]
"""Called once, in any thread: with True when all is durable, with False when it is not to be."""


class Batch(NamedTuple):
    """Records that were handed over, and how many events had been processed by then."""

    records: Sequence[Record]
    events: int
    ticket: Ticket


class Scribe:
    """Keeps the records of one trader until the ledger has them; for the trading thread.

    After a failed commit it is thrown away with its trader: no commit follows one that failed.
    """

    def __init__(self, ledger: Ledger, tell: Tell, took: Durations | None = None) -> None:
        """Write to a ledger; `tell` hears what it has, `took` how long each batch waited for it."""
        self._ledger = ledger
        self._tell = tell
        self._times = took or Durations(SLOW_S)
        self._loose: list[Record] = []
        self._batches: deque[Batch] = deque()
        self.events = 0
        """How many events were processed."""
        self._kept = 0

    def add(self, records: Sequence[Record]) -> None:
        """Take in what one event led to."""
        self.events += 1
        self._loose += records

    @property
    def kept(self) -> int:
        """How many events, the first ones, have all their records in the ledger."""
        return self._kept if self._batches or self._loose else self.events

    @property
    def unwritten(self) -> list[Record]:
        """What is not known to be durable, oldest first."""
        return [*(each for batch in self._batches for each in batch.records), *self._loose]

    def flush(self) -> None:
        """Make everything durable, then tell of it.

        Raises:
            LedgerError: A commit failed; what it did not take stays in `unwritten`.
        """
        if not self._batches:
            self._commit()
            return
        self._append()
        while self._batches:
            self._batches[0].ticket.wait()
            self._took(self._batches.popleft())

    def hand_over(self, then: Kept) -> None:
        """Let the ledger begin with what there is; `then` hears when all of it is durable.

        Raises:
            LedgerError: It takes nothing; `then` is not called.
        """
        self._append()
        if not self._batches:
            then(True)
            return
        self._batches[-1].ticket.then(lambda ticket: then(not ticket.is_lost))

    def settle(self) -> None:
        """Tell of what has become durable meanwhile; do not wait.

        Raises:
            LedgerError: A commit failed.
        """
        while self._batches and self._batches[0].ticket.is_done:
            self._batches[0].ticket.wait()
            self._took(self._batches.popleft())

    def _append(self) -> None:
        if self._loose:
            ticket = self._ledger.append(self._loose)
            ticket.then(partial(self._timed, time.perf_counter()))
            self._batches.append(Batch(self._loose, self.events, ticket))
            self._loose = []

    def _commit(self) -> None:
        if self._loose:
            began_s = time.perf_counter()
            self._ledger.commit(self._loose)
            self._times.add(time.perf_counter() - began_s)
            written, self._loose = self._loose, []
            self._told(written)

    def _timed(self, began_s: float, ticket: Ticket) -> None:
        if not ticket.is_lost:
            self._times.add(time.perf_counter() - began_s)

    def _took(self, batch: Batch) -> None:
        self._kept = batch.events
        self._told(batch.records)

    def _told(self, records: Sequence[Record]) -> None:
        for record in records:
            self._tell(record)
