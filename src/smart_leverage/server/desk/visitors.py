"""Who looks at a page of the desk."""

from typing import NamedTuple

from smart_leverage.domain.bots import Scope


class Visitor(NamedTuple):
    """A person with an open session, as a page sees them."""

    name: str
    scopes: frozenset[Scope]
    csrf: str
    """Every form sends it back: what another site makes a browser send does not know it."""
