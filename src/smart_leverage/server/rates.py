"""How often somebody may come: a bucket for each token, and a growing wait after wrong secrets."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from smart_leverage.wire.errors import too_many

SOURCES_MAX = 10_000
FREE_FAILURES = 5
"""So many wrong secrets in a row cost no time; a person mistypes."""

WAIT_MAX_S = 5.0
FORGET_S = 300.0


class Rates:
    """A bucket a token: it holds `burst` requests and gains `per_s` of them each second."""

    def __init__(
        self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, token_id: str) -> None:
        """Take one request out.

        Raises:
            WireError: None is left; nothing was decided yet.
        """
        now = self._clock()
        left, then = self._left.get(token_id, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._per_s)
        if left < 1.0:
            self._left[token_id] = (left, now)
            raise too_many("rate limit exceeded")
        self._left[token_id] = (left - 1.0, now)


class Failures:
    """Wrong secrets by source; each after the first few makes the next refusal slower."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def hold_up(self, source: str) -> None:
        """Remember one more, and wait as long as the source has earned.

        Only a refusal waits: whoever shares a source with a guesser is not held up.
        """
        count, _ = self._known(source)
        self._counts[source] = (count + 1, self._clock())
        self._counts.move_to_end(source)
        if len(self._counts) > SOURCES_MAX:
            self._counts.popitem(last=False)
        await asyncio.sleep(wait_s(count))

    def _known(self, source: str) -> tuple[int, float]:
        count, then = self._counts.get(source, (0, 0.0))
        if self._clock() - then > FORGET_S:
            return 0, 0.0
        return count, then


def wait_s(count: int) -> float:
    """Return how long a refusal is held back after so many before it, seconds."""
    beyond = count - FREE_FAILURES
    return min(0.05 * 2.0 ** min(beyond, 10), WAIT_MAX_S) if beyond >= 0 else 0.0
