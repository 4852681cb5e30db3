"""What purchases under way reserve, added up by instrument and kept up to date order by order."""

from collections import Counter
from decimal import Context, Decimal
from typing import NamedTuple

ZERO = Decimal(0)
_EXACT = Context(prec=100)
"""Sums that are added to and taken from for years may not round once."""


class Reserved(NamedTuple):
    """What the purchases of one instrument may still take together."""

    qty: Decimal
    limit: Decimal
    """The dearest price at which any of them is reserved."""
    cost: Decimal


class Reservations:
    """The purchases of one instrument; each order counts with what was told of it last."""

    __slots__ = ("_cost", "_counted", "_limits", "_qty")

    def __init__(self) -> None:
        self._counted: dict[str, Reserved] = {}
        self._limits: Counter[Decimal] = Counter()
        self._qty = self._cost = ZERO

    def count(self, name: str, reserved: Reserved) -> None:
        """Count an order, in the place of what it counted before."""
        before = self._counted.get(name)
        if before == reserved:
            return
        if before is not None:
            self._take_off(before)
        self._counted[name] = reserved
        self._qty = _EXACT.add(self._qty, reserved.qty)
        self._cost = _EXACT.add(self._cost, reserved.cost)
        self._limits[reserved.limit] += 1

    def forget(self, name: str) -> None:
        """Count an order no longer."""
        before = self._counted.pop(name, None)
        if before is not None:
            self._take_off(before)

    def total(self) -> Reserved | None:
        """Return what all of them reserve, None when there is none."""
        if not self._counted:
            return None
        return Reserved(self._qty, max(self._limits), self._cost)

    def _take_off(self, before: Reserved) -> None:
        self._qty = _EXACT.subtract(self._qty, before.qty)
        self._cost = _EXACT.subtract(self._cost, before.cost)
        self._limits[before.limit] -= 1
        if not self._limits[before.limit]:
            del self._limits[before.limit]
