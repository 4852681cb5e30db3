"""What a ledger promises: records in order, hash-chained, acknowledged once they are durable."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Record

_LOG = logging.getLogger(__name__)


class Durability(StrEnum):
    """What an acknowledgement is worth; chosen in code, never by a setting."""

    FULL = "full"
    """Synced to the disk: it survives a power loss."""
    NONE = "none"
    """Handed to the operating system: for simulations, whose reports say so."""


class Head(NamedTuple):
    """The last link of a chain; an empty chain ends at 0."""

    seq: int
    hash: bytes


class Entry(NamedTuple):
    """One link: `payload` is the record's canonical JSON, `at_ns` the record's own time."""

    seq: int
    epoch: int
    at_ns: int
    kind: str
    key: str
    payload: bytes
    prev_hash: bytes
    hash: bytes


class Counts(NamedTuple):
    """What one ledger object has done since it was opened; `queued` is waiting right now."""

    commits: int
    records: int
    checkpoints: int
    queued: int


class Ticket:
    """A claim on records that were handed over; settled once, by the writing thread."""

    __slots__ = ("_callbacks", "_cause", "_gate", "_head")

    # One lock for all tickets: it is held for two assignments and only by `then` and by settling.
    _registering = threading.Lock()

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()
        self._head: Head | None = None
        self._cause: BaseException | None = None
        self._callbacks: list[Callable[[Ticket], None]] | None = []

    @property
    def is_done(self) -> bool:
        """Whether the records are durable or lost."""
        return self._callbacks is None

    @property
    def is_lost(self) -> bool:
        """Whether they were not acknowledged; they may or may not be on the disk."""
        return self.is_done and self._head is None

    def wait(self, timeout_s: float | None = None) -> Head:
        """Return the head at the last of these records once they are durable.

        Args:
            timeout_s: Longest wait, seconds; None waits for ever.

        Raises:
            TimeoutError: Not settled yet; the records may still become durable.
            LedgerError: The commit failed; the records may or may not be on the disk.
        """
        if not self._gate.acquire(timeout=-1 if timeout_s is None else timeout_s):
            raise TimeoutError(f"records not durable after {timeout_s:g} s")
        self._gate.release()
        if self._head is None:
            raise LedgerError(f"records were not committed: {self._cause}") from self._cause
        return self._head

    def then(self, callback: Callable[["Ticket"], None]) -> None:
        """Call back when settled, in the writing thread (at once if that is past).

        The callback must be quick; whatever it raises is logged and stops nothing.
        """
        with self._registering:
            if self._callbacks is not None:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def settle(self, head: Head | None, cause: BaseException | None = None) -> None:
        """Record the outcome and wake whoever waits; for the ledger only."""
        with self._registering:
            self._head, self._cause = head, cause
            callbacks, self._callbacks = self._callbacks, None
        self._gate.release()
        for callback in callbacks or ():
            self._call(callback)

    def _call(self, callback: Callable[["Ticket"], None]) -> None:
        try:
            callback(self)
        except Exception:  # noqa: BLE001 - a listener may not stop the writer
            _LOG.exception("a ticket's callback raised; the ledger goes on")


class Ledger(Protocol):
    """The memory of one account: append-only, one writer, verifiable afterwards."""

    @property
    def head(self) -> Head:
        """The last durable link."""
        ...

    @property
    def counts(self) -> Counts:
        """What was done since opening."""
        ...

    @property
    def lapsed(self) -> str:
        """Why nothing may leave any more, not even what lowers exposure; empty while it may.

        Asked, in any thread, right before each order and cancel leaves.
        """
        ...

    def append(self, records: Sequence[Record]) -> Ticket:
        """Hand records over to the writing thread, all or none, in this order.

        No records at all make a barrier: the ticket settles when everything before it has.

        Raises:
            LedgerError: The ledger is closed or broken, or its queue stayed full.
            InvariantViolation: A record holds a number that is not finite; nothing was queued.
        """
        ...

    def commit(self, records: Sequence[Record]) -> Head:
        """Append and wait until durable.

        Raises:
            LedgerError: See `append` and `Ticket.wait`.
        """
        ...

    def read(self, after_seq: int = 0) -> Iterator[Entry]:
        """Yield the durable links after this one, oldest first.

        Raises:
            LedgerCorrupt: A link does not follow the one before; it is not yielded.
        """
        ...

    def close(self) -> None:
        """Write what is queued, then let go of the file; harmless twice."""
        ...


class Rows(Protocol):
    """What a statement returned."""

    @property
    def description(self) -> Any:
        """A sequence for each column, its name first."""
        ...

    @property
    def rowcount(self) -> int:
        """Rows changed, as far as the driver knows already."""
        ...

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Go through the rows that are left."""
        ...


class Database(Protocol):
    """A connection that understands the statements of `queries.sql`, for one thread at a time."""

    def execute(self, statement: str, values: Any = (), /) -> Rows:
        """Run one statement; values by place or by name, as it was written."""
        ...

    def close(self) -> None:
        """Let go of it; harmless twice."""
        ...
