"""At which price a stop trades when a bar reaches or jumps over it; stops come before targets."""

from enum import IntEnum
from typing import NamedTuple

from smart_leverage.fills.market import (
    Bar,
    Fill,
    Outcome,
    Side,
    is_bar,
    is_price,
    limit_fill_in_bar,
    market_fill,
    not_filled,
    sign_of,
)
from smart_leverage.rule import rule


class Leg(IntEnum):
    """Which of two linked exits a bar reached."""

    NONE = 0
    STOP = 1
    TARGET = 2


class Exit(NamedTuple):
    """The answer for a stop and a target that cancel each other."""

    leg: Leg
    fill: Fill


@rule
def is_stop_reached(side: Side, bar: Bar, stop: float) -> bool:
    """Tell whether a bar reaches a stop: from above for a sell, from below for a buy.

    False when a price is unknown.
    """
    if not (is_bar(bar) and is_price(stop)):
        return False
    return bar.high >= stop if side == Side.BUY else bar.low <= stop


@rule
def stop_price_met(side: Side, price: float, stop: float) -> float:
    """Return the price that a reached stop meets: the worse of the open and the stop.

    A market that opens beyond the stop never traded at it.
    """
    if sign_of(side) * price > sign_of(side) * stop:
        return price
    return stop


@rule
def stop_fill_in_bar(
    side: Side, bar: Bar, stop: float, half_spread: float, slippage: float
) -> Fill:
    """Return what becomes of a resting stop order while a bar passes.

    Args:
        side: Direction; SELL protects a long position.
        bar: The bar.
        stop: Price that turns it into a market order.
        half_spread: Fraction of the price.
        slippage: Fraction of the price.

    Returns:
        FILLED at the worse of open and stop with costs on top, NOTHING or NO_PRICE.
    """
    if not (is_bar(bar) and is_price(stop)):
        return not_filled(Outcome.NO_PRICE)
    if not is_stop_reached(side, bar, stop):
        return not_filled(Outcome.NOTHING)
    return market_fill(side, stop_price_met(side, bar.open, stop), half_spread, slippage)


@rule
def stop_limit_fill_in_bar(
    side: Side, bar: Bar, stop: float, limit: float, half_spread: float, slippage: float
) -> Fill:
    """Return what becomes of a stop-limit order while a bar passes.

    It protects only against a market that passes its limit slowly: where the price with costs jumps
    beyond the limit it rests as a limit order, and the position stays open. The rest of the bar is
    not searched for a return, since the order of its prices is unknown.

    Args:
        side: Direction.
        bar: The bar.
        stop: Price that activates it.
        limit: Worst price it accepts afterwards.
        half_spread: Fraction of the price.
        slippage: Fraction of the price.

    Returns:
        FILLED, RESTING, NOTHING or NO_PRICE.
    """
    if not is_price(limit):
        return not_filled(Outcome.NO_PRICE)
    met = stop_fill_in_bar(side, bar, stop, half_spread, slippage)
    if met.outcome == Outcome.FILLED and sign_of(side) * met.price > sign_of(side) * limit:
        return not_filled(Outcome.RESTING)
    return met


@rule
def exit_fill_in_bar(
    side: Side, bar: Bar, stop: float, target: float, half_spread: float, slippage: float
) -> Exit:
    """Return which of a linked stop and target trades while a bar passes.

    When the bar reaches both, the stop is taken: a bar does not tell which came first.

    Args:
        side: Direction of the exit; SELL closes a long position.
        bar: The bar.
        stop: Price of the stop. NaN: there is none.
        target: Limit price of the target. NaN: there is none.
        half_spread: Fraction of the price.
        slippage: Fraction of the price.
    """
    stopped = stop_fill_in_bar(side, bar, stop, half_spread, slippage)
    if stopped.outcome == Outcome.FILLED:
        return Exit(leg=Leg.STOP, fill=stopped)
    reached = limit_fill_in_bar(side, bar, target, half_spread, slippage)
    if reached.outcome == Outcome.FILLED:
        return Exit(leg=Leg.TARGET, fill=reached)
    if stopped.outcome == Outcome.NOTHING:
        return Exit(leg=Leg.NONE, fill=stopped)
    return Exit(leg=Leg.NONE, fill=reached)
