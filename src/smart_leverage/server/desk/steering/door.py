"""The door of the pages: who may look, what may be sent, and what no browser is to do with it."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Set
from itertools import count
from typing import NamedTuple, Protocol
from urllib.parse import quote

from smart_leverage.domain.bots import covered
from smart_leverage.runtime.people.sessions import Session, csrf_of
from smart_leverage.server.desk.asking import (
    STRANGER,
    Answered,
    Asked,
    DoorRoute,
    see_other,
)
from smart_leverage.server.desk.steering.cookies import cookie_of, drop_cookie
from smart_leverage.server.desk.steering.forms import CSRF, check_csrf, fields
from smart_leverage.server.desk.steering.origins import SAFE, check_origin
from smart_leverage.server.desk.steering.streaming import FULL, Streams
from smart_leverage.server.desk.visitors import Visitor
from smart_leverage.server.frames import Message, Receive, Send
from smart_leverage.server.http import HTML, Reply, Streamed
from smart_leverage.server.incoming import Ear, body_of, check_host, headers_of
from smart_leverage.server.rates import Rates
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
AT_ONCE_MAX = 128
SPARE = 16
"""So many more may be in hand where they lead towards safety."""

SIGN_IN = "/sign-in"
FORM = b"application/x-www-form-urlencoded"

POLICY = (
    b"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"font-src 'self'; connect-src 'self'; object-src 'none'; frame-src 'none'; worker-src 'none'; "
    b"frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
"""Everything from here, nothing written into a page, and no page of ours inside another's."""

HEADERS: Mapping[bytes, bytes] = {
    b"cache-control": b"no-store",
    b"content-security-policy": POLICY,
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Without a referrer a browser would not say which page a form was on either.
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class People(Protocol):
    """Knows who is who by the secret of their cookie."""

    async def who(self, token: str) -> Session | None:
        """Return an open session and note that its person is there; None for a wrong secret."""
        ...

    async def is_open(self, session_id: str) -> bool:
        """Tell whether a session still opens anything."""
        ...


class PageDoor(NamedTuple):
    """What the door is told once."""

    hosts: Set[str]
    """Names under which this server may be addressed, without a port."""
    people: People
    rates: Rates
    told: Callable[[WireError, Visitor], str]
    """Makes the page of a refusal."""
    now_ns: Callable[[], int]
    is_secure: bool = False


class Comer(NamedTuple):
    """Who comes with a request, and what of that is nobody else's business."""

    visitor: Visitor
    session_id: str = ""
    token: str = ""
    is_fresh: bool = False


NOBODY = Comer(STRANGER)


class Pages:
    """The application of all pages; every request ends here in a page, whatever happened to it."""

    def __init__(self, routes: Iterable[DoorRoute], door: PageDoor) -> None:
        """Put routes behind a door."""
        self._table = Table(routes)
        self._door = door
        self._in_hand = 0
        self._streams = Streams(door.people.is_open)
        self._name, self._numbers = secrets.token_hex(8), count()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request of ASGI."""
        ear = Ear(receive)
        request_id = f"{self._name}{next(self._numbers):016x}"
        self._in_hand += 1
        try:
            async with asyncio.timeout(REQUEST_WITHIN_S):
                answer, session_id = await self._answer(scope, ear, request_id)
        except TimeoutError:
            late = WireError(408, 40810000, "the request took too long")
            answer, session_id = self._refused(late, STRANGER, scope), ""
        finally:
            self._in_hand -= 1
            ear.close()
        more = [*HEADERS.items(), (b"x-request-id", request_id.encode())]
        more += [TRANSPORT] if self._door.is_secure else []
        if isinstance(answer, Streamed) and not self._streams.has_room(session_id):
            answer = self._refused(FULL, STRANGER, scope)
        if isinstance(answer, Streamed):
            await self._streams.send(answer, session_id, more, receive, send)
        else:
            await _send(send, answer, more, is_head=scope["method"] == "HEAD")

    # -- one request ------------------------------------------------------------------------------

    async def _answer(self, scope: Message, ear: Ear, request_id: str) -> tuple[Answered, str]:
        """Return what is answered, and the session it is answered to."""
        comer = NOBODY
        try:
            headers = headers_of(scope)
            check_host(headers, self._door.hosts)
            check_origin(scope["method"], headers, is_secure=self._door.is_secure)
            comer = await self._comer(headers)
            return await self._handled(scope, headers, ear, comer), comer.session_id
        except WireError as error:
            error.__traceback__ = None  # its frames hold it: a cycle for each refusal, else
            return self._refused(error, comer.visitor, scope), comer.session_id
        except TimeoutError:
            raise
        except Exception:  # noqa: BLE001 - the last wall: a bug of ours is told without a word of it
            _LOG.exception("request %s broke", request_id)
            return self._refused(internal(request_id), comer.visitor, scope), comer.session_id

    async def _comer(self, headers: Mapping[bytes, bytes]) -> Comer:
        token = cookie_of(headers.get(b"cookie", b""), is_secure=self._door.is_secure)
        session = await self._door.people.who(token) if token else None
        if session is None:
            return NOBODY
        visitor = Visitor(session.name, covered(session.scopes), csrf_of(token))
        return Comer(visitor, session.id, token, session.is_fresh(self._door.now_ns()))

    async def _handled(
        self, scope: Message, headers: Mapping[bytes, bytes], ear: Ear, comer: Comer
    ) -> Answered:
        method, path = scope["method"], scope["path"]
        found = self._table.find("GET" if method == "HEAD" else method, path)
        is_free = found is not None and found[0].is_free
        if self._in_hand > AT_ONCE_MAX + (SPARE if is_free else 0):
            raise too_many("too many requests at the same time")
        is_open = found is not None and found[0].is_open
        if not comer.session_id and not is_open:
            return self._sign_in(scope, headers)
        if found is None:
            raise self._nowhere(method, path)
        route, values = found
        if not is_open and route.scope not in comer.visitor.scopes:
            raise forbidden(f"that needs the scope {route.scope.value}, which this session lacks")
        if not is_free:
            self._door.rates.take(comer.session_id or _source(scope))
        form = await self._form(method, headers, ear)
        if method not in SAFE and comer.session_id:
            given = form.get(CSRF) or headers.get(b"x-csrf-token", b"").decode("latin-1")
            check_csrf(given, comer.visitor.csrf)
        return await route.handler(
            Asked(
                visitor=comer.visitor,
                path=path,
                query_bytes=scope["query_string"],
                values=values,
                form=form,
                token=comer.token,
                is_fresh=comer.is_fresh,
                source=_source(scope),
                is_secure=self._door.is_secure,
                is_htmx=b"hx-request" in headers,
                etag=headers.get(b"if-none-match", b"").decode("latin-1"),
                last_event=headers.get(b"last-event-id", b"").decode("latin-1")[:64],
            )
        )

    async def _form(
        self, method: str, headers: Mapping[bytes, bytes], ear: Ear
    ) -> Mapping[str, str]:
        if method in SAFE:
            return {}
        body = await body_of(headers, ear)
        if not body:
            return {}
        if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != FORM:
            raise bad_json(f"the body must be {FORM.decode()}")
        return fields(body)

    def _sign_in(self, scope: Message, headers: Mapping[bytes, bytes]) -> Reply:
        """Send a stranger to the door; what they wanted to see is shown afterwards."""
        is_page = scope["method"] in SAFE and b"hx-request" not in headers
        if is_page and b"text/event-stream" not in headers.get(b"accept", b""):
            query = scope["query_string"].decode("latin-1")
            wanted = scope["path"] + (f"?{query}" if query else "")
            more = (drop_cookie(is_secure=self._door.is_secure),) if b"cookie" in headers else ()
            return see_other(f"{SIGN_IN}?next={quote(wanted, safe='')}", *more)
        body = self._door.told(unauthorized(), STRANGER).encode()
        return Reply(401, body, (("HX-Redirect", SIGN_IN),), HTML)

    def _nowhere(self, method: str, path: str) -> WireError:
        if self._table.knows(path):
            return WireError(405, 40510000, f"{method} is not offered here")
        return not_found("there is no such page")

    def _refused(self, error: WireError, visitor: Visitor, scope: Message) -> Reply:
        more = (("Retry-After", "1"),) if error.status in (429, 503) else ()
        if error.status in (403, 421):
            _LOG.warning(
                "desk: refused, %d, name %s, source %s",
                *(error.status, visitor.name or "-", _source(scope)),
            )
        return Reply(error.status, self._door.told(error, visitor).encode(), more, HTML)


def _source(scope: Message) -> str:
    return str((scope.get("client") or ("",))[0])


async def _send(
    send: Send, answer: Reply, more: Iterable[tuple[bytes, bytes]], *, is_head: bool
) -> None:
    """Send a whole reply; its own headers take the place of the usual ones of the same name."""
    headers = dict(more)
    headers |= {
        b"content-type": answer.kind.encode(),
        b"content-length": str(len(answer.body)).encode(),
    }
    headers |= {name.lower().encode(): value.encode() for name, value in answer.more}
    if answer.status in (204, 304):
        del headers[b"content-length"]
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": list(headers.items())}
    )
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})
