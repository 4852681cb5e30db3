"""The token that only a person has: shown once when it is made, kept as a hash."""

import fcntl
import hashlib
import hmac
import os
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smart_leverage.domain.errors import LedgerLocked
from smart_leverage.domain.redaction import redactor
from smart_leverage.ledger.files import put_in_place, sync_folder, write_durably

FILE = "admin.sha256"
BYTES = 32


@contextmanager
def new_token(folder: Path, *, replaces: bool = False) -> Iterator[str]:
    """Yield a token that is the folder's once the block has ended in order.

    The folder keeps its hash only, so it cannot be shown again. The hash is durable before the
    token is yielded and gets its name afterwards: whoever shows the token in the block is never
    killed with one in force that nobody has seen.

    Args:
        folder: Of the account.
        replaces: Take the place of the token before; else there must be none.

    Raises:
        FileExistsError: There is one already.
        LedgerLocked: Somebody else is making one.
        LedgerError: The folder cannot be written.
    """
    with _alone(folder):
        if has_token(folder) and not replaces:
            raise FileExistsError(folder / FILE)
        token, new = secrets.token_urlsafe(BYTES), folder / f"{FILE}.new"
        redactor.hide(token)
        write_durably(new, f"{_digest(token)}\n")
        try:
            yield token
            put_in_place(new, folder / FILE)
            sync_folder(folder)
        finally:
            new.unlink(missing_ok=True)


def has_token(folder: Path) -> bool:
    """Whether a hash is kept in a folder, sound or not."""
    return os.path.lexists(folder / FILE)


def is_hash_sound(folder: Path) -> bool:
    """Whether what a folder keeps can be the hash of a token; else nobody is an admin."""
    try:
        kept = (folder / FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return len(kept) == 2 * hashlib.sha256().digest_size and set(kept) <= set(string.hexdigits)


def is_admin(folder: Path, token: str) -> bool:
    """Tell whether a token is the folder's; without a readable hash nobody is an admin."""
    try:
        kept = (folder / FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    # Compared also where nothing is kept, so that the time it takes tells nothing.
    return hmac.compare_digest(kept.encode(), _digest(token).encode()) and bool(kept)


def _digest(token: str) -> str:
    return hashlib.sha256(token.strip().encode()).hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself, so that two who make a token do not show two."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _hold(handle, folder)
        yield
    finally:
        os.close(handle)


def _hold(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LedgerLocked(f"{folder}: somebody is making the admin token just now") from error
