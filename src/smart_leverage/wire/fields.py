"""Fields of a request, each read as what it has to be; null and absent are the same."""

import re
from collections.abc import Collection, Mapping
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import TypeVar

from smart_leverage.wire.errors import invalid
from smart_leverage.wire.numbers import canonical, positive

W = TypeVar("W", bound=StrEnum)
Content = Mapping[str, object]

QTY_STEP = Decimal("0.000000001")
"""Finest quantity; what is beyond it is cut off, as the venue does."""

SHOWN_MAX = 64
"""So much of what somebody sent is said back to them."""

_ID = re.compile(r"[\x21-\x7e]{1,128}")


def only(content: Content, names: Collection[str]) -> None:
    """Refuse fields of other names, so that no wish is overlooked.

    Raises:
        WireError: 422, as all functions here.
    """
    for name in content:
        if name not in names:
            raise invalid(f"unknown field {name[:SHOWN_MAX]}")


def required_text(content: Content, name: str) -> str:
    """Return a text that has to be there; a number is none."""
    value = content.get(name)
    if type(value) is not str or not value:
        raise invalid(f"{name} is required")
    return value


def word(content: Content, name: str, words: type[W]) -> W | None:
    """Return one of some words, None where it is missing."""
    value = content.get(name)
    if value is None:
        return None
    for each in words:
        if each.value == value:
            return each
    raise invalid(f"{name} must be one of {', '.join(each.value for each in words)}")


def required_word(content: Content, name: str, words: type[W]) -> W:
    """Return one of some words that has to be there."""
    value = word(content, name, words)
    if value is None:
        raise invalid(f"{name} is required")
    return value


def flag(content: Content, name: str) -> bool:
    """Return true or false, false where it is missing."""
    value = content.get(name)
    if value is None:
        return False
    if type(value) is not bool:
        raise invalid(f"{name} must be true or false")
    return value


def amount(content: Content, name: str) -> Decimal | None:
    """Return a quantity or a sum of money, above zero after it was cut to its step."""
    value = content.get(name)
    return None if value is None else stepped(positive(value, name), name)


def stepped(value: Decimal, name: str) -> Decimal:
    """Return a quantity cut to its step; one that is less than that is refused."""
    value = canonical(value.quantize(QTY_STEP, rounding=ROUND_DOWN))
    if value <= 0:
        raise invalid(f"{name} must be > 0")
    return value


def price(content: Content, name: str) -> Decimal | None:
    """Return a price, above zero."""
    value = content.get(name)
    return None if value is None else positive(value, name)


def part(content: Content, name: str, names: Collection[str]) -> Content:
    """Return an object within, with no other fields; an empty one where it is missing."""
    value = content.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    only(value, names)
    return value


def client_id(value: object) -> str | None:
    """Return a client's own name for an order, None where it gave none."""
    if value is None or value == "":
        return None
    if type(value) is not str or not _ID.fullmatch(value):
        raise invalid("client_order_id must be 1 to 128 printable ASCII characters without spaces")
    return value
