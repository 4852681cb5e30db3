"""How values look in JSON: exact decimals as text, times in RFC 3339, nothing that is no number."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from smart_leverage.domain.stamps import iso


class Seconds(float):
    """A span in seconds: the one kind of float that stays a number in JSON."""


def rfc3339(at_ns: int) -> str:
    """Return an instant as JSON has it, "2024-03-08T14:30:00Z"."""
    return iso(at_ns).replace(" ", "T", 1)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    A name that ends in `_ns` holds an instant: it loses the ending and becomes text. Decimals and
    fractions become text in plain notation, so that no reader rounds them; NaN and infinity, which
    stand for "unknown" and "out of reach", become null.
    """
    if isinstance(value, Mapping):
        return dict(_member(str(name), one) for name, one in value.items())
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "__struct_fields__"):
        return plain({name: getattr(value, name) for name in value.__struct_fields__})
    return _number(value)


def _member(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_ns") and isinstance(value, int):
        return name.removesuffix("_ns"), rfc3339(value)
    return name, plain(value)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else None
    if isinstance(value, Seconds):
        return round(float(value), 3)
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}" if math.isfinite(value) else None
    return value
