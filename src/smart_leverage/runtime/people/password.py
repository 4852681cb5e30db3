"""The password of the person who owns an account, kept as a hash that is slow to guess against."""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from smart_leverage.domain.errors import ConfigError
from smart_leverage.ledger.files import put_in_place, sync_folder, write_durably
from smart_leverage.runtime.people.store import check_own

FILE = "desk.password"
LENGTH_MIN = 12
LENGTH_MAX = 256


class Kept(NamedTuple):
    """Whose password it is, and its hash."""

    name: str
    hash: str


def keep(folder: Path, name: str, password: str) -> None:
    """Keep a password in place of the one before; open sessions go on.

    Raises:
        ConfigError: It is too short or too long.
        LedgerError: The folder cannot be written.
    """
    from argon2 import PasswordHasher

    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise ConfigError(
            [f"the password has {len(password)} characters; {LENGTH_MIN} to {LENGTH_MAX} will do"]
        )
    kept = {"name": name, "argon2id": PasswordHasher().hash(password)}
    new = folder / f"{FILE}.new"
    write_durably(new, msgspec.json.encode(kept).decode() + "\n")
    put_in_place(new, folder / FILE)
    sync_folder(folder)


def has_one(folder: Path) -> bool:
    """Whether a password can be asked for."""
    return os.path.lexists(folder / FILE)


def owner_of(folder: Path, password: str) -> str | None:
    """Return whose password this is, None when it is nobody's. It takes a while, by design.

    Raises:
        ConfigError: Others may read the file, or it is not what was written.
    """
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    kept = _read(folder)
    if kept is None or len(password) > LENGTH_MAX:
        return None
    try:
        PasswordHasher().verify(kept.hash, password)
    except (Argon2Error, InvalidHashError):
        return None
    return kept.name


def _read(folder: Path) -> Kept | None:
    path = folder / FILE
    if not has_one(folder):
        return None
    check_own(path)
    try:
        told = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        return Kept(told["name"], told["argon2id"])
    except (OSError, msgspec.MsgspecError, KeyError) as error:
        advice = "set it again with `smart-leverage desk password`"
        raise ConfigError([f"{path}: cannot be read: {error}; {advice}"]) from None
