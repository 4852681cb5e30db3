"""How an account stood at the end of a period; whoever follows its state fills this in."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.units import Worth
from smart_leverage.domain.instruments import Key


class Seen(NamedTuple):
    """The last price that the ledger knows of an instrument, when, and from where."""

    price: Decimal
    at_ns: int
    source: str


class Position(NamedTuple):
    """One holding; `stop` is None without a live one, `seen` where no price was ever known."""

    key: Key
    qty: Decimal
    entry_price: Decimal
    stop: Decimal | None
    bare_since_ns: int | None
    seen: Seen | None

    @property
    def value(self) -> Decimal | None:
        """Market value at the last known price, negative when short."""
        return None if self.seen is None else self.qty * self.seen.price


class Limited(NamedTuple):
    """A loss beside its limit, fractions; `change` is negative for a loss, None if not known."""

    name: str
    change: Decimal | None
    limit: Decimal | None
    is_tripped: bool


class Due(NamedTuple):
    """Something that was under way or still to come: what it is called, and what is to be known."""

    what: str
    text: str


class Close(NamedTuple):
    """An account at the end of a period, and the number of the last entry before it ended."""

    seq: int
    head: str
    at_ns: int
    worth: Worth
    state: str
    state_why: str
    tier: str
    enforcement: str
    cash: Decimal
    positions: tuple[Position, ...]
    losses: tuple[Limited, ...]
    due: tuple[Due, ...]
