"""Where the venue counts in decimals: fourteen digits, price steps and units of 1e-9, in floats.

Quantities are whole units of 1e-9, which is the venue's smallest step, so they are exact. A price
is the float nearest to its decimal. The venue reads a rule's float as the number it was meant to
be, which has fourteen digits, and rounds that against the account; so does this.
"""

import math

import numpy as np

UNITS = 1_000_000_000
"""Units of quantity and of fees in one coin, share or dollar."""

DIGITS = 14
NEAR = 2e-15
"""A product of floats this close below a step is meant to be on it; relative."""

_SPLIT = 134217729.0
"""2^27 + 1 cuts a double into two halves whose products are exact."""

UNITS_MAX = 9.0e18
"""No quantity reaches this; an integer of 64 bits would overflow."""

LOG10_OF_2 = math.log10(2.0)

POWERS = np.array([10.0**exponent for exponent in range(23)])
"""Powers of ten that a double holds exactly."""


def power_of_ten(exponent: int) -> float:
    """Return 10 to a whole power from −22 to 22, correctly rounded."""
    if exponent >= 0:
        return float(POWERS[exponent])
    return 1.0 / float(POWERS[-exponent])


def product_error(a: float, b: float, product: float) -> float:
    """Return what rounding took from a × b, exactly."""
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def decimals_of(x: float) -> int:
    """Return how many decimals a positive number keeps when it has fourteen digits."""
    exponent = int(math.floor((math.frexp(x)[1] - 1) * LOG10_OF_2))  # right, or one too low
    if x >= power_of_ten(exponent + 1):
        exponent += 1
    return DIGITS - 1 - exponent


def meant(x: float, decimals: int) -> int:
    """Return a positive number as a whole count of its last decimal, half to even.

    Args:
        x: The number.
        decimals: How many it keeps, from `decimals_of`; from −22 to 22.
    """
    if decimals < 0:
        return int(np.rint(x / POWERS[-decimals]))
    scale = POWERS[decimals]
    scaled = x * scale
    whole = np.rint(scaled)
    left = (scaled - whole) + product_error(x, scale, scaled)
    if left > 0.5:
        whole += 1.0
    elif left < -0.5:
        whole -= 1.0
    return int(whole)


def units_up(x: float) -> int:
    """Return a fee in units of 1e-9, rounded up; 0 for nothing, NaN or less."""
    if not 0.0 < x < 1e9:
        return 0
    if x < 1e-9:
        return 1
    decimals = decimals_of(x)
    count = meant(x, decimals)
    if decimals <= 9:
        return int(count * int(POWERS[9 - decimals]))
    step = int(POWERS[decimals - 9])
    return int(-(-count // step))


def executed_price(x: float, is_buy: bool, places: int, is_share: bool) -> float:
    """Return the price of a fill: on the step, rounded against the account.

    Args:
        x: What the fill rule says, positive and finite.
        is_buy: Up for a purchase, down for a sale.
        places: Decimals of the price step.
        is_share: A share below one dollar is priced in four decimals.
    """
    decimals = decimals_of(x)
    count = meant(x, decimals)
    if is_share and count < power_of_ten(decimals):
        places = 4
    if decimals <= places:
        return count / power_of_ten(decimals)
    step = int(POWERS[decimals - places])
    ticks = -(-count // step) if is_buy else count // step
    return float(max(ticks, 1)) / float(POWERS[places])


def places_at(price: float, places: int, is_share: bool) -> int:
    """Return the decimals of the price step at a price."""
    return 4 if is_share and price < 1.0 else places


def floor_price(x: float, places: int) -> float:
    """Return a float, read as its shortest decimal, rounded down to a step."""
    scale = POWERS[places]
    ticks = np.rint(x * scale)
    if x < ticks / scale:
        ticks -= 1.0
    return float(ticks / scale)


def floor_product(x: float, places: int) -> float:
    """Return a product of decimals that floats made, rounded down to a step."""
    scale = POWERS[places]
    ticks = np.rint(x * scale)
    if x < ticks / scale * (1.0 - NEAR):
        ticks -= 1.0
    return float(ticks / scale)


def ceil_price(x: float, places: int) -> float:
    """Return a float, read as its shortest decimal, rounded up to a step."""
    scale = POWERS[places]
    ticks = np.rint(x * scale)
    if x > ticks / scale:
        ticks += 1.0
    return float(ticks / scale)


def ceil_quotient(x: float) -> int:
    """Return a quotient rounded up, unless only the rounding of floats lifted it."""
    near = np.rint(x)
    if abs(x - near) <= 1e-12 * near:
        return int(near)
    return int(math.ceil(x))


def rounded(fraction: float) -> float:
    """Return a fraction of equity to six decimals, as the journal keeps it."""
    return float(np.rint(fraction * 1e6) / 1e6)


def added(high: float, low: float, amount: float) -> tuple[float, float]:
    """Return a sum kept in two floats after one more amount: what rounding takes is kept."""
    total = high + amount
    if abs(high) >= abs(amount):
        low += (high - total) + amount
    else:
        low += (amount - total) + high
    return total, low
