"""Single keys of a terminal, without waiting for the end of a line."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIT = frozenset("qQ\x03\x04")

Pressed = Callable[[float], bool]
"""Waits so many seconds for a key that ends it; tells whether one came."""


@contextmanager
def single_keys() -> Iterator[Pressed]:
    """Read keys as they are pressed while the block runs; the terminal is as before afterwards."""
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    tty.setcbreak(handle)

    def pressed(seconds: float) -> bool:
        is_there, _, _ = select.select([handle], [], [], seconds)
        if not is_there:
            return False
        said = os.read(handle, 64).decode(errors="replace")
        return not said or not QUIT.isdisjoint(said)  # nothing at all: the terminal has gone

    try:
        yield pressed
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
