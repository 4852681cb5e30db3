"""How many requests may leave: reading waits first, and what lowers exposure never does."""

import threading
import time
from collections.abc import Callable
from enum import IntEnum

PER_MINUTE = 200
"""What an account may ask at Alpaca; other venues say their own limit."""


PAUSE_S, PAUSE_MAX_S = 1.0, 60.0
"""After a refusal that names no time: the first pause, and the longest one."""


class Lane(IntEnum):
    """What a request is for; of the whole budget so many percent are not for it."""

    FALL = 0
    """Sales, cancels, looking up one order: always leaves, if need be beyond the budget."""
    RISE = 25
    """What may raise exposure."""
    READ = 50
    """Lists and figures, which can wait."""


class Budget:
    """A bucket that fills evenly; safe in threads."""

    def __init__(
        self,
        per_minute: int = PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin full.

        Args:
            per_minute: Requests that the broker takes in a minute.
            clock: Seconds.
            sleep: Waits so many seconds.
        """
        self._most = float(per_minute)
        self._left = self._most
        self._clock, self._sleep = clock, sleep
        self._then = clock()
        self._closed_until, self._refusals = self._then, 0
        self._lock = threading.Lock()

    def take(self, lane: Lane, within_s: float = 0.0, cost: float = 1.0) -> bool:
        """Take a request out, waiting for it up to so long; False when there is none in time.

        Args:
            lane: What it is for.
            within_s: How long it may wait for its turn.
            cost: As how many requests the broker counts it.
        """
        until = self._clock() + within_s
        while True:
            with self._lock:
                missing = self._missing(lane, cost)
                if missing <= 0.0 or lane is Lane.FALL:
                    self._left -= cost
                    return True
            pause = missing / (self._most / 60.0)
            if self._clock() + pause > until:
                return False
            self._sleep(pause)

    def refused(self, wait_s: float = 0.0) -> None:
        """Hear from the broker that nothing more is taken just now.

        Its count may be of other programs as well, so the bucket says nothing of how long that
        lasts: the pause is what the broker asked for, else one that doubles with every refusal.
        """
        with self._lock:
            self._refusals = min(self._refusals + 1, 6)
            pause_s = (
                wait_s if 0.0 < wait_s <= PAUSE_MAX_S else PAUSE_S * 2.0 ** (self._refusals - 1)
            )
            self._closed_until = self._clock() + min(pause_s, PAUSE_MAX_S)

    def taken(self) -> None:
        """Hear that the broker takes requests."""
        self._refusals = 0

    def _missing(self, lane: Lane, cost: float) -> float:
        self._refill()
        closed = max(self._closed_until - self._then, 0.0) * self._most / 60.0
        # One that costs more than its lane ever has leaves when the bucket is full.
        wanted = min(self._most, cost + self._most * lane.value / 100.0) - self._left
        return max(wanted, closed)

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._then) * self._most / 60.0)
        self._then = now


class Unbounded(Budget):
    """Lets everything leave at once; the broker itself says when it has had enough."""

    def take(self, lane: Lane, within_s: float = 0.0, cost: float = 1.0) -> bool:
        """Let it leave."""
        return True
