"""Closed trades by order, and the windows over them: the account's and each bot's."""

from collections.abc import Iterable

from smart_leverage.books.positions import Change
from smart_leverage.books.statistics import TrackRecord, Window
from smart_leverage.books.trades import Result, Trade


class _Track:
    """Two windows over one series: all closings, and those that we did not force."""

    def __init__(self) -> None:
        self._with_forced = Window()
        self._without_forced = Window()
        self.record = TrackRecord()

    def put(self, trade: Trade, result: Result) -> None:
        windows = [self._with_forced]
        if not trade.is_forced:
            windows.append(self._without_forced)
        for window in windows:
            window.put(trade.rank, result.net, result.outcome, is_imported=trade.is_imported)
        self._refresh()

    def remove(self, trade: Trade) -> None:
        self._with_forced.remove(trade.rank)
        self._without_forced.remove(trade.rank)
        self._refresh()

    def forget(self, kept: int) -> None:
        for window in (self._with_forced, self._without_forced):
            window.forget(kept)
        self._refresh()

    def _refresh(self) -> None:
        self.record = TrackRecord(self._with_forced.statistics, self._without_forced.statistics)


class Records:
    """Every closed trade, and the track records that follow from them."""

    def __init__(self) -> None:
        self._trades: dict[str, Trade] = {}
        self._account = _Track()
        self._bots: dict[str, _Track] = {}

    @property
    def account(self) -> TrackRecord:
        """The account's record."""
        return self._account.record

    def of(self, bot: str) -> TrackRecord:
        """Return a bot's record; an empty one when it never closed anything."""
        track = self._bots.get(bot)
        return TrackRecord() if track is None else track.record

    def trade(self, client_order_id: str) -> Trade | None:
        """Return the trade of a closing order, or None."""
        return self._trades.get(client_order_id)

    def trades(self, bot: str | None = None, *, is_imported: bool = False) -> tuple[Trade, ...]:
        """Return the trades of our time, or those before it, in the order of their first slice."""
        own = (t for t in self._trades.values() if t.is_imported is is_imported)
        chosen = [t for t in own if bot is None or bot in t.bots]
        return tuple(sorted(chosen, key=lambda trade: trade.rank))

    def note(self, change: Change) -> None:
        """Take up what an entry made, revised or undid."""
        for order in change.undone:
            self._remove(self._trades.pop(order))
        for trade in change.trades:
            before = self._trades.get(trade.client_order_id)
            if before is not None and not _is_revision(before, trade):
                self._remove(before)
            self._trades[trade.client_order_id] = trade
            self._account.put(trade, trade.result)
            for part in trade.parts:
                self._bots.setdefault(part.bot, _Track()).put(trade, part.result)

    def forget(self, orders: Iterable[str], kept: int) -> None:
        """Let trades go that nothing can change any more; what was counted stays counted."""
        for order in orders:
            self._trades.pop(order, None)
        for track in (self._account, *self._bots.values()):
            track.forget(kept)

    def _remove(self, trade: Trade) -> None:
        self._account.remove(trade)
        for bot in trade.bots:
            self._bots[bot].remove(trade)


def _is_revision(before: Trade, after: Trade) -> bool:
    """Whether every place that the trade had is kept: same rank, no bot lost."""
    return before.rank == after.rank and set(before.bots) <= set(after.bots)
