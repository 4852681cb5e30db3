"""Asks the fill rules whether and at which price an order trades; decides nothing itself."""

import math
from typing import NamedTuple

from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.fills.costs import Costs
from smart_leverage.fills.market import (
    Bar,
    Fill,
    Outcome,
    Side,
    limit_fill_at_open,
    limit_fill_in_bar,
    market_fill,
    not_filled,
)
from smart_leverage.fills.stops import (
    is_stop_reached,
    stop_fill_in_bar,
    stop_limit_fill_in_bar,
)
from smart_leverage.fills.trailing import trailing_fill_at_close

_NOTHING = not_filled(Outcome.NOTHING)


class Meeting(NamedTuple):
    """What the market did to an order: a price or NaN, and whether its stop was reached."""

    price: float
    is_maker: bool
    is_triggered: bool

    @property
    def is_fill(self) -> bool:
        """Whether it trades."""
        return not math.isnan(self.price)


def meet_bar(ticket: Ticket, bar: Bar, costs: Costs) -> Meeting:
    """Let a resting order meet a bar's range; what takes the market waits for an opening."""
    if ticket.takes_market:
        return _meeting(_NOTHING)
    side, half, slippage = _side(ticket), costs.half_spread, costs.slippage
    limit = _limit(ticket)
    if not ticket.is_waiting_stop:
        return _meeting(limit_fill_in_bar(side, bar, limit, half, slippage))
    stop = float(ticket.order.stop_price or 0)
    if math.isnan(limit):
        return _meeting(stop_fill_in_bar(side, bar, stop, half, slippage))
    return _meeting(stop_limit_fill_in_bar(side, bar, stop, limit, half, slippage))


def meet_close(ticket: Ticket, close: float, costs: Costs) -> Meeting:
    """Let a trailing stop that has seen a bar's best price meet its close."""
    side, stop = _side(ticket), float(ticket.order.stop_price or 0)
    return _meeting(trailing_fill_at_close(side, close, stop, costs.half_spread, costs.slippage))


def meet_opening(ticket: Ticket, price: float, costs: Costs) -> Meeting:
    """Let an order meet the first print of a bar; a stop waits for the bar's range."""
    if ticket.is_waiting_stop:
        return _meeting(_NOTHING)
    return _meeting(_take(ticket, price, costs.half_spread, costs.slippage))


def meet_quote(ticket: Ticket, bid: float, ask: float) -> Meeting:
    """Let an order meet a quote: it trades at the quote's own side, without further costs."""
    side = _side(ticket)
    price = ask if side == Side.BUY else bid
    if not ticket.is_waiting_stop:
        return _meeting(_take(ticket, price, 0.0, 0.0))
    stop = float(ticket.order.stop_price or 0)
    if not is_stop_reached(side, Bar(price, price, price), stop):
        return _meeting(_NOTHING)
    return _meeting(_take(ticket, price, 0.0, 0.0))._replace(is_triggered=True)


def _take(ticket: Ticket, price: float, half_spread: float, slippage: float) -> Fill:
    limit = _limit(ticket)
    if math.isnan(limit):
        return market_fill(_side(ticket), price, half_spread, slippage)
    return limit_fill_at_open(_side(ticket), price, limit, half_spread, slippage)


def _meeting(fill: Fill) -> Meeting:
    reached = fill.outcome in (Outcome.FILLED, Outcome.RESTING)
    return Meeting(price=fill.price, is_maker=fill.is_maker, is_triggered=reached)


def _side(ticket: Ticket) -> Side:
    return Side.BUY if ticket.is_buy else Side.SELL


def _limit(ticket: Ticket) -> float:
    return math.nan if ticket.limit_price is None else float(ticket.limit_price)
