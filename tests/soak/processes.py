"""What the processes of an account use: memory, open files, threads, from the system itself."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


class Use(NamedTuple):
    """What one process uses at a moment."""

    rss_kib: int
    files: int
    threads: int
    cpu_s: float


def descendants(pid: int) -> Iterator[int]:
    """Yield a process and all that it has started, and those in turn."""
    parents: dict[int, list[int]] = {}
    for each in PROC.iterdir():
        if each.name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                parent = int(_stat(int(each.name))[1])
                parents.setdefault(parent, []).append(int(each.name))
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += parents.get(one, [])


def _stat(pid: int) -> list[str]:
    """Return the fields behind the name, which may hold spaces: state, parent, and so on."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def use_of(pid: int) -> Use | None:
    """Return what a process uses now; None once it has ended."""
    try:
        fields = _stat(pid)
        files = sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    except OSError:
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    cpu_s = (int(fields[11]) + int(fields[12])) / ticks
    return Use(int(fields[21]) * PAGE_KIB, files, int(fields[17]), cpu_s)


def role_of(pid: int) -> str:
    """Return what a process is, by its own command line."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    for word, role in (
        ("desk_process", "desk"),
        ("brokers.sim", "venue"),
        ("venue_process", "venue"),
        ("resource_tracker", "helper"),
        ("desk", "desk"),
    ):
        if word in words:
            return role
    return "trade"
