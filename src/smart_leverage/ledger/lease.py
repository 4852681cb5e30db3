"""How long an owner may act on a lock that it can no longer prove: counted on every clock there is.

A lock on a server ends with its session, and whoever lost the session cannot ask who has it now. So
an owner may go on for a time that it promised beforehand, counted from its last proof, and whoever
takes over waits that long. What the two measure is elapsed time only; their clocks need not agree.
"""

import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Moment(NamedTuple):
    """A time on this machine: `boot_ns` counts since it started, also while it was suspended."""

    boot: str
    boot_ns: int
    utc_ns: int

    @classmethod
    def now(cls) -> "Moment":
        """Return the present."""
        return cls(_boot(), _since_boot_ns(), time.time_ns())


class Lease(NamedTuple):
    """The right to act without asking, for so long after a proof of the lock.

    `proved` is when the question was asked whose answer was the proof, so that the lock was held at
    that time or later.
    """

    proved: Moment
    lasts_s: float

    def left_s(self, at: Moment) -> float:
        """Return the seconds that are left; 0 when it is over, or when nobody can tell.

        The clock that went furthest counts: one of them may have stood still while a machine was
        suspended or moved. After another start of the machine neither is trusted.
        """
        if at.boot != self.proved.boot or at.boot_ns < self.proved.boot_ns:
            return 0.0
        waited_ns = max(at.boot_ns - self.proved.boot_ns, at.utc_ns - self.proved.utc_ns)
        return max(self.lasts_s - waited_ns / SECOND_NS, 0.0)

    @property
    def is_over(self) -> bool:
        """Whether nothing may be done any more."""
        return self.left_s(Moment.now()) <= 0.0


def over(lease: Lease) -> str:
    """Say why nothing may leave any more after a lease."""
    return (
        f"the lock at the server was seen last more than {lease.lasts_s:g} s ago, and somebody "
        "else may have the account now"
    )


@cache
def _boot() -> str:
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return ""


def _since_boot_ns() -> int:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock)
