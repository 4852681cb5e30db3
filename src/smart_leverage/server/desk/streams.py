"""The streams of market data: once a second, what is new goes to everybody who wanted it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from smart_leverage.domain.bots import NOBODY, Scope, Seat, authentic
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.market.base import MarketSource
from smart_leverage.server.desk.ticking import Ticking
from smart_leverage.server.frames import (
    Message,
    Reader,
    Receive,
    Send,
    hang_up,
    packed,
    until_one_ends,
    wants_packed,
    written,
)
from smart_leverage.wire.data import Row
from smart_leverage.wire.data_stream import (
    StreamError,
    Subscriptions,
    authenticated,
    connected,
    error,
    labelled,
)
from smart_leverage.wire.updates import credentials, said

_LOG = logging.getLogger(__name__)

STREAMS_MAX = 4
"""So many streams of one token; the next one is turned away."""

STRANGERS_MAX = 64
"""So many connections that have not said yet who they are."""

AUTHENTICATE_WITHIN_S = 10.0
QUEUE_MAX = 64
"""So many seconds of rows may wait for a slow reader; then it is dropped."""

Serve = Callable[[Message, Receive, Send], Any]


class _Stream(Reader):
    """A reader of one class of instruments."""

    def __init__(self, asset_class: AssetClass, seat: Seat, send: Send, form: Any) -> None:
        super().__init__(seat, send, form, QUEUE_MAX)
        self.asset_class = asset_class
        self.subscriptions = Subscriptions(asset_class)


class Streams:
    """Serves the sockets of a source; `connect` has to follow in the loop's own thread."""

    def __init__(
        self,
        source: MarketSource,
        seats: Callable[[], Mapping[str, Seat]],
        now_ns: Callable[[], int],
        authenticate_within_s: float = AUTHENTICATE_WITHIN_S,
    ) -> None:
        """Join the parts."""
        self._authenticate_within_s = authenticate_within_s
        self._ticking = Ticking(source)
        self._seats = seats
        self._now_ns = now_ns
        self._streams: set[_Stream] = set()
        self._strangers = 0
        self._task: asyncio.Task[None] | None = None

    def connect(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Begin to tell what is new, or end."""
        if loop is not None:
            self._task = loop.create_task(self._run())
        elif self._task is not None:
            self._task.cancel()

    def of(self, asset_class: AssetClass) -> Serve:
        """Return what serves the connections of one class."""

        async def serve(scope: Message, receive: Receive, send: Send) -> None:
            if (await receive())["type"] != "websocket.connect":
                return
            if self._strangers >= STRANGERS_MAX:
                await hang_up(send, 1013)
                return
            await send({"type": "websocket.accept"})
            form = packed if wants_packed(scope) else written
            stream = _Stream(asset_class, NOBODY, send, form)
            if await self._is_admitted(stream, receive):
                await self._attend(stream, receive)
            await hang_up(send, 1008 if stream.is_dropped or stream.seat is NOBODY else 1000)

        return serve

    # -- who is there -----------------------------------------------------------------------------

    async def _is_admitted(self, stream: _Stream, receive: Receive) -> bool:
        self._strangers += 1
        try:
            async with asyncio.timeout(self._authenticate_within_s):
                await stream.say(connected())
                seat = await self._authenticated(stream, receive)
        except TimeoutError:
            await stream.say(error(404))
            return False
        finally:
            self._strangers -= 1
        if seat is None:
            return False
        if sum(each.seat.token_id == seat.token_id for each in self._streams) >= STREAMS_MAX:
            await stream.say(error(406))
            return False
        stream.seat = seat
        self._streams.add(stream)
        return True

    async def _authenticated(self, stream: _Stream, receive: Receive) -> Seat | None:
        """Hear messages until one authenticates; None when a wrong one was tried, or it is over."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            keys = credentials(_heard(message))
            if keys is None:
                await stream.say(error(401))
                continue
            seat = authentic(self._seats(), *keys, self._now_ns())
            if seat is not None and seat.may(Scope.READ):
                return seat
            await stream.say(error(402))
            return None

    # -- what is told -----------------------------------------------------------------------------

    async def _attend(self, stream: _Stream, receive: Receive) -> None:
        try:
            stream.put(authenticated())
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
            heard = _heard(message)
            if credentials(heard) is not None:
                stream.put(error(403))
                continue
            try:
                stream.put(stream.subscriptions.change(heard))
            except StreamError as refused:
                stream.put(error(refused.code))

    async def _run(self) -> None:
        """Tell what is new at every whole second."""
        while True:
            await asyncio.sleep(1.0 - self._now_ns() % SECOND_NS / SECOND_NS)
            try:
                self._seats()  # so that a long idle time leaves no request much to read
                self._tell(self._now_ns())
            except Exception:  # noqa: BLE001 - a bug costs one second and not all that follow
                _LOG.exception("a second of the market could not be told")

    def _tell(self, now_ns: int) -> None:
        wanted = {
            (stream.asset_class, each)
            for stream in self._streams
            for each in stream.subscriptions.wanted
        }
        news = self._ticking.news(now_ns, wanted)
        for stream in self._streams:
            rows: list[Row] = [
                labelled(channel, symbol, row)
                for (asset_class, channel, symbol), found in news.items()
                if asset_class is stream.asset_class and stream.subscriptions.has(channel, symbol)
                for row in found
            ]
            if rows:
                stream.put(rows)


def _heard(message: Message) -> Mapping[str, Any]:
    return said(message.get("text"), message.get("bytes"))
