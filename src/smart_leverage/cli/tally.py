"""Counts what a run decided and did, from its records as they become durable."""

from collections import Counter
from decimal import Decimal
from typing import Any

from smart_leverage.domain.orders import Role
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    Filled,
    FillRevised,
    Intended,
    Marked,
    Record,
    StateChanged,
    TierGranted,
)
from smart_leverage.domain.sentences import money, percent, short

ZERO = Decimal(0)


class Tally:
    """Numbers of one run, or of one day of it."""

    def __init__(self, roles: dict[str, Role] | None = None) -> None:
        """Count from nothing; `roles` of orders intended earlier may be handed on."""
        self.verdicts: Counter[str] = Counter()
        self.denied: Counter[str] = Counter()
        self.house: Counter[str] = Counter()
        self.trips: Counter[str] = Counter()
        self.tiers = 0
        self.locks = 0
        self.halts = 0
        self.fills = 0
        self.turnover = ZERO
        self.sold_by_house = ZERO
        self.stops_hit = 0
        self.first: Marked | None = None
        self.last: Marked | None = None
        self.roles = {} if roles is None else roles

    def hear(self, record: Record) -> None:
        """Count one record."""
        if isinstance(record, Marked):
            self.last = record
            self.first = self.first or record
        elif isinstance(record, Decided):
            self._decided(record)
        elif isinstance(record, Intended):
            if record.order.role.is_house:  # of the others there may be millions
                self.roles[record.order.client_order_id] = record.order.role
        elif isinstance(record, Filled):
            self._filled(record)
        elif isinstance(record, FillRevised):
            self._revised(record)
        elif isinstance(record, BreakerMoved):
            self.trips[record.breaker] += record.is_tripped
        elif isinstance(record, TierGranted):
            self.tiers += 1
        elif isinstance(record, AssetLocked):
            self.locks += 1
        elif isinstance(record, StateChanged):
            self.halts += record.after == "halted"

    def _decided(self, record: Decided) -> None:
        if record.source == "house":
            self.house[record.reason] += record.given > 0
            return
        self.verdicts[record.verdict] += 1
        if record.verdict == "denied":
            self.denied[record.reason] += 1

    def _revised(self, record: FillRevised) -> None:
        self.fills -= record.after is None
        self.turnover -= record.before.qty * record.before.price
        if record.after is not None:
            self.turnover += record.after.qty * record.after.price

    def _filled(self, record: Filled) -> None:
        fill = record.fill
        value = fill.qty * fill.price
        self.fills += 1
        self.turnover += value
        role = self.roles.get(fill.client_order_id)
        if role is Role.STOP:
            self.stops_hit += 1
        if role is not None and role.is_house:
            self.sold_by_house += value

    @property
    def change(self) -> Decimal | None:
        """Equity at the end over equity at the beginning, less one; None without marks."""
        if self.first is None or self.last is None or not self.first.equity:
            return None
        return self.last.equity / self.first.equity - 1

    def words(self) -> str:
        """Return the counts as a phrase: what was decided, sold and stopped."""
        names = ("approved", "cut", "denied")
        parts = [f"{name} {self.verdicts[name]:,}" for name in names]
        if self.denied:
            worst = self.denied.most_common(3)
            parts[-1] += f" ({', '.join(f'{short(name)} {count:,}' for name, count in worst)})"
        if self.house:
            sales = self.house.total()
            noun = "sale" if sales == 1 else "sales"
            parts.append(f"{sales:,} house {noun}, {money(self.sold_by_house, 0)} sold")
        if self.stops_hit:
            parts.append(f"{self.stops_hit} {'stop' if self.stops_hit == 1 else 'stops'} hit")
        return ", ".join(parts)

    def fields(self) -> dict[str, Any]:
        """Return the counts for JSON."""
        return {
            "decisions": dict(self.verdicts),
            "denied_by_reason": dict(self.denied),
            "house_sales_by_reason": dict(self.house),
            "stops_hit": self.stops_hit,
            "fills": self.fills,
            "turnover": self.turnover,
            "trips": {name: count for name, count in self.trips.items() if count},
            "asset_locks": self.locks,
            "tier_changes": self.tiers,
            "halts": self.halts,
            "equity_first": None if self.first is None else self.first.equity,
            "equity_last": None if self.last is None else self.last.equity,
        }


def signed(fraction: Decimal | None, places: int = 1) -> str:
    """Return a change with its sign, "+1.2 %"; a dash where it is not known."""
    if fraction is None:
        return "–"
    return f"{'+' if fraction > 0 else ''}{percent(fraction, places)}"
