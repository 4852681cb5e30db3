"""How a ledger file is opened: by its one writer, or for reading only."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerNewer
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.statements import QUERIES, SCHEMA

SCHEMA_VERSION = 1
"""The version of the tables this program writes."""

SQLITE_VERSION = sqlite3.sqlite_version
"""The linked library; shown at start, because only 3.51.3 and later survive two WAL writers."""

BUSY_TIMEOUT_MS = 5_000

Connect = Callable[[str], Connection]
"""Opens a database by URI; the seam at which tests put a failing disk."""


def connect(uri: str) -> Connection:
    """Open a database by URI, in autocommit, to be used by one thread at a time."""
    return sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1_000,
        check_same_thread=False,
        cached_statements=256,
    )


def file_uri(path: Path, mode: str) -> str:
    """Return the URI of a file; mode is ro or rw, so that nothing is created by accident."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def open_writer(uri: str, durability: Durability, connect: Connect) -> Connection:
    """Open the one connection that writes and checkpoints; nothing is written yet."""
    connection = connect(uri)
    sync = "FULL" if durability is Durability.FULL else "OFF"
    for pragma in (
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "foreign_keys = ON",
        "mmap_size = 0",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        # The write-ahead log is copied into the file after answering, not inside a commit.
        "wal_autocheckpoint = 0",
        f"synchronous = {sync}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def use_wal(connection: Connection, path: Path) -> None:
    """Switch a file to write-ahead logging.

    Raises:
        LedgerError: The file system cannot do it, as when the folder is on a network share.
    """
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LedgerError(f"{path}: no write-ahead log here ({mode}); use a local disk")


def open_reader(uri: str, where: str, connect: Connect = connect) -> Connection:
    """Open a connection that can only read, and check that it reads a ledger.

    Raises:
        LedgerError: There is no ledger, or a newer or a damaged one.
    """
    try:
        connection = connect(uri)
    except sqlite3.OperationalError as error:
        raise LedgerError(f"{where}: no ledger here ({error})") from error
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        check_schema(connection, where)
    except BaseException:
        connection.close()
        raise
    return connection


def check_schema(connection: Connection, where: str) -> None:
    """Refuse what is not a ledger of this version.

    Raises:
        LedgerNewer: A newer program wrote it.
        LedgerCorrupt: It is a ledger, but damaged.
        LedgerError: It is something else.
    """
    try:
        row = connection.execute(QUERIES["schema_version"]).fetchone()
    except sqlite3.DatabaseError as error:
        raise _unreadable(error, where) from error
    if row is None:
        raise LedgerCorrupt(f"{where}: the version of the tables is missing")
    if row[0] > SCHEMA_VERSION:
        raise LedgerNewer(
            f"{where}: written with tables of version {row[0]}, this program knows "
            f"{SCHEMA_VERSION}; update the program"
        )


def is_blank(connection: Connection) -> bool:
    """Whether the database holds no table at all."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return int(tables) == 0


def create_ledger(connection: Connection) -> None:
    """Make all tables and the rows that must be there, in one transaction."""
    connection.executescript(
        f"BEGIN IMMEDIATE; {SCHEMA['journal']}; {SCHEMA['projections']}; COMMIT"
    )


def _unreadable(error: sqlite3.DatabaseError, where: str) -> LedgerError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_IOERR")):
        return LedgerCorrupt(f"{where}: damaged ({error})")
    if name.startswith("SQLITE_NOTADB") or "no such table" in str(error):
        return LedgerError(f"{where}: not a ledger")
    return LedgerError(f"{where}: cannot be read ({error})")
