"""A file of secrets: one a line, and its owner's alone."""

import stat
from pathlib import Path

from smart_leverage.domain.errors import ConfigError

_SOURCE = "broker keys"


def private_lines(file: Path, counts: tuple[int, ...], what: str) -> list[str]:
    """Return the lines of a file that nobody else can read, empty ones left out.

    Args:
        file: Where they are.
        counts: So many there may be.
        what: What they are, for whoever wrote others.

    Raises:
        ConfigError: It cannot be read, others can read it too, or it holds something else.
    """
    try:
        if (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
            told = f"{file} is open to others, mode {mode:04o}; `chmod 600 {file}`"
            raise ConfigError([told], _SOURCE)
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file} cannot be read: {error}"], _SOURCE) from None
    words = [word for line in lines if (word := line.strip())]
    if len(words) not in counts or any(" " in word for word in words):
        raise ConfigError([f"{file} has {len(words)} lines; {what}, one a line"], _SOURCE)
    return words
