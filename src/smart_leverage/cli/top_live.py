"""The frames of `top` on a terminal: drawn anew when due, and when its size is another."""

import os
import time
from contextlib import suppress

from rich.console import Console
from rich.live import Live
from rich.text import Text

from smart_leverage.cli.colours import console_of, with_signs
from smart_leverage.cli.keys import Pressed, single_keys
from smart_leverage.cli.screen import Screen
from smart_leverage.cli.top import RECENT_MAX, Recent, frame
from smart_leverage.runtime.following import Follower

_SIZES = ("COLUMNS", "LINES")
"""They would hold the size as it was, whatever becomes of the window."""

LOOK_S = 0.25
"""So often it looks for a key and for news of the ledger."""


class Picture:
    """What stands on the terminal now."""

    def __init__(self, console: Console, follower: Follower, recent: Recent, every_s: float):
        self._console = console
        self._follower = follower
        self._recent = recent
        self._every_s = every_s

    def draw(self) -> Text:
        """Return a frame that fills the terminal and no more, the newest event above the foot."""
        size = self._console.size
        room = size.height - 1
        lines = frame(self._follower, self._recent, size.width, 0)
        left = room - len(lines) + 1  # in the place of the line that says there is none
        if left > 0 and self._recent.records:
            lines = frame(self._follower, self._recent, size.width, min(left, RECENT_MAX))
        shown = [*lines[:room], *[""] * (room - len(lines)), self._foot()]
        return with_signs([_cut(line, size.width) for line in shown])

    def _foot(self) -> str:
        return f"q ends this   event {self._follower.events:,}   every {self._every_s:g} s"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


def live(screen: Screen, follower: Follower, recent: Recent, every_s: float) -> None:
    """Draw until a key or an interruption ends it; what stood on the terminal before is back."""
    for name in _SIZES:
        os.environ.pop(name, None)
    console = console_of(has_colour=not screen.is_plain)
    picture = Picture(console, follower, recent, every_s)
    with (
        suppress(KeyboardInterrupt),
        single_keys() as pressed,
        Live(picture.draw(), console=console, screen=True, auto_refresh=False) as shown,
    ):
        _go_on(shown, follower, picture, pressed, every_s)


def _go_on(
    shown: Live, follower: Follower, picture: Picture, pressed: Pressed, every_s: float
) -> None:
    drawn_s, size = time.monotonic(), shown.console.size
    while not pressed(min(LOOK_S, every_s)):
        follower.follow()
        if time.monotonic() - drawn_s >= every_s or size != shown.console.size:
            drawn_s, size = time.monotonic(), shown.console.size
            shown.update(picture.draw(), refresh=True)
