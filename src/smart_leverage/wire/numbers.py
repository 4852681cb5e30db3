"""Numbers of a request: looked at as text before anything computes with them.

A token of ten characters can name a number of two million digits, on which a conversion runs for
minutes; a decimal type takes underscores, foreign digits and NaN. So the text has to have the shape
of a plain positive number first.
"""

import re
from decimal import Context, Decimal

from smart_leverage.wire.errors import WireError, invalid

TOKEN_MAX = 32
DIGITS_MAX = 15
EXPONENT_MAX = 12

_SHAPE = re.compile(r"([0-9]{1,32})(?:\.([0-9]{1,32}))?(?:[eE]([+-]?[0-9]{1,2}))?", re.ASCII)

_EXACT = Context(prec=2 * TOKEN_MAX)
"""Holds every digit that a token can have."""

_ONE = Decimal(1)


class Number(str):
    """A number token of JSON, kept as text."""

    __slots__ = ()


def number(token: object, what: str) -> Decimal:
    """Return the exact number of a token, text and JSON number alike; zero or more.

    One number has one spelling afterwards, whether it came as 1, 1.0 or 1e0: a repeated request is
    then the same request.

    Raises:
        WireError: It is no plain number, or beyond 15 digits before the point.
    """
    if not isinstance(token, str):
        raise _wrong(what)
    shape = _SHAPE.fullmatch(token) if len(token) <= TOKEN_MAX else None
    if shape is None:
        raise _wrong(what)
    whole, _, exponent = shape.groups()
    power = int(exponent or "0")
    if abs(power) > EXPONENT_MAX or len(whole.lstrip("0")) + max(power, 0) > DIGITS_MAX:
        raise _wrong(what)
    return canonical(Decimal(token))


def positive(token: object, what: str) -> Decimal:
    """Return the exact number of a token, above zero; see `number`."""
    value = number(token, what)
    if value <= 0:
        raise invalid(f"{what} must be > 0")
    return value


def canonical(value: Decimal) -> Decimal:
    """Return the one spelling of a number: no idle zeros behind the point, all before it."""
    value = value.normalize(_EXACT)
    exponent = value.as_tuple().exponent
    return value.quantize(_ONE, context=_EXACT) if exponent > 0 else value  # type: ignore[operator]


def _wrong(what: str) -> WireError:
    return invalid(f"{what} is no number, as in 1.25")
