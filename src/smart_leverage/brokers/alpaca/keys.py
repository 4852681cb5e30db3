"""Where the keys of an account come from: a file that is its owner's alone, or the environment."""

from collections.abc import Mapping
from pathlib import Path

from smart_leverage.brokers.alpaca.line import Keys
from smart_leverage.brokers.keyfile import private_lines
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
    return Keys(*private_lines(file, (2,), "the key id and the secret"))
