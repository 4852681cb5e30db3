"""How a ledger file is opened: by its one writer, or for reading only."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerNewer
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.files import blank, log_of, put_in_place, sync_folder
from smart_leverage.ledger.statements import QUERIES, SCHEMA

SCHEMA_VERSION = 1
"""The version of the tables this program writes."""

SQLITE_VERSION = sqlite3.sqlite_version
"""The linked library; shown at start, because only 3.51.3 and later survive two WAL writers."""

BUSY_TIMEOUT_MS = 5_000

_UNREADABLE = ("SQLITE_CORRUPT", "SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ")

DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises; the driver cannot even decode some of its own complaints."""

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
        "temp_store = MEMORY",
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


def open_reader(
    uri: str, where: str, connect: Connect = connect, *, oldest: int | None = None
) -> Connection:
    """Open a connection that can only read, and check that it reads a ledger.

    Args:
        oldest: The oldest version that will do; None means only the one this program writes.

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
        check_schema(connection, where, oldest=oldest)
    except BaseException:
        connection.close()
        raise
    return connection


def open_at_rest(path: Path) -> Connection:
    """Open a file for reading that nobody writes, without leaving a trace beside it.

    Without a log the file is whole by itself. It is then opened as if nothing could change it,
    because the database would otherwise put a log and an index beside a file of anybody's.

    Raises:
        LedgerError: See `open_reader`.
    """
    still = "" if log_of(path) else "&immutable=1"
    return open_reader(file_uri(path, "ro") + still, str(path))


def check_schema(connection: Connection, where: str, *, oldest: int | None = None) -> int:
    """Refuse what is not a ledger of this version, or of one since `oldest`; return its version.

    Raises:
        LedgerNewer: A newer program wrote it.
        LedgerCorrupt: It is a ledger, but damaged.
        LedgerError: It is something else, or an older ledger, which has to be migrated first.
    """
    try:
        row = connection.execute(QUERIES["schema_version"]).fetchone()
    except DAMAGE as error:
        raise unreadable(error, where) from error
    if row is None or row[0] < 1:
        raise LedgerCorrupt(f"{where}: the version of the tables is missing")
    if row[0] > SCHEMA_VERSION:
        raise LedgerNewer(
            f"{where}: written with tables of version {row[0]}, this program knows "
            f"{SCHEMA_VERSION}; update the program"
        )
    if row[0] < (SCHEMA_VERSION if oldest is None else oldest):
        raise LedgerError(
            f"{where}: written with tables of version {row[0]}, this program writes "
            f"{SCHEMA_VERSION}; `smart-leverage ledger migrate --ledger {where}` brings them up"
        )
    return int(row[0])


def refuse_stranger(path: Path) -> None:
    """Refuse a file that is not a ledger of this version, without leaving a trace beside it.

    Raises:
        LedgerError: See `check_schema`.
    """
    open_at_rest(path).close()


def create_file(path: Path, durability: Durability, connect: Connect) -> None:
    """Make a new ledger under another name, and move it into place when it is whole.

    A program killed meanwhile therefore leaves no half a ledger, which the next one could not tell
    from somebody else's file.

    Raises:
        LedgerError: The place cannot be written.
    """
    new = blank(path)
    with closing(open_writer(file_uri(new, "rw"), durability, connect)) as connection:
        create_tables(connection)
        use_wal(connection, path)
    put_in_place(new, path)
    if durability is Durability.FULL:
        try:
            sync_folder(new.parent)
        except OSError as error:
            raise LedgerError(
                f"{path}: its name cannot be made to last: {error.strerror}"
            ) from error


def create_tables(connection: Connection) -> None:
    """Make all tables and the rows that must be there, in one transaction."""
    connection.executescript(
        f"BEGIN IMMEDIATE; {SCHEMA['journal']}; {SCHEMA['guards']}; {SCHEMA['projections']}; COMMIT"
    )


def unreadable(error: Exception, where: str) -> LedgerError:
    """Return what an error of the database means for a ledger."""
    if is_damage(error):
        return LedgerCorrupt(f"{where}: damaged ({error})")
    if _name(error).startswith("SQLITE_NOTADB") or "no such table" in str(error):
        return LedgerError(f"{where}: not a ledger")
    return LedgerError(f"{where}: cannot be read ({error})")


def is_damage(error: Exception) -> bool:
    """Whether the content of a file is at fault, and not the place or the moment."""
    is_garbled = isinstance(error, UnicodeDecodeError) or "decode to UTF-8" in str(error)
    return is_garbled or _name(error).startswith(_UNREADABLE)


def _name(error: Exception) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
