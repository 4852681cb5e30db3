"""How often and how much: wins, losses and ratios over the last closed trades."""

from bisect import bisect_left, insort
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from smart_leverage.books.exact import EXACT, ZERO, exactly, ratio
from smart_leverage.books.trades import Outcome

WINDOW = 100
"""Closed trades that the `classic` win rate looks back on (decision 5c)."""

Rank = tuple[int, str]

_Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


def rate_interval(wins: int, closed: int) -> tuple[float, float]:
    """Return where the true win rate lies with 95 % confidence, fractions.

    Args:
        wins: Winning trades.
        closed: Closed trades, at least one.

    Source:
        Wilson 1927, the score interval.
    """
    share, weight = wins / closed, _Z_95 * _Z_95 / closed
    middle = (share + weight / 2) / (1 + weight)
    half = _Z_95 * ((share * (1 - share) + weight / 4) / closed) ** 0.5 / (1 + weight)
    return max(middle - half, 0.0), min(middle + half, 1.0)


class Statistics(Struct, frozen=True, kw_only=True):
    """Counts and sums over a window; money in account currency, net of fees.

    `gain` sums the wins, `loss` the losses as a positive number, `scratched` the small change of
    the scratches, which are counted but neither won nor lost. Of the wins and losses `imported`
    are from before our time.
    """

    wins: int = 0
    losses: int = 0
    scratches: int = 0
    gain: Decimal = ZERO
    loss: Decimal = ZERO
    scratched: Decimal = ZERO
    imported: int = 0

    @property
    def closed(self) -> int:
        """Closed trades that decide a win rate: wins and losses, scratches left out."""
        return self.wins + self.losses

    @property
    def win_rate(self) -> Decimal | None:
        """Wins over closed trades, fraction to 40 digits; None without a closed trade."""
        return _per(Decimal(self.wins), self.closed)

    @property
    def mean_win(self) -> Decimal | None:
        """Mean net profit of a win; None without a win."""
        return _per(self.gain, self.wins)

    @property
    def mean_loss(self) -> Decimal | None:
        """Mean net loss of a loss, positive; None without a loss."""
        return _per(self.loss, self.losses)

    @property
    def payoff_ratio(self) -> Decimal | None:
        """Mean win over mean loss; None unless there is one of each."""
        if not self.wins or not self.losses:
            return None
        return ratio(
            EXACT.multiply(self.gain, Decimal(self.losses)),
            EXACT.multiply(self.loss, Decimal(self.wins)),
        )

    @property
    def profit_factor(self) -> Decimal | None:
        """Sum of wins over sum of losses; None without a loss."""
        return ratio(self.gain, self.loss) if self.losses else None

    @property
    def expectancy(self) -> Decimal | None:
        """Mean net profit of a trade, scratches included; None without any."""
        return _per(self.net, self.closed + self.scratches)

    @property
    def net(self) -> Decimal:
        """Net profit over the window, scratches included."""
        return EXACT.add(EXACT.subtract(self.gain, self.loss), self.scratched)


class TrackRecord(Struct, frozen=True):
    """Statistics of an account or a bot with and without the closings that we forced."""

    with_forced: Statistics = Statistics()
    without_forced: Statistics = Statistics()

    @property
    def capping(self) -> Statistics:
        """The one that caps go by: the lower win rate, compared exactly (decision 5b).

        No closed trade at all is lower than any rate, because it is no record; on a tie the one
        with fewer trades counts.
        """
        forced, own = self.with_forced, self.without_forced
        if not forced.closed or not own.closed:
            return forced if forced.closed < own.closed else own
        left, right = own.wins * forced.closed, forced.wins * own.closed
        if left == right:
            return forced if forced.closed < own.closed else own
        return own if left < right else forced


class _Counted(NamedTuple):
    net: Decimal
    outcome: Outcome
    is_imported: bool


class Window:
    """Statistics over the last `size` wins and losses, kept up trade by trade.

    A scratch takes no place, so a series of them cannot push losses out of sight; those after the
    oldest trade that counts are reported beside it.
    """

    def __init__(self, size: int = WINDOW) -> None:
        self._size = size
        self._ranks: list[Rank] = []
        self._trades: dict[Rank, _Counted] = {}
        self._start = 0
        self._sums = Statistics()

    @property
    def statistics(self) -> Statistics:
        """The window as it stands, ready made."""
        return self._sums

    @exactly
    def put(self, rank: Rank, net: Decimal, outcome: Outcome, *, is_imported: bool = False) -> None:
        """Count a trade, or revise the one of the same rank."""
        new, old = _Counted(net, outcome, is_imported), self._trades.get(rank)
        self._trades[rank] = new
        if old is None and (not self._ranks or rank > self._ranks[-1]):
            self._ranks.append(rank)
            self._sums = _added(self._sums, new, 1)
            self._trim()
            return
        if old is None:
            is_older = self._sums.closed >= self._size and rank < self._ranks[self._start]
            insort(self._ranks, rank)
            if is_older:  # than a window that is full: nothing in it moves
                self._start += 1
                return
        elif (old.outcome is Outcome.SCRATCH) == (outcome is Outcome.SCRATCH):
            if rank >= self._ranks[self._start]:
                self._sums = _added(_added(self._sums, old, -1), new, 1)
            return
        self._recount()

    @exactly
    def remove(self, rank: Rank) -> None:
        """Forget a trade that a late fill has undone."""
        if self._trades.pop(rank, None) is not None:
            del self._ranks[bisect_left(self._ranks, rank)]
            self._recount()

    @exactly
    def forget(self, kept: int) -> None:
        """Keep the last trades, and of those before them the wins and losses that count, or would.

        So many of each; where one is undone, an older one counts in its place.
        """
        if len(self._ranks) <= 4 * kept:
            return
        recent = len(self._ranks) - kept
        older = self._ranks[max(self._start - kept, 0) : recent]
        self._ranks = [*filter(self._decides, older), *self._ranks[recent:]]
        self._trades = {rank: self._trades[rank] for rank in self._ranks}
        self._recount()

    def _decides(self, rank: Rank) -> bool:
        return self._trades[rank].outcome is not Outcome.SCRATCH

    def _trim(self) -> None:
        while self._start < len(self._ranks) and self._sums.closed >= self._size:
            oldest = self._trades[self._ranks[self._start]]
            if self._sums.closed == self._size and oldest.outcome is not Outcome.SCRATCH:
                return
            self._sums = _added(self._sums, oldest, -1)
            self._start += 1

    def _recount(self) -> None:
        """Count back from the newest trade; needed after anything but an append."""
        sums, start = Statistics(), len(self._ranks)
        while start and sums.closed < self._size:
            start -= 1
            sums = _added(sums, self._trades[self._ranks[start]], 1)
        self._sums, self._start = sums, start


def _added(sums: Statistics, trade: _Counted, sign: int) -> Statistics:
    net = trade.net if sign > 0 else -trade.net
    won, lost = trade.outcome is Outcome.WON, trade.outcome is Outcome.LOST
    scratch = trade.outcome is Outcome.SCRATCH
    return Statistics(
        wins=sums.wins + sign * won,
        losses=sums.losses + sign * lost,
        scratches=sums.scratches + sign * scratch,
        gain=sums.gain + net if won else sums.gain,
        loss=sums.loss - net if lost else sums.loss,
        scratched=sums.scratched + net if scratch else sums.scratched,
        imported=sums.imported + sign * (trade.is_imported and not scratch),
    )


def _per(total: Decimal, count: int) -> Decimal | None:
    return ratio(total, Decimal(count)) if count else None
