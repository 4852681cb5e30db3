"""Single values of a row: exact, in one unit, or refused with what would be right."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import read_stamp

ZERO = Decimal(0)
SHOWN_MAX = 40

_FLOAT = Context(prec=15, rounding=ROUND_HALF_EVEN)
"""What a float carries for certain; the digits behind are its own and nobody's price."""
_FINEST = Decimal("1e-18")


def shown(value: object) -> str:
    """Return a value as a sentence quotes it, within bounds and printable."""
    text = repr(str(value)) if isinstance(value, str | Decimal | int) else repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def required(row: Mapping[str, Any], name: str) -> Any:
    """Return a value that has to be there.

    Raises:
        BadData: It is missing, null or empty; nothing is ever put in its place.
    """
    value = row.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadData(f"{name} is empty", fix="fill it in, or take the row out")
    return value.strip() if isinstance(value, str) else value


def word(row: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    """Return one of some words, however its letters are cased."""
    value = str(required(row, name)).lower()
    if value not in words:
        raise BadData(f"{name} is {shown(value)}", fix=f"one of {', '.join(words)}")
    return value


def number(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a number, exact as it is written; JSON's floats to the 15 digits that they carry."""
    value = required(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _no_number(name, value)
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise _no_number(name, value) from None
    if not found.is_finite() or abs(found.adjusted()) > 18:
        raise _no_number(name, value)
    return found if isinstance(value, str) else _plain(found)


def positive(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a number above zero; a per-cent sign, a thousands comma or a minus is refused."""
    found = number(row, name)
    if found <= 0:
        raise BadData(f"{name} is {shown(row[name])}", fix="above zero; the side says which way")
    return found


def optional(row: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number, None where it is missing, null or empty."""
    value = row.get(name)
    is_there = value is not None and (not isinstance(value, str) or value.strip())
    return number(row, name) if is_there else None


def moment(row: Mapping[str, Any], name: str) -> int:
    """Return an instant, UTC nanoseconds; a time without a zone is refused."""
    value = required(row, name)
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    try:
        stamp = read_stamp(text)
    except ValueError as error:
        raise BadData(f"{name}: {error}", fix="write 2024-03-08T14:30:00Z") from None
    if stamp.offset_s is None:
        fix = f"write {text}T16:00:00Z or the time that it was" if stamp.is_date else f"{text}Z"
        raise BadData(f"{name} is {shown(text)}, without a time zone", fix=f"for UTC {fix}")
    return stamp.ns


def day(row: Mapping[str, Any], name: str) -> int:
    """Return the beginning of a day, UTC nanoseconds, of a date or an instant."""
    value = str(required(row, name))
    try:
        return read_stamp(value[:10]).ns
    except ValueError as error:
        raise BadData(f"{name}: {error}", fix="write 2024-03-08") from None


def _plain(found: Decimal) -> Decimal:
    """Return a float's number without the digits that it only seems to have."""
    rounded = _FLOAT.plus(found)
    exponent = rounded.as_tuple().exponent
    return rounded.quantize(_FINEST) if isinstance(exponent, int) and exponent < -18 else rounded


def _no_number(name: str, value: object) -> BadData:
    bare = str(value).replace(",", "").replace("$", "").replace("_", "").strip()
    try:
        right = f"write {Decimal(bare):f}" if bare != str(value) else "a plain number, as 1234.5"
    except InvalidOperation:
        right = "a plain number, as 1234.5"
    return BadData(f"{name} is {shown(value)}, not a number", fix=right)
