"""From flat to flat in a time before ours: episodes of deals, and of trades a list has finished."""

from decimal import Decimal

from smart_leverage.books.episodes import Episode, OpenEpisode
from smart_leverage.books.exact import ZERO, apportion, ratio
from smart_leverage.books.positions import Entry, Holding
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.past import Deal


class PastEpisodes:
    """The episodes of one instrument, its deals told in the order of time.

    A finished trade of a list is one episode, whatever ran beside it. All else is from flat to flat
    for each bot, as ours is. The house was not there yet, so that none was forced. A short position
    is an episode like any other: it is worth its net money over what was sold to open it.
    """

    def __init__(self, key: Key) -> None:
        self.closed: list[Episode] = []
        self._key = key
        self._open: dict[tuple[str, str], OpenEpisode] = {}

    def apply(self, deal: Deal, entry: Entry, holding: Holding) -> None:
        """Put an entry into the holding, and count what it moved for whom.

        Args:
            deal: What was dealt.
            entry: What of it counts.
            holding: Of the instrument, before it.
        """
        before, held = holding.quantities(), holding.qty
        holding.apply(entry)
        if entry.is_split:
            for one in self._open.values():
                one.qty = apportion(one.qty, held + entry.qty, held)
            return
        cash = -entry.qty * entry.price - entry.fee
        if deal.trip:
            self._move(entry, (deal.bot, deal.trip), entry.qty, cash)
            return
        after = holding.quantities()
        for bot in sorted({*before, *after}):
            qty = after.get(bot, ZERO) - before.get(bot, ZERO)
            if qty:
                self._move(entry, (bot, ""), qty, apportion(cash, qty, entry.qty))

    def _move(self, entry: Entry, name: tuple[str, str], qty: Decimal, cash: Decimal) -> None:
        """Count a change; one that turns a position around ends an episode and begins another."""
        one = self._open.get(name)
        is_closing = one is not None and (one.qty > 0) != (qty > 0)
        if one is None:
            if abs(qty) < entry.lot:
                return
            one = self._open[name] = OpenEpisode(entry.at_ns)
        elif is_closing and abs(qty) - abs(one.qty) >= entry.lot:
            part = apportion(cash, -one.qty, qty)
            rest = qty + one.qty
            self._move(entry, name, -one.qty, part)
            self._move(entry, name, rest, cash - part)
            return
        one.qty += qty
        one.cash += cash
        if not is_closing:
            one.put_in += abs(cash)
        if is_closing and abs(one.qty) < entry.lot:
            self._close(entry.at_ns, name, one)

    def _close(self, at_ns: int, name: tuple[str, str], one: OpenEpisode) -> None:
        del self._open[name]
        self.closed.append(
            Episode(
                at_ns=at_ns,
                bot=name[0],
                key=self._key,
                lasted_ns=at_ns - one.since_ns,
                outcome=float(ratio(one.cash, one.put_in)) if one.put_in else 0.0,
                is_forced=False,
                is_imported=True,
            )
        )
