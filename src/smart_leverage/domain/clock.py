"""Where the time comes from: the wall clock, or a clock that a driver moves by hand."""

import time
from typing import Protocol

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

_COUNT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps: so does the second on macOS, which lacks the first."""


class Clock(Protocol):
    """Tells the time; whoever needs it is handed one."""

    def now_ns(self) -> int:
        """Return UTC as nanoseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """Return a count that never goes back, for ages and time-outs."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_ns(self) -> int:
        """Return UTC as nanoseconds since 1970."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return the machine's monotonic count, in which time asleep is time that has passed."""
        return time.clock_gettime_ns(_COUNT)


class ManualClock:
    """A clock that stands still until a driver moves it."""

    def __init__(self, at_ns: int = 0) -> None:
        self._at_ns = at_ns

    def now_ns(self) -> int:
        """Return the time that was set last."""
        return self._at_ns

    def monotonic_ns(self) -> int:
        """Return the time that was set last."""
        return self._at_ns

    def move_to(self, at_ns: int) -> None:
        """Set the time; going back is allowed, for tests of clock jumps."""
        self._at_ns = at_ns
