"""Orders as ccxt takes them: rounded to the market's steps, never to more than was approved."""

from decimal import Context, Decimal
from typing import Any, NamedTuple

import msgspec

from smart_leverage.brokers.ccxt.line import FORBIDDEN, INADMISSIBLE, MALFORMED, number
from smart_leverage.domain.classify import coin_lot
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import Order, OrderClass, OrderType, Side, TimeInForce
from smart_leverage.wire.encoding import plain

DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4
"""How an exchange tells its steps, in ccxt's numbers."""

_WIDE = Context(prec=120)
_TYPES = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP_LIMIT: "limit",
}
ZERO = Decimal(0)


class Terms(NamedTuple):
    """What `create_order` is called with; numbers are text, so no digit is lost."""

    symbol: str
    type: str
    side: str
    amount: str
    price: str | None
    params: dict[str, str]


def terms_of(order: Order, market: Any, mode: int, *, has_stops: bool) -> Terms:
    """Return an order as it leaves.

    A quantity is rounded down. A purchase's limit is rounded down and a sale's up, so that neither
    trades at a worse price than was approved; the price at which a stop wakes up is rounded up: a
    sale wakes no later than it should, and a purchase no earlier.

    Raises:
        Refused: The exchange has no such order, or it is smaller than the smallest or larger than
            the largest; nothing leaves.
    """
    _check_kind(order, market, has_stops=has_stops)
    is_buy = order.side is Side.BUY
    amount = _stepped(order.qty, "amount", market, mode, is_up=False)
    limit = stop = None
    params = {"clientOrderId": order.client_order_id}
    if order.limit_price is not None:
        limit = _stepped(order.limit_price, "price", market, mode, is_up=not is_buy)
    if order.stop_price is not None:
        stop = _stepped(order.stop_price, "price", market, mode, is_up=True)
        params["triggerPrice" if is_buy else "stopLossPrice"] = plain(stop)
    if order.type is not OrderType.MARKET:
        params["timeInForce"] = order.time_in_force.value.upper()
    _check_size(amount, limit, market, order)
    return Terms(
        symbol=market["symbol"],
        type=_TYPES[order.type],
        side=order.side.value,
        amount=plain(amount),
        price=None if limit is None else plain(limit),
        params=params,
    )


def _check_kind(order: Order, market: Any, *, has_stops: bool) -> None:
    name = market["symbol"]
    if order.order_class is not OrderClass.SIMPLE:
        raise Refused(INADMISSIBLE, "crypto orders must be simple orders")
    if order.type not in _TYPES or (order.type is OrderType.STOP_LIMIT and not has_stops):
        raise Refused(MALFORMED, f"invalid order type for crypto order: {order.type} in {name}")
    if order.time_in_force is TimeInForce.DAY:
        raise Refused(INADMISSIBLE, "invalid crypto time_in_force")
    needs_limit = order.type is not OrderType.MARKET
    if needs_limit is not (order.limit_price is not None):
        what = "require" if needs_limit else "must not have"
        raise Refused(MALFORMED, f"{order.type} orders {what} limit_price")
    needs_stop = order.type is OrderType.STOP_LIMIT
    if needs_stop is not (order.stop_price is not None):
        what = "require" if needs_stop else "must not have"
        raise Refused(MALFORMED, f"{order.type} orders {what} stop_price")
    for word in ("qty", "limit_price", "stop_price"):
        value = getattr(order, word)
        if value is not None and not (value.is_finite() and value > 0 and value.adjusted() < 15):
            raise Refused(MALFORMED, f"{word} must be > 0")


def _check_size(amount: Decimal, limit: Decimal | None, market: Any, order: Order) -> None:
    """Refuse what the exchange would refuse for its size; of a market order it knows the cost."""
    if amount == ZERO:
        raise Refused(
            FORBIDDEN, f"qty {plain(order.qty)} is less than one step of {market['symbol']}"
        )
    least, most = _limits(market, "amount")
    if order.type is OrderType.MARKET:
        least_market, most_market = _limits(market, "market")
        least = max(least, least_market)
        most = min((each for each in (most, most_market) if each), default=ZERO)
    if amount < least:
        raise Refused(
            FORBIDDEN, f"qty must be >= minimal amount of order {plain(least)}", qty=plain(amount)
        )
    if most and amount > most:
        raise Refused(
            FORBIDDEN, f"qty must be <= maximal amount of order {plain(most)}", qty=plain(amount)
        )
    if limit is None:
        return
    cost = _WIDE.multiply(amount, limit)
    least, most = _limits(market, "cost")
    if cost < least:
        raise Refused(
            FORBIDDEN,
            f"cost basis must be >= minimal amount of order {plain(least)}",
            cost_basis=plain(cost),
        )
    if most and cost > most:
        raise Refused(
            FORBIDDEN,
            f"cost basis must be <= maximal amount of order {plain(most)}",
            cost_basis=plain(cost),
        )


def _limits(market: Any, what: str) -> tuple[Decimal, Decimal]:
    """Return the smallest and the largest of something; 0 where the exchange does not say."""
    said = (market.get("limits") or {}).get(what) or {}
    return number(said.get("min")) or ZERO, number(said.get("max")) or ZERO


def _stepped(value: Decimal, what: str, market: Any, mode: int, *, is_up: bool) -> Decimal:
    step = step_of(value, (market.get("precision") or {}).get(what), mode)
    if step is None:
        return value
    whole = _WIDE.divide_int(value, step)
    rounded = _WIDE.multiply(whole, step)
    return _WIDE.add(rounded, step) if is_up and rounded < value else rounded


def with_steps(instrument: Instrument, market: Any, mode: int) -> Instrument:
    """Return an instrument with the steps and the smallest order of an exchange's market.

    What the registry says of them is another venue's; a lot that nobody sells would stay for ever.
    """
    precision = market.get("precision") or {}
    price = instrument.reference_price
    tick = step_of(price, precision.get("price"), mode) or instrument.tick
    step = step_of(Decimal(1), precision.get("amount"), mode) or instrument.size_step
    lot = Decimal((0, (1,), int(step.normalize().as_tuple().exponent)))
    if lot == step:  # else a step is some lots
        step = lot = coin_lot(price, step)
    least, _ = _limits(market, "cost")
    return msgspec.structs.replace(
        instrument,
        tick=tick.normalize(),
        lot=lot,
        size_step=step.normalize(),
        notional_min=least or instrument.notional_min,
        version=instrument.version + 1,
    )


def step_of(value: Decimal, said: object, mode: int) -> Decimal | None:
    """Return the step in which a value may be given; None where the exchange does not say."""
    precision = number(said)
    if precision is None or (mode == TICK_SIZE and precision <= 0):
        return None
    if mode == TICK_SIZE:
        return precision
    if mode == DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(precision))
    return Decimal(1).scaleb(value.adjusted() - int(precision) + 1)
