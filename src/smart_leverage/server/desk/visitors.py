"""Who looks at a page of the desk, and how a page is asked for."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from smart_leverage.domain.bots import Scope
from smart_leverage.server.http import Call, Reply


class Visitor(NamedTuple):
    """A person with an open session, as a page sees them."""

    name: str
    scopes: frozenset[Scope]
    csrf: str
    """Every form sends it back: what another site makes a browser send does not know it."""


PageHandler = Callable[[Call, Visitor], Awaitable[Reply]]


class PageRoute(NamedTuple):
    """A page and whose session may see it; the path has the form that a `Route` has."""

    method: str
    path: str
    scope: Scope
    handler: PageHandler
