"""Where a trailing stop stands, and at which price it trades: it follows the best price only."""

import math

from smart_leverage.fills.market import (
    Fill,
    Outcome,
    Side,
    is_price,
    market_fill,
    not_filled,
    sign_of,
)
from smart_leverage.rule import rule


@rule
def best_price(side: Side, mark: float, price: float) -> float:
    """Return the best price so far: the highest for a sale, the lowest for a purchase.

    A price that is unknown changes nothing.
    """
    if not is_price(price):
        return mark
    if is_price(mark) and sign_of(side) * mark <= sign_of(side) * price:
        return mark
    return price


@rule
def trailing_stop(side: Side, mark: float, distance: float, share: float) -> float:
    """Return the stop that follows the best price so far.

    Args:
        side: Direction; the stop of a sale is below the mark, that of a purchase above.
        mark: Best price so far.
        distance: From the mark, in money. NaN: by `share`.
        share: From the mark, as a fraction of it.

    Returns:
        Price; NaN when there is none above zero.
    """
    stop = mark * (1.0 + sign_of(side) * share)
    if is_price(distance):
        stop = mark + sign_of(side) * distance
    if is_price(mark) and is_price(stop):
        return stop
    return math.nan


@rule
def trailing_fill_at_close(
    side: Side, close: float, stop: float, half_spread: float, slippage: float
) -> Fill:
    """Return what becomes of a trailing stop at the close of a bar that has not reached it before.

    A bar does not tell whether its best or its worst price came first, and as stops come before
    targets, the worst does: the range meets the stop as the open left it, like any other. The close
    comes after both. When it is beyond the stop of the best price, the market passed through that.

    Args:
        side: Direction; SELL protects a long position.
        close: Last price of the bar.
        stop: The stop once the best price of the bar was seen.
        half_spread: Fraction of the price.
        slippage: Fraction of the price.

    Returns:
        FILLED at the stop with costs on top, NOTHING or NO_PRICE.
    """
    if not (is_price(close) and is_price(stop)):
        return not_filled(Outcome.NO_PRICE)
    if sign_of(side) * close < sign_of(side) * stop:
        return not_filled(Outcome.NOTHING)
    return market_fill(side, stop, half_spread, slippage)
