"""An order as the wire shows it."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from smart_leverage.domain.orders import OrderClass, OrderState, OrderType, Side, TimeInForce
from smart_leverage.wire.encoding import text, when

_STATUS = {
    OrderState.INTENT: "pending_new",
    OrderState.UNKNOWN: "pending_new",
    OrderState.PENDING_CANCEL: "pending_cancel",
    OrderState.PENDING_REPLACE: "pending_replace",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
    OrderState.ABSENT: "rejected",
    OrderState.REPLACED: "replaced",
}
_OPEN_WORDS = frozenset({"accepted", "held", "done_for_day", "stopped"})
"""Words of the venue for an open order that clients know; any other one is told as `new`."""


class OrderView(Struct, frozen=True, kw_only=True):
    """Everything that an order object says; instants are UTC nanoseconds, None where not yet."""

    id: str
    client_order_id: str
    asset_id: str
    symbol: str
    asset_class: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    status: str
    qty: Decimal | None
    notional: Decimal | None
    filled_qty: Decimal
    filled_avg_price: Decimal | None
    created_ns: int
    updated_ns: int
    submitted_ns: int
    order_class: OrderClass = OrderClass.SIMPLE
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    extended_hours: bool = False
    filled_ns: int | None = None
    expired_ns: int | None = None
    canceled_ns: int | None = None
    failed_ns: int | None = None
    replaced_ns: int | None = None
    expires_ns: int | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    legs: tuple["OrderView", ...] = ()


def status_of(state: OrderState, word: str, *, is_whole: bool, is_part: bool) -> str:
    """Return the wire's status of an order.

    Args:
        state: What we know of it.
        word: The venue's own word for it.
        is_whole: Whether all of it was filled, also before the venue's last word has come.
        is_part: Whether some of it was.
    """
    if is_whole:
        return "filled"
    if state is OrderState.OPEN:
        if is_part:
            return "partially_filled"
        return word if word in _OPEN_WORDS else "new"
    return _STATUS[state]


def order_json(view: OrderView, *, is_nested: bool = True) -> dict[str, Any]:
    """Return the object of an order; legs only where they are asked for, else null."""
    legs = [order_json(leg) for leg in view.legs] if is_nested and view.legs else None
    kind = view.type.value
    return {
        "id": view.id,
        "client_order_id": view.client_order_id,
        "created_at": when(view.created_ns),
        "updated_at": when(view.updated_ns),
        "submitted_at": when(view.submitted_ns),
        "filled_at": when(view.filled_ns),
        "expired_at": when(view.expired_ns),
        "canceled_at": when(view.canceled_ns),
        "failed_at": when(view.failed_ns),
        "replaced_at": when(view.replaced_ns),
        "replaced_by": view.replaced_by,
        "replaces": view.replaces,
        "asset_id": view.asset_id,
        "symbol": view.symbol,
        "asset_class": view.asset_class,
        "notional": text(view.notional),
        "qty": text(view.qty),
        "filled_qty": text(view.filled_qty),
        "filled_avg_price": text(view.filled_avg_price),
        "order_class": "" if view.order_class is OrderClass.SIMPLE else view.order_class.value,
        "order_type": kind,
        "type": kind,
        "side": view.side.value,
        "position_intent": "buy_to_open" if view.side is Side.BUY else "sell_to_close",
        "time_in_force": view.time_in_force.value,
        "limit_price": text(view.limit_price),
        "stop_price": text(view.stop_price),
        "status": view.status,
        "extended_hours": view.extended_hours,
        "legs": legs,
        "trail_percent": text(view.trail_percent),
        "trail_price": text(view.trail_price),
        "hwm": text(view.hwm),
        "subtag": None,
        "source": None,
        "expires_at": when(view.expires_ns),
    }
