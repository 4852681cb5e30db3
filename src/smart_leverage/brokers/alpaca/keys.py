"""Where the keys of an account come from: a file that is its owner's alone, or the environment."""

import stat
from collections.abc import Mapping
from pathlib import Path

from smart_leverage.brokers.alpaca.line import Keys
from smart_leverage.domain.errors import ConfigError

KEY_ID, SECRET = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"
"""The variables that every client of the broker reads."""

_SOURCE = "broker keys"


def keys_from(file: Path | None, environment: Mapping[str, str]) -> Keys:
    """Return key id and secret.

    Args:
        file: Holds both, one a line; None reads the environment.
        environment: Variables of the process.

    Raises:
        ConfigError: There are none, or others than the owner can read them.
    """
    if file is None:
        given = environment.get(KEY_ID, "").strip(), environment.get(SECRET, "").strip()
        if not all(given):
            raise ConfigError(
                [f"name a file that holds them, or set {KEY_ID} and {SECRET}"], _SOURCE
            )
        return Keys(*given)
    try:
        if (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
            told = f"{file} is open to others, mode {mode:04o}; `chmod 600 {file}`"
            raise ConfigError([told], _SOURCE)
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file} cannot be read: {error}"], _SOURCE) from None
    words = [word for line in lines if (word := line.strip())]
    if len(words) != 2 or any(" " in word for word in words):
        raise ConfigError(
            [f"{file} has {len(words)} lines; the key id and the secret, one a line"], _SOURCE
        )
    return Keys(*words)
