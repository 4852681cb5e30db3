"""What closed episodes have earned, for the oracle: of the account, and of every bot."""

from collections.abc import Mapping
from fractions import Fraction

from tests.simulation.oracle_episodes import ALL, Episodes
from tests.simulation.oracle_posterior import Path, Terms, breakeven


class _Record:
    """Two paths of one owner: with every episode, and without those in which the house sold."""

    def __init__(self, at: Terms) -> None:
        self.every, self.free = Path(at), Path(at)
        self.taken = 0


class Standings:
    """Reckons anew whenever the terms are others, else goes on where it was."""

    def __init__(self, episodes: Episodes) -> None:
        self._episodes = episodes
        self._at: Terms | None = None
        self._records: dict[str, _Record] = {}

    def begin_anew(self) -> None:
        """Reckon everything once more: what had closed may be another."""
        self._records = {}

    def tier(self, bot: str, limits: Mapping[str, Fraction]) -> int:
        """Return the lower tier of both paths, open losers counted as lost."""
        record, losers = self._of(bot, limits), self._episodes.losers.get(bot, 0)
        return min(record.every.with_losers(losers), record.free.with_losers(losers))

    def breakeven(self, limits: Mapping[str, Fraction]) -> float:
        """Return the win rate at which the account's trades earn nothing."""
        every = self._of(ALL, limits).every
        return breakeven(every.of, every.at)

    def _of(self, bot: str, limits: Mapping[str, Fraction]) -> _Record:
        at = Terms.of(limits)
        if at != self._at:
            self._at, self._records = at, {}
        record = self._records.setdefault(bot, _Record(at))
        closed = self._episodes.closed
        for each in closed[record.taken :]:
            if bot in (ALL, each.bot):
                record.every.take(each.outcome)
                if not each.is_forced:
                    record.free.take(each.outcome)
        record.taken = len(closed)
        return record
