"""What a strategy and a bot are asked, whichever stands behind it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import Opportunity, OrderWish


class Strategy(Protocol):
    """Offers opportunities and never sizes them."""

    @property
    def name(self) -> str:
        """The source under which its opportunities are booked."""
        ...

    def on_bars(self, at_ns: int, closes: Sequence[tuple[Key, Bar]]) -> Sequence[Opportunity]:
        """Return what is worth doing now.

        Args:
            at_ns: The present, UTC; never goes back from one call to the next.
            closes: Bars that have just ended, in registry order. A strategy never sees an open
                bar, nor the open of the next one at which its orders will fill.
        """
        ...


class AccountView(Struct, frozen=True):
    """What a bot would see of its account: money in account currency, positions in units."""

    equity: Decimal
    cash: Decimal
    positions: Mapping[Key, Decimal]


class Bot(Protocol):
    """Sends orders of its own size, as a trading program behind the gateway does."""

    @property
    def name(self) -> str:
        """The bot to which its orders are booked."""
        ...

    def on_bars(
        self, at_ns: int, closes: Sequence[tuple[Key, Bar]], account: AccountView
    ) -> Sequence[OrderWish]:
        """Return the orders it wants to send now; see `Strategy.on_bars`."""
        ...
