"""What is told over a websocket: a frame of either form, and a reader who may be too slow."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

import msgspec

from smart_leverage.domain.bots import Seat
from smart_leverage.wire.encoding import encode

_LOG = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Form = Callable[[object], Message]
"""Makes a frame of what is to be said."""

QUEUE_MAX = 1_000
"""So many messages may wait for a slow reader; then it is dropped, and lists what it missed."""

CHECK_EVERY_S = 5.0
HANG_UP_WITHIN_S = 1.0


def packed(content: object) -> Message:
    """Return a frame of msgpack."""
    return {"type": "websocket.send", "bytes": msgspec.msgpack.encode(content)}


def written(content: object) -> Message:
    """Return a frame of text that holds JSON."""
    return {"type": "websocket.send", "text": encode(content).decode()}


def wants_packed(scope: Mapping[str, Any]) -> bool:
    """Tell whether a client has asked for msgpack at its handshake."""
    return (b"content-type", b"application/msgpack") in scope["headers"]


class Reader:
    """One connected bot: what waits for it, and how it likes to be told."""

    def __init__(self, seat: Seat, send: Send, form: Form, queue_max: int = QUEUE_MAX) -> None:
        """Tell whoever has this seat, in this form."""
        self.seat = seat
        self._dropped = asyncio.Event()
        self._send = send
        self._form = form
        self._waiting: asyncio.Queue[object] = asyncio.Queue(queue_max)

    @property
    def is_dropped(self) -> bool:
        """Whether nothing is said any more, as when more waited than may."""
        return self._dropped.is_set()

    def drop(self) -> None:
        """Say nothing more, and hang up."""
        self._dropped.set()

    def put(self, content: object) -> None:
        """Let a message wait; a reader with too many is dropped."""
        try:
            self._waiting.put_nowait(content)
        except asyncio.QueueFull:
            self.drop()

    async def write(self) -> None:
        """Send what waits, until the reader is dropped or gone."""
        while not self.is_dropped:
            await self.say(await self._waiting.get())

    async def say(self, content: object) -> None:
        """Send a message now."""
        await self._send(self._form(content))

    async def watch(
        self, seats: Callable[[], Mapping[str, Seat]], now_ns: Callable[[], int]
    ) -> None:
        """Return once the reader is dropped, or its token was revoked or has expired."""
        while not await self._is_dropped_within(CHECK_EVERY_S):
            seat = seats().get(self.seat.token_id)
            if seat is None or not seat.is_live(now_ns()):
                return

    async def _is_dropped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._dropped.wait(), seconds)
        return self.is_dropped


async def until_one_ends(*duties: Coroutine[Any, Any, None]) -> None:
    """Run duties of one connection side by side until the first of them ends."""
    tasks = [asyncio.ensure_future(each) for each in duties]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            # Whoever hangs up shows as an error of the system; all others are bugs of ours.
            if isinstance(end, Exception) and not isinstance(end, OSError):
                _LOG.error("a stream broke", exc_info=end)


async def hang_up(send: Send, code: int, reason: str = "") -> None:
    """Close a connection, unless the other side has, or does not even read that it is closed."""
    try:
        async with asyncio.timeout(HANG_UP_WITHIN_S):
            await send({"type": "websocket.close", "code": code, "reason": reason})
    except (RuntimeError, OSError):
        return
