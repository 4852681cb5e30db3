"""When the process of an account dies: at the n-th time that it passes a named point."""

import os
import signal
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

POINTS = (
    "commit asked for",
    "commit written, not synced",
    "commit synced",
    "checkpoint before",
    "checkpoint after",
    "order about to leave",
    "order's first byte left",
    "order's last byte left",
    "order answered",
    "cancel about to leave",
    "cancel's last byte left",
    "cancel answered",
    "deposit's last byte left",
    "venue asked",
    "halt file written",
    "halt file about to go",
)
"""Every place at which a death is planned; a run tells which were never reached."""

STARTED, ON_THE_WIRE, POINT = 0, 1, 2
PAGE = 4_096


class Death(NamedTuple):
    """Where a process ends; `point` "" lets it live."""

    point: str = ""
    hit: int = 0


class Box:
    """A page that survives the process that writes it: what was going on when it died."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(PAGE))
        self._file = path.open("r+b")
        self._page = mmap(self._file.fileno(), PAGE)

    def clear(self) -> None:
        """Forget the process before."""
        self._page[:3] = bytes(3)

    def note(self, place: int, value: int) -> None:
        """Write one number, 0 to 255."""
        self._page[place] = value

    def read(self, place: int) -> int:
        """Return one number."""
        return self._page[place]

    def close(self) -> None:
        """Let go of the page."""
        self._page.close()
        self._file.close()


class Fate:
    """Ends this process when its time has come; counts orders between first byte and record."""

    def __init__(self, death: Death, box: Box) -> None:
        self._death, self._box = death, box
        self._left = death.hit
        self._on_the_wire: set[str] = set()

    def pass_by(self, point: str) -> None:
        """Pass a point, or end there: nothing is flushed, closed or told."""
        if point != self._death.point:
            return
        self._left -= 1
        if self._left <= 0:
            self._box.note(POINT, POINTS.index(point) + 1)
            os.kill(os.getpid(), signal.SIGKILL)

    def leaves(self, client_order_id: str) -> None:
        """The first byte of an order has left."""
        self._on_the_wire.add(client_order_id)
        self._box.note(ON_THE_WIRE, len(self._on_the_wire))

    def recorded(self, client_order_ids: set[str]) -> None:
        """What became of these orders is durable."""
        self._on_the_wire -= client_order_ids
        self._box.note(ON_THE_WIRE, len(self._on_the_wire))
