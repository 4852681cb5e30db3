"""One figure of a report: its value or why there is none, its definition, count and source."""

from decimal import Decimal
from typing import NamedTuple


class Figure(NamedTuple):
    """One figure: `value` is None and `shown` says why where it is not known.

    `unit` is that of `value`; fractions are shown in per cent.
    """

    code: str
    name: str
    value: float | None
    unit: str
    shown: str
    definition: str
    basis: str
    source: str

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def known(
    code: str,
    name: str,
    value: float | Decimal,
    unit: str,
    shown: str,
    definition: str,
    basis: str,
    source: str,
) -> Figure:
    """Return a figure that has a value."""
    return Figure(code, name, float(value), unit, shown, definition, basis, source)


def unknown(
    code: str, name: str, unit: str, why: str, definition: str, basis: str, source: str
) -> Figure:
    """Return a figure that has none, and says why."""
    return Figure(code, name, None, unit, f"not known: {why}", definition, basis, source)
