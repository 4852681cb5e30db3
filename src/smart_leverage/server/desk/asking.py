"""One request of a person for a page, and what may be answered."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from smart_leverage.domain.bots import NOBODY, Scope
from smart_leverage.server.desk.steering.forms import fields
from smart_leverage.server.desk.visitors import PageRoute, Visitor
from smart_leverage.server.http import HTML, Call, Reply, Streamed

STRANGER = Visitor(name="", scopes=frozenset(), csrf="")
"""Who has no session; open routes alone are shown to them."""


class Asked(NamedTuple):
    """A request that was let in."""

    visitor: Visitor
    path: str
    query_bytes: bytes
    values: Mapping[str, str]
    """The variable parts of the path."""
    form: Mapping[str, str]
    """The fields of a form that was sent; empty where none was."""
    token: str = ""
    """The secret of the session, for what has to be proved to the account; never shown."""
    is_fresh: bool = False
    """Whether the person has proved lately who they are."""
    source: str = ""
    """The address it came from."""
    is_secure: bool = False
    is_htmx: bool = False
    """Whether a part of a page is wanted in the place of a whole one."""
    etag: str = ""
    """What the browser has already."""
    last_event: str = ""
    """The last event that a stream brought before it broke."""

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the address.

        Raises:
            WireError: They cannot be read, or one comes twice.
        """
        return fields(self.query_bytes)


Answered = Reply | Streamed
DoorHandler = Callable[[Asked], Awaitable[Answered]]


class DoorRoute(NamedTuple):
    """Which page is shown to whom; `{name}` stands for one part of a path."""

    method: str
    path: str
    scope: Scope
    handler: DoorHandler
    is_open: bool = False
    """Whether it needs no session: signing in, and files that tell nothing of the account."""
    is_free: bool = False
    """Whether no rate bounds it: a halt is never throttled."""


def shown(route: PageRoute) -> DoorRoute:
    """Return how the door has the route of a screen, which reads and changes nothing."""

    async def show(asked: Asked) -> Answered:
        """Show it."""
        call = Call(NOBODY, asked.path, asked.values, asked.query_bytes, b"", lambda: False)
        return await route.handler(call, asked.visitor)

    return DoorRoute(route.method, route.path, route.scope, show)


def page(text: str, status: int = 200, *more: tuple[str, str]) -> Reply:
    """Return a reply that holds a page, or a part of one."""
    return Reply(status, text.encode(), more, HTML)


def see_other(where: str, *more: tuple[str, str]) -> Reply:
    """Send a browser to another page, to be fetched."""
    return Reply(303, b"", (("Location", where), *more), HTML)
