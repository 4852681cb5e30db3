"""Who may open a venue's file, and whether it is one."""

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

from smart_leverage.domain.errors import BadData, BrokerDown, ConfigError

SCHEMA_VERSION = "1"
BUSY_TIMEOUT_MS = 5000
"""How long a call waits for a stranger who holds the file."""


def refuse_foreign(path: Path) -> None:
    """Look at what is there without leaving a trace, not even a lock beside it.

    Raises:
        BadData: It is not a venue's file.
    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
            version(db, path)
    except sqlite3.Error as problem:
        raise BadData(f"not a venue's file: {problem}", file=path) from problem


def version(db: sqlite3.Connection, path: Path) -> str | None:
    """Return the version of the schema, None where there is none yet.

    Raises:
        BadData: It is not ours to read.
    """
    if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return None
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if row != (SCHEMA_VERSION,):
        found = "without a schema" if row is None else f"of schema {row[0]}"
        raise BadData(f"a venue's file {found} is not known here", file=path)
    return SCHEMA_VERSION


def connected(path: Path) -> sqlite3.Connection:
    """Return a connection that leaves transactions to whoever holds it."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    # A kill of the process loses nothing; a power cut may lose the last calls, never half of one.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return db


def locked(path: Path) -> int:
    """Take the right to write the file; it ends with the process, however that dies.

    Raises:
        BrokerDown: Another process has it.
        ConfigError: There is no such folder, or it cannot be written.
    """
    try:
        handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise ConfigError([f"file = {path}: {problem.strerror}"], "simulated broker") from problem
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(handle)
        raise BrokerDown(f"{path} is run by another process") from problem
    return handle
