"""The door of an HTTP process: who is there, how much may come in, and what never leaves."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple

from smart_leverage.domain.bots import NOBODY, Seat, authentic
from smart_leverage.server.credentials import credentials_of
from smart_leverage.server.frames import Message, Receive, Send
from smart_leverage.server.http import Call, Reply, Route, error_reply
from smart_leverage.server.incoming import Ear, body_of, check_host, headers_of
from smart_leverage.server.rates import Failures, Rates
from smart_leverage.server.routing import Table
from smart_leverage.wire.errors import (
    WireError,
    bad_json,
    forbidden,
    internal,
    not_found,
    too_many,
    unauthorized,
)

_LOG = logging.getLogger(__name__)


REQUEST_WITHIN_S = 10.0
AT_ONCE_MAX = 256
"""So many requests are in hand at the same time; one more is told to come again."""

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class Door(NamedTuple):
    """What a gate is told once."""

    hosts: frozenset[str]
    """Names under which this server may be addressed, without a port."""
    seats: Callable[[], Mapping[str, Seat]]
    """Who may come in now, by token id."""
    rates: Rates
    now_ns: Callable[[], int] = time.time_ns
    answered: Callable[[int], None] = lambda status: None
    """Hears the status of every answer."""


class Gate:
    """The outermost application: every request ends here in JSON, whatever happened to it."""

    def __init__(
        self,
        routes: Iterable[Route],
        door: Door,
        sockets: Mapping[str, Callable[[Message, Receive, Send], Awaitable[None]]],
    ) -> None:
        """Join routes and websockets (by path) behind one door."""
        self._table = Table(routes)
        self._door = door
        self._sockets = dict(sockets)
        self._failures = Failures()
        self._in_hand = 0
        # Asking the system for chance at each request would make a busy thread wait for its turn.
        self._name, self._numbers = secrets.token_hex(8), count()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    # -- requests ---------------------------------------------------------------------------------

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        ear = Ear(receive)
        request_id = f"{self._name}{next(self._numbers):016x}"
        self._in_hand += 1
        try:
            async with asyncio.timeout(REQUEST_WITHIN_S):
                answer = await self._answer(scope, ear, request_id)
        except TimeoutError:
            # Before the body was whole: whoever sends so slowly is not waited for.
            answer = error_reply(WireError(408, 40810000, "the request took too long"))
        finally:
            self._in_hand -= 1
            ear.close()
        self._door.answered(answer.status)
        await _send(send, answer, request_id, is_head=scope["method"] == "HEAD")

    async def _answer(self, scope: Message, ear: Ear, request_id: str) -> Reply:
        try:
            if self._in_hand > AT_ONCE_MAX:
                raise too_many("too many requests at the same time")
            return await self._handled(scope, ear)
        except WireError as error:
            error.__traceback__ = None  # its frames hold it: a cycle for each refusal, else
            return error_reply(error)
        except TimeoutError:
            raise
        except Exception:  # noqa: BLE001 - the last wall: a bug of ours is told without a word of it
            _LOG.exception("request %s broke", request_id)
            return error_reply(internal(request_id))

    async def _handled(self, scope: Message, ear: Ear) -> Reply:
        headers = headers_of(scope)
        self._check_host(headers)
        method, path = scope["method"], scope["path"]
        found = self._table.find("GET" if method == "HEAD" else method, path)
        if found is not None and found[0].is_open:
            return await self._called(scope, headers, ear, NOBODY, *found)
        seat = await self._admitted(scope, headers)
        if found is None:
            raise self._nowhere(method, path)
        route, values = found
        if not seat.may(route.scope):
            _LOG.warning(
                "a token lacks a scope",
                extra={"token_id": seat.token_id, "scope": route.scope.value},
            )
            raise forbidden(f"this token may not do that: it lacks the scope {route.scope.value}")
        return await self._called(scope, headers, ear, seat, route, values)

    async def _called(
        self,
        scope: Message,
        headers: Mapping[bytes, bytes],
        ear: Ear,
        seat: Seat,
        route: Route,
        values: Mapping[str, str],
    ) -> Reply:
        """Read the body of an admitted request, within its bounds, and hand it to its handler."""
        method, path = scope["method"], scope["path"]
        if not route.is_free:
            self._door.rates.take(seat.token_id)
        body = await body_of(headers, ear)
        if body and method in MUTATING:
            _check_kind(headers)
        call = Call(seat, path, values, scope["query_string"], body, ear.is_gone, ear.listen)
        try:
            return await route.handler(call)
        except WireError as error:
            if error.status == 401:
                await self._failures.hold_up((scope.get("client") or ("",))[0])
            raise

    def _check_host(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a foreign name: a web page that points its own at this machine gets nothing."""
        check_host(headers, self._door.hosts)
        if b"origin" in headers:
            raise forbidden("no request from a web page is taken here")

    async def _admitted(self, scope: Message, headers: Mapping[bytes, bytes]) -> Seat:
        source = (scope.get("client") or ("",))[0]
        key_id, secret = credentials_of(headers)
        seat = authentic(self._door.seats(), key_id, secret, self._door.now_ns())
        if seat is None:
            _LOG.warning("a token was refused: source %s", source)
            await self._failures.hold_up(source)
            raise unauthorized()
        return seat

    def _nowhere(self, method: str, path: str) -> WireError:
        if method in MUTATING:
            return forbidden(f"{method} is not offered here, and nothing was passed on")
        if self._table.knows(path):
            return WireError(405, 40510000, f"{method} is not offered here")
        return not_found("endpoint not found")

    # -- websockets -------------------------------------------------------------------------------

    async def _socket(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/") or "/"
        serve = self._sockets.get(path)
        try:
            self._check_host(headers_of(scope))
        except WireError:
            serve = None
        if serve is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await serve(scope, receive, send)


def _check_kind(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that a form of a web page could send."""
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind != b"application/json":
        raise bad_json("the body must be application/json")


async def _send(send: Send, answer: Reply, request_id: str, *, is_head: bool) -> None:
    headers = [
        *HEADERS,
        (b"content-type", answer.kind.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", request_id.encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.more),
    ]
    if answer.status == 204:
        headers = [each for each in headers if not each[0].startswith(b"content-")]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
