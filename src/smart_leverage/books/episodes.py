"""From flat to flat: what one bot made of one instrument between holding nothing and nothing again.

A rule that is judged by closed trades can be fooled by closing winners in slices and keeping losers
open. An episode is counted once, when it is over; how long the ones that are still open have lasted
says which of them are being put off.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from smart_leverage.books.exact import ZERO
from smart_leverage.domain.instruments import Key

WINDOW = 100
"""So many closed episodes the usual duration is taken from."""


class Episode(NamedTuple):
    """A closed one: when, whose, how long, and what it made of what was put in."""

    at_ns: int
    bot: str
    key: Key
    lasted_ns: int
    outcome: float
    """Net profit ÷ all that was paid in purchases."""
    is_forced: bool
    is_imported: bool = False
    """Whether it was over before our time, as a file tells it."""


class OpenEpisode(Struct):
    """What has gone in and come out so far, signed money; `qty` is what is held."""

    since_ns: int
    qty: Decimal = ZERO
    cash: Decimal = ZERO
    put_in: Decimal = ZERO
    is_forced: bool = False


ALL = ""
"""Stands for every bot together."""


class _Move(NamedTuple):
    """A change of what a bot holds, as it was told; `name` is that of the execution behind it."""

    at_ns: int
    bot: str
    key: Key
    qty: Decimal
    cash: Decimal
    lot: Decimal
    is_forced: bool
    name: str


class _Split(NamedTuple):
    key: Key
    factor: Decimal


class Episodes:
    """All episodes of an account, closed ones in the order in which they ended."""

    def __init__(self) -> None:
        self.closed: list[Episode] = []
        self._open: dict[tuple[str, Key], OpenEpisode] = {}
        self._lasted: dict[str, list[int]] = {}
        self._told: list[_Move | _Split] = []
        """Everything in the order in which it was told: what is revised is counted anew from it."""

    def move(
        self, at_ns: int, bot: str, key: Key, qty: Decimal, cash: Decimal, lot: Decimal,
        *, is_forced: bool, name: str = "",
    ) -> None:  # fmt: skip
        """Count a change of what a bot holds.

        Args:
            at_ns: When.
            bot: Whose.
            key: Of what.
            qty: Signed change; 0 for a fee that comes by itself.
            cash: What it brought, negative for what was paid; fees included.
            lot: Less than this is nothing.
            is_forced: Whether the house sold.
            name: Of the execution that moved it, empty where there is none.
        """
        told = _Move(at_ns, bot, key, qty, cash, lot, is_forced, name)
        self._told.append(told)
        self._count(told)

    def _count(self, told: _Move) -> None:
        name = (told.bot, told.key)
        one = self._open.get(name)
        if one is None:
            if told.qty <= 0:
                return
            one = self._open[name] = OpenEpisode(told.at_ns)
        one.qty += told.qty
        one.cash += told.cash
        one.is_forced |= told.is_forced
        if told.qty > 0:
            one.put_in -= told.cash
        if one.qty < told.lot:
            self._close(told.at_ns, name, one)

    def revise(
        self, name: str, key: Key, moves: Mapping[str, Decimal], cash: Decimal, lot: Decimal
    ) -> None:
        """Count everything once more, with an execution that moved something else, or nothing.

        Episodes that were over may be open again, and the other way round.

        Args:
            name: Of the execution.
            key: Of what.
            moves: By how much more, or less, every bot's part of it moves now.
            cash: What it brings in all by now, 0 where it was taken back.
            lot: Less than this is nothing.
        """
        old = [each for each in self._told if isinstance(each, _Move) and each.name == name]
        if not old:
            return  # it came to nothing when it was told
        first, place = old[0], self._told.index(old[0])
        parts = {each.bot: each.qty for each in old}
        parts = {bot: parts.get(bot, ZERO) + moves.get(bot, ZERO) for bot in {*parts, *moves}}
        total = sum(parts.values(), ZERO)
        new = [
            first._replace(bot=bot, qty=qty, cash=_part(cash, qty, total), lot=lot)
            for bot, qty in sorted(parts.items())
            if qty
        ]
        self._told[place : place + len(old)] = new
        self._count_anew()

    def _count_anew(self) -> None:
        imported = [each for each in self.closed if each.is_imported]
        self.closed, self._open = [], {}
        self.take_past(imported)
        for each in self._told:
            if isinstance(each, _Split):
                self._multiply(each)
            else:
                self._count(each)

    def take_past(self, episodes: Sequence[Episode]) -> None:
        """Put those from before our time in front of ours, in the place of what was known of them.

        Args:
            episodes: All of them, in the order in which they ended; whoever folds begins anew.
        """
        own = [each for each in self.closed if not each.is_imported]
        self.closed = [*episodes, *own]
        self._lasted = {}
        for each in self.closed:
            self._note_lasted(each.bot, each.lasted_ns)

    def split(self, key: Key, factor: Decimal) -> None:
        """Go on with other units."""
        told = _Split(key, factor)
        self._told.append(told)
        self._multiply(told)

    def _multiply(self, told: _Split) -> None:
        for (_, other), one in self._open.items():
            if other == told.key:
                one.qty *= told.factor

    def _close(self, at_ns: int, name: tuple[str, Key], one: OpenEpisode) -> None:
        del self._open[name]
        outcome = float(one.cash / one.put_in) if one.put_in > 0 else 0.0
        lasted = at_ns - one.since_ns
        self.closed.append(Episode(at_ns, *name, lasted, outcome, one.is_forced))
        self._note_lasted(name[0], lasted)

    def _note_lasted(self, owner: str, lasted: int) -> None:
        for bot in {ALL, owner}:
            self._lasted.setdefault(bot, []).append(lasted)

    def losers(self, at_ns: int, values: Mapping[Key, Decimal]) -> dict[str, int]:
        """Count what is open at a loss for longer than usual, by bot and for all.

        Args:
            at_ns: Now.
            values: Market value of every holding.
        """
        total: dict[Key, Decimal] = {}
        for (_, key), one in self._open.items():
            total[key] = total.get(key, ZERO) + one.qty
        found: dict[str, int] = {}
        for (owner, key), one in self._open.items():
            worth = values.get(key)
            if worth is None:
                continue
            worth = worth if one.qty == total[key] else worth * one.qty / total[key]
            for bot in (ALL, owner):
                is_old = at_ns - one.since_ns > usual_ns(self._lasted.get(bot, []))
                if is_old and one.cash + worth < 0:
                    found[bot] = found.get(bot, 0) + 1
        return found


def _part(cash: Decimal, qty: Decimal, total: Decimal) -> Decimal:
    """Return what of some cash goes with a part of what was moved."""
    if qty == total:
        return cash
    return cash * qty / total if total else ZERO


def usual_ns(lasted: list[int]) -> int:
    """Return the duration that half of the last closed episodes have kept below or reached.

    Args:
        lasted: Of closed episodes, in order of time. Without any nothing is too long.
    """
    window = sorted(lasted[-WINDOW:])
    return window[(len(window) - 1) // 2] if window else 2**62
