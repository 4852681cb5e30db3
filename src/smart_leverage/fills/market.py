"""At which price a market or limit order trades against a bar, if at all."""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.rule import rule


class Side(IntEnum):
    """Direction of an order; the value is the sign of the quantity it adds."""

    SELL = -1
    BUY = 1


class Outcome(IntEnum):
    """What became of an order at an opening or inside a bar."""

    NOTHING = 0
    """Its price was not reached; a resting order stays."""
    FILLED = 1
    UNFILLED = 2
    """It met the market and its limit would not pay; an order for one opening is over."""
    RESTING = 3
    """Its stop was reached but its limit was not: it rests as a limit order from now on."""
    NO_PRICE = 4
    """A price is NaN, infinite or not positive; nothing can be said and nothing trades."""


class Bar(NamedTuple):
    """Prices of one bar, low <= open <= high; the close only decides about trailing stops."""

    open: float
    high: float
    low: float


class Fill(NamedTuple):
    """The answer: `price` is NaN unless filled; a maker waited in the book, a taker came to it."""

    outcome: Outcome
    price: float
    is_maker: bool


@rule
def sign_of(side: Side) -> float:
    """Return +1 for a buy and −1 for a sell, so that one formula serves both."""
    return 1.0 if side == Side.BUY else -1.0


@rule
def is_price(price: float) -> bool:
    """Tell whether a number can be a price: positive and finite."""
    return 0.0 < price < math.inf


@rule
def is_bar(bar: Bar) -> bool:
    """Tell whether every price of a bar can be one."""
    return is_price(bar.open) and is_price(bar.high) and is_price(bar.low)


@rule
def not_filled(outcome: Outcome) -> Fill:
    """Return the answer for an order that did not trade."""
    return Fill(outcome=outcome, price=math.nan, is_maker=False)


@rule
def market_fill_price(side: Side, price: float, half_spread: float, slippage: float) -> float:
    """Return what an order that takes the market pays or receives.

    Args:
        side: Direction.
        price: Middle of the market, the open of a bar. NaN or not positive: no fill.
        half_spread: Half the distance between bid and ask, fraction of the price.
        slippage: What the price moves away meanwhile, fraction of the price.

    Returns:
        Price, never better than `price` for costs of 0 or more; NaN when there is no fill.
    """
    paid = price * (1.0 + sign_of(side) * (half_spread + slippage))
    if is_price(price) and is_price(paid):
        return paid
    return math.nan


@rule
def market_fill(side: Side, price: float, half_spread: float, slippage: float) -> Fill:
    """Return what becomes of a market order at an opening."""
    paid = market_fill_price(side, price, half_spread, slippage)
    if is_price(paid):
        return Fill(outcome=Outcome.FILLED, price=paid, is_maker=False)
    return not_filled(Outcome.NO_PRICE)


@rule
def limit_fill_at_open(
    side: Side, price: float, limit: float, half_spread: float, slippage: float
) -> Fill:
    """Return what becomes of a limit order at the first opening it meets.

    It trades at the open and costs when its limit allows that, and never waits for a better price.

    Args:
        side: Direction.
        price: The open. NaN or not positive: no fill.
        limit: Worst price the order accepts. NaN or not positive: no fill.
        half_spread: Fraction of the price.
        slippage: Fraction of the price.

    Returns:
        FILLED at a price no worse than the limit, UNFILLED or NO_PRICE.
    """
    paid = market_fill_price(side, price, half_spread, slippage)
    if not (is_price(paid) and is_price(limit)):
        return not_filled(Outcome.NO_PRICE)
    if sign_of(side) * paid <= sign_of(side) * limit:
        return Fill(outcome=Outcome.FILLED, price=paid, is_maker=False)
    return not_filled(Outcome.UNFILLED)


@rule
def limit_fill_in_bar(
    side: Side, bar: Bar, limit: float, half_spread: float, slippage: float
) -> Fill:
    """Return what becomes of a resting limit order while a bar passes.

    At the open it may find the market already beyond its limit and takes it there. Inside the bar
    it trades at its limit once the far side of the book reaches it: touching with the middle of the
    market is not enough.

    Args:
        side: Direction.
        bar: The bar.
        limit: Worst price the order accepts.
        half_spread: Fraction of the price.
        slippage: Fraction of the price; a maker pays none.

    Returns:
        FILLED, NOTHING or NO_PRICE.
    """
    if not (is_bar(bar) and is_price(limit)):
        return not_filled(Outcome.NO_PRICE)
    at_open = limit_fill_at_open(side, bar.open, limit, half_spread, slippage)
    if at_open.outcome == Outcome.FILLED:
        return at_open
    best = bar.low if side == Side.BUY else bar.high
    far_side = market_fill_price(side, best, half_spread, 0.0)
    if sign_of(side) * far_side <= sign_of(side) * limit:
        return Fill(outcome=Outcome.FILLED, price=limit, is_maker=True)
    return not_filled(Outcome.NOTHING)
