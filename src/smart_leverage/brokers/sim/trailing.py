"""Moves the stops that follow the market: the mark is exact, the stop on the tick."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from smart_leverage.brokers.sim.codes import inadmissible
from smart_leverage.brokers.sim.exact import EXACT, HUNDRED, ROUNDED, exact_price, meant, trim
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import Order, Side
from smart_leverage.fills.market import Side as Direction
from smart_leverage.fills.trailing import best_price, trailing_stop


def placed(order: Order, instrument: Instrument, mark: Decimal | None) -> Order:
    """Return a trailing stop with the stop that its mark gives it; any other order as it is.

    Raises:
        Refused: There is no price yet, or the trail leaves no price above zero.
    """
    if not order.trails:
        return order
    if mark is None:
        raise inadmissible(f'asset "{instrument.symbol}" has no price yet')
    stop = stop_at(order, instrument, mark)
    if stop is None:
        raise inadmissible("trail leaves no stop price above 0", market_price=mark)
    return msgspec.structs.replace(order, stop_price=stop)


def stop_at(order: Order, instrument: Instrument, mark: Decimal) -> Decimal | None:
    """Return the stop of a trailing stop at a mark, rounded away from the market; None below 0."""
    share = order.trail_percent
    stop = trailing_stop(
        direction(order),
        float(mark),
        math.nan if order.trail_price is None else float(order.trail_price),
        math.nan if share is None else float(ROUNDED.divide(share, HUNDRED)),
    )
    if math.isnan(stop):
        return None
    exact = meant(stop)
    tick = instrument.tick_at(exact)
    away = ROUND_FLOOR if order.side is Side.SELL else ROUND_CEILING
    ticks = ROUNDED.divide(exact, tick).to_integral_value(rounding=away)
    return trim(EXACT.multiply(ticks, tick)) or None


def follow(ticket: Ticket, instrument: Instrument, price: float) -> bool:
    """Let a trailing stop see a price; tell whether it moved. It never moves away from the market.

    The stop is made from the mark anew, so what it was is what its mark gives, bit for bit.
    """
    old = float(ticket.hwm or 0)
    best = best_price(direction(ticket.order), old, price)
    if best == old:
        return False
    mark = exact_price(best)
    stop = stop_at(ticket.order, instrument, mark)
    if stop is None:
        return False
    ticket.hwm = mark
    ticket.order = msgspec.structs.replace(ticket.order, stop_price=stop)
    return True


def direction(order: Order) -> Direction:
    """Return the side as the fill rules have it."""
    return Direction.BUY if order.side is Side.BUY else Direction.SELL
