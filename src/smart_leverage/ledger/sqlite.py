"""The ledger in one SQLite file: a hash-chained journal and what it adds up to, one writer."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import NamedTuple, Self

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.domain.records import Record
from smart_leverage.ledger.base import Counts, Durability, Entry, Head, Ticket
from smart_leverage.ledger.chain import draft, link
from smart_leverage.ledger.connections import (
    DAMAGE,
    SQLITE_VERSION,
    Connect,
    check_schema,
    connect,
    create_tables,
    file_uri,
    open_reader,
    open_writer,
    unreadable,
    use_wal,
)
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.files import Witness
from smart_leverage.ledger.inbox import Batch, Inbox
from smart_leverage.ledger.journal import chained
from smart_leverage.ledger.opening import claim, last_link, raised_epoch
from smart_leverage.ledger.projections import Projector, Row, write
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.seals import NEVER_NS, Sealer
from smart_leverage.ledger.statements import QUERIES
from smart_leverage.ledger.takeover import take_over

_MEMORY_NAMES = count()


class Bounds(NamedTuple):
    """How much may wait for the disk, and how large the write-ahead log may grow."""

    queue_max: int = 10_000
    """Records handed over and not yet durable."""
    queue_wait_s: float = 5.0
    """Longest wait for room in the queue; then the append is refused."""
    wal_pages: int = 1_000
    """Pages (4 KiB) after which the log is copied into the file when nothing waits."""
    wal_pages_max: int = 8_000
    """Pages after which it is copied although something waits."""


class SqliteLedger:
    """A `Ledger` in one file; whoever opens it is its only writer until closing.

    Every commit is made by one thread on one connection. It takes whatever has queued while the
    last sync ran and never waits for company. After a failed commit the connection is not trusted
    again (the kernel may have dropped the pages and report success the next time): the object is
    broken, every later append is refused, and only opening the file anew tells what it holds. Until
    then a `Refuge` takes what makes the account safer, in the `emergency` journal; whoever opens
    the ledger next takes that over first. A ledger that does not sync has none.

    Raises:
        LedgerLocked: Another process, or another object of this one, is writing the file.
        LedgerNewer: A newer program wrote it.
        LedgerCorrupt: It ends before the last acknowledged record, or its last link is wrong.
        LedgerError: It is not a ledger, or it cannot be written.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        durability: Durability = Durability.FULL,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        connect: Connect = connect,
    ) -> None:
        self.path = path
        self.durability = durability
        self.sqlite_version = SQLITE_VERSION
        self._bounds = bounds
        self._pid = os.getpid()
        self._epoch = 0
        self._commits = self._records = self._checkpoints = self._wal_pages = 0
        self._inbox = Inbox(bounds.queue_max, bounds.queue_wait_s)
        with ExitStack() as undo:
            try:
                self._open(path, connect, undo)
            except DAMAGE as error:
                raise unreadable(error, self._where) from error
            self._undo = undo.pop_all()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()
        self.taken = self._take_over()
        """Records of the emergency journal that were taken over at the opening."""

    @classmethod
    def in_memory(cls, *, bounds: Bounds = Bounds(), connect: Connect = connect) -> Self:  # noqa: B008
        """Open a ledger that is gone when it is closed: for tests and fast backtests."""
        return cls(None, durability=Durability.NONE, bounds=bounds, connect=connect)

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
        with closing(self._open_reader()) as connection:
            yield from chained(connection, after_seq)

    def reader(self) -> Reader:
        """Open a reader of this ledger; the caller closes it."""
        return Reader(self._open_reader())

    def close(self) -> None:
        """Write what is queued, then let go of the file; harmless twice, and in a fork."""
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

    def _open(self, path: Path | None, connect: Connect, undo: ExitStack) -> None:
        self._memory = f"file:/ledger-{os.getpid()}-{next(_MEMORY_NAMES)}?vfs=memdb"
        self._witness: Witness | None = None
        self.emergency: EmergencyJournal | None = None
        self._sealer: Sealer | None = None
        if path is not None:
            claim(path, self.durability, connect, undo)
        self._connection = open_writer(self._uri("rw"), self.durability, connect)
        undo.callback(self._connection.close)
        if path is None:
            create_tables(self._connection)
        else:
            check_schema(self._connection, self._where)
            use_wal(self._connection, path)
        self._head = last_link(self._connection, path)
        if path is not None:
            self._witness = Witness(path)
            undo.callback(self._witness.close)
            self._sealer = Sealer(path, self._connection, self.durability)
            if self.durability is Durability.FULL:
                self.emergency = EmergencyJournal(path)
                undo.callback(self.emergency.close)
        self._epoch = raised_epoch(self._connection, self._where)
        try:
            self._projector = Projector(self._connection)
        except ArithmeticError as error:
            raise LedgerCorrupt(f"{self._where}: a balance is not a number") from error

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
    def _where(self) -> str:
        return str(self.path or "memory")

    @property
    def _is_fork(self) -> bool:
        return os.getpid() != self._pid

    def _refuse_fork(self) -> None:
        if self._is_fork:
            raise LedgerError(
                f"process {self._pid} opened this ledger; a fork of it may not use it"
            )

    def _open_reader(self) -> Connection:
        self._refuse_fork()
        return open_reader(self._uri("ro"), self._where)

    def _uri(self, mode: str) -> str:
        return f"{self._memory}&mode={mode}" if self.path is None else file_uri(self.path, mode)

    def _run(self) -> None:
        """Write what arrives until there is nothing more to come; the writing thread."""
        while batches := self._inbox.take():
            try:
                self._write(batches)
                self._checkpoint_if_due()
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing may follow it
                self._break(error, batches)

    def _write(self, batches: list[Batch]) -> None:
        head, heads, rows, sealer = self._head, [], list[Row](), self._sealer
        month_end_ns = sealer.until_ns if sealer is not None else NEVER_NS
        for batch in batches:
            for ready in batch.drafts:
                entry = link(head, self._epoch, ready)
                if sealer is not None and entry.at_ns >= month_end_ns:
                    month_end_ns = sealer.turn(head, entry.at_ns)
                head = Head(entry.seq, entry.hash)
                rows.append((*entry[:5], entry.payload.decode(), *entry[6:]))
                self._projector.fold(entry.seq, ready.record)
            heads.append(head)
        if rows:
            self._commit(rows, head)
        for batch, own in zip(batches, heads, strict=True):
            batch.ticket.settle(own)
        if sealer is not None and sealer.is_due:
            sealer.write()

    def _commit(self, rows: list[Row], head: Head) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        self._check_epoch()
        write(connection, "insert_entry", rows)
        self._projector.flush()
        connection.execute("COMMIT")
        if self._witness is not None:
            self._witness.note(head)
        self._head = head
        self._commits += 1
        self._records += len(rows)
        # About what a commit adds to the log: a leaf and its parent in each of a few tables.
        self._wal_pages += 6 + len(rows) // 4
        self._inbox.done(len(rows))

    def _check_epoch(self) -> None:
        ((epoch,),) = self._connection.execute(QUERIES["epoch"]).fetchall()
        if epoch != self._epoch:
            raise LedgerError(f"a writer of epoch {epoch} took over; this one is {self._epoch}")

    def _checkpoint_if_due(self) -> None:
        due = self._bounds.wal_pages_max if self._inbox.size else self._bounds.wal_pages
        if self.path is None or self._wal_pages < due:
            return
        query = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        ((_, logged, copied),) = query.fetchall()
        self._wal_pages = logged - copied
        self._checkpoints += 1

    def _break(self, error: Exception, batches: list[Batch]) -> None:
        self._inbox.refuse(error)
        with suppress(sqlite3.Error):
            self._connection.close()
        for batch in (*batches, *self._inbox.take()):
            if not batch.ticket.is_done:
                self._inbox.done(len(batch.drafts))
                batch.ticket.settle(None, error)
