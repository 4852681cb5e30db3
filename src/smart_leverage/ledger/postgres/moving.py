"""Moves the ledger of an account from its file to a server and back: proved equal, or not moved."""

import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.connections import connect as connect_file
from smart_leverage.ledger.connections import file_uri, open_reader, open_writer
from smart_leverage.ledger.files import (
    WriterLock,
    beside,
    blank,
    is_missing,
    put_in_place,
    sync_folder,
)
from smart_leverage.ledger.home import forget_home, home_of, note_home
from smart_leverage.ledger.journal import hash_at, head_of
from smart_leverage.ledger.mirror import Mirror
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import (
    ServerDatabase,
    connect,
    errors,
    prepare_writer,
)
from smart_leverage.ledger.postgres.copying import (
    Contents,
    contents_of_file,
    contents_of_server,
    fill_file,
    fill_server,
)
from smart_leverage.ledger.postgres.dialect import quoted
from smart_leverage.ledger.postgres.tables import OWN, check, create, exists, lock
from smart_leverage.ledger.takeover import waiting
from smart_leverage.ledger.verify import Progress, verify

LOCK_WAIT_S = 2.0


class Moved(NamedTuple):
    """What was moved; both sides held exactly this. `kept` is what is left where it came from."""

    contents: Contents
    kept: str


def to_server(path: Path, address: Address, progress: Progress = lambda done, total: None) -> Moved:
    """Move the ledger of a path from its file to a server.

    All rows are written in one transaction, and read back in it: only if every table is equal to
    the letter is it committed. Then a note beside the path names the server, which is the moment of
    the move, and the file gets another name. Killed before the note, the file is the ledger as it
    was; killed after it, the server is; called again, it goes on from there.

    Raises:
        LedgerLocked: A process runs the account, here or elsewhere.
        LedgerCorrupt: The file is not sound, or what came back from the server is not equal.
        LedgerError: There is no ledger, the server has another one of that name, or refuses.
    """
    here = WriterLock(path)
    try:
        if home_of(path) is not None or is_missing(path):
            return _moved_before(path, address)
        with closing(_writer(address)) as database:
            moved = _sent(path, database, progress)
            note_home(path, address)
        return moved._replace(kept=str(_put_aside(path)))
    finally:
        here.release()


def to_file(path: Path, progress: Progress = lambda done, total: None) -> Moved:
    """Move the ledger of a path from the server that its note names back to its file.

    The copy is made under another name, walked and compared. Then the server is told that the
    ledger was moved away, after which nobody writes it there; the copy gets its name, and the note
    goes. Killed at any point, calling it again ends it.

    Raises:
        LedgerLocked: A process runs the account, here or elsewhere.
        LedgerCorrupt: What is on the server is not sound, or the copy is not equal.
        LedgerError: It is in a file already, the server refuses, or the disk.
    """
    here = WriterLock(path)
    try:
        address = home_of(path)
        if address is None:
            raise LedgerError(f"{path}: the ledger is in this file already")
        _refuse_waiting(path)
        with closing(_writer(address)) as database:
            new, contents = _fetched(path, database, progress)
            label = f"{path.resolve()} on {socket.gethostname()}"
            database.execute(OWN["set_moved_to"], (label,))
            put_in_place(new, path)
            sync_folder(path.resolve().parent)
        forget_home(path)
        Mirror.remove(path)
        return Moved(contents, address.told)
    finally:
        here.release()


def _refuse_waiting(path: Path) -> None:
    """Leave no notes of a refuge behind: what they stand on only their own ledger can tell."""
    if count := len(waiting(path).notes):
        raise LedgerError(
            f"{path}: {count} records of the emergency journal wait to be taken over there; "
            "`smart-leverage halt` does that, then call this again"
        )


def _writer(address: Address) -> ServerDatabase:
    """Connect as the writer of a ledger, which nobody else then is."""
    database = ServerDatabase(connect(address, is_writer=True), address)
    try:
        with errors(address):
            prepare_writer(database.connection, address, Durability.FULL)
        lock(database, LOCK_WAIT_S)
    except BaseException:
        database.close()
        raise
    return database


def _moved_before(path: Path, address: Address) -> Moved:
    """End a move whose note is written, or refuse where there is nothing to move."""
    if home_of(path) != address:
        there = home_of(path)
        raise LedgerError(
            f"{path}: no ledger here"
            if there is None
            else f"{path}: the ledger is {there.told}; move it back to its file first"
        )
    with closing(ServerDatabase(connect(address, is_writer=False), address)) as database:
        check(database)
        with database.held():
            contents = contents_of_server(database)
    kept = "nothing, it was moved before" if is_missing(path) else str(_put_aside(path))
    return Moved(contents, kept)


def _sent(path: Path, database: ServerDatabase, progress: Progress) -> Moved:
    """Have a server hold what a file holds; nothing is changed on either side if it cannot."""
    verdict = verify(path, progress)
    if not verdict.is_sound:
        raise LedgerCorrupt(f"{path}: {verdict.summary}; nothing was moved")
    with closing(open_reader(file_uri(path, "ro"), str(path))) as source:
        ours = contents_of_file(source)
        if ours.head != verdict.head:
            raise LedgerError(f"{path}: was written meanwhile; nothing was moved")
        with errors(database.address), database.connection.transaction():
            if exists(database):
                if _is_there_already(database, ours):
                    return Moved(ours, "")
                _make_room(database, source)
            create(database)
            fill_server(database, source)
            theirs = contents_of_server(database)
            if theirs != ours:
                raise LedgerCorrupt(
                    f"{database.address.told}: what came back is not what was sent "
                    f"({_difference(ours, theirs)}); nothing was moved"
                )
    return Moved(ours, "")


def _is_there_already(database: ServerDatabase, ours: Contents) -> bool:
    """Whether a move that was interrupted before its note left all of it there."""
    home = check(database)
    return not home.owner and not home.moved_to and contents_of_server(database) == ours


def _make_room(database: ServerDatabase, source: sqlite3.Connection) -> None:
    """Remove an older copy of the same ledger that nobody writes; refuse to touch any other.

    Raises:
        LedgerError: It is another ledger, or one that is written there.
    """
    home, there = check(database), head_of(database)
    is_ours = not there.seq or hash_at(source, there.seq) == there.hash
    if not is_ours or (home.owner and not home.moved_to):
        raise LedgerError(
            f"{database.address.told}: there is another ledger of that name, with {there.seq:,} "
            f"events{f', written last by {home.owner}' if home.owner else ''}; choose another name"
        )
    with errors(database.address):
        database.connection.execute(f"DROP SCHEMA {quoted(database.schema)} CASCADE")


def _put_aside(path: Path) -> Path:
    """Give the file that is not the ledger any more another name, with all of its log in it."""
    with closing(open_writer(file_uri(path, "rw"), Durability.FULL, connect_file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
        kept = beside(path, f"moved-{head_of(connection).seq}")
    put_in_place(path.resolve(), kept)
    for left in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.resolve().with_name(f"{path.resolve().name}{left}").unlink()
    sync_folder(kept.parent)
    return kept


def _fetched(path: Path, database: ServerDatabase, progress: Progress) -> tuple[Path, Contents]:
    """Copy a ledger from a server to a file beside a path, and prove the copy."""
    check(database)
    new = blank(path)
    with errors(database.address), database.connection.transaction():
        database.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with closing(open_writer(file_uri(new, "rw"), Durability.FULL, connect_file)) as target:
            fill_file(target, database)
            theirs, ours = contents_of_server(database), contents_of_file(target)
    if ours != theirs:
        raise LedgerCorrupt(
            f"{new}: is not equal to {database.address.told} ({_difference(theirs, ours)})"
        )
    verdict = verify(new, progress)
    if not verdict.is_sound:
        raise LedgerCorrupt(f"{database.address.told}: {verdict.summary}; nothing was moved")
    return new, ours


def _difference(one: Contents, other: Contents) -> str:
    """Say in a few words in what two ledgers differ."""
    tables = [name for name in one.rows if one.rows[name] != other.rows.get(name)]
    if tables:
        return f"rows of {', '.join(tables)}"
    if one.head != other.head:
        return f"it ends at event {other.head.seq}, not {one.head.seq}"
    is_journal = one.journal_sha256 != other.journal_sha256
    return "the content of the journal" if is_journal else "the content of a table"
