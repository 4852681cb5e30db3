"""From flat to flat: what one bot made of one instrument between holding nothing and nothing again.

A rule that is judged by closed trades can be fooled by closing winners in slices and keeping losers
open. An episode is counted once, when it is over; how long the ones that are still open have lasted
says which of them are being put off.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from typing import NamedTuple, overload

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


_Open = dict[tuple[str, Key], OpenEpisode]


class Closed(Sequence[Episode]):
    """Closed episodes in the order in which they ended, in columns: some 30 bytes each."""

    def __init__(self, episodes: Iterable[Episode] = ()) -> None:
        self._times, self._lasted = array("q"), array("q")
        self._outcomes, self._flags = array("d"), array("B")
        self._names: list[tuple[str, Key]] = []
        self._places: dict[tuple[str, Key], int] = {}
        self._named = array("I")
        for one in episodes:
            self.append(one)

    def append(self, one: Episode) -> None:
        """Add the one that ended last."""
        name = (one.bot, one.key)
        place = self._places.setdefault(name, len(self._names))
        if place == len(self._names):
            self._names.append(name)
        self._named.append(place)
        self._times.append(one.at_ns)
        self._lasted.append(one.lasted_ns)
        self._outcomes.append(one.outcome)
        self._flags.append(one.is_forced + 2 * one.is_imported)

    def __len__(self) -> int:
        return len(self._times)

    @overload
    def __getitem__(self, index: int) -> Episode: ...
    @overload
    def __getitem__(self, index: slice) -> list[Episode]: ...
    def __getitem__(self, index: int | slice) -> Episode | list[Episode]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        flags = self._flags[index]
        return Episode(
            self._times[index], *self._names[self._named[index]], self._lasted[index],
            self._outcomes[index], bool(flags & 1), bool(flags & 2),
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class Episodes:
    """All episodes of an account, closed ones in the order in which they ended."""

    def __init__(self) -> None:
        self.closed = Closed()
        self._open: _Open = {}
        self._lasted: dict[str, deque[int]] = {}
        self._told: list[_Move | _Split] = []
        """What was told, in that order: what is revised is counted anew from it."""
        self._open_before: _Open = {}
        """What was open before all that, and how many of our own had closed."""
        self._closed_before = 0

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
        self._take(_Move(at_ns, bot, key, qty, cash, lot, is_forced, name))

    def split(self, key: Key, factor: Decimal) -> None:
        """Go on with other units."""
        self._take(_Split(key, factor))

    def _take(self, told: _Move | _Split) -> None:
        self._told.append(told)
        self._count(told)

    def _count(self, told: _Move | _Split) -> None:
        closed = _step(self._open, told)
        if closed is not None:
            self._close(closed)

    def _close(self, one: Episode) -> None:
        self.closed.append(one)
        for bot in {ALL, one.bot}:
            self._lasted.setdefault(bot, deque(maxlen=WINDOW)).append(one.lasted_ns)

    def revise(
        self, name: str, key: Key, moves: Mapping[str, Decimal], cash: Decimal, lot: Decimal
    ) -> None:
        """Count everything once more, with an execution that moved something else, or nothing.

        Episodes that were over may be open again, and the other way round.

        Args:
            name: Of the execution; of one that is forgotten nothing is changed.
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
        own = [each for each in self.closed if not each.is_imported]
        self._set_closed([*imported, *own[: self._closed_before]])
        self._open = deepcopy(self._open_before)
        for each in self._told:
            self._count(each)

    def take_past(self, episodes: Sequence[Episode]) -> None:
        """Put those from before our time in front of ours, in the place of what was known of them.

        Args:
            episodes: All of them, in the order in which they ended; whoever folds begins anew.
        """
        self._set_closed([*episodes, *(each for each in self.closed if not each.is_imported)])

    def _set_closed(self, episodes: Iterable[Episode]) -> None:
        self.closed, self._lasted = Closed(), {}
        for each in episodes:
            self._close(each)

    def forget(self, kept: int) -> None:
        """Let what was told go, down to so many once they are twice as many: it is final then."""
        if len(self._told) <= 2 * kept:
            return
        for each in self._told[:-kept]:
            self._closed_before += _step(self._open_before, each) is not None
        del self._told[:-kept]

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
                is_old = at_ns - one.since_ns > usual_ns(self._lasted.get(bot, ()))
                if is_old and one.cash + worth < 0:
                    found[bot] = found.get(bot, 0) + 1
        return found


def _step(open_: _Open, told: _Move | _Split) -> Episode | None:
    """Take one more step with what is open; return the episode that it closes."""
    if isinstance(told, _Split):
        for (_, key), each in open_.items():
            if key == told.key:
                each.qty *= told.factor
        return None
    name = (told.bot, told.key)
    one = open_.get(name)
    if one is None:
        if told.qty <= 0:
            return None
        one = open_[name] = OpenEpisode(told.at_ns)
    one.qty += told.qty
    one.cash += told.cash
    one.is_forced |= told.is_forced
    if told.qty > 0:
        one.put_in -= told.cash
    if one.qty >= told.lot:
        return None
    del open_[name]
    outcome = float(one.cash / one.put_in) if one.put_in > 0 else 0.0
    return Episode(told.at_ns, *name, told.at_ns - one.since_ns, outcome, one.is_forced)


def _part(cash: Decimal, qty: Decimal, total: Decimal) -> Decimal:
    """Return what of some cash goes with a part of what was moved."""
    if qty == total:
        return cash
    return cash * qty / total if total else ZERO


def usual_ns(lasted: Iterable[int]) -> int:
    """Return the duration that half of the last closed episodes have kept below or reached.

    Args:
        lasted: Of the last closed episodes. Without any nothing is too long.
    """
    window = sorted(lasted)
    return window[(len(window) - 1) // 2] if window else 2**62
