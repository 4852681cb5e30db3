"""Orders and changes as the broker takes them; every number is text, so no digit is lost."""

from decimal import Decimal
from typing import Any

from smart_leverage.domain.orders import Order, OrderClass
from smart_leverage.wire.encoding import plain


def order_body(order: Order) -> dict[str, Any]:
    """Return the body of a new order."""
    body: dict[str, Any] = {
        "symbol": order.key.partition(":")[2],
        "qty": plain(order.qty),
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "client_order_id": order.client_order_id,
    }
    body |= _numbers(
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        trail_price=order.trail_price,
        trail_percent=order.trail_percent,
    )
    if order.order_class is not OrderClass.SIMPLE:
        body["order_class"] = order.order_class.value
        if order.take_profit is not None:
            body["take_profit"] = _numbers(limit_price=order.take_profit)
        if order.stop_loss is not None:
            body["stop_loss"] = _numbers(
                stop_price=order.stop_loss, limit_price=order.stop_loss_limit
            )
    return body


def change_body(
    qty: Decimal | None,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    trail: Decimal | None,
    client_order_id: str | None,
) -> dict[str, Any]:
    """Return the body of a replacement: what is to be different."""
    body: dict[str, Any] = dict(
        _numbers(qty=qty, limit_price=limit_price, stop_price=stop_price, trail=trail)
    )
    if client_order_id is not None:
        body["client_order_id"] = client_order_id
    return body


def _numbers(**values: Decimal | None) -> dict[str, str]:
    return {name: plain(value) for name, value in values.items() if value is not None}
