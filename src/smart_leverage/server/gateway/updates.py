"""The stream of trade updates: one account's news, told to each bot about its own orders."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from decimal import Decimal
from typing import Any

from smart_leverage.domain.bots import NOBODY, Scope, Seat, authentic
from smart_leverage.domain.instruments import Key
from smart_leverage.runtime.office import Office
from smart_leverage.server.gateway.views import update_of
from smart_leverage.wire.updates import (
    action_of,
    authorization,
    credentials,
    framed,
    listening,
    said,
    streams,
    trade_update,
)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STREAMS_MAX = 4
"""So many streams of one token; the next one is turned away."""

QUEUE_MAX = 1_000
"""So many messages may wait for a slow reader; then it is dropped, and lists what it missed."""

AUTHENTICATE_WITHIN_S = 10.0
CHECK_EVERY_S = 5.0


class _Reader:
    """One connected bot: what waits for it, and how it likes to be told."""

    def __init__(self, seat: Seat, send: Send, *, is_packed: bool) -> None:
        self.seat = seat
        self.is_listening = False
        self.is_slow = False
        self._send = send
        self._is_packed = is_packed
        self._waiting: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(QUEUE_MAX)

    def put(self, message: dict[str, Any]) -> None:
        """Let a message wait; a reader with too many is dropped."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.is_slow = True

    async def write(self) -> None:
        """Send what waits, until the reader is slow or gone."""
        while not self.is_slow:
            message = await self._waiting.get()
            if message is None:
                return
            await self.say(message)

    async def say(self, message: dict[str, Any]) -> None:
        """Send a message as a binary frame, as the venue does."""
        packed = framed(message, is_packed=self._is_packed)
        await self._send({"type": "websocket.send", "bytes": packed})


class Updates:
    """Serves `/stream`; what happened crosses from the trading thread once it is durable."""

    def __init__(
        self,
        office: Office,
        seats: Callable[[], Mapping[str, Seat]],
        position: Callable[[str, Key], Decimal],
        now_ns: Callable[[], int],
    ) -> None:
        """Join the parts; `position` says what a bot holds, on the trading thread."""
        self._shelf = office.shelf
        self._position = position
        self._seats = seats
        self._now_ns = now_ns
        self._readers: set[_Reader] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        office.afterwards(self._tell)

    def connect(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Tell by this loop from now on."""
        self._loop = loop

    def _tell(self, *, is_durable: bool) -> None:
        """Take what there is to tell across; called on the trading thread."""
        if not is_durable:
            return
        told = self._shelf.take_told()
        if not told or self._loop is None or not self._readers:
            return
        messages = [
            (each.order.bot, update_of(each, self._position(each.order.bot, each.order.order.key)))
            for each in told
        ]
        try:
            self._loop.call_soon_threadsafe(self._deliver, messages)
        except RuntimeError:
            return  # the loop has ended

    def _deliver(self, messages: list[tuple[str, dict[str, Any]]]) -> None:
        for reader in self._readers:
            if reader.is_listening:
                for bot, message in messages:
                    if bot == reader.seat.bot:
                        reader.put(trade_update(message))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection, from its handshake to its end."""
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        is_packed = (b"content-type", b"application/msgpack") in scope["headers"]
        try:
            async with asyncio.timeout(AUTHENTICATE_WITHIN_S):
                seat = await self._authenticated(receive, send, is_packed=is_packed)
        except TimeoutError:
            seat = None
        if seat is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        reader = _Reader(seat, send, is_packed=is_packed)
        if sum(each.seat.token_id == seat.token_id for each in self._readers) >= STREAMS_MAX:
            await send({"type": "websocket.close", "code": 1008, "reason": "too many streams"})
            return
        await reader.say(authorization("authorized", "authenticate"))
        await self._attend(reader, receive, send)

    async def _authenticated(self, receive: Receive, send: Send, *, is_packed: bool) -> Seat | None:
        """Hear messages until one authenticates; None when a wrong one was tried, or it is over."""
        stranger = _Reader(NOBODY, send, is_packed=is_packed)
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            heard = said(message.get("text"), message.get("bytes"))
            own = credentials(heard)
            if own is None:
                await stranger.say(authorization("unauthorized", action_of(heard)))
                continue
            key_id, secret = own
            seat = authentic(self._seats(), key_id, secret, self._now_ns())
            if seat is not None and seat.may(Scope.READ):
                return seat
            await stranger.say(authorization("unauthorized", "authenticate"))
            return None

    async def _attend(self, reader: _Reader, receive: Receive, send: Send) -> None:
        self._readers.add(reader)
        tasks = [
            asyncio.ensure_future(each)
            for each in (reader.write(), self._hear(reader, receive), self._watch(reader))
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._readers.discard(reader)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        code = 1011 if reader.is_slow else 1000
        try:
            await send({"type": "websocket.close", "code": code})
        except RuntimeError:
            return  # the other side has closed it

    async def _hear(self, reader: _Reader, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            wanted = streams(said(message.get("text"), message.get("bytes")))
            if wanted is not None:
                reader.is_listening = bool(wanted)
                reader.put(listening(wanted))

    async def _watch(self, reader: _Reader) -> None:
        """End the stream of a token that was revoked or has expired, or of a reader too slow."""
        while not reader.is_slow:
            await asyncio.sleep(CHECK_EVERY_S)
            seat = self._seats().get(reader.seat.token_id)
            if seat is None or not seat.is_live(self._now_ns()):
                return
