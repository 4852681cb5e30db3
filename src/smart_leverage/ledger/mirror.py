"""The journal of a server once more, beside its account: what a refuge stands on without it."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple, Self

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted, Record, StateChanged, decode
from smart_leverage.ledger.base import Durability, Entry, Head
from smart_leverage.ledger.chain import row_of
from smart_leverage.ledger.connections import (
    DAMAGE,
    check_schema,
    connect,
    file_uri,
    open_at_rest,
    open_writer,
    use_wal,
)
from smart_leverage.ledger.files import MIRROR, beside, blank, is_missing, put_in_place
from smart_leverage.ledger.journal import head_of, parse, raw_entries
from smart_leverage.ledger.lease import Lease, Moment
from smart_leverage.ledger.projections import Projector, write
from smart_leverage.ledger.statements import SCHEMA, load

_OWN = load("mirror.sql")
_GROUP = 2_000
_LOOKED_AT = frozenset(str(kind.__struct_config__.tag) for kind in (StateChanged, Noted))
"""Kinds that a refuge asks for by their tables; the other tables of a copy stay empty."""
_ENDS = ("", "-wal", "-shm")


class Left(NamedTuple):
    """How an owner went on without its server: from which link, on what, and under which lease.

    `unsure` are the records that were on their way to the server, after `base`: all of them are
    there, or none, and whatever came later stands on them.
    """

    base: Head
    unsure: tuple[Record, ...]
    lease: Lease


class Mirror:
    """A file that follows a ledger on a server, link by link, once each is acknowledged.

    It proves nothing and is believed by nobody while the server answers: whoever opens it has it
    follow the server from where both agree, or makes it anew. It is not synced, except when its
    owner goes on without the server.

    Raises:
        sqlite3.Error: It cannot be written.
        LedgerError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        """Open the copy beside a path, or make an empty one."""
        self._file = beside(path, MIRROR)
        if is_missing(self._file):
            _make(self._file)
        self._connection = _writer(self._file)
        try:
            check_schema(self._connection, str(self._file))
            self._projector = Projector(self._connection)
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def anew(cls, path: Path) -> Self:
        """Remove what is there and make an empty one."""
        cls.remove(path)
        return cls(path)

    @staticmethod
    def remove(path: Path) -> None:
        """Take the copy beside a path away."""
        file = beside(path, MIRROR)
        for end in _ENDS:
            file.with_name(f"{file.name}{end}").unlink(missing_ok=True)

    @property
    def head(self) -> Head:
        """The last link that it holds."""
        return head_of(self._connection)

    def follow(self, entries: Sequence[Entry]) -> None:
        """Take in links that are durable at the server."""
        with self._transaction():
            self._add(entries)

    def catch_up(self, entries: Iterable[Entry]) -> None:
        """Take in all links after the last one that it holds."""
        links = iter(entries)
        while group := list(islice(links, _GROUP)):
            self.follow(group)

    def leave(self, base: Head, unsure: Sequence[Entry], lease: Lease) -> None:
        """Note durably that the owner goes on from here without its server.

        Args:
            base: The last link that the server acknowledged.
            unsure: What was sent to it after that, and not acknowledged.
            lease: How long the owner may go on.
        """
        self._connection.execute("PRAGMA synchronous = FULL")
        moment = lease.proved
        with self._transaction():
            self._drop_after(base.seq)
            self._add(unsure)
            self._connection.execute(
                _OWN["open_refuge"], (*base, *moment, int(lease.lasts_s * 1_000))
            )
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def settle(self) -> None:
        """Forget what nobody was sure of, once the ledger itself holds what came of it."""
        with self._transaction():
            found = self._connection.execute(_OWN["refuge"]).fetchone()
            if found is not None:
                self._drop_after(found[0])
                self._connection.execute(_OWN["close_refuge"])

    def close(self) -> None:
        """Let go of the file; harmless twice."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _add(self, entries: Sequence[Entry]) -> None:
        write(self._connection, "insert_entry", [row_of(entry) for entry in entries])
        for entry in entries:
            if entry.kind in _LOOKED_AT:
                self._projector.fold(entry.seq, decode(entry.payload))
        self._projector.flush()

    def _drop_after(self, seq: int) -> None:
        for name in ("drop_entries", "drop_states", "drop_notes"):
            self._connection.execute(_OWN[name], (seq,))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._connection)


class _Transaction:
    """All statements of a block, or none of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
            return
        with suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")


def left_at(path: Path) -> Left | None:
    """Return how the owner of a path went on without its server; None when it did not.

    Raises:
        LedgerError: The copy is there and cannot be read.
    """
    file = beside(path, MIRROR)
    if is_missing(file):
        return None
    try:
        with closing(open_at_rest(file)) as connection:
            return _left(connection)
    except DAMAGE as error:
        raise LedgerError(f"{file}: cannot be read ({error})") from error


def _left(connection: Connection) -> Left | None:
    found = connection.execute(_OWN["refuge"]).fetchone()
    if found is None:
        return None
    seq, digest, boot, boot_ns, utc_ns, lasts_ms = found
    unsure = tuple(decode(parse(raw).payload) for raw in raw_entries(connection, seq))
    lease = Lease(Moment(boot, boot_ns, utc_ns), lasts_ms / 1_000)
    return Left(Head(seq, digest), unsure, lease)


def _make(file: Path) -> None:
    new = blank(file)
    with closing(_writer(new)) as connection:
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA['journal']}; {SCHEMA['projections']}; "
            f"{_OWN['tables']}; COMMIT"
        )
        use_wal(connection, file)
    put_in_place(new, file)


def _writer(file: Path) -> Connection:
    connection = open_writer(file_uri(file, "rw"), Durability.FULL, connect)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    return connection
