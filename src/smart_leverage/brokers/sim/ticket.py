"""One order at the venue: the request, what became of it, and where it stands in its group."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from smart_leverage.brokers.sim.exact import EXACT, ZERO, average
from smart_leverage.domain.orders import (
    FINAL_STATUSES,
    BrokerOrder,
    Order,
    OrderType,
    Side,
    TimeInForce,
)

WORKING_STATUSES = frozenset({"new", "partially_filled"})
"""Statuses in which an order can trade; accepted waits for a session, held for its entry."""


class Part(StrEnum):
    """What an order is within a bracket, an OCO or an OTO."""

    ALONE = ""
    ENTRY = "entry"
    TARGET = "target"
    STOP = "stop"

    @property
    def is_exit(self) -> bool:
        """Whether the order closes what its entry opened; exempt from the wash-trade rule."""
        return self in (Part.TARGET, Part.STOP)


class Ticket(Struct, kw_only=True, eq=False):
    """An order's state at the venue; changed in place, kept in the file as JSON.

    Attributes:
        limit_price: Worst price once it may trade: the order's own, or the bound that the venue
            gives a buy stop.
        reserve_price: Price at which a purchase holds funds.
        hwm: Best price since a trailing stop was sent; its order's `stop_price` follows it.
        active_since_ns: Since when it works; a bar that began earlier is met at its close only.
        group: Number of the group's first order, 0 for an order alone.
    """

    number: int
    order: Order
    broker_order_id: str
    status: str
    submitted_at_ns: int
    updated_at_ns: int
    expires_at_ns: int
    active_since_ns: int = 0
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    limit_price: Decimal | None = None
    reserve_price: Decimal = ZERO
    is_triggered: bool = False
    hwm: Decimal | None = None
    part: Part = Part.ALONE
    group: int = 0
    parent_id: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None

    @property
    def remaining(self) -> Decimal:
        """Quantity that can still trade."""
        return EXACT.subtract(self.order.qty, self.filled_qty)

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in FINAL_STATUSES

    @property
    def is_working(self) -> bool:
        """Whether it can trade now."""
        return self.status in WORKING_STATUSES

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.order.side is Side.BUY

    @property
    def is_waiting_stop(self) -> bool:
        """Whether its stop has not been reached yet."""
        return self.order.stop_price is not None and not self.is_triggered

    @property
    def takes_market(self) -> bool:
        """Whether it trades at the next price whatever that is, or ends at it."""
        if self.is_waiting_stop:
            return False
        return self.limit_price is None or self.order.time_in_force is TimeInForce.IOC

    @property
    def is_trailing(self) -> bool:
        """Whether its stop follows the market still."""
        return self.order.trails and self.is_waiting_stop

    @property
    def is_market_or_stop(self) -> bool:
        """Whether the wash-trade rule refuses every opposite order against it."""
        return self.order.type in (OrderType.MARKET, OrderType.STOP)

    @property
    def is_exempt(self) -> bool:
        """Whether the wash-trade rule passes it over: exits of a group, and trailing stops."""
        return self.part.is_exit or self.order.trails

    def view(self) -> BrokerOrder:
        """Return the order as the venue lists it."""
        filled = self.filled_qty
        return BrokerOrder(
            broker_order_id=self.broker_order_id,
            order=self.order,
            status=self.status,
            filled_qty=filled,
            filled_avg_price=average(self.filled_value, filled) if filled else None,
            submitted_at_ns=self.submitted_at_ns,
            updated_at_ns=self.updated_at_ns,
            parent_id=self.parent_id,
            replaces=self.replaces,
            replaced_by=self.replaced_by,
            hwm=self.hwm,
        )
