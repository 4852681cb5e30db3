"""On which cores a process computes: threads that take turns are quickest beside each other.

Only one thread of an interpreter computes at a time. Spread over cores, each turn wakes another
core, which finds nothing that the order needs in its caches; on one core it is a plain change of
threads. Where the system does not let a process choose, nothing is done.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PLACE = 36
"""Field of a thread's `stat`, counted behind its name, that tells the core it ran on last."""


def allowed() -> frozenset[int]:
    """Return the cores on which the calling thread may run; empty where that cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return frozenset()
    return frozenset(os.sched_getaffinity(0))


@contextmanager
def together() -> Iterator[None]:
    """Keep all threads of this process on the core of the calling one while the block runs.

    Threads and processes that are started meanwhile stay there as well, unless they are started
    inside `spread`.
    """
    before, here = allowed(), _current()
    if here not in before:
        yield
        return
    _settle({here})
    try:
        yield
    finally:
        _settle(before)


@contextmanager
def spread(cores: Iterable[int]) -> Iterator[None]:
    """Let what the calling thread starts inside the block run on these cores."""
    before, wanted = allowed(), frozenset(cores)
    if not before or not wanted:
        yield
        return
    with suppress(OSError):  # one of them may be gone by now
        os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)


def _current() -> int:
    """Return the core that runs the calling thread, −1 where nobody says."""
    try:
        told = Path("/proc/thread-self/stat").read_text(encoding="ascii", errors="replace")
        return int(told.rpartition(")")[2].split()[_PLACE])
    except (OSError, ValueError, IndexError):
        return -1


def _settle(cores: Iterable[int]) -> None:
    for thread in threading.enumerate():
        if thread.native_id is not None:
            with suppress(OSError):  # it may have ended meanwhile
                os.sched_setaffinity(thread.native_id, cores)
