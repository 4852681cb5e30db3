"""Replies that go on: so many at once, each until its reader or its session is gone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from smart_leverage.server.frames import Receive, Send, until_one_ends
from smart_leverage.server.http import Streamed
from smart_leverage.wire.errors import WireError

STREAMS_MAX = 64
STREAMS_OF_ONE_MAX = 5
"""A browser opens six connections to one server; one has to be left for everything else."""

LOOK_EVERY_S = 2.0
"""So soon a stream notices that its session is over."""

FULL = WireError(503, 50310000, "too many pages are open; close some of them")


class Streams:
    """Counts who listens; a browser that opens ever more of them is told that it is enough."""

    def __init__(
        self, is_open: Callable[[str], Awaitable[bool]], look_every_s: float = LOOK_EVERY_S
    ) -> None:
        """Ask `is_open` again and again whether the session of a stream is open."""
        self._is_open = is_open
        self._look_every_s = look_every_s
        self._open: Counter[str] = Counter()

    def has_room(self, session_id: str) -> bool:
        """Whether one more may begin for a session."""
        own, all_of_them = self._open[session_id], self._open.total()
        return own < STREAMS_OF_ONE_MAX and all_of_them < STREAMS_MAX

    async def send(
        self,
        answer: Streamed,
        session_id: str,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Send parts until the reader hangs up, the session ends, or there are no more."""
        begin = [*headers, (b"content-type", answer.kind.encode())]
        self._open[session_id] += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": begin})
            await until_one_ends(
                _sent(answer.parts, send), _gone(receive), self._until_over(session_id)
            )
        finally:
            self._open[session_id] -= 1
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b""})

    async def _until_over(self, session_id: str) -> None:
        while await self._is_open(session_id):
            await asyncio.sleep(self._look_every_s)


async def _sent(parts: AsyncIterator[bytes], send: Send) -> None:
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
