"""The bounded hand-over from the threads that have records to the one that writes them."""

import threading
from collections import deque
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.base import Ticket
from smart_leverage.ledger.chain import Draft


class Batch(NamedTuple):
    """Records that stand or fall together."""

    drafts: list[Draft]
    ticket: Ticket


class Inbox:
    """Batches on their way to the writer; the bound counts records until they are durable."""

    def __init__(self, size_max: int, wait_s: float) -> None:
        self._size_max = size_max
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._batches: deque[Batch] = deque()
        self._size = 0
        self._waiting_for_room = 0
        self._refusal: BaseException | str | None = None

    @property
    def size(self) -> int:
        """Records handed over and not yet durable."""
        return self._size

    @property
    def refusal(self) -> BaseException | str | None:
        """Why nothing more is taken; None while open."""
        return self._refusal

    def put(self, batch: Batch) -> None:
        """Hand a batch over; waits only while the bound is reached.

        A batch larger than the bound is let in when nothing else is waiting.

        Raises:
            LedgerError: Closed or broken, or no room came in time.
        """
        count = len(batch.drafts)
        with self._lock:
            if self._size and self._size + count > self._size_max:
                self._wait_for_room(count)
            self.raise_refusal()
            self._batches.append(batch)
            self._size += count
            self._arrived.notify()

    def take(self, idle_s: float | None = None) -> list[Batch] | None:
        """Wait for batches and return all there are, oldest first; empty when closed and done.

        Args:
            idle_s: Longest wait, seconds; then None is returned. None waits for ever.
        """
        with self._lock:
            while not self._batches and self._refusal is None:
                if not self._arrived.wait(idle_s):
                    return None
            taken = list(self._batches)
            self._batches.clear()
            return taken

    def done(self, count: int) -> None:
        """Give back the room of records that are durable."""
        with self._lock:
            self._size -= count
            if self._waiting_for_room:
                self._room.notify_all()

    def raise_refusal(self) -> None:
        """Say why nothing more is taken.

        Raises:
            LedgerError: Closed or broken.
        """
        if self._refusal is not None:
            raise _refused(self._refusal)

    def refuse(self, why: BaseException | str) -> None:
        """Take nothing more; the first reason stays."""
        with self._lock:
            self._refusal = self._refusal or why
            self._arrived.notify_all()
            self._room.notify_all()

    def _wait_for_room(self, count: int) -> None:
        def has_room() -> bool:
            fits = not self._size or self._size + count <= self._size_max
            return fits or self._refusal is not None

        self._waiting_for_room += 1
        try:
            if not self._room.wait_for(has_room, self._wait_s):
                raise LedgerError(
                    f"{self._size} records wait for the disk and none became durable "
                    f"for {self._wait_s:g} s; {count} more were not taken"
                )
        finally:
            self._waiting_for_room -= 1


def _refused(why: BaseException | str) -> LedgerError:
    if isinstance(why, str):
        return LedgerError(f"the ledger is {why}")
    error = LedgerError(f"the ledger is broken and must be opened again: {why}")
    error.__cause__ = why
    return error
