"""A ledger for what can be made again: records are handed over by the thousand, nobody waits."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.records import Record
from smart_leverage.ledger.base import Counts, Durability, Entry, Head, Ticket
from smart_leverage.ledger.sqlite import SqliteLedger

BUNDLE = 1_000
"""So many records are handed over together; a thread's hand-over costs as much as some of them."""


class BundledLedger:
    """A `Ledger` whose acknowledgements mean nothing: the same chain, written later.

    A replay of years commits at every instant, and waiting for each takes longer than all of the
    deciding. Its files can be made again from the same orders, so nothing is lost by a crash. What
    the disk refuses is told by a later call, at the latest by `close`.

    Raises:
        InvariantViolation: The ledger promises durability, which this would break.
    """

    def __init__(self, inner: SqliteLedger) -> None:
        if inner.durability is not Durability.NONE:
            raise InvariantViolation("records of a durable ledger may not wait for company")
        self._inner = inner
        self._loose: list[Record] = []
        self._last: Ticket | None = None

    @property
    def head(self) -> Head:
        """The last link, once everything is written."""
        self.flush()
        return self._inner.head

    @property
    def lapsed(self) -> str:
        """Why nothing may leave any more; see the ledger within."""
        return self._inner.lapsed

    @property
    def counts(self) -> Counts:
        """What was done since it was opened."""
        return self._inner.counts

    def append(self, records: Sequence[Record]) -> Ticket:
        """Take records in; the ticket is settled at once.

        Raises:
            LedgerError: An earlier bundle was not written.
        """
        ticket = Ticket()
        ticket.settle(self.commit(records))
        return ticket

    def commit(self, records: Sequence[Record]) -> Head:
        """Take records in and return the last link that is written, which is an earlier one.

        Raises:
            LedgerError: An earlier bundle was not written.
        """
        self._loose += records
        if len(self._loose) >= BUNDLE:
            self._hand_over()
        return self._inner.head

    def read(self, after_seq: int = 0) -> Iterator[Entry]:
        """Yield the links after this one, what was taken in last included."""
        self.flush()
        return self._inner.read(after_seq)

    def flush(self) -> None:
        """Write everything that was taken in.

        Raises:
            LedgerError: It could not be written.
        """
        self._hand_over()
        if self._last is not None:
            self._last.wait()

    def close(self) -> None:
        """Write what is there, then let go of the file."""
        try:
            self.flush()
        finally:
            self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _hand_over(self) -> None:
        """Pass the bundle on; one is under way while the next gathers, and no more."""
        if not self._loose:
            return
        if self._last is not None:
            self._last.wait()
        self._last, self._loose = self._inner.append(self._loose), []
