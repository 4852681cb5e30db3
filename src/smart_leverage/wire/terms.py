"""The records that the requests of clients become; `symbol` is spelt as it came."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce


class OrderRequest(Struct, frozen=True, kw_only=True):
    """An order as a client wants it; exactly one of `qty` and `notional` is given."""

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    extended_hours: bool
    client_order_id: str | None
    order_class: OrderClass
    take_profit: Decimal | None
    stop_loss: Decimal | None
    stop_loss_limit: Decimal | None
    trail_price: Decimal | None
    trail_percent: Decimal | None


class ChangeRequest(Struct, frozen=True, kw_only=True):
    """What is to be different about an open order; None leaves it.

    `trail` is in the unit that the trailing stop has.
    """

    qty: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail: Decimal | None
    time_in_force: TimeInForce | None
    client_order_id: str | None
