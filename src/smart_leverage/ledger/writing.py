"""What every ledger that writes has in common: the hand-over, the one thread, the tickets."""

import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.domain.records import Record
from smart_leverage.ledger.base import Counts, Database, Durability, Entry, Head, Ticket
from smart_leverage.ledger.chain import GENESIS, draft, link, row_of
from smart_leverage.ledger.connections import DAMAGE, unreadable
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.files import Witness
from smart_leverage.ledger.inbox import Batch, Inbox
from smart_leverage.ledger.journal import chained
from smart_leverage.ledger.projections import Projector, Row
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.seals import NEVER_NS, Sealer
from smart_leverage.ledger.takeover import take_over

_LOG = logging.getLogger(__name__)


class WritingLedger(ABC):
    """A `Ledger` whose commits are made by one thread on one connection.

    It takes whatever has queued while the last sync ran and never waits for company. After a failed
    commit the connection is not trusted again: the object is broken, every later append is refused,
    and only opening the ledger anew tells what it holds.
    """

    def __init__(
        self,
        path: Path | None,
        durability: Durability,
        *,
        queue_max: int,
        queue_wait_s: float,
        idle_s: float | None = None,
    ) -> None:
        self.path = path
        self.durability = durability
        self.emergency: EmergencyJournal | None = None
        self.taken = 0
        """Records of the emergency journal that were taken over at the opening."""
        self.left_aside = ""
        """Where records of it were put that could not be taken over; empty when there were none."""
        self.was_ours = False
        """Whether this process was also the last to open it for writing before."""
        self._pid = os.getpid()
        self._head = GENESIS
        self._epoch = 0
        self._commits = self._records = self._checkpoints = 0
        self._inbox = Inbox(queue_max, queue_wait_s)
        self._idle_s = idle_s
        self._witness: Witness | None = None
        self._sealer: Sealer | None = None
        self._projector: Projector
        self._undo = ExitStack()

    @property
    def epoch(self) -> int:
        """How many times this ledger has been opened for writing, this time included."""
        return self._epoch

    @property
    def head(self) -> Head:
        """The last durable link."""
        return self._head

    @property
    def counts(self) -> Counts:
        """What was done since opening."""
        return Counts(self._commits, self._records, self._checkpoints, self._inbox.size)

    @property
    def is_broken(self) -> bool:
        """Whether a commit failed, so that nothing more is taken."""
        return isinstance(self._inbox.refusal, BaseException)

    def assure(self) -> None:
        """See that nothing has failed since; whoever has nothing to write hears of it here.

        Raises:
            LedgerError: A commit failed, or the session of a server is lost.
        """
        if self.is_broken:
            self._inbox.raise_refusal()

    @property
    def lapsed(self) -> str:
        """Why nothing may leave any more, not even a sale: empty, a file is not taken from us."""
        return ""

    def append(self, records: Sequence[Record]) -> Ticket:
        """Hand records over to the writing thread, all or none, in this order.

        Raises:
            LedgerError: Closed, broken, full for too long, or called in a forked process.
            InvariantViolation: A record holds a number that is not finite; nothing was queued.
        """
        self._refuse_fork()
        batch = Batch([draft(record) for record in records], Ticket())
        self._inbox.put(batch)
        return batch.ticket

    def commit(self, records: Sequence[Record]) -> Head:
        """Append and wait until durable.

        Raises:
            LedgerError: Not taken, or the commit failed.
        """
        return self.append(records).wait()

    def read(self, after_seq: int = 0) -> Iterator[Entry]:
        """Yield the durable links after this one, oldest first, in short transactions.

        Raises:
            LedgerCorrupt: A link does not follow the one before; it is not yielded.
        """
        with closing(self._reading()) as connection:
            yield from chained(connection, after_seq)

    def reader(self) -> Reader:
        """Open a reader of this ledger; the caller closes it."""
        return Reader(self._reading())

    def threads(self) -> Sequence[threading.Thread]:
        """Return the thread that writes, as long as it takes anything."""
        return () if self._inbox.refusal is not None else (self._thread,)

    def close(self) -> None:
        """Write what is queued, then let go of the ledger; harmless twice, and in a fork."""
        if self._is_fork:  # What it inherited belongs to the process that opened it.
            return
        self._inbox.refuse("closed")
        self._thread.join()
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- what the databases differ in -------------------------------------------------------------

    @property
    @abstractmethod
    def _where(self) -> str:
        """The ledger as an error names it."""

    @abstractmethod
    def _open_reader(self) -> Database:
        """Open a connection that can only read."""

    @abstractmethod
    def _make_durable(self, rows: list[Row]) -> None:
        """Write rows of the journal and what was folded, in one transaction of this epoch."""

    @abstractmethod
    def _drop(self) -> None:
        """Let go of a connection that failed; whatever it says to that is of no interest."""

    @abstractmethod
    def _tidy(self) -> None:
        """Do what can wait until everybody was answered."""

    def _look(self) -> None:  # noqa: B027 - a file does not go away by itself
        """See, while nothing is to be written, whether it still could be."""

    def _follow(self, entries: list[Entry]) -> None:  # noqa: B027 - a file needs no copy
        """Have a copy follow what is durable, once everybody was answered."""

    def _leave(self, error: Exception, unsure: list[Entry]) -> None:  # noqa: B027 - a file stays
        """Note how things stand when a commit failed, and what may be durable all the same."""

    # -- opening ----------------------------------------------------------------------------------

    def _keep_beside(self, path: Path, connection: Database, undo: ExitStack) -> None:
        """Open what is kept in files beside a ledger: witness, seals, emergency journal."""
        self._witness = Witness(path)
        undo.callback(self._witness.close)
        self._sealer = Sealer(path, connection, self.durability)
        if self.durability is Durability.FULL:
            self.emergency = EmergencyJournal(path)
            undo.callback(self.emergency.close)

    def _begin(self) -> None:
        """Start the writing thread, and let it write first what was noted in trouble."""
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()
        self.taken = self._take_over()

    def _take_over(self) -> int:
        if self.emergency is None or self.emergency.is_empty:
            return 0
        try:
            with self.reader() as reader:
                return take_over(self.emergency, reader, self.commit)
        except BaseException as error:
            self.close()
            if isinstance(error, DAMAGE):
                raise unreadable(error, self._where) from error
            raise

    @property
    def _is_fork(self) -> bool:
        return os.getpid() != self._pid

    def _refuse_fork(self) -> None:
        if self._is_fork:
            raise LedgerError(
                f"process {self._pid} opened this ledger; a fork of it may not use it"
            )

    def _reading(self) -> Database:
        self._refuse_fork()
        return self._open_reader()

    # -- the writing thread -----------------------------------------------------------------------

    def _run(self) -> None:
        """Write what arrives until there is nothing more to come."""
        while (batches := self._inbox.take(self._idle_s)) != []:
            try:
                if batches is None:
                    self._look()
                else:
                    self._write(batches)
                    self._tidy()
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing may follow it
                self._break(error, batches or [])

    def _write(self, batches: list[Batch]) -> None:
        head, heads, entries, sealer = self._head, [], list[Entry](), self._sealer
        month_end_ns = sealer.until_ns if sealer is not None else NEVER_NS
        for batch in batches:
            for ready in batch.drafts:
                entry = link(head, self._epoch, ready)
                if sealer is not None and entry.at_ns >= month_end_ns:
                    month_end_ns = sealer.turn(head, entry.at_ns)
                head = Head(entry.seq, entry.hash)
                entries.append(entry)
                self._projector.fold(entry.seq, ready.record)
            heads.append(head)
        if entries:
            self._commit([row_of(entry) for entry in entries], head)
        for batch, own in zip(batches, heads, strict=True):
            batch.ticket.settle(own)
        if sealer is not None and sealer.is_due:
            sealer.write()
        if entries:
            self._follow(entries)

    def _commit(self, rows: list[Row], head: Head) -> None:
        self._make_durable(rows)
        if self._witness is not None:
            self._witness.note(head)
        self._head = head
        self._commits += 1
        self._records += len(rows)
        self._inbox.done(len(rows))

    def _refuse_other(self, epoch: int) -> None:
        if epoch != self._epoch:
            raise LedgerLocked(f"a writer of epoch {epoch} took over; this one is {self._epoch}")

    def _break(self, error: Exception, batches: list[Batch]) -> None:
        self._inbox.refuse(error)
        self._drop()
        try:
            self._leave(error, self._unsure(batches))
        except Exception:  # noqa: BLE001 - whoever waits has to be told in any case
            _LOG.exception("how the ledger failed could not be noted; there is no refuge")
        for batch in (*batches, *(self._inbox.take() or ())):
            if not batch.ticket.is_done:
                self._inbox.done(len(batch.drafts))
                batch.ticket.settle(None, error)

    def _unsure(self, batches: list[Batch]) -> list[Entry]:
        """Return the links that were on their way when a commit failed."""
        head, entries = self._head, list[Entry]()
        for ready in (
            each for batch in batches if not batch.ticket.is_done for each in batch.drafts
        ):
            entries.append(link(head, self._epoch, ready))
            head = Head(entries[-1].seq, entries[-1].hash)
        return entries
