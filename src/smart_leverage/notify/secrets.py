"""Secrets of channels: from a file of their owner alone, else from the environment, never shown."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from smart_leverage.domain.errors import ConfigError

SIZE_MAX = 16_384


class Secret:
    """A text that no print, log or trace shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)


def secret(
    key: str, file: Path | None, variable: str, environment: Mapping[str, str] | None = None
) -> Secret:
    """Return a secret.

    Args:
        key: Of the configuration that names the file, for the sentence of a problem.
        file: Where it stands; None where none is named.
        variable: Of the environment, that is looked at where no file is named.
        environment: None for that of the process.

    Raises:
        ConfigError: The file is missing, open to others or empty, or nothing is set.
    """
    if file is not None:
        text = _in_file(key, file)
    else:
        text = (os.environ if environment is None else environment).get(variable, "").strip()
    if not text:
        where = f"{file} is empty" if file is not None else "neither a file nor a variable is set"
        raise ConfigError([f"{key}: {where}; name a file with mode 0600, or set {variable}"], key)
    return Secret(text)


def _in_file(key: str, file: Path) -> str:
    """Read what only its owner can: looked at and read by one handle, so nothing comes between."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError([f"{key}: {file} cannot be opened: {error.strerror}"], key) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError([f"{key}: {file} is no plain file"], key)
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise ConfigError(
                [f"{key}: {file} is open to others, mode {mode:04o}; `chmod 600 {file}`"], key
            )
        if found.st_uid != os.geteuid():
            raise ConfigError(
                [f"{key}: {file} belongs to user {found.st_uid}, not to {os.geteuid()}"], key
            )
        return os.read(handle, SIZE_MAX).decode("utf-8", errors="replace").strip()
    finally:
        os.close(handle)
