"""The orders of one instrument by what they do, and what each kind reserves."""

from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.domain.orders import Role
from smart_leverage.engine.reserving import Reservations, Reserved
from smart_leverage.engine.tracked import Tracked

ZERO = Decimal(0)


class InstrumentOrders:
    """Orders that are not final, oldest first; `count` is told whenever one of them changes."""

    __slots__ = ("all", "buying", "buys", "exits", "others", "selling", "stops")

    def __init__(self) -> None:
        self.all: dict[str, Tracked] = {}
        self.buys: dict[str, Tracked] = {}
        self.stops: dict[str, Tracked] = {}
        """Protective ones of the house; beside the live one, those that may not have ended."""
        self.others: dict[str, Tracked] = {}
        """All other sales, also exits that the venue holds back."""
        self.exits: dict[str, Tracked] = {}
        """Those of them of which one fills instead of another."""
        self.buying = Reservations()
        self.selling: dict[str, Reservations] = {}
        """By bot, without those exits."""

    def add(self, name: str, tracked: Tracked) -> None:
        """Take an order in."""
        self.all[name] = self._kind(tracked)[name] = tracked
        if tracked.exits is not None and not tracked.is_buy:
            self.exits[name] = tracked

    def drop(self, name: str, tracked: Tracked) -> None:
        """Let an order go, and what it reserved."""
        del self.all[name], self._kind(tracked)[name]
        self.exits.pop(name, None)
        if tracked.is_buy:
            self.buying.forget(name)
        elif tracked.order.bot in self.selling:
            self.selling[tracked.order.bot].forget(name)

    def count(self, name: str, tracked: Tracked, before: Tracked | None) -> None:
        """Count an order with what it reserves now, beside the one that it replaces."""
        qty = tracked.beside(before)
        if tracked.is_buy:
            cost, stop = tracked.cost, tracked.order.stop_price
            if before is not None:
                cost = max(cost - before.cost, ZERO)
            waits = () if stop is None else ((qty, stop),)
            self.buying.count(name, Reserved(qty, tracked.reserve_price, cost, waits))
        elif tracked.exits is None and tracked.order.role is not Role.STOP:
            qty = ZERO if tracked.is_held else qty
            selling = self.selling.setdefault(tracked.order.bot, Reservations())
            selling.count(name, Reserved(qty))

    def sales(self) -> Iterator[Tracked]:
        """Yield the sales under way; protective stops and what the venue holds back left out."""
        return (one for one in self.others.values() if not one.is_held)

    def paired(self, bot: str | None) -> Iterator[Tracked]:
        """Yield the exits that the venue lets work, of one bot or of all."""
        exits = (one for one in self.exits.values() if not one.is_held)
        return (one for one in exits if bot in (None, one.order.bot))

    def alone(self, bot: str | None) -> Decimal:
        """Return what sales without a pair may still take, of one bot or of all."""
        if bot is not None:
            return self.selling[bot].qty if bot in self.selling else ZERO
        return sum((each.qty for each in self.selling.values()), ZERO)

    def _kind(self, tracked: Tracked) -> dict[str, Tracked]:
        if tracked.is_buy:
            return self.buys
        return self.stops if tracked.order.role is Role.STOP else self.others
