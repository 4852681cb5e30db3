"""The venue and the line to it, as small as they may be: requests fly, arrive or get lost."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from smart_leverage.brokers.base import Capabilities
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    Fill,
    Order,
    PositionSnapshot,
    Side,
    TradeUpdate,
)

ZERO = Decimal(0)
REPEATED = "client_order_id must be unique"


class Flies(BaseException):
    """The first byte is on the line; no answer is there yet, and none may be made up."""


class Resting:
    """One order at the venue."""

    def __init__(self, order: Order, number: int, *, is_listed: bool) -> None:
        self.order = order
        self.number = number
        self.status = "new"
        self.filled = ZERO
        self.is_listed = is_listed
        """Whether look-ups and lists show it yet."""

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.status in ("new", "partially_filled")

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return self.order.qty - self.filled if self.is_open else ZERO

    def view(self, at_ns: int) -> BrokerOrder:
        """Return how the venue shows it now."""
        return BrokerOrder(
            broker_order_id=f"b{self.number}",
            order=self.order,
            status=self.status,
            filled_qty=self.filled,
            filled_avg_price=None,
            submitted_at_ns=at_ns,
            updated_at_ns=at_ns,
        )


class Venue:
    """A `Broker` whose answers the search gives: a submission flies until it is let arrive."""

    def __init__(self, price: Decimal, cash: Decimal, *, rejects_repeated_ids: bool) -> None:
        self.capabilities = Capabilities(
            rejects_repeated_ids=rejects_repeated_ids, lists_lag=True, has_groups=False
        )
        self.price = price
        self.cash = cash
        self.now_ns = 0
        self.held: dict[Key, Decimal] = {}
        self.orders_by_id: dict[str, list[Resting]] = {}
        self.flying: list[Order] = []
        self.messages: list[TradeUpdate] = []
        self.reply: Callable[[], BrokerOrder] | None = None
        """What the answer says that is being given just now."""
        self._numbers = 0

    # -- what a process asks ----------------------------------------------------------------------

    def submit(self, approved: Approved) -> BrokerOrder:
        """Let a request fly, or hand over the answer that came to it."""
        if self.reply is not None:
            return self.reply()
        self.flying.append(approved.order)
        raise Flies

    def replace(self, client_order_id: str, **terms: Any) -> BrokerOrder:
        """Nothing in these worlds changes an order."""
        raise AssertionError(client_order_id, terms)

    def cancel(self, client_order_id: str) -> None:
        """End an order that is open."""
        found = [one for one in self.orders_by_id.get(client_order_id, ()) if one.is_open]
        if not found:
            raise Refused(42210000, "order is not cancelable")
        for one in found:
            one.status = "canceled"
            self._tell(one, "canceled")

    def account(self) -> AccountSnapshot:
        """Return what the account is worth."""
        return AccountSnapshot(
            account_id="model",
            cash=self.cash,
            equity=self.cash + sum((qty * self.price for qty in self.held.values()), ZERO),
            buying_power=self.cash,
            non_marginable_buying_power=self.cash,
            initial_margin=ZERO,
            maintenance_margin=ZERO,
            multiplier=1,
            is_blocked=False,
            at_ns=self.now_ns,
        )

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return what is held."""
        return tuple(
            PositionSnapshot(
                key=key, qty=qty, qty_available=qty, avg_entry_price=self.price, price=self.price
            )
            for key, qty in self.held.items()
            if qty
        )

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return what is open and listed."""
        return tuple(one.view(self.now_ns) for one in self.all if one.is_open and one.is_listed)

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Return an order that is listed, None where it is not."""
        found = self.orders_by_id.get(client_order_id, [])
        shown = [one for one in found if one.is_listed]
        return shown[0].view(self.now_ns) if shown else None

    def clock_ns(self) -> int | None:
        """Live by the time it is told."""
        return None

    def activities(self, after: int = 0) -> Sequence[Activity]:
        """Nothing moves beside orders and fills."""
        return ()

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        """Return the messages behind a number."""
        return self.messages[after:]

    # -- what the search lets happen --------------------------------------------------------------

    @property
    def all(self) -> list[Resting]:
        """Every order that was ever accepted."""
        return [one for found in self.orders_by_id.values() for one in found]

    def arrive(self, order: Order, *, is_listed: bool) -> Resting | None:
        """Take a request in; None where its id is taken and the venue minds."""
        self.flying.remove(order)
        known = self.orders_by_id.setdefault(order.client_order_id, [])
        if known and self.capabilities.rejects_repeated_ids:
            return None
        self._numbers += 1
        known.append(Resting(order, self._numbers, is_listed=is_listed))
        return known[-1]

    def fill(self, one: Resting, qty: Decimal) -> None:
        """Let an order trade at the price there is."""
        sign = 1 if one.order.side is Side.BUY else -1
        self.held[one.order.key] = self.held.get(one.order.key, ZERO) + sign * qty
        self.cash -= sign * qty * self.price
        one.filled += qty
        one.status = "filled" if one.filled == one.order.qty else "partially_filled"
        fill = Fill(
            execution_id=f"x{len(self.messages) + 1}",
            client_order_id=one.order.client_order_id,
            key=one.order.key,
            side=one.order.side,
            qty=qty,
            price=self.price,
            fee=ZERO,
            fee_asset="USD",
            at_ns=self.now_ns,
        )
        self._tell(one, "fill", fill)

    def again(self) -> TradeUpdate:
        """Return the last message once more."""
        return msgspec.structs.replace(self.messages[-1])

    def _tell(self, one: Resting, event: str, fill: Fill | None = None) -> None:
        self.messages.append(
            TradeUpdate(
                sequence=len(self.messages) + 1,
                event=event,
                broker_order=one.view(self.now_ns),
                at_ns=self.now_ns,
                fill=fill,
            )
        )
