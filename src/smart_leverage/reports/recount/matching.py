"""Closed trades counted anew: what an order closed, first in, first out, lot by lot."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

ZERO = Fraction(0)
STEP = Fraction(1, 10**12)
"""Step to which a share of a fee, or of a split, is rounded towards zero."""

_LAST = "\uffff"


class Change(NamedTuple):
    """One change of a holding: a fill, or without an execution an adoption or a split.

    `qty` is signed and holds what a fee in coins took, `fee` is money.
    """

    at_ns: int
    qty: Fraction
    price: Fraction
    lot: Fraction
    tick: Fraction
    bot: str = ""
    fee: Fraction = ZERO
    execution: str = ""
    order: str = ""
    is_split: bool = False
    seq: int = 0

    @property
    def rank(self) -> tuple[int, str]:
        """Its place: adoptions before the fills of their time, splits after them."""
        return self.at_ns, _LAST if self.is_split else self.execution


class Trade(NamedTuple):
    """What one order closed: when it began to, net of all fees, and the value of one tick."""

    at_ns: int
    net: Fraction
    tick: Fraction

    @property
    def is_scratch(self) -> bool:
        """Whether it is neither won nor lost."""
        return not self.net or abs(self.net) < self.tick


class _Lot:
    """Units of one purchase that are still held."""

    __slots__ = ("fee", "price", "qty")

    def __init__(self, qty: Fraction, price: Fraction, fee: Fraction) -> None:
        self.qty, self.price, self.fee = qty, price, fee

    def take(self, qty: Fraction) -> tuple[Fraction, Fraction]:
        """Remove units; return what they cost and the fee that they owe."""
        fee = portion(self.fee, qty, self.qty)
        self.qty -= qty
        self.fee -= fee
        return qty * self.price, fee


def trades(changes: Mapping[str, Iterable[Change]]) -> list[Trade]:
    """Return the closed trades of every instrument, oldest first."""
    found = (each for one in changes.values() for each in _of(one))
    return sorted(found)


def _of(changes: Iterable[Change]) -> Iterator[Trade]:
    holding = _Holding()
    closed: dict[str, Trade] = {}
    for change in sorted(changes, key=lambda each: each.rank):
        slice_ = holding.apply(change)
        if slice_ is None or not change.execution:
            continue
        before = closed.get(change.order)
        if before is not None:
            slice_ = Trade(before.at_ns, before.net + slice_.net, before.tick + slice_.tick)
        closed[change.order] = slice_
    yield from closed.values()


class _Holding:
    """The lots of every bot in one instrument; all of them stand on one side."""

    def __init__(self) -> None:
        self._lots: dict[str, list[_Lot]] = {}
        self._sign = 1

    def apply(self, change: Change) -> Trade | None:
        """Close what stands against a change, and open the rest; return what was closed."""
        if change.is_split:
            self._split(change.qty)
            return None
        size, held = abs(change.qty), sum(self._held().values(), ZERO)
        sign = 1 if change.qty > 0 else -1
        closing = min(size, held) if sign != self._sign else ZERO
        fee = portion(change.fee, closing, size) if closing else ZERO
        made = self._close(change, closing, fee) if closing else None
        if size > closing:
            self._sign = sign
            lot = _Lot(size - closing, change.price, change.fee - fee)
            self._lots.setdefault(change.bot, []).append(lot)
        return made

    def _held(self) -> dict[str, Fraction]:
        sums = {bot: sum((lot.qty for lot in lots), ZERO) for bot, lots in self._lots.items()}
        return {bot: qty for bot, qty in sums.items() if qty}

    def _close(self, change: Change, qty: Fraction, fee: Fraction) -> Trade:
        entry = fees = ZERO
        for bot, share in _sharing(qty, change.bot, self._held(), change.lot).items():
            left, lots = share, self._lots.get(bot, [])
            while left:
                piece = min(lots[0].qty, left)
                cost, owed = lots[0].take(piece)
                entry, fees, left = entry + cost, fees + owed, left - piece
                if not lots[0].qty:
                    del lots[0]
        gross = (qty * change.price - entry) * self._sign
        return Trade(change.at_ns, gross - fees - fee, qty * change.tick)

    def _split(self, units: Fraction) -> None:
        """Spread units over bots and lots; what was paid for them stays."""
        held = self._held()
        left, of = units * self._sign, sum(held.values(), ZERO)
        for bot in sorted(held):
            share = portion(left, held[bot], of)
            left, of = left - share, of - held[bot]
            self._spread(self._lots[bot], share, held[bot])

    def _spread(self, lots: list[_Lot], units: Fraction, of: Fraction) -> None:
        left = units
        for lot in lots:
            piece = portion(left, lot.qty, of)
            left, of = left - piece, of - lot.qty
            cost, lot.qty = lot.qty * lot.price, lot.qty + piece
            lot.price = cost / lot.qty if lot.qty > 0 else ZERO
        lots[:] = [lot for lot in lots if lot.qty > 0]


def portion(total: Fraction, part: Fraction, whole: Fraction) -> Fraction:
    """Return a share, rounded towards zero to `STEP`; the last one takes what is left."""
    if part == whole or not total:
        return total
    exact = total * part / whole / STEP
    return int(exact) * STEP


def _sharing(
    qty: Fraction, bot: str, held: Mapping[str, Fraction], lot: Fraction
) -> dict[str, Fraction]:
    """Return whose lots are closed: the bot's own first, then everybody else's pro rata."""
    shares = {bot: min(held.get(bot, ZERO), qty)}
    left = qty - shares[bot]
    others = {name: own for name, own in held.items() if name != bot}
    total = sum(others.values(), ZERO)
    if left == total:
        return {**shares, **others}
    exact = {name: own * left / total for name, own in others.items()} if left else {}
    shares |= {name: share // lot * lot for name, share in exact.items()}
    order = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    left -= sum((shares[name] for name in exact), ZERO)
    while left:
        for name in order:
            piece = min(lot, others[name] - shares[name], left)
            shares[name] += piece
            left -= piece
    return shares
