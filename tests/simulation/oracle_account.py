"""The account as it was told: what a governor could know, and no more."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.simulation.audit_account import Account
from tests.simulation.audit_record import HOUSE, Record, Terms
from tests.simulation.audit_venue import Fill, Order
from tests.simulation.oracle_episodes import Holding

ZERO = Decimal(0)


class _Dealt(NamedTuple):
    order: Order
    fill: Fill


class _Adopted(NamedTuple):
    key: str
    qty: Decimal
    price: Decimal


class _Split(NamedTuple):
    key: str
    shares: dict[str, Decimal]
    factor: Decimal


class Told(Account):
    """The account as far as it was told; what was never priced counts at its last fill, if any."""

    def __init__(
        self, cash: Decimal, terms: dict[str, Terms], weight: Callable[[str, str], Decimal]
    ) -> None:
        super().__init__(cash, terms)
        self._weight = weight
        self.entry: dict[str, Decimal] = {}
        self.record = Record()
        self._booked: list[_Dealt | _Adopted | _Split] = []
        """What the record was made of, in the order in which it was told."""
        self.lots: Mapping[str, Fraction] = {}
        self._ranks: dict[str, tuple[int, str]] = {}
        """Of every execution, when it was dealt and under which name first."""
        self._shares: dict[str, Holding | None] = {}
        """Whose it is of what was revised; None until somebody asks."""
        self.before: dict[str, Order] = {}
        """By the name of a change, the order in whose place it is to come."""
        self.pair_of: dict[str, str] = {}
        """By the name of an exit, or of an order with exits, the name of the first of them."""
        self.left_out: frozenset[str] = frozenset()
        """Orders that count for nothing at this moment."""
        self._jumped: dict[str, tuple[float, int]] = {}
        """The last print that was too far away, and when it was told."""
        self.pair_left: dict[str, Decimal] = {}

    def weight(self, group: str, key: str) -> Decimal:
        return self._weight(group, key)

    def counted(self, order: Order) -> Decimal:
        """Of an order and its change the larger counts, once, while both may trade."""
        pair = "" if order.is_buy else self.pair_of.get(order.name, "")
        if pair:
            others = self.orders.get(order.key, {}).values()
            own = (one for one in others if not one.is_buy and self.pair_of.get(one.name) == pair)
            return self.pair_left[pair] if next(own, None) is order else ZERO
        before = self.before.get(order.name)
        if before is None or not self.is_open(before):
            return order.left
        return max(order.left - before.left, ZERO)

    def buys(self, key: str) -> Iterator[Order]:
        return (each for each in super().buys(key) if each.name not in self.left_out)

    def hear(self, key: str, price: float, at_ns: int) -> None:
        """Take a price in at a time; a jump that is told twice at one instant is not confirmed."""
        if self._jumped.get(key) == (price, at_ns) and key in self._doubted:
            return
        self.see(key, price)
        if key in self._doubted:
            self._jumped[key] = (price, at_ns)

    def is_news(self, key: str, price: Decimal) -> bool:
        """Tell whether a listed price says anything beside what is believed."""
        return key not in self._believed or price != self.judged(key)

    def is_priced(self, key: str) -> bool:
        return key in self._price

    def is_doubted(self, key: str) -> bool:
        return key in self._doubted

    def last(self, key: str) -> Decimal:
        return super().last(key) if key in self._price else self.entry.get(key, ZERO)

    def held_by(self, key: str, bot: str) -> Fraction:
        """Return what a bot holds; what was revised is shared out once more, by time of dealing."""
        if key not in self._shares:
            return self.record.held(key, bot)
        own = self._shares[key]
        if own is None:
            own = self._shares[key] = Holding(self.lots[key])
            for each in self._booked:
                if isinstance(each, _Adopted) and each.key == key:
                    own.take(0, "", HOUSE, Fraction(each.qty))
                elif isinstance(each, _Dealt) and each.order.key == key:
                    order, fill = each
                    units = (fill.qty if order.is_buy else -fill.qty) - fill.fee_units
                    own.take(*self._ranks[fill.execution], order.bot, Fraction(units))
        return own.of.get(bot, Fraction(0))

    def fill(self, order: Order, fill: Fill, at_ns: int = 0) -> None:
        """Move cash, units and lots by an execution."""
        self._ranks[fill.execution] = at_ns, fill.execution
        if not order.is_buy and order.name in self.pair_of:
            pair = self.pair_of[order.name]
            self.pair_left[pair] = max(self.pair_left[pair] - fill.qty, ZERO)
        self.trade(order, fill)
        for name, before in self.before.items():
            change = self.orders.get(order.key, {}).get(name)
            if before is order and change is not None:
                change.left = max(change.left - fill.qty, ZERO)
        self.entry[order.key] = fill.price
        self._note(_Dealt(order, fill))

    def revise(self, order: Order, before: Fill, after: Fill | None) -> None:
        """Let an execution have moved something else, or nothing; tell the record all anew."""
        sign = 1 if order.is_buy else -1
        for fill, times in ((before, -1), (after, 1)):
            if fill is not None:
                self.cash -= times * (sign * fill.qty * fill.price + fill.fee_cash)
                self.hold(order.key, times * (sign * fill.qty - fill.fee_units))
        place = self._booked.index(_Dealt(order, before))
        self._booked[place : place + 1] = [] if after is None else [_Dealt(order, after)]
        if after is not None:
            self._ranks[after.execution] = self._ranks[before.execution]
        self._shares[order.key] = None
        booked, self._booked, self.record = self._booked, [], Record()
        for each in booked:
            self._note(each)

    def _note(self, what: "_Dealt | _Adopted | _Split") -> None:
        self._booked.append(what)
        key = what.order.key if isinstance(what, _Dealt) else what.key
        if key in self._shares:
            self._shares[key] = None
        if isinstance(what, _Adopted):
            self.record.open(what.key, HOUSE, what.qty, what.price, ZERO)
        elif isinstance(what, _Split):
            self.record.split(*what)
        else:
            self._deal(*what)

    def _deal(self, order: Order, fill: Fill) -> None:
        fee = fill.fee_cash + fill.fee_units * fill.price
        if order.is_buy:
            self.record.open(order.key, order.bot, fill.qty - fill.fee_units, fill.price, fee)
        else:
            tick = self.terms[order.key].tick
            rank = (0, fill.execution)
            self.record.close(
                order.key, order.bot, fill.qty, fill.price, fee, tick, order.name, rank
            )

    def split(self, key: str, shares: dict[str, Decimal], factor: Decimal) -> None:
        """Change units and price alike; what waited to be confirmed is judged anew."""
        self.hold(key, sum(shares.values(), ZERO))
        self.begin_anew(key)
        if key in self._price:
            self._price[key] /= float(factor)
        if key in self.entry:
            self.entry[key] /= factor
        self._note(_Split(key, shares, factor))

    def begin_anew(self, key: str) -> None:
        """Believe the next print, whatever it is: it belongs to other units."""
        self._doubted.pop(key, None)
        self._exact.pop(key, None)
        self._believed.pop(key, None)

    def adopt(self, key: str, qty: Decimal, price: Decimal) -> None:
        self.hold(key, qty)
        self.entry[key] = price
        self._note(_Adopted(key, qty, price))
