"""Cash and holdings, exact: every change is an entry with its cause and the balance after it."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.brokers.sim.exact import EXACT, ZERO, average, trim
from smart_leverage.brokers.sim.revising import money, units
from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Side

CASH = "USD"
"""The asset under which cash stands in the entries; holdings stand under their key."""


class Change(Struct, frozen=True, kw_only=True):
    """One movement of one asset; amounts of an asset add up to its balance.

    `cause` is opening, fill, fee, flow, split or revision; `reference` is what it belongs to.
    """

    number: int
    at_ns: int
    asset: str
    amount: Decimal
    balance: Decimal
    cause: str
    reference: str


class Holding(Struct, kw_only=True):
    """What is held of one instrument; negative when sold short."""

    key: Key
    qty: Decimal
    avg_entry_price: Decimal


class Purse:
    """The account's own things; `changes` is emptied by whoever writes it down."""

    def __init__(self) -> None:
        self.cash = ZERO
        self.holdings: dict[Key, Holding] = {}
        self.changes: list[Change] = []
        self.number = 0

    def qty(self, key: Key) -> Decimal:
        """Return what is held, signed."""
        holding = self.holdings.get(key)
        return holding.qty if holding else ZERO

    def move_cash(self, amount: Decimal, at_ns: int, cause: str, reference: str) -> None:
        """Book money that comes or goes."""
        self.cash = trim(EXACT.add(self.cash, amount))
        self._enter(CASH, amount, self.cash, at_ns, cause, reference)

    def move_units(
        self, key: Key, amount: Decimal, price: Decimal, at_ns: int, cause: str, reference: str
    ) -> None:
        """Book units that come or go at a price; the price only shapes the average entry."""
        before = self.holdings.get(key) or Holding(key=key, qty=ZERO, avg_entry_price=price)
        after = trim(EXACT.add(before.qty, amount))
        self.holdings[key] = Holding(
            key=key, qty=after, avg_entry_price=_entry_price(before, amount, after, price)
        )
        self._enter(key, amount, after, at_ns, cause, reference)
        if not after:
            del self.holdings[key]

    def book(self, fill: Fill) -> None:
        """Book one fill with its fee: coins are charged in coins, all else in cash."""
        value = EXACT.multiply(fill.qty, fill.price)
        is_buy = fill.side is Side.BUY
        units = fill.qty if is_buy else EXACT.minus(fill.qty)
        at_ns, name = fill.at_ns, fill.execution_id
        self.move_cash(EXACT.minus(value) if is_buy else value, at_ns, "fill", name)
        self.move_units(fill.key, units, fill.price, at_ns, "fill", name)
        if not fill.fee:
            return
        if fill.fee_asset == CASH:
            self.move_cash(EXACT.minus(fill.fee), at_ns, "fee", name)
        else:
            self.move_units(fill.key, EXACT.minus(fill.fee), fill.price, at_ns, "fee", name)

    def revise(self, before: Fill, after: Fill | None, at_ns: int) -> None:
        """Book what an execution moves by now instead of what it moved, with its fee."""
        name, key = before.execution_id, before.key
        cash = EXACT.subtract(money(after), money(before))
        if cash:
            self.move_cash(cash, at_ns, "revision", name)
        held = self.holdings.get(key) or Holding(key=key, qty=ZERO, avg_entry_price=before.price)
        change = EXACT.subtract(units(after), units(before))
        price = _entry_price_anew(held, before, after)
        if change:
            self.move_units(key, change, price, at_ns, "revision", name)
        if key in self.holdings:
            self.holdings[key].avg_entry_price = price

    def _enter(
        self, asset: str, amount: Decimal, balance: Decimal, at_ns: int, cause: str, reference: str
    ) -> None:
        self.number += 1
        change = Change(
            number=self.number,
            at_ns=at_ns,
            asset=asset,
            amount=trim(amount),
            balance=balance,
            cause=cause,
            reference=reference,
        )
        self.changes.append(change)


def _entry_price(before: Holding, amount: Decimal, after: Decimal, price: Decimal) -> Decimal:
    """Return the average entry price after a change: only what opens a position moves it."""
    if not before.qty or (after and (before.qty < 0) is not (after < 0)):  # new, or turned around
        return price
    if EXACT.abs(after) <= EXACT.abs(before.qty):
        return before.avg_entry_price
    # Not by the operators: those round as the caller's context says.
    already = EXACT.multiply(before.avg_entry_price, EXACT.abs(before.qty))
    paid = EXACT.add(already, EXACT.multiply(price, EXACT.abs(amount)))
    if not after:
        raise InvariantViolation(f"{before.key}: a growing position is empty")
    return average(paid, EXACT.abs(after))


def _entry_price_anew(held: Holding, before: Fill, after: Fill | None) -> Decimal:
    """Return the average entry price after a correction: of a purchase it moves what was paid."""
    now = EXACT.add(held.qty, EXACT.subtract(units(after), units(before)))
    if before.side is not Side.BUY or now <= 0 or held.qty <= 0:
        return held.avg_entry_price
    paid = EXACT.multiply(held.avg_entry_price, held.qty)
    paid = EXACT.subtract(paid, EXACT.multiply(before.price, units(before)))
    if after is not None:
        paid = EXACT.add(paid, EXACT.multiply(after.price, units(after)))
    # Much of it may have been sold since: then what is left of the other purchases says more.
    return average(paid, now) if paid > 0 else held.avg_entry_price
