"""From flat to flat, for the oracle: what every bot made of an instrument, by the journal's fills.

Whose lots a fill moved is found by sharing out everything that happened to an instrument, in the
order of the fills' own times; of what comes late everything is shared out once more. Quantities
that nobody rounds are fractions.
"""

from bisect import insort
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

F = Fraction
WINDOW = 100
ALL = ""
FORCED = frozenset(("stop", "trim", "flatten", "guard"))
"""What the house sells for."""
LAST = "\uffff"


class _Entry(NamedTuple):
    """Something that happened to an instrument, by its place in time; a split is nobody's."""

    rank: tuple[int, str, int]
    bot: str
    qty: Fraction

    @property
    def is_split(self) -> bool:
        return self.rank[1] == LAST


class Holding:
    """Who holds how much of one instrument; below zero while a purchase was not told yet."""

    def __init__(self, lot: Fraction) -> None:
        self.lot = lot
        self.of: dict[str, Fraction] = {}
        self._entries: list[_Entry] = []

    def take(self, at_ns: int, name: str, bot: str, qty: Fraction) -> dict[str, Fraction]:
        """Put an entry in its place; return by how much every bot's part changed."""
        before, entry = self.of, _Entry((at_ns, name, len(self._entries)), bot, qty)
        is_late = bool(self._entries) and entry.rank[:2] < self._entries[-1].rank[:2]
        insort(self._entries, entry)
        if is_late:
            self.of = {}
            for each in self._entries:
                self.of = self._after(each)
        else:
            self.of = self._after(entry)
        moves = {bot: self.of.get(bot, F(0)) - before.get(bot, F(0)) for bot in before | self.of}
        return {bot: moves[bot] for bot in sorted(moves) if moves[bot]}

    def revise(self, name: str, qty: Fraction | None) -> dict[str, Fraction]:
        """Let an entry have moved something else, or nothing; return how parts changed by it."""
        before = self.of
        place = next(at for at, each in enumerate(self._entries) if each.rank[1] == name)
        old = self._entries[place]
        self._entries[place : place + 1] = [] if qty is None else [old._replace(qty=qty)]
        self.of = {}
        for each in self._entries:
            self.of = self._after(each)
        moves = {bot: self.of.get(bot, F(0)) - before.get(bot, F(0)) for bot in before | self.of}
        return {bot: moves[bot] for bot in sorted(moves) if moves[bot]}

    def _after(self, entry: _Entry) -> dict[str, Fraction]:
        after, total, qty = dict(self.of), sum(self.of.values(), F(0)), entry.qty
        if entry.is_split:
            return {bot: own * (total + qty) / total for bot, own in after.items()}
        closing = min(abs(qty), abs(total)) if total * qty < 0 else F(0)
        sign = 1 if qty > 0 else -1
        if closing:
            for bot, part in self._shares(closing, entry.bot).items():
                after[bot] = after.get(bot, F(0)) + sign * part
        opening = qty - sign * closing
        if opening:
            after[entry.bot] = after.get(entry.bot, F(0)) + opening
        return {bot: own for bot, own in after.items() if own}

    def _shares(self, qty: Fraction, bot: str) -> dict[str, Fraction]:
        """Return whose lots are closed: the order's own, then everybody else's pro rata.

        In whole lots: first what everybody owes rounded down, then a lot to whom the most is
        missing, by name where that is equal; nobody gives more than there is.
        """
        held = {name: abs(own) for name, own in self.of.items()}
        shares = {bot: min(held.pop(bot, F(0)), qty)}
        rest, total = qty - shares[bot], sum(held.values(), F(0))
        if rest == total:
            return shares | held
        owed = {name: own * rest / total for name, own in held.items()}
        given = {name: each // self.lot * self.lot for name, each in owed.items()}
        left = rest - sum(given.values(), F(0))
        order = sorted(owed, key=lambda name: (given[name] - owed[name], name))
        while left:
            for name in order:
                piece = min(self.lot, held[name] - given[name], left)
                given[name], left = given[name] + piece, left - piece
        return shares | given


class _Move(NamedTuple):
    """What an execution, or an adoption, moved of every bot's part, and the money for it."""

    at_ns: int
    key: str
    moves: dict[str, Fraction]
    money: Fraction
    is_forced: bool
    name: str


class Closed(NamedTuple):
    """An episode that is over."""

    bot: str
    outcome: float
    is_forced: bool


class _Open:
    """One that is not; `worth` is money that came less money that went."""

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.qty = self.worth = self.paid = F(0)
        self.is_forced = False


class Episodes:
    """All of an account, in the order in which the journal tells them."""

    def __init__(self) -> None:
        self.closed: list[Closed] = []
        self.losers: dict[str, int] = {}
        """By bot: what was open at a loss for too long when the day began."""
        self._holdings: dict[str, Holding] = {}
        self._open: dict[tuple[str, str], _Open] = {}
        self._lasted: dict[str, list[int]] = {}
        self._told: list[_Move | tuple[str, Fraction]] = []
        """Every move and every split, to be counted once more."""
        self._first: dict[str, str] = {}
        """By the name of a correction, the execution that it corrects in the end."""

    def listed(self, instrument: Mapping[str, Any]) -> None:
        self._holdings[instrument["key"]] = Holding(F(Decimal(instrument["lot"])))

    def adopted(self, entry: Mapping[str, Any]) -> None:
        qty, at_ns = F(Decimal(entry["qty"])), entry["at_ns"]
        moves = self._holdings[entry["key"]].take(at_ns, "", entry["bot"], qty)
        paid = -qty * F(Decimal(entry["price"]))
        self._move(at_ns, entry["key"], moves, paid, is_forced=False)

    def filled(self, entry: Mapping[str, Any], bot: str, role: str) -> None:
        """Take a fill of an order of somebody in."""
        fill = entry["fill"]
        qty, price, fee = (F(Decimal(fill[name])) for name in ("qty", "price", "fee"))
        sign = 1 if fill["side"] == "buy" else -1
        in_cash = fee if fill["fee_asset"] == "USD" else F(0)
        change = sign * qty - (fee - in_cash)
        name, key = fill["execution_id"], fill["key"]
        moves = self._holdings[key].take(fill["at_ns"], name, bot, change)
        money = -sign * qty * price - in_cash
        self._move(entry["at_ns"], key, moves, money, is_forced=role in FORCED, name=name)

    def revised(self, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> None:
        """Count all anew: an execution moved something else for everybody, or nothing."""
        name, key = before["execution_id"], before["key"]
        name = self._first.get(name, name)
        change, money = None, F(0)
        if after is not None:
            self._first[after["execution_id"]] = name
            qty, price, fee = (F(Decimal(after[each])) for each in ("qty", "price", "fee"))
            sign = 1 if after["side"] == "buy" else -1
            in_cash = fee if after["fee_asset"] == "USD" else F(0)
            change, money = sign * qty - (fee - in_cash), -sign * qty * price - in_cash
        moved = self._holdings[key].revise(name, change)
        old = next(each for each in self._told if isinstance(each, _Move) and each.name == name)
        place = self._told.index(old)
        moves = {bot: old.moves.get(bot, F(0)) + moved.get(bot, F(0)) for bot in old.moves | moved}
        moves = {bot: moves[bot] for bot in sorted(moves) if moves[bot]}
        self._told[place] = old._replace(moves=moves, money=money)
        self.closed.clear()
        self._open, self._lasted = {}, {}
        for each in self._told:
            if isinstance(each, _Move):
                self._count(each)
            else:
                self._multiply(*each)

    def split(self, entry: Mapping[str, Any]) -> None:
        key, factor = entry["key"], F(Decimal(entry["factor"]))
        self._holdings[key].take(entry["since_ns"], LAST, "", F(Decimal(entry["qty"])))
        self._told.append((key, factor))
        self._multiply(key, factor)

    def _multiply(self, key: str, factor: Fraction) -> None:
        for (_, other), one in self._open.items():
            one.qty *= factor if other == key else 1

    def _move(
        self, at_ns: int, key: str, moves: Mapping[str, Fraction], money: Fraction,
        *, is_forced: bool, name: str = "",
    ) -> None:  # fmt: skip
        told = _Move(at_ns, key, dict(moves), money, is_forced, name)
        self._told.append(told)
        self._count(told)

    def _count(self, told: "_Move") -> None:
        at_ns, key, moves, money, is_forced, _ = told
        total = sum(moves.values(), F(0))
        for bot, qty in moves.items():
            one = self._open.get((bot, key))
            if one is None and qty <= 0:
                continue
            one = self._open.setdefault((bot, key), _Open(at_ns))
            share = money * qty / total if total else money
            one.qty, one.worth = one.qty + qty, one.worth + share
            one.paid -= share if qty > 0 else F(0)
            one.is_forced |= is_forced
            if one.qty < self._holdings[key].lot:
                self._close(at_ns, bot, key)

    def _close(self, at_ns: int, bot: str, key: str) -> None:
        one = self._open.pop((bot, key))
        outcome = float(one.worth / one.paid) if one.paid > 0 else 0.0
        self.closed.append(Closed(bot, outcome, one.is_forced))
        for name in (ALL, bot):
            self._lasted.setdefault(name, []).append(at_ns - one.since_ns)

    def day(self, entry: Mapping[str, Any]) -> None:
        """Count open losers as a day begins."""
        values = {key: F(Decimal(text)) for key, text in entry.get("holdings", {}).items()}
        held: dict[str, Fraction] = {}
        for (_, key), one in self._open.items():
            held[key] = held.get(key, F(0)) + one.qty
        self.losers = {}
        for (bot, key), one in self._open.items():
            if key not in values or one.worth + values[key] * one.qty / held[key] >= 0:
                continue
            for name in (ALL, bot):
                lasted = sorted(self._lasted.get(name, [])[-WINDOW:])
                usual = lasted[(len(lasted) - 1) // 2] if lasted else None
                if usual is not None and entry["at_ns"] - one.since_ns > usual:
                    self.losers[name] = self.losers.get(name, 0) + 1
