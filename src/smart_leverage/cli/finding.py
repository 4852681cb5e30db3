"""What one check found: fine, a warning or wrong, and what would be right."""

from enum import IntEnum
from typing import Any, NamedTuple


class Level(IntEnum):
    """How bad it is."""

    FINE = 0
    WARNING = 1
    WRONG = 2


SIGNS = {Level.FINE: "●", Level.WARNING: "▲", Level.WRONG: "■"}
_WIDTH = 13


class Finding(NamedTuple):
    """One line of an examination; `right` says what would be, or which command mends it."""

    level: Level
    check: str
    found: str
    right: str = ""

    @property
    def line(self) -> str:
        """As a person reads it."""
        told = f"{self.found}; {self.right}" if self.right else self.found
        return f"{SIGNS[self.level]} {self.check:<{_WIDTH}} {told}"

    def fields(self) -> dict[str, Any]:
        """As a program reads it."""
        return {**self._asdict(), "level": self.level.name.lower()}


def fine(check: str, found: str) -> Finding:
    """Return that all is as it should be."""
    return Finding(Level.FINE, check, found)


def warning(check: str, found: str, right: str = "") -> Finding:
    """Return what a person should know of, though it stops nothing."""
    return Finding(Level.WARNING, check, found, right)


def wrong(check: str, found: str, right: str = "") -> Finding:
    """Return what has to be mended."""
    return Finding(Level.WRONG, check, found, right)


def several(names: list[str], most: int = 3) -> str:
    """Return names in a row, the last of many left out."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
