"""The token that only a person has: shown once when an account is made, kept as a hash."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

FILE = "admin.sha256"
BYTES = 32


def make_token(folder: Path) -> str | None:
    """Make the admin token of a folder and return it; None when there is one already.

    The folder keeps its hash only, so it cannot be shown again.
    """
    token = secrets.token_urlsafe(BYTES)
    try:
        descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{_digest(token)}\n")
    return token


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
