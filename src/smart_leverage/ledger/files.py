"""The files beside a ledger: the lock of its writer and the witness of its last commit."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.ledger.base import Head

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LOCK = "lock"
WITNESS = "head"


def prepare(path: Path) -> None:
    """Make the folder and an empty file for a new ledger, readable by the owner alone.

    Folders that exist keep their mode: they may be shared with other things.

    Raises:
        LedgerError: The place cannot be written.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=FOLDER_MODE, parents=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
        sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written: {error.strerror}") from error


def restrict(path: Path) -> None:
    """Take a ledger that was open to others back to its owner."""
    if path.stat().st_mode & 0o077:
        path.chmod(FILE_MODE)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power loss."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class WriterLock:
    """The exclusive right to write one ledger, held until let go or until the process ends.

    The lock file is never removed: two processes could then hold locks on two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = beside(path, LOCK)
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        except OSError as error:
            raise LedgerError(f"{self._path}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            holder = _holder(self._path)
            raise LedgerLocked(f"{path}: process {holder} is writing this ledger") from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; harmless twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class Witness:
    """A note of the last acknowledged link, outside the database and not synced.

    It cannot run ahead of a sound file, so a file that ends before it was exchanged for an older
    one, was cut, or lost its write-ahead log.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(beside(path, WITNESS), os.O_RDWR | os.O_CREAT, FILE_MODE)

    def note(self, head: Head) -> None:
        """Remember a head in place of the one before."""
        os.pwrite(self._handle, f"{head.seq:020d} {head.hash.hex()}\n".encode(), 0)

    def close(self) -> None:
        """Let go of the file; harmless twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def witnessed(path: Path) -> Head | None:
    """Return the last acknowledged link; None when nobody noted one or the note was torn."""
    with suppress(OSError, ValueError):
        number, digest = beside(path, WITNESS).read_text(encoding="ascii").split()
        if len(digest) == 64:
            return Head(int(number), bytes.fromhex(digest))
    return None


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a companion file: the ledger's own name with one more suffix."""
    return path.with_name(f"{path.name}.{suffix}")


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="ascii").strip() or "unknown"
    except (OSError, ValueError):
        return "unknown"
