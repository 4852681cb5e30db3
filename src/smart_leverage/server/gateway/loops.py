"""A bot that buys the same again and again is taken for one that loops, and may add no more."""

import time
from collections import deque
from collections.abc import Callable

from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import Command, Commanded

WITHIN_S = 60.0
WHO = "throttle"


class Loops:
    """Counts what could add, by bot and instrument.

    Whatever becomes of it counts: orders that are denied, or cancelled at once, make a loop too.
    """

    def __init__(self, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Let a bot ask so often within a minute for one instrument."""
        self._most, self._clock = most, clock
        self._asked: dict[tuple[str, Key], deque[float]] = {}

    def is_one(self, bot: str, key: Key) -> bool:
        """Count one more, and tell whether it is one too many; then the count begins anew."""
        now_s = self._clock()
        asked = self._asked.setdefault((bot, key), deque())
        asked.append(now_s)
        while now_s - asked[0] > WITHIN_S:
            asked.popleft()
        if len(asked) <= self._most:
            return False
        asked.clear()
        return True


def suspension(at_ns: int, bot: str, key: Key, most: float) -> Commanded:
    """Return what suspends a bot; only an admin lifts it."""
    symbol = key.partition(":")[2]
    return Commanded(
        at_ns=at_ns,
        command=Command.SEAT,
        who=WHO,
        reason=f"it asked for {symbol} more than {most:.0f} times within a minute, so it may loop",
        changes=(("suspend", bot),),
    )
