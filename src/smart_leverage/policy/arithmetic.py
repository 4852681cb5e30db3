"""Numeric leaves of the rules: the normal distribution and functions that never raise."""

import math

from smart_leverage.rule import rule

EXPONENT_MAX = 709.0
"""Largest whole exponent whose exponential is still a finite double."""


@rule
def normal_cdf(z: float) -> float:
    """Return the probability that a standard normal variable is at most `z`; NaN stays NaN."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@rule
def exponential(x: float) -> float:
    """Return e to the power of `x`; infinity where a double overflows, and NaN stays NaN."""
    if x > EXPONENT_MAX:
        return math.inf
    return math.exp(x)


@rule
def exponential_less_one(x: float) -> float:
    """Return e to the power of `x`, less one, exact for small `x`; infinity on overflow.

    NaN stays NaN.
    """
    if x > EXPONENT_MAX:
        return math.inf
    return math.expm1(x)


@rule
def finite_or_zero(value: float) -> float:
    """Return a capacity: the value where it is positive and finite, else 0.0.

    NaN and infinity mean that an input was unknown; an unknown capacity is none.
    """
    if 0.0 < value < math.inf:
        return value
    return 0.0
