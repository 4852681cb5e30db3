"""What of an order goes together: prices with types, exits with classes, all of it with assets."""

from decimal import Decimal

from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce
from smart_leverage.wire.encoding import plain
from smart_leverage.wire.errors import invalid, unprocessable
from smart_leverage.wire.terms import OrderRequest

CENT = Decimal("0.01")
WHOLE = Decimal(100)
TENTH_OF_MILL = Decimal("0.0001")

_PRICES = (
    *("limit_price", "stop_price", "take_profit", "stop_loss", "stop_loss_limit"),
    "trail_price",
)
_NEEDS_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_NEEDS_STOP = (OrderType.STOP, OrderType.STOP_LIMIT)


def check_prices(request: OrderRequest) -> None:
    """Refuse prices that are missing for a type, or belong to another one.

    Raises:
        WireError: 422, as all functions here, with the venue's words where it has some.
    """
    needs = (
        ("limit_price", request.limit_price, _NEEDS_LIMIT),
        ("stop_price", request.stop_price, _NEEDS_STOP),
    )
    for name, price, types in needs:
        if price is None and request.type in types:
            raise invalid(f"{request.type.value} orders require {name}")
        if price is not None and request.type not in types:
            raise invalid(f"{request.type.value} orders must not have {name}")
    _check_trail(request)
    if request.extended_hours and not (
        request.type is OrderType.LIMIT and request.time_in_force is TimeInForce.DAY
    ):
        raise unprocessable("extended hours order must be DAY limit orders")


def _check_trail(request: OrderRequest) -> None:
    """Refuse a trailing stop without one distance, and any other order that has one."""
    given = [each for each in (request.trail_price, request.trail_percent) if each is not None]
    if request.type is not OrderType.TRAILING_STOP:
        if given:
            kind = request.type.value
            raise invalid(f"{kind} orders must not have trail_price or trail_percent")
        return
    if len(given) != 1:
        raise invalid("trailing_stop orders require either trail_price or trail_percent")
    if request.trail_percent is not None and request.trail_percent >= WHOLE:
        raise unprocessable("trail_percent must be < 100")
    if request.order_class is not OrderClass.SIMPLE:
        raise unprocessable("trailing_stop orders must be simple orders")


def check_class(request: OrderRequest) -> None:
    """Refuse exits that are missing for a class, belong to another one, or stand the wrong way."""
    kind, has_target, has_stop = (
        request.order_class,
        request.take_profit is not None,
        request.stop_loss is not None,
    )
    if kind is OrderClass.SIMPLE:
        if has_target or has_stop:
            raise invalid("simple orders must not have take_profit or stop_loss")
        return
    if kind is OrderClass.OTO:
        if has_target == has_stop:
            raise invalid("oto orders require either take_profit or stop_loss")
    elif not (has_target and has_stop):
        raise invalid(f"{kind.value} orders require take_profit and stop_loss")
    if kind is OrderClass.OCO and request.type is not OrderType.LIMIT:
        raise invalid("oco orders must be limit orders")
    if kind is OrderClass.OCO and request.limit_price != request.take_profit:
        raise invalid("limit_price of an oco order must be that of its take_profit")
    if request.time_in_force is TimeInForce.IOC:
        raise unprocessable("invalid time_in_force for this order type")
    if request.extended_hours:
        raise unprocessable(f"{kind.value} orders must not be for extended hours")
    _check_exits(request)


def check_for_asset(request: OrderRequest, *, is_crypto: bool) -> None:
    """Refuse what the venue does not take for this class of assets."""
    if is_crypto:
        _check_coin(request)
    else:
        _check_share(request)


def _check_exits(request: OrderRequest) -> None:
    """Refuse exits on the wrong sides of each other, or a stop on that of the price of entry.

    A market order has no price of entry here; the venue compares it with the market.
    """
    target, stop = request.take_profit, request.stop_loss
    # An OCO is its exits; all other classes open the position first, on the other side.
    sells_out = (request.side is Side.SELL) == (request.order_class is OrderClass.OCO)
    sign = 1 if sells_out else -1
    if stop is None:
        return
    if target is not None and (target - stop) * sign <= 0:
        raise unprocessable(
            "take_profit.limit_price must be on the profitable side of stop_loss.stop_price"
        )
    base = request.limit_price
    if base is not None and (base - stop) * sign < CENT:
        bound = "<= base_price - 0.01" if sells_out else ">= base_price + 0.01"
        raise unprocessable(
            f"stop_loss.stop_price must be {bound}", base_price=plain(base), stop_price=plain(stop)
        )


def _check_coin(request: OrderRequest) -> None:
    if request.type in (OrderType.STOP, OrderType.TRAILING_STOP):
        raise invalid("invalid order type for crypto order")
    if request.time_in_force not in (TimeInForce.GTC, TimeInForce.IOC):
        raise unprocessable("invalid crypto time_in_force")
    if request.order_class is not OrderClass.SIMPLE:
        raise unprocessable("crypto orders must be simple orders")


def _check_share(request: OrderRequest) -> None:
    is_part = request.notional is not None or (request.qty is not None and request.qty % 1 != 0)
    if is_part and request.order_class is not OrderClass.SIMPLE:
        raise unprocessable("fractional orders must be simple orders")
    if is_part and request.time_in_force is not TimeInForce.DAY:
        raise unprocessable("fractional orders must be DAY orders")
    is_stop = request.type in (*_NEEDS_STOP, OrderType.TRAILING_STOP)
    if request.notional is not None and is_stop:
        raise unprocessable("notional orders must be market or limit orders")
    if is_part and request.type is OrderType.TRAILING_STOP:
        raise unprocessable("trailing_stop orders must be of whole shares")
    if is_stop and request.time_in_force is TimeInForce.IOC:
        raise unprocessable("invalid time_in_force for this order type")
    for name in _PRICES:
        _check_pennies(name, getattr(request, name))


def _check_pennies(name: str, price: Decimal | None) -> None:
    """Refuse a price that is finer than shares are quoted: a cent from one dollar up."""
    if price is not None and price % (CENT if price >= 1 else TENTH_OF_MILL):
        raise unprocessable(
            f"invalid {name} {plain(price)}. sub-penny increment does not fulfill minimum pricing"
            " criteria"
        )
