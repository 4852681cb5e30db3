"""The port that a server of an account had last: it is taken again where it is free."""

from contextlib import suppress
from pathlib import Path

PORT_MAX = 65_535


def port_before(note: Path) -> int:
    """Return the port of a note, 0 where none can be read from it."""
    try:
        port = int(note.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    return port if 0 < port <= PORT_MAX else 0


def keep_port(note: Path, port: int) -> None:
    """Note a port for the next start; a folder that takes nothing only loses the wish."""
    with suppress(OSError):
        note.write_text(f"{port}\n", encoding="ascii")
