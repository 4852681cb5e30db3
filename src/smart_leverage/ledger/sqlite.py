"""The ledger in one SQLite file: a hash-chained journal and what it adds up to, one writer."""

import os
import sqlite3
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple, Self

from smart_leverage.domain.errors import LedgerCorrupt
from smart_leverage.ledger.base import Durability
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
from smart_leverage.ledger.opening import claim, last_link, raised_epoch
from smart_leverage.ledger.projections import Projector, Row, write
from smart_leverage.ledger.statements import QUERIES
from smart_leverage.ledger.writing import WritingLedger

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


class SqliteLedger(WritingLedger):
    """A `Ledger` in one file; whoever opens it is its only writer until closing.

    After a failed commit the connection is not trusted again: the kernel may have dropped the pages
    and report success the next time. Until the file is opened anew, a `Refuge` takes what makes the
    account safer, in the `emergency` journal; whoever opens the ledger next takes that over first.
    A ledger that does not sync has none.

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
        super().__init__(
            path, durability, queue_max=bounds.queue_max, queue_wait_s=bounds.queue_wait_s
        )
        self.sqlite_version = SQLITE_VERSION
        self._bounds = bounds
        self._wal_pages = 0
        with ExitStack() as undo:
            try:
                self._open(path, connect, undo)
            except DAMAGE as error:
                raise unreadable(error, self._where) from error
            self._undo = undo.pop_all()
        self._begin()

    @classmethod
    def in_memory(cls, *, bounds: Bounds = Bounds(), connect: Connect = connect) -> Self:  # noqa: B008
        """Open a ledger that is gone when it is closed: for tests and fast backtests."""
        return cls(None, durability=Durability.NONE, bounds=bounds, connect=connect)

    def _open(self, path: Path | None, connect: Connect, undo: ExitStack) -> None:
        self._memory = f"file:/ledger-{os.getpid()}-{next(_MEMORY_NAMES)}?vfs=memdb"
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
            self._keep_beside(path, self._connection, undo)
        self._epoch = raised_epoch(self._connection, self._where)
        try:
            self._projector = Projector(self._connection)
        except ArithmeticError as error:
            raise LedgerCorrupt(f"{self._where}: a balance is not a number") from error

    @property
    def _where(self) -> str:
        return str(self.path or "memory")

    def _open_reader(self) -> Connection:
        return open_reader(self._uri("ro"), self._where)

    def _uri(self, mode: str) -> str:
        return f"{self._memory}&mode={mode}" if self.path is None else file_uri(self.path, mode)

    def _make_durable(self, rows: list[Row]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        ((epoch,),) = connection.execute(QUERIES["epoch"]).fetchall()
        self._refuse_other(epoch)
        write(connection, "insert_entry", rows)
        self._projector.flush()
        connection.execute("COMMIT")
        # About what a commit adds to the log: a leaf and its parent in each of a few tables.
        self._wal_pages += 6 + len(rows) // 4

    def _tidy(self) -> None:
        """Copy the log into the file, if it is long."""
        due = self._bounds.wal_pages_max if self._inbox.size else self._bounds.wal_pages
        if self.path is None or self._wal_pages < due:
            return
        query = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        ((_, logged, copied),) = query.fetchall()
        self._wal_pages = logged - copied
        self._checkpoints += 1

    def _drop(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()
