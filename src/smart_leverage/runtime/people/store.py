"""The file of the people of an account: links, sessions, what they did; for its owner alone."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from smart_leverage.domain.errors import ConfigError
from smart_leverage.ledger.files import FILE_MODE

FILE = "people.sqlite"
WAIT_S = 10.0
"""So long one who writes waits for another; a disk that is slow to confirm takes seconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS links (
    id TEXT PRIMARY KEY, secret_sha256 TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
    expires_ns INTEGER NOT NULL, used_ns INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, secret_sha256 TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
    way TEXT NOT NULL, began_ns INTEGER NOT NULL, seen_ns INTEGER NOT NULL, ended_ns INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS acts (
    key TEXT PRIMARY KEY, session TEXT NOT NULL, at_ns INTEGER NOT NULL, outcome TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS visits (
    number INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL,
    source TEXT NOT NULL
) STRICT;
"""


@contextmanager
def writing(folder: Path) -> Iterator[sqlite3.Connection]:
    """Yield a transaction over the file, which is made where there is none; it holds all or none.

    Raises:
        ConfigError: Others may read or write the file, or it is not what it should be.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE))
    check_own(path)
    with closing(_opened(path)) as database:
        database.executescript(_TABLES)
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.rollback()
            raise
        database.commit()


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """Yield the file for reading; None where nobody has ever signed in.

    Raises:
        ConfigError: Others may read or write the file, or it is not what it should be.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        yield None
        return
    check_own(path)
    with closing(_opened(path)) as database:
        has_tables = database.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'visits'"
        ).fetchone()
        yield database if has_tables else None


def check_own(path: Path) -> None:
    """Refuse a file of secrets that is not its owner's alone.

    Raises:
        ConfigError: It is a link, somebody else's, or open to others.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError([f"{path}: is no plain file; a link could lead anywhere"])
    if found.st_uid != os.geteuid():
        raise ConfigError([f"{path}: belongs to another user"])
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise ConfigError([f"{path}: mode is {mode:04o}, others may read it; chmod 600 {path}"])


def _opened(path: Path) -> sqlite3.Connection:
    # A transaction begins where it is said, and nowhere else.
    database = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    # With less, a power loss can bring the rollback journal back, and with it a session that was
    # ended or a link that was used.
    database.execute("PRAGMA synchronous = EXTRA")
    return database
