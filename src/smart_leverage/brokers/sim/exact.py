"""Arithmetic that cannot lose a digit, and the one place where a float becomes money."""

from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import Side

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Money goes through this context: a result that would need rounding raises instead.

Signs too: a bare minus or `abs` rounds to the 28 digits of whatever context the caller has.
"""

ROUNDED = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Overflow])
"""For the few results that are rounded on purpose: average prices, ticks, fees."""

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
STEP_MIN = Decimal("1e-9")
"""Smallest quantity, and the step to which fees and average prices are rounded."""

PLACES_MAX = 100
"""Places behind the point of anything that is sent; a float written out in full has fewer."""

AMOUNT_MAX = Decimal(10) ** 15
"""No quantity, price or sum that is sent reaches this; it keeps sums exact whatever comes."""


def is_amount(value: Decimal) -> bool:
    """Whether a number can be a quantity, a price or a sum: positive, bounded, of few digits."""
    if not (value.is_finite() and 0 < value < AMOUNT_MAX):
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -PLACES_MAX


def trim(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without an exponent: 1E+2 is 100."""
    value = value.normalize(EXACT)
    if value == value.to_integral_value():
        return value.quantize(ONE, context=EXACT)
    return value


def plain(value: Decimal) -> str:
    """Return exact text without an exponent, as the file keeps it."""
    return f"{trim(value):f}"


def exact_price(price: float) -> Decimal:
    """Return the number that a float from a file or a feed was meant to be."""
    return Decimal(repr(price))


def meant(value: float) -> Decimal:
    """Return a rule's float without the noise of its last digits.

    100 × 1.0005 gives 100.05000000000001 in floats; rounded up to a tick that would be a cent more.
    """
    return Decimal(f"{value:.14g}")


def worse_price(price: float, side: Side, instrument: Instrument) -> Decimal:
    """Return the executed price of a rule's float: on the tick, rounded against us.

    A buy is rounded up, a sell down, and never below one tick.
    """
    exact = meant(price)
    tick = instrument.tick_at(exact)
    towards = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    ticks = ROUNDED.divide(exact, tick).to_integral_value(rounding=towards)
    return trim(max(tick, EXACT.multiply(ticks, tick)))


def fee_up(amount: float) -> Decimal:
    """Return a rule's fee as booked: rounded up to the smallest step."""
    return trim(meant(amount).quantize(STEP_MIN, rounding=ROUND_CEILING, context=ROUNDED))


def average(value: Decimal, qty: Decimal) -> Decimal:
    """Return value over quantity to the ninth decimal; shown, never booked."""
    return trim(ROUNDED.divide(value, qty).quantize(STEP_MIN, context=ROUNDED))
