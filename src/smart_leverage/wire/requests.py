"""What a client asks for, checked as far as that needs no account and no market."""

from decimal import Decimal
from enum import StrEnum

from msgspec import structs

from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce
from smart_leverage.wire.checks import check_class, check_prices
from smart_leverage.wire.errors import forbidden, invalid, unprocessable
from smart_leverage.wire.fields import (
    Content,
    amount,
    client_id,
    flag,
    only,
    part,
    price,
    required_text,
    required_word,
    word,
)
from smart_leverage.wire.symbols import names_option
from smart_leverage.wire.terms import ChangeRequest, OrderRequest

_ORDER_NAMES = frozenset((
    "symbol", "qty", "notional", "side", "type", "order_type", "time_in_force", "limit_price",
    "stop_price", "trail_price", "trail_percent", "extended_hours", "client_order_id",
    "order_class", "take_profit", "stop_loss", "position_intent", "legs", "advanced_instructions",
    "subtag", "source",
))  # fmt: skip
_CHANGE_NAMES = frozenset((
    "qty", "time_in_force", "limit_price", "stop_price", "trail", "client_order_id", "notional",
    "advanced_instructions",
))  # fmt: skip


class Intent(StrEnum):
    """What an order does to a position, where a client says so beside the side."""

    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"


_SIDES = {Intent.BUY_TO_OPEN: Side.BUY, Intent.SELL_TO_CLOSE: Side.SELL}
"""What a long position needs; the other two intents are those of a short one."""


def order_request(content: Content) -> OrderRequest:
    """Return the order of a request.

    Raises:
        WireError: 422, or 403 for what is not modelled and therefore never passes.
    """
    only(content, _ORDER_NAMES)
    _check_modelled(content)
    qty, notional = amount(content, "qty"), amount(content, "notional")
    if (qty is None) == (notional is None):
        raise invalid("qty or notional is required, and only one of them")
    side = required_word(content, "side", Side)
    _check_intent(content, side)
    target, stop, stop_limit = _exits(content)
    request = OrderRequest(
        symbol=required_text(content, "symbol"),
        side=side,
        type=_type(content),
        time_in_force=required_word(content, "time_in_force", TimeInForce),
        qty=qty,
        notional=notional,
        limit_price=price(content, "limit_price"),
        stop_price=price(content, "stop_price"),
        extended_hours=flag(content, "extended_hours"),
        client_order_id=client_id(content.get("client_order_id")),
        order_class=_class(content),
        take_profit=target,
        stop_loss=stop,
        stop_loss_limit=stop_limit,
        trail_price=price(content, "trail_price"),
        trail_percent=price(content, "trail_percent"),
    )
    is_oco = request.order_class is OrderClass.OCO and request.type is OrderType.LIMIT
    if is_oco and request.limit_price is None:
        # Its own limit is that of its target: clients leave it out.
        request = structs.replace(request, limit_price=request.take_profit)
    check_prices(request)
    check_class(request)
    return request


def change_request(content: Content) -> ChangeRequest:
    """Return what a replacement wants; see `order_request` for the errors."""
    only(content, _CHANGE_NAMES)
    if content.get("notional") is not None:
        raise unprocessable("notional cannot be replaced")
    if content.get("advanced_instructions"):
        raise forbidden("advanced instructions are not offered here")
    change = ChangeRequest(
        qty=amount(content, "qty"),
        limit_price=price(content, "limit_price"),
        stop_price=price(content, "stop_price"),
        trail=price(content, "trail"),
        time_in_force=word(content, "time_in_force", TimeInForce),
        client_order_id=client_id(content.get("client_order_id")),
    )
    prices = (change.limit_price, change.stop_price, change.trail)
    if (change.qty, *prices, change.time_in_force) == (None,) * 5:
        raise unprocessable("no parameter to replace")
    return change


def _check_modelled(content: Content) -> None:
    """Refuse for good what no position model stands behind."""
    if content.get("order_class") == "mleg" or content.get("legs"):
        raise forbidden("orders of several legs are not offered here")
    if content.get("advanced_instructions"):
        raise forbidden("advanced instructions are not offered here")
    symbol = content.get("symbol")
    if isinstance(symbol, str) and names_option(symbol):
        raise forbidden("options are not offered here")


def _check_intent(content: Content, side: Side) -> None:
    intent = word(content, "position_intent", Intent)
    if intent is None:
        return
    if intent not in _SIDES:
        raise forbidden("account is not allowed to short")
    if _SIDES[intent] is not side:
        raise unprocessable(f"position_intent {intent.value} does not go with side {side.value}")


def _type(content: Content) -> OrderType:
    """Return the type, which has a twin of another name; two that differ are refused."""
    kind, twin = word(content, "type", OrderType), word(content, "order_type", OrderType)
    if kind is None and twin is None:
        raise invalid("type is required")
    if kind is not None and twin is not None and kind is not twin:
        raise invalid("type and order_type must be the same")
    return kind or twin or OrderType.MARKET


def _class(content: Content) -> OrderClass:
    value = content.get("order_class")
    if value is None or value == "":
        return OrderClass.SIMPLE
    return required_word(content, "order_class", OrderClass)


def _exits(content: Content) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Return the target, the stop and the stop's own limit."""
    target = part(content, "take_profit", ("limit_price",))
    stop = part(content, "stop_loss", ("stop_price", "limit_price"))
    if target and target.get("limit_price") is None:
        raise invalid("take_profit.limit_price is required")
    if stop and stop.get("stop_price") is None:
        raise invalid("stop_loss.stop_price is required")
    return price(target, "limit_price"), price(stop, "stop_price"), price(stop, "limit_price")
