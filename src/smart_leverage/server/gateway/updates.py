"""The stream of trade updates: one account's news, told to each bot about its own orders."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from smart_leverage.domain.bots import NOBODY, Scope, Seat, authentic
from smart_leverage.domain.instruments import Key
from smart_leverage.runtime.office import Office
from smart_leverage.server.frames import (
    Form,
    Message,
    Reader,
    Receive,
    Send,
    hang_up,
    until_one_ends,
    wants_packed,
)
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

STREAMS_MAX = 4
"""So many streams of one token; the next one is turned away."""

AUTHENTICATE_WITHIN_S = 10.0

OVER, TOO_SLOW, RESTARTED = 1000, 1011, 1012
"""Codes of a websocket's end."""


class _Stream(Reader):
    """A bot that has said who it is, and may listen."""

    is_listening = False
    has_gap = False
    """Whether something may be missing; whoever listens then connects anew, and lists."""

    @property
    def code(self) -> int:
        """Why it ends, by the codes of websockets."""
        if self.has_gap:
            return RESTARTED
        return TOO_SLOW if self.is_dropped else OVER


def _form(scope: Message) -> Form:
    """Return how a connection is told: by binary frames, as the venue does."""
    is_packed = wants_packed(scope)

    def form(content: Any) -> Message:
        return {"type": "websocket.send", "bytes": framed(content, is_packed=is_packed)}

    return form


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
        self._gaps = office.shelf.gaps
        self._position = position
        self._seats = seats
        self._now_ns = now_ns
        self._streams: set[_Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        office.add_teller(self)

    def connect(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Tell by this loop from now on."""
        self._loop = loop

    def tell_early(self) -> None:
        """Say nothing, since what the streams tell is durable; but not as if nothing was missing.

        After a commit that failed the account is folded anew. What was durable by then, and was to
        be told with what failed, is known of no longer.
        """
        if self._gaps == self._shelf.gaps or self._loop is None:
            return
        self._gaps = self._shelf.gaps
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for stream in self._streams:
            stream.has_gap = True
            stream.drop()

    def parcel(self) -> Callable[[], None] | None:
        """Return what takes across what there is to tell."""
        told = self._shelf.take_told()
        if not told or self._loop is None or not self._streams:
            return None
        loop = self._loop
        messages = [
            (each.order.bot, update_of(each, self._position(each.order.bot, each.order.order.key)))
            for each in told
        ]

        def deliver() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._deliver, messages)

        return deliver

    def _deliver(self, messages: list[tuple[str, dict[str, Any]]]) -> None:
        for stream in self._streams:
            if stream.is_listening:
                for bot, message in messages:
                    if bot == stream.seat.bot:
                        stream.put(trade_update(message))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, from its handshake to its end."""
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        stream = _Stream(NOBODY, send, _form(scope))
        try:
            async with asyncio.timeout(AUTHENTICATE_WITHIN_S):
                seat = await self._authenticated(stream, receive)
        except TimeoutError:
            seat = None
        if seat is None:
            await hang_up(send, 1008)
            return
        if sum(each.seat.token_id == seat.token_id for each in self._streams) >= STREAMS_MAX:
            await hang_up(send, 1008, "too many streams")
            return
        stream.seat = seat
        await stream.say(authorization("authorized", "authenticate"))
        await self._attend(stream, receive)
        await hang_up(send, stream.code)

    async def _authenticated(self, stream: _Stream, receive: Receive) -> Seat | None:
        """Hear messages until one authenticates; None when a wrong one was tried, or it is over."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            heard = said(message.get("text"), message.get("bytes"))
            keys = credentials(heard)
            if keys is None:
                await stream.say(authorization("unauthorized", action_of(heard)))
                continue
            seat = authentic(self._seats(), *keys, self._now_ns())
            if seat is not None and seat.may(Scope.READ):
                return seat
            await stream.say(authorization("unauthorized", "authenticate"))
            return None

    async def _attend(self, stream: _Stream, receive: Receive) -> None:
        self._streams.add(stream)
        try:
            await until_one_ends(
                stream.write(),
                self._hear(stream, receive),
                stream.watch(self._seats, self._now_ns),
            )
        finally:
            self._streams.discard(stream)

    async def _hear(self, stream: _Stream, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            wanted = streams(said(message.get("text"), message.get("bytes")))
            if wanted is not None:
                stream.is_listening = bool(wanted)
                stream.put(listening(wanted))
