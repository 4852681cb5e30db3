"""What a client asks for, checked as far as that needs no account and no market."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct, structs

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce
from smart_leverage.wire.errors import forbidden, invalid, unprocessable
from smart_leverage.wire.numbers import positive

W = TypeVar("W", bound=StrEnum)

PLACES_MAX = 9
"""Digits of a quantity after the point; more are cut off, as the venue does."""

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,24}")
_OPTION = re.compile(r"[A-Z]{1,6}[0-9]{6}[CP][0-9]{8}")

_ORDER_NAMES = frozenset(
    [
        "symbol",
        "qty",
        "notional",
        "side",
        "type",
        "order_type",
        "time_in_force",
        "limit_price",
        "stop_price",
        "trail_price",
        "trail_percent",
        "extended_hours",
        "client_order_id",
        "order_class",
        "take_profit",
        "stop_loss",
        "position_intent",
        "legs",
        "advanced_instructions",
        "subtag",
        "source",
    ]
)
_CHANGE_NAMES = frozenset(
    [
        "qty",
        "time_in_force",
        "limit_price",
        "stop_price",
        "trail",
        "client_order_id",
        "notional",
        "advanced_instructions",
    ]
)
_SHORT_INTENTS = ("sell_to_open", "buy_to_close")


class OrderRequest(Struct, frozen=True, kw_only=True):
    """An order as a client wants it; `symbol` is spelt as it came."""

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


class ChangeRequest(Struct, frozen=True, kw_only=True):
    """What is to be different about an open order; None leaves it."""

    qty: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce | None
    client_order_id: str | None


def order_request(content: Mapping[str, object]) -> OrderRequest:
    """Return the order of a request.

    Raises:
        WireError: 422, or 403 for what is not modelled and therefore never passes.
    """
    _check_names(content, _ORDER_NAMES)
    _check_modelled(content)
    kind = _word(content, "type", OrderType, also="order_type")
    amounts = [_amount(content, name) for name in ("qty", "notional")]
    if amounts.count(None) != 1:
        raise invalid("qty or notional is required, and only one of them")
    qty, notional = amounts
    target, stop, stop_limit = _exits(content)
    request = OrderRequest(
        symbol=_text(content, "symbol"),
        side=_word(content, "side", Side),
        type=kind,
        time_in_force=_word(content, "time_in_force", TimeInForce),
        qty=qty,
        notional=notional,
        limit_price=_price(content, "limit_price"),
        stop_price=_price(content, "stop_price"),
        extended_hours=_flag(content, "extended_hours"),
        client_order_id=client_id(content.get("client_order_id")),
        order_class=_class(content),
        take_profit=target,
        stop_loss=stop,
        stop_loss_limit=stop_limit,
    )
    if request.order_class is OrderClass.OCO and request.limit_price is None:
        # Its own limit is that of its target: clients leave it out.
        request = structs.replace(request, limit_price=request.take_profit)
    _check_prices(request)
    _check_class(request)
    return request


def change_request(content: Mapping[str, object]) -> ChangeRequest:
    """Return what a replacement wants; see `order_request` for the errors."""
    _check_names(content, _CHANGE_NAMES)
    if content.get("notional") is not None or content.get("trail") is not None:
        raise unprocessable("notional and trail cannot be replaced")
    tif = content.get("time_in_force")
    change = ChangeRequest(
        qty=_amount(content, "qty"),
        limit_price=_price(content, "limit_price"),
        stop_price=_price(content, "stop_price"),
        time_in_force=None if tif is None else _word(content, "time_in_force", TimeInForce),
        client_order_id=client_id(content.get("client_order_id")),
    )
    if (change.qty, change.limit_price, change.stop_price, change.time_in_force) == (None,) * 4:
        raise unprocessable("no parameter to replace")
    return change


def check_for_asset(request: OrderRequest, *, is_crypto: bool) -> None:
    """Refuse what the venue does not take for this class of assets.

    Raises:
        WireError: 422 with the venue's words.
    """
    if is_crypto:
        if request.type is OrderType.STOP:
            raise invalid("invalid order type for crypto order")
        if request.time_in_force not in (TimeInForce.GTC, TimeInForce.IOC):
            raise unprocessable("invalid crypto time_in_force")
        if request.order_class is not OrderClass.SIMPLE:
            raise unprocessable("crypto orders must be simple orders")
        return
    is_part = request.notional is not None or (request.qty is not None and request.qty % 1 != 0)
    if is_part and request.time_in_force is not TimeInForce.DAY:
        raise unprocessable("fractional orders must be DAY orders")
    if is_part and request.order_class is not OrderClass.SIMPLE:
        raise unprocessable("fractional orders must be simple orders")
    is_stop = request.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if is_stop and request.time_in_force is TimeInForce.IOC:
        raise unprocessable("stop orders must be DAY or GTC orders")
    _check_pennies(request)


def client_id(value: object) -> str | None:
    """Return a client's own name for an order, None where it gave none.

    Raises:
        WireError: It is no text of 1 to 128 printable characters without spaces.
    """
    if value is None or value == "":
        return None
    if type(value) is not str or not _ID.fullmatch(value):
        raise invalid("client_order_id must be 1 to 128 printable ASCII characters without spaces")
    return value


def key_of_symbol(symbol: str, known: Mapping[Key, Instrument]) -> Key | None:
    """Return the one key of a symbol in any of its spellings, None for one that is not listed.

    `BTC/USD` and `BTCUSD` are one coin. Letters of another case or alphabet are another symbol, so
    that no spelling gets around a cap.
    """
    if not _SYMBOL.fullmatch(symbol):
        return None
    for key in (Key(f"us_equity:{symbol}"), Key(f"crypto:{symbol}")):
        if key in known:
            return key
    if "/" in symbol:
        return None
    for quote in ("USDT", "USDC", "USD", "BTC"):
        coin = symbol.removesuffix(quote)
        key = Key(f"crypto:{coin}/{quote}")
        if coin != symbol and key in known:
            return key
    return None


# -- parts ----------------------------------------------------------------------------------------


def _check_names(content: Mapping[str, object], names: frozenset[str]) -> None:
    for name in content:
        if name not in names:
            raise invalid(f"unknown field {name}")


def _check_modelled(content: Mapping[str, object]) -> None:
    """Refuse for good what no position model stands behind."""
    if content.get("order_class") == "mleg" or content.get("legs"):
        raise forbidden("orders of several legs are not offered here")
    if content.get("advanced_instructions"):
        raise forbidden("advanced instructions are not offered here")
    if content.get("position_intent") in _SHORT_INTENTS:
        raise forbidden("account is not allowed to short")
    symbol = content.get("symbol")
    if isinstance(symbol, str) and _OPTION.fullmatch(symbol):
        raise forbidden("options are not offered here")
    if content.get("type") == "trailing_stop" or content.get("trail_price") is not None:
        raise unprocessable("trailing stops are not offered here; a stop can be replaced")
    if content.get("trail_percent") is not None:
        raise unprocessable("trailing stops are not offered here; a stop can be replaced")


def _text(content: Mapping[str, object], name: str) -> str:
    value = content.get(name)
    if type(value) is not str or not value:
        raise invalid(f"{name} is required")
    return value


def _word(content: Mapping[str, object], name: str, words: type[W], also: str = "") -> W:
    value = content.get(name)
    if value is None and also:
        value = content.get(also)
    if value is None:
        raise invalid(f"{name} is required")
    for word in words:
        if word.value == value:
            return word
    raise invalid(f"{name} must be one of {', '.join(word.value for word in words)}")


def _flag(content: Mapping[str, object], name: str) -> bool:
    value = content.get(name)
    if value is None:
        return False
    if type(value) is not bool:
        raise invalid(f"{name} must be true or false")
    return value


def _amount(content: Mapping[str, object], name: str) -> Decimal | None:
    value = content.get(name)
    if value is None:
        return None
    amount = positive(value, name)
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > PLACES_MAX:
        amount = amount.quantize(Decimal(1).scaleb(-PLACES_MAX), rounding="ROUND_DOWN")
    if amount <= 0:
        raise invalid(f"{name} must be > 0")
    return amount


def _price(content: Mapping[str, object], name: str) -> Decimal | None:
    value = content.get(name)
    return None if value is None else positive(value, name)


def _class(content: Mapping[str, object]) -> OrderClass:
    value = content.get("order_class")
    if value is None or value == "":
        return OrderClass.SIMPLE
    return _word(content, "order_class", OrderClass)


def _exits(
    content: Mapping[str, object],
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    target = _part(content, "take_profit", frozenset({"limit_price"}))
    stop = _part(content, "stop_loss", frozenset({"stop_price", "limit_price"}))
    if target and target.get("limit_price") is None:
        raise invalid("take_profit.limit_price is required")
    if stop and stop.get("stop_price") is None:
        raise invalid("stop_loss.stop_price is required")
    return (
        _price(target, "limit_price"),
        _price(stop, "stop_price"),
        _price(stop, "limit_price"),
    )


def _part(content: Mapping[str, object], name: str, names: frozenset[str]) -> Mapping[str, object]:
    value = content.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    _check_names(value, names)
    return value


def _check_prices(request: OrderRequest) -> None:
    """Refuse prices that are missing for a type, or belong to another one."""
    needs_limit = request.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    needs_stop = request.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if needs_limit != (request.limit_price is not None):
        word = "require a" if needs_limit else "must not have a"
        raise unprocessable(f"{request.type.value} orders {word} limit_price")
    if needs_stop != (request.stop_price is not None):
        word = "require a" if needs_stop else "must not have a"
        raise unprocessable(f"{request.type.value} orders {word} stop_price")
    if request.extended_hours and not (
        request.type is OrderType.LIMIT and request.time_in_force is TimeInForce.DAY
    ):
        raise unprocessable("extended hours order must be DAY limit orders")


def _check_class(request: OrderRequest) -> None:
    """Refuse exits that are missing for a class, or belong to another one."""
    has_target, has_stop = request.take_profit is not None, request.stop_loss is not None
    kind = request.order_class
    if kind is OrderClass.SIMPLE:
        if has_target or has_stop:
            raise unprocessable("simple orders must not have take_profit or stop_loss")
        return
    if kind is OrderClass.OTO:
        if has_target == has_stop:
            raise unprocessable("oto orders require either take_profit or stop_loss")
    elif not (has_target and has_stop):
        raise unprocessable(f"{kind.value} orders require take_profit and stop_loss")
    if kind is OrderClass.OCO and request.type is not OrderType.LIMIT:
        raise unprocessable("oco orders must be limit orders")
    if request.time_in_force is TimeInForce.IOC or request.extended_hours:
        raise unprocessable(f"{kind.value} orders must be DAY or GTC orders in regular hours")
    if request.take_profit is not None and request.stop_loss is not None:
        _check_order(request, request.take_profit, request.stop_loss)


def _check_order(request: OrderRequest, target: Decimal, stop: Decimal) -> None:
    is_long_exit = (request.side is Side.BUY) != (request.order_class is OrderClass.OCO)
    if (target <= stop) if is_long_exit else (target >= stop):
        raise unprocessable(
            "take_profit.limit_price must be on the far side of stop_loss.stop_price"
        )


def _check_pennies(request: OrderRequest) -> None:
    """Refuse prices of shares that are finer than the venue quotes them."""
    prices = (
        request.limit_price,
        request.stop_price,
        request.take_profit,
        request.stop_loss,
        request.stop_loss_limit,
    )
    for price in prices:
        if price is None:
            continue
        step = Decimal("0.01") if price >= 1 else Decimal("0.0001")
        if price % step:
            raise unprocessable(
                f"invalid price {price:f}. sub-penny increment does not fulfill minimum pricing "
                "criteria"
            )
