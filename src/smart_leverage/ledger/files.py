"""The files of a ledger and beside it: the writer's lock and the witness of the last commit."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.mounts import network_kind

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LOCK = "lock"
WITNESS = "head"
EMERGENCY = "emergency"
"""Where decreases, cancels and halts can be written when the ledger is broken."""
MIRROR = "mirror"
"""The journal of a server once more, for the time when the server is away."""
PLACE = "place"
"""What tells this place from every other one that may write the same ledger on a server."""
SEALS = "seals"
"""The last link of every month that is over."""
NEW = "new"
"""A ledger that is being made; it gets its name when it is whole."""

_COMPANIONS = (LOCK, WITNESS, EMERGENCY, SEALS, PLACE)
_OF_SQLITE = ("", "-wal", "-shm", "-journal")
_OWN_HANDLES = Path("/proc/self/fd")
"""What this process has open, where the system shows such things."""


def prepare(path: Path) -> None:
    """Make the folder of a new ledger, open to the owner alone.

    Folders that exist keep their mode: they may be shared with other things.

    Raises:
        LedgerError: The place cannot be written.
    """
    folder = path.resolve().parent
    try:
        if not folder.exists():
            folder.mkdir(mode=FOLDER_MODE, parents=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def is_missing(path: Path) -> bool:
    """Whether nothing, or an empty file, is at the path."""
    return not path.exists() or not path.stat().st_size


def log_of(path: Path) -> Path | None:
    """Return the write-ahead log, or the rollback journal, that holds a part of a file, if any."""
    names = (f"{path.resolve().name}{suffix}" for suffix in ("-wal", "-journal"))
    found = (path.resolve().with_name(name) for name in names)
    return next((log for log in found if not is_missing(log)), None)


def blank(path: Path) -> Path:
    """Return an empty file beside a path, readable by the owner alone, in which to make a ledger.

    Raises:
        LedgerError: The place cannot be written.
    """
    new = beside(path, NEW)
    try:
        for suffix in _OF_SQLITE:  # A program that was killed while it made one left them.
            new.with_name(new.name + suffix).unlink(missing_ok=True)
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except OSError as error:
        raise _unwritable(path, error) from error
    return new


def put_in_place(new: Path, path: Path) -> None:
    """Give a whole file its name, so that a kill or a power loss leaves all of it or nothing."""
    try:
        new.replace(path.resolve())
    except OSError as error:
        raise _unwritable(path, error) from error


def write_durably(path: Path, text: str) -> None:
    """Write a small file for the owner alone, in place of what is there, and sync it.

    Raises:
        LedgerError: The place cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise _unwritable(path, error) from error


def restrict(path: Path) -> None:
    """Take a ledger that was open to others, and all that lies beside it, back to its owner."""
    try:
        for file in files_of(path):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(FILE_MODE)
    except OSError as error:
        raise _unwritable(path, error) from error


def files_of(path: Path) -> tuple[Path, ...]:
    """Return where a ledger and all that belongs to it lie, whether it is there or not."""
    real = path.resolve()
    databases = (real, beside(path, MIRROR))
    own = (one.with_name(one.name + suffix) for one in databases for suffix in _OF_SQLITE)
    return (*own, *(beside(path, suffix) for suffix in _COMPANIONS))


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
        if kind := network_kind(self._path):
            raise LedgerError(
                f"{path}: on a network ({kind}), where neither a lock nor a sync can be relied on; "
                "give a folder of this machine, or keep the ledger in PostgreSQL"
            )
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._handle)
            holder = _holder(self._path)
            raise LedgerLocked(f"{path}: process {holder} is writing this ledger") from error
        except OSError as error:
            os.close(self._handle)
            raise LedgerError(f"{self._path}: cannot be locked: {error.strerror}") from error
        with suppress(OSError):  # On a full disk the right is held all the same.
            written = os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
            os.ftruncate(self._handle, written)

    def release(self) -> None:
        """Let go; harmless twice."""
        if self._handle >= 0:
            # Closing would not do: a forked process may hold the same open file for long.
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            os.close(self._handle)
            self._handle = -1


class Witness:
    """A note of the last acknowledged link, outside the database and not synced.

    It cannot run ahead of a sound file, so a file that ends before it was exchanged for an older
    one, was cut, or lost its write-ahead log.

    Raises:
        LedgerError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        file = beside(path, WITNESS)
        try:
            self._handle = os.open(file, os.O_RDWR | os.O_CREAT, FILE_MODE)
        except OSError as error:
            raise _unwritable(file, error) from error

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
    """Return the path of a companion file: the ledger's own name with one more suffix.

    It stands beside the file itself, so that a ledger reached by two links has one lock.
    """
    real = path.resolve()
    return real.with_name(f"{real.name}.{suffix}")


def holder(path: Path) -> int | None:
    """Return the process that holds the right to write a ledger; None when none does.

    The lock is not tried: held even for an instant, it would turn a starting account away. The
    number in the lock file stays behind, so it counts only while that process has the file open.
    """
    lock = beside(path, LOCK)
    with suppress(OSError, ValueError):
        process = int(lock.read_text(encoding="ascii"))
        return process if _has_open(process, lock) else None
    return None


def _has_open(process: int, file: Path) -> bool:
    """Whether a process has a file open; where nobody can tell, whether it is alive."""
    if not _OWN_HANDLES.is_dir():
        return is_alive(process)
    wanted = file.stat()
    try:
        handles = [*_OWN_HANDLES.parent.with_name(str(process)).joinpath("fd").iterdir()]
    except PermissionError:  # of another user, or ended and not yet waited for
        return is_alive(process)
    for handle in handles:
        with suppress(OSError):  # closed meanwhile
            if os.path.samestat(handle.stat(), wanted):
                return True
    return False


def is_alive(process: int) -> bool:
    """Whether there is such a process; one that ended and was not waited for is not."""
    if process <= 0:  # would mean a group of processes
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        pass  # there is one, of another user
    except (OSError, OverflowError):
        return False
    with suppress(OSError):
        stat = _OWN_HANDLES.parent.with_name(str(process)).joinpath("stat")
        return stat.read_text(errors="replace").rpartition(")")[2].split()[:1] != ["Z"]
    return True


def _unwritable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(f"{path}: cannot be written: {error.strerror}")


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="ascii").strip() or "unknown"
    except (OSError, ValueError):
        return "unknown"
