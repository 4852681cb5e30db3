"""Refuses orders that are wrong in themselves, whatever the account holds."""

from decimal import ROUND_DOWN, Decimal

import msgspec

from smart_leverage.brokers.sim.codes import inadmissible, malformed
from smart_leverage.brokers.sim.exact import ROUNDED, STEP_MIN, ZERO, is_amount, plain, trim
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.orders import Order, OrderClass, OrderType, Side, TimeInForce

CLIENT_ORDER_ID_LENGTH_MAX = 128
NAME_LENGTH_MAX = 128
"""Longest bot; together with the id it keeps rows short enough for one frame of the socket."""

_COMPLEX = (OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO)
_NEEDS_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_NEEDS_STOP = (OrderType.STOP, OrderType.STOP_LIMIT)
_PRICES = (
    *("limit_price", "stop_price", "take_profit", "stop_loss", "stop_loss_limit"),
    "trail_price",
)
_CENT = Decimal("0.01")


def shaped(order: Order, instrument: Instrument) -> Order:
    """Return the order as the venue takes it, or refuse it.

    More than nine decimals of a coin quantity are cut, as the venue does it silently; an OCO's
    target is its limit price. Numbers come out in their shortest spelling.

    Raises:
        Refused: The order is malformed, or its class of asset does not allow it.
    """
    _check_names(order)
    order = _with_legal_qty(order, instrument)
    if order.order_class is OrderClass.OCO:
        order = msgspec.structs.replace(order, limit_price=order.take_profit or order.limit_price)
    _check_prices_present(order)
    _check_trail(order)
    if instrument.asset_class is AssetClass.CRYPTO:
        _check_coin(order)
    else:
        _check_stock(order, instrument)
    prices = {name: getattr(order, name) for name in _PRICES}
    for name, price in prices.items():
        _check_tick(name, price, instrument)
    if order.order_class in _COMPLEX:
        _check_complex(order)
    return msgspec.structs.replace(
        order, **{name: trim(price) for name, price in prices.items() if price is not None}
    )


def _check_names(order: Order) -> None:
    if not order.client_order_id:
        raise malformed("client_order_id is required")
    lengths = {"client_order_id": CLIENT_ORDER_ID_LENGTH_MAX, "bot": NAME_LENGTH_MAX}
    for name, longest in lengths.items():
        text = getattr(order, name)
        if len(text) > longest:
            raise malformed(f"{name} must be no more than {longest} characters")
        if not text.isprintable():  # a lone surrogate cannot be written to any file
            raise malformed(f"{name} must be printable")


def _with_legal_qty(order: Order, instrument: Instrument) -> Order:
    qty = order.qty
    if not is_amount(qty):
        raise malformed("qty must be > 0")
    cut = trim(qty.quantize(STEP_MIN, rounding=ROUND_DOWN, context=ROUNDED))
    if cut != qty and instrument.asset_class is AssetClass.US_EQUITY:
        raise inadmissible("qty increment must be at least 0.000000001", qty=qty)
    if not cut:
        raise malformed("qty must be > 0")
    return msgspec.structs.replace(order, qty=cut)


def _check_prices_present(order: Order) -> None:
    """Every price that a type needs must be there, and none that it cannot use."""
    needs = (("limit_price", _NEEDS_LIMIT), ("stop_price", _NEEDS_STOP))
    for name, types in needs:
        value = getattr(order, name)
        if value is None and order.type in types:
            raise malformed(f"{order.type} orders require {name}")
        if value is not None and order.type not in types:
            raise malformed(f"{order.type} orders must not have {name}")
    if order.order_class is OrderClass.SIMPLE and not (
        order.take_profit is order.stop_loss is order.stop_loss_limit is None
    ):
        raise malformed("simple orders must not have take_profit or stop_loss")


def _check_trail(order: Order) -> None:
    """A trailing stop has one distance and brings nothing along; no other order has any."""
    given = [each for each in (order.trail_price, order.trail_percent) if each is not None]
    if not order.trails:
        if given:
            raise malformed(f"{order.type} orders must not have trail_price or trail_percent")
        return
    if len(given) != 1:
        raise malformed("trailing_stop orders require either trail_price or trail_percent")
    if order.order_class is not OrderClass.SIMPLE:
        raise inadmissible("trailing_stop orders must be simple orders")
    if not is_amount(given[0]):
        raise malformed("trail must be > 0")


def _check_coin(order: Order) -> None:
    if order.order_class is not OrderClass.SIMPLE:
        raise inadmissible("crypto orders must be simple orders")
    if order.type in (OrderType.STOP, OrderType.TRAILING_STOP):
        raise malformed("invalid order type for crypto order")
    if order.time_in_force is TimeInForce.DAY:
        raise inadmissible("invalid crypto time_in_force")


def _check_stock(order: Order, instrument: Instrument) -> None:
    is_ioc = order.time_in_force is TimeInForce.IOC
    is_stop = order.type in _NEEDS_STOP or order.trails
    if is_ioc and (is_stop or order.order_class in _COMPLEX):
        raise inadmissible("invalid time_in_force for this order type", qty=order.qty)
    if order.qty == order.qty.to_integral_value():
        return
    if not instrument.fractionable:
        raise inadmissible(f'asset "{instrument.symbol}" is not fractionable', qty=order.qty)
    if order.order_class in _COMPLEX:
        raise inadmissible("fractional orders must be simple orders", qty=order.qty)
    if order.trails:
        raise inadmissible("fractional orders cannot be trailing_stop orders", qty=order.qty)
    if order.time_in_force is not TimeInForce.DAY:
        raise inadmissible("fractional orders must be DAY orders", qty=order.qty)


def _check_tick(name: str, price: Decimal | None, instrument: Instrument) -> None:
    if price is None:
        return
    if not is_amount(price):
        raise malformed(f"{name} must be > 0")
    if ROUNDED.remainder(price, instrument.tick_at(price)):
        raise inadmissible(
            f"invalid {name} {plain(price)}. sub-penny increment does not fulfill minimum pricing"
            " criteria"
        )


def _check_complex(order: Order) -> None:
    """Exits must be there, on the right sides of each other and of the base price."""
    has_target, has_stop = order.take_profit is not None, order.stop_loss is not None
    if order.order_class is OrderClass.OTO:
        if has_target == has_stop:
            raise malformed("oto orders require either take_profit or stop_loss")
    elif not (has_target and has_stop):
        raise malformed(f"{order.order_class} orders require take_profit and stop_loss")
    if order.stop_loss_limit is not None and not has_stop:
        raise malformed("stop_loss.limit_price requires stop_loss.stop_price")
    if order.order_class is OrderClass.OCO and order.type is not OrderType.LIMIT:
        raise malformed("oco orders must be limit orders")
    if order.take_profit is not None and order.stop_loss is not None:
        above = order.take_profit - order.stop_loss
        if (above if exit_side(order) is Side.SELL else -above) <= ZERO:
            raise inadmissible(
                "take_profit.limit_price must be on the profitable side of stop_loss.stop_price"
            )


def exit_side(order: Order) -> Side:
    """Return the side of a group's exits: an OCO is its exits, others open the position first."""
    if order.order_class is OrderClass.OCO:
        return order.side
    return Side.SELL if order.side is Side.BUY else Side.BUY


def check_stop_distance(order: Order, base: Decimal) -> None:
    """Refuse a stop-loss that is not at least a cent on the losing side of the base price."""
    if order.stop_loss is None:
        return
    distance = base - order.stop_loss
    if (distance if exit_side(order) is Side.SELL else -distance) < _CENT:
        word = "<= base_price - 0.01" if exit_side(order) is Side.SELL else ">= base_price + 0.01"
        raise inadmissible(
            f"stop_loss.stop_price must be {word}", base_price=base, stop_price=order.stop_loss
        )
