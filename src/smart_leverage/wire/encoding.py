"""Bytes of JSON, and the few shapes that all objects share."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

import msgspec

from smart_leverage.domain.clock import SECOND_NS

_ENCODER = msgspec.json.Encoder(decimal_format="string")


def encode(content: object) -> bytes:
    """Return content as JSON."""
    return _ENCODER.encode(content)


def plain(number: Decimal) -> str:
    """Return a number as the wire writes it: no exponent, no idle zeros, no negative zero."""
    digits = f"{number:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def text(number: Decimal | None) -> str | None:
    """Return a number as the wire writes it, null for none."""
    return None if number is None else plain(number)


def when(at_ns: int | None) -> str | None:
    """Return an instant as the wire writes it, RFC 3339 with nanoseconds, null for none."""
    if at_ns is None:
        return None
    seconds, rest = divmod(at_ns, SECOND_NS)
    stem = _stem(seconds)
    return f"{stem}.{rest:09d}".rstrip("0") + "Z" if rest else f"{stem}Z"


@lru_cache(maxsize=1_024)
def _stem(seconds: int) -> str:
    """Return an instant to the second; an order tells the same few again and again."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
