"""Brings an older ledger up to the tables this program writes: a copy first, then step by step."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.base import Durability, Head
from smart_leverage.ledger.connections import (
    DAMAGE,
    SCHEMA_VERSION,
    Connect,
    check_schema,
    connect,
    file_uri,
    open_reader,
    open_writer,
    unreadable,
)
from smart_leverage.ledger.files import WriterLock, beside, is_missing, put_in_place, sync_folder
from smart_leverage.ledger.home import home_of
from smart_leverage.ledger.journal import chained, head_of
from smart_leverage.ledger.opening import last_link
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.snapshot import snapshot
from smart_leverage.ledger.statements import QUERIES

OLDEST = 1
"""The oldest version that can still be brought up."""


class Step(NamedTuple):
    """What makes tables of one version from those of the version before."""

    version: int
    """The version that there is afterwards."""
    what: str
    """For the operator, one line."""
    statements: tuple[str, ...]
    """Run in this order, in one transaction; no entry of the journal may change."""


MIGRATIONS: tuple[Step, ...] = ()
"""Every step since version 1, oldest first; steps are appended and never changed."""


class Migrated(NamedTuple):
    """What was done; `backup` is the copy made before the first step, None when none was due."""

    before: int
    steps: tuple[Step, ...]
    backup: Path | None


def migrate(
    path: Path, steps: Sequence[Step] = MIGRATIONS, *, connect: Connect = connect
) -> Migrated:
    """Bring a ledger up to the newest version that the steps lead to.

    Each step is one transaction that also moves the version. Killed at any point, the database
    rolls the step under way back, and the next call goes on with it.

    Raises:
        LedgerLocked: Somebody is writing it.
        LedgerNewer: A newer program wrote it; there is no way back but a backup.
        LedgerCorrupt: It is damaged; nothing was changed.
        LedgerError: There is no ledger, the copy cannot be made, or a step failed and was undone.
    """
    if home_of(path) is not None:
        return _served(path)
    if is_missing(path):
        raise LedgerError(f"{path}: no ledger here")
    lock = WriterLock(path)
    try:
        before = _version(path)
        due = tuple(step for step in steps if step.version > before)
        if not due:
            return Migrated(before, (), None)
        kept = _backup(path, before)
        _run(path, before, due, kept, connect)
        return Migrated(before, due, kept)
    except DAMAGE as error:
        raise unreadable(error, str(path)) from error
    finally:
        lock.release()


def _served(path: Path) -> Migrated:
    """Return that nothing is due: all tables that a server was ever given are of one version."""
    Reader.open(path).close()
    return Migrated(SCHEMA_VERSION, (), None)


def _version(path: Path) -> int:
    with closing(open_reader(file_uri(path, "ro"), str(path), oldest=OLDEST)) as connection:
        return check_schema(connection, str(path), oldest=OLDEST)


def _backup(path: Path, version: int) -> Path:
    """Copy the ledger beside itself, named for its version and last event, and prove the chain.

    One that an interrupted migration left is as good as a new one: it ends at the same event.
    """
    with closing(open_reader(file_uri(path, "ro"), str(path), oldest=OLDEST)) as connection:
        head = head_of(connection)
    kept = beside(path, f"v{version}-{head.seq}")
    if kept.exists():
        _prove(kept, head)
        return kept
    fresh = beside(path, f"v{version}.new")
    fresh.unlink(missing_ok=True)
    snapshot(path, fresh, oldest=OLDEST)
    _prove(fresh, head)
    put_in_place(fresh, kept)
    sync_folder(kept.parent)
    return kept


def _prove(copy: Path, head: Head) -> None:
    """Walk the chain of a copy and the pages of its file, and see that it ends where it should.

    Its tables are not compared: they are those of an older program.
    """
    with closing(open_reader(file_uri(copy, "ro"), str(copy), oldest=OLDEST)) as connection:
        end = Head(0, bytes(32))
        for entry in chained(connection):
            end = Head(entry.seq, entry.hash)
        (whole,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if end != head:
        raise LedgerCorrupt(f"{copy}: ends at event {end.seq}, the ledger at {head.seq}")
    if whole != "ok":
        raise LedgerCorrupt(f"{copy}: the database says: {whole}")


def _run(path: Path, before: int, due: tuple[Step, ...], kept: Path, connect: Connect) -> None:
    uri = file_uri(path, "rw")
    with closing(open_writer(uri, Durability.FULL, connect)) as connection:
        head = last_link(connection, path)
        for version, step in enumerate(due, before + 1):
            if step.version != version:
                raise LedgerError(f"{path}: no step leads from version {version - 1} to {version}")
            try:
                _take(connection, step, head)
            except sqlite3.Error as error:
                raise LedgerError(
                    f"{path}: the step to version {version} failed and was undone ({error}); "
                    f"{kept} is the ledger as it was"
                ) from error


def _take(connection: Connection, step: Step, head: Head) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in step.statements:
            connection.execute(statement)
        if head_of(connection) != head:
            raise LedgerError(f"the step to version {step.version} wrote to the journal; undone")
        connection.execute(QUERIES["set_schema_version"], (step.version,))
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # The file is let go of, which undoes it as well.
            connection.execute("ROLLBACK")
        raise
