"""What orders under way reserve, added up and kept up to date order by order."""

from collections import Counter
from decimal import Context, Decimal
from typing import NamedTuple

ZERO = Decimal(0)
_EXACT = Context(prec=100)
"""Sums that are added to and taken from for years may not round once."""


class Reserved(NamedTuple):
    """What orders under way may still trade together: quantity, highest limit and notional.

    `waits` are the parts that are bought only once a higher price is there, with that price.
    """

    qty: Decimal
    limit: Decimal = ZERO
    cost: Decimal = ZERO
    waits: tuple[tuple[Decimal, Decimal], ...] = ()

    def beyond(self, price: Decimal) -> Decimal:
        """Return what may be paid beyond what the units are worth then, at this price or theirs."""
        lost = self.qty * max(self.limit - price, ZERO)
        for qty, stop in self.waits:
            lost -= qty * max(min(stop, self.limit) - price, ZERO)
        return lost


NOTHING = Reserved(ZERO)


class Reservations:
    """Orders of one instrument and side; each counts with what was told of it last."""

    __slots__ = ("_cost", "_counted", "_limits", "_qty", "_waiting")

    def __init__(self) -> None:
        self._counted: dict[str, Reserved] = {}
        self._limits: Counter[Decimal] = Counter()
        self._waiting: dict[str, tuple[tuple[Decimal, Decimal], ...]] = {}
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
        if reserved.waits:
            self._waiting[name] = reserved.waits

    def forget(self, name: str) -> None:
        """Count an order no longer."""
        before = self._counted.pop(name, None)
        if before is not None:
            self._take_off(before)
            self._waiting.pop(name, None)

    @property
    def qty(self) -> Decimal:
        """The quantity of all of them."""
        return self._qty

    def total(self) -> Reserved | None:
        """Return what all of them reserve, None when there is none."""
        if not self._counted:
            return None
        waits = tuple(part for parts in self._waiting.values() for part in parts)
        return Reserved(self._qty, max(self._limits), self._cost, waits)

    def _take_off(self, before: Reserved) -> None:
        self._qty = _EXACT.subtract(self._qty, before.qty)
        self._cost = _EXACT.subtract(self._cost, before.cost)
        self._limits[before.limit] -= 1
        if not self._limits[before.limit]:
            del self._limits[before.limit]
