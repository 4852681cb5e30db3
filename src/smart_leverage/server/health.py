"""Two questions of whoever keeps a process running: does it answer, and may it be relied upon?"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from smart_leverage.server.http import Call, Reply, Route, reply
from smart_leverage.server.metrics.catalogue import SCOPE

LIVE, READY = "/healthz", "/readyz"

KEPT_S = 0.5
"""An answer is good for so long: however many ask, the account is read twice a second."""

Why = Callable[[], Awaitable[Sequence[str]]]
"""Says why a process is not ready, in words without a figure; nothing when it is."""


class Readiness:
    """Whether a process is ready, and since when nobody has looked."""

    def __init__(self, why: Why) -> None:
        """Ask this; at most twice a second, whoever asks."""
        self._why = why
        self._reasons: tuple[str, ...] = ()
        self._until_s = 0.0
        self._asking = asyncio.Lock()

    async def reasons(self) -> tuple[str, ...]:
        """Return why it is not ready; empty when it is."""
        async with self._asking:
            if time.monotonic() >= self._until_s:
                self._reasons = tuple(await self._why())
                self._until_s = time.monotonic() + KEPT_S
            return self._reasons


def health_routes(readiness: Readiness) -> list[Route]:
    """Return the two routes; they take no key, so they tell nothing of the account."""

    async def live(call: Call) -> Reply:
        """Answer: the loop that serves goes round."""
        return reply({"status": "live"})

    async def ready(call: Call) -> Reply:
        """Say whether what is asked here is answered from what is true now, and if not, why."""
        reasons = await readiness.reasons()
        if reasons:
            return reply({"status": "not ready", "reasons": list(reasons)}, 503)
        return reply({"status": "ready", "reasons": []})

    return [
        Route("GET", LIVE, SCOPE, live, is_open=True, is_free=True),
        Route("GET", READY, SCOPE, ready, is_open=True, is_free=True),
    ]
