"""Arithmetic that either is exact or says that it rounded.

Sums and products of money must not depend on who calls: the ambient decimal context rounds to 28
digits, and the product of a quantity with nine decimals and a price with nine can need more.
"""

from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from functools import wraps
from typing import ParamSpec, TypeVar

from msgspec import Struct, structs

from smart_leverage.domain.errors import BadData

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")

_FAULTS = [InvalidOperation, DivisionByZero, Overflow, FloatOperation]
EXACT = Context(prec=250, rounding=ROUND_HALF_EVEN, traps=[*_FAULTS, Inexact])
"""Adds and multiplies without rounding; a result that would need more digits is an error."""

_RATIO = Context(prec=40, rounding=ROUND_HALF_EVEN, traps=_FAULTS)

PLACES_MAX = 20
"""Most digits before and after the point that are booked; products of three then stay exact."""

FEE_STEP = Decimal("0.000000000001")
"""Step to which a share of a fee is rounded down; the rest stays with the last share."""

ZERO = Decimal(0)


def exactly(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function under the exact context, whatever the caller's context is."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        before = getcontext()
        if before is EXACT:
            return function(*args, **kwargs)
        setcontext(EXACT)  # itself, as nobody changes it: a copy for each call costs more than sums
        try:
            return function(*args, **kwargs)
        finally:
            setcontext(before)

    return run


def ratio(above: Decimal, below: Decimal) -> Decimal:
    """Return a quotient to 40 digits, half to even.

    That many digits keep comparisons exact: money has fewer than 30 digits and a limit fewer than
    eight, so a quotient that is not equal to a limit differs from it before the 40th digit.
    """
    return _RATIO.divide(above, below)


def apportion(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return the share of a fee that falls on a part; the caller keeps the remainder.

    Exact when the part is the whole, else rounded toward zero to `FEE_STEP`.
    """
    if part == whole or not total:
        return total
    # Integer division truncates exactly: no rounding comes before the rounding.
    steps = EXACT.divide_int(EXACT.multiply(total, part), EXACT.multiply(whole, FEE_STEP))
    return EXACT.multiply(steps, FEE_STEP)


def finite(value: Decimal | float, name: str) -> Decimal:
    """Return the value if it is a finite Decimal.

    Raises:
        BadData: It is a float, NaN or infinite; nothing was changed.
    """
    if not isinstance(value, Decimal) or not value.is_finite():
        raise BadData(f"{name} is {value!r}", fix="a finite Decimal is needed")
    return value


def bookable(value: Decimal | float, name: str) -> Decimal:
    """Return the value if it is finite and short enough for every product of it to stay exact.

    Raises:
        BadData: It is not; nothing was changed.
    """
    number = finite(value, name)
    exponent = number.as_tuple().exponent
    if number.adjusted() >= PLACES_MAX or not isinstance(exponent, int) or exponent < -PLACES_MAX:
        raise BadData(
            f"{name} is {value}", fix=f"{PLACES_MAX} digits before and after the point at most"
        )
    return number


def positive(value: Decimal | float, name: str) -> Decimal:
    """Return the value if it is bookable and above zero.

    Raises:
        BadData: It is not; nothing was changed.
    """
    number = bookable(value, name)
    if number <= 0:
        raise BadData(f"{name} is {value}", fix="it must be above zero")
    return number


def canonical(value: V) -> V:
    """Return the same facts with every decimal in its shortest form: 0.010 and 0.01 are one number.

    How many idle zeros a sum carries depends on the order in which it was made. Structs and tuples
    are rebuilt, everything else is left as it is.
    """
    if isinstance(value, Decimal):
        return EXACT.normalize(value) if value else ZERO  # type: ignore[return-value]
    if isinstance(value, Struct):
        changed = {name: canonical(getattr(value, name)) for name in value.__struct_fields__}
        return structs.replace(value, **changed)
    if isinstance(value, tuple):
        parts = map(canonical, value)
        # A named tuple takes its fields one by one, a plain one takes them all at once.
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
