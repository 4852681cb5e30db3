"""How much room the disk under a ledger has left, and what may still be done with it."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from smart_leverage.ledger.files import beside

WARN_BYTES = 1 << 30
REFUSE_BYTES = 100 << 20
PROBE_BYTES = 1 << 20
PROBE = "probe"
"""A file that is written and removed at once, to learn whether the disk takes anything."""


class Space(IntEnum):
    """What the free space allows, from the best to the worst."""

    ENOUGH = 0
    LOW = 1
    """A person is told; everything goes on."""
    SHORT = 2
    """No more increases: what is left is for sales, cancels and halts."""


class Room(NamedTuple):
    """Free space in bytes, and what it allows; None bytes when the disk did not say."""

    free_bytes: int | None
    level: Space


def room(
    path: Path,
    *,
    warn_bytes: int = WARN_BYTES,
    refuse_bytes: int = REFUSE_BYTES,
    statvfs: Callable[[Path], os.statvfs_result] = os.statvfs,
) -> Room:
    """Return the free space on the disk of a ledger.

    Counted is what an ordinary user may write, without the reserve of the system.

    Args:
        path: The ledger, or where it will be: its folder is asked.
        warn_bytes: At this much or less the level is LOW.
        refuse_bytes: At this much or less it is SHORT.
        statvfs: Asks the operating system.

    Returns:
        Bytes and level. A disk that does not answer has SHORT room: nothing is known to fit.
    """
    return room_in(
        path.resolve().parent,
        warn_bytes=warn_bytes,
        refuse_bytes=refuse_bytes,
        statvfs=statvfs,
    )


def room_in(
    folder: Path,
    *,
    warn_bytes: int = WARN_BYTES,
    refuse_bytes: int = REFUSE_BYTES,
    statvfs: Callable[[Path], os.statvfs_result] = os.statvfs,
) -> Room:
    """Return the free space on the disk of a folder; see `room`."""
    try:
        disk = statvfs(folder)
    except OSError:
        return Room(None, Space.SHORT)
    free = disk.f_bavail * disk.f_frsize
    if free <= refuse_bytes:
        return Room(free, Space.SHORT)
    return Room(free, Space.LOW if free <= warn_bytes else Space.ENOUGH)


class RoomWatch:
    """Knows the free space of a folder's disk, at most `every_s` old; safe in any thread.

    For who asks before each order: a disk does not fill from the reserve to the last byte in that
    time, and asking the system each time makes a busy thread wait for its turn.
    """

    def __init__(
        self,
        folder: Path,
        every_s: float = 0.1,
        monotonic_s: Callable[[], float] = time.monotonic,
        ask: Callable[[Path], Room] = room_in,
    ) -> None:
        """Watch the disk of this folder."""
        self._folder = folder
        self._every_s = every_s
        self._monotonic_s = monotonic_s
        self._ask = ask
        self._known: tuple[float, Room] | None = None

    def look(self) -> Room:
        """Return how much there is."""
        known, now_s = self._known, self._monotonic_s()
        if known is None or now_s - known[0] >= self._every_s:
            known = self._known = now_s, self._ask(self._folder)
        return known[1]


def takes(path: Path, size: int = PROBE_BYTES) -> bool:
    """Tell whether the disk of a ledger takes so many bytes and syncs them; none of them stays."""
    probe = beside(path, PROBE)
    try:
        with probe.open("wb", buffering=0) as file:
            is_whole = file.write(bytes(size)) == size
            os.fsync(file.fileno())
    except OSError:
        is_whole = False
    with suppress(OSError):
        probe.unlink(missing_ok=True)
    return is_whole
