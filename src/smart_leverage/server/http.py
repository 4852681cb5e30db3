"""One request and one reply, as the routes see them; everything else of HTTP stays in the gate."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import NamedTuple

from smart_leverage.domain.bots import Scope, Seat
from smart_leverage.wire.encoding import encode
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.reading import Query, params, parse

JSON = "application/json"
HTML = "text/html; charset=utf-8"
EVENTS = "text/event-stream"


class Reply(NamedTuple):
    """A status and a body; `more` are further headers."""

    status: int
    body: bytes = b""
    more: tuple[tuple[str, str], ...] = ()
    kind: str = JSON


class Streamed(NamedTuple):
    """A reply that goes on: parts are sent as they come, until whoever reads has gone."""

    parts: AsyncIterator[bytes]
    kind: str = EVENTS


def reply(content: object, status: int = 200) -> Reply:
    """Return a reply that holds JSON."""
    return Reply(status, encode(content))


def error_reply(error: WireError) -> Reply:
    """Return a refusal in the wire's own shape: an integer code and a message, always."""
    retry = (("Retry-After", "1"),) if error.status == 429 else ()
    return Reply(error.status, encode(error.body()), retry)


class Call:
    """An authenticated request with a body within its bounds; it is read when asked for."""

    __slots__ = (
        "_content",
        "_query",
        "body",
        "is_gone",
        "listen",
        "path",
        "query_bytes",
        "seat",
        "values",
    )

    def __init__(
        self,
        seat: Seat,
        path: str,
        values: Mapping[str, str],
        query_bytes: bytes,
        body: bytes,
        is_gone: Callable[[], bool],
        listen: Callable[[], None] = lambda: None,
    ) -> None:
        self.seat = seat
        self.path = path
        self.values = values
        """The variable parts of the path."""
        self.query_bytes = query_bytes
        self.body = body
        self.is_gone = is_gone
        """Tells whether whoever asked has hung up since `listen`."""
        self.listen = listen
        self._query: Query | None = None
        self._content: dict[str, object] | None = None

    @property
    def bot(self) -> str:
        """Who asks."""
        return self.seat.bot

    @property
    def query(self) -> Query:
        """The parameters of the address.

        Raises:
            WireError: They cannot be read.
        """
        if self._query is None:
            self._query = params(self.query_bytes)
        return self._query

    @property
    def content(self) -> dict[str, object]:
        """The JSON object of the body, an empty one where there is no body.

        Raises:
            WireError: It is no JSON object within the bounds.
        """
        if self._content is None:
            self._content = parse(self.body) if self.body.strip() else {}
        return self._content


Handler = Callable[[Call], Awaitable[Reply]]


class Route(NamedTuple):
    """Who may do what where; `{name}` stands for one part of a path, `{name:path}` for the rest."""

    method: str
    path: str
    scope: Scope
    handler: Handler
    is_free: bool = False
    """Whether no rate bounds it: what lowers exposure, cancels or halts is never throttled."""
    is_open: bool = False
    """Whether it looks for the key itself, in the body, where a sender cannot set headers."""
