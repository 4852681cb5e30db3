"""What every broker can be asked, whichever stands behind it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, runtime_checkable

from msgspec import Struct

from smart_leverage.domain.activities import Activity
from smart_leverage.domain.errors import BrokerError
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    PositionSnapshot,
    TradeUpdate,
)


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a broker can do; the engine asks these flags and never a broker's name."""

    has_coin_stops: bool = False
    """Whether coins may rest a plain stop; otherwise a stop-limit is the best there is."""
    has_fractional_stops: bool = False
    rejects_repeated_ids: bool = True
    fee_from_received: bool = True
    """Whether a coin fee is taken from the coins bought."""
    tells_fees: bool = True
    """Whether executions come with their fees; else these are activities of their own, later."""
    lists_lag: bool = False
    """Whether lists may show an execution later than the stream."""
    has_shares: bool = True
    """Whether anything but coins is traded there."""
    has_groups: bool = True
    """Whether an order may bring its exits along: bracket, OCO, OTO."""
    has_trailing_stops: bool = True
    has_stop_limits: bool = True
    """Whether coins may rest a stop-limit; without it only the engine watches a stop."""
    replaces_at_once: bool = True
    """Whether a changed order takes the other's place in one step; else that is cancelled first."""
    has_stream: bool = True
    """Whether it tells by itself what happens; else its lists are read every few seconds."""
    sells_any_size: bool = True
    """Whether a sale may be as small as the holding; else what is under a lot, or worth less than
    the instrument's smallest order, cannot be sold."""
    lends: bool = True
    """Whether purchases may exceed the cash."""
    lists_flows: bool = True
    """Whether deposits and withdrawals are told; else they show as a difference of cash."""


class Broker(Protocol):
    """A venue that executes; every call either answers or raises a `BrokerError`."""

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""
        ...

    def submit(self, approved: Approved) -> BrokerOrder:
        """Send one order, once.

        Raises:
            Refused: The venue said no; the order does not exist.
            NotSent: Provably nothing left.
            OutcomeUnknown: Sent or maybe sent; look up by id, never resend blindly.
        """
        ...

    def replace(
        self,
        client_order_id: str,
        *,
        qty: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail: Decimal | None = None,
        new_client_order_id: str | None = None,
    ) -> BrokerOrder:
        """Put a changed order in the place of an open one, once; None leaves a term.

        `qty` counts the whole order, with what was filled already. What the open one fills on the
        way is taken off the new one, whose quantity is what is left to trade. `trail` is in the
        unit that the trailing stop has.

        Raises:
            Refused: The venue said no; the order stays as it is.
            NotSent: Provably nothing left.
            OutcomeUnknown: Sent or maybe sent; look both up by id, never resend.
        """
        ...

    def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel; the update stream tells whether it came in time.

        Raises:
            Refused: The order is final already or unknown.
            OutcomeUnknown: No answer; harmless to repeat.
        """
        ...

    def account(self) -> AccountSnapshot:
        """Return the account as the venue states it now."""
        ...

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return every holding."""
        ...

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time, oldest first; all of them, however many."""
        ...

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up; None means that the venue does not list it (yet)."""
        ...

    def clock_ns(self) -> int | None:
        """Return what the venue's own clock shows, UTC, or None if it lives by the time it is told.

        Raises:
            BrokerDown: No answer.
        """
        ...

    def activities(self, after: int = 0) -> Sequence[Activity]:
        """Return what moved beside orders and fills, above a number, oldest first.

        Raises:
            BrokerDown: No answer.
        """
        ...

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        """Return the stream's messages with a sequence above `after`, in order."""
        ...


@runtime_checkable
class MayRefuseStream(Protocol):
    """A broker whose stream may be refused, as where it takes one connection for each key."""

    @property
    def refused(self) -> str:
        """Why the stream does not let us in, in words; empty while it does or is only away."""
        ...


@runtime_checkable
class TakesMany(Protocol):
    """A broker that can be sent several new orders with one message."""

    @property
    def many(self) -> int:
        """How many it takes at most; 1 where each needs a message of its own."""
        ...

    def submit_all(self, approved: Sequence[Approved]) -> Sequence[BrokerOrder | BrokerError]:
        """Send orders, each once, in this order.

        Returns:
            For each of them the order as answered, or what `Broker.submit` would have raised.
        """
        ...
