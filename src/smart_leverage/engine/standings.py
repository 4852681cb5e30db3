"""What the closed episodes of an account and of its bots have earned, folded as they close."""

from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.books.episodes import ALL, Episode
from smart_leverage.policy.evidence import (
    Record,
    RecordTerms,
    step_record,
    tier_with_open_losers,
)
from smart_leverage.policy.tier import Tier


class Standing(NamedTuple):
    """A record with and without the closings that were forced, and the tier that it earns."""

    with_forced: Record
    without_forced: Record
    tier: Tier


class Standings:
    """Folds closed episodes, each once for everybody and once for its bot."""

    def __init__(self) -> None:
        self._terms = RecordTerms()
        self._folded = 0
        self._episodes: Sequence[Episode] = ()
        self._by_bot: dict[str, tuple[Record, Record]] = {}
        self._known: dict[str, tuple[int, Standing]] = {}

    def fold(self, episodes: Sequence[Episode], terms: RecordTerms) -> None:
        """Take in what has closed since; other terms, and another list, count everything anew.

        Args:
            episodes: Of the account, a list that grows; an imported past makes it another one.
            terms: Of the record.
        """
        if terms != self._terms or episodes is not self._episodes:
            self._terms, self._episodes, self._folded, self._by_bot = terms, episodes, 0, {}
            self._known.clear()
        if self._folded < len(episodes):
            self._known.clear()
        for one in episodes[self._folded :]:
            for bot in {ALL, one.bot}:
                self._take(bot, one)
        self._folded = len(episodes)

    def _take(self, bot: str, one: Episode) -> None:
        forced, own = self._by_bot.get(bot, (Record(), Record()))
        forced = step_record(forced, one.outcome, self._terms)
        if not one.is_forced:
            own = step_record(own, one.outcome, self._terms)
        self._by_bot[bot] = (forced, own)

    def of(self, bot: str, losers: int) -> Standing:
        """Return what somebody has earned; the lower tier of both records counts.

        Args:
            bot: Whose record, or `ALL`.
            losers: What has been open at a loss for longer than usual counts as lost.
        """
        known = self._known.get(bot)
        if known is not None and known[0] == losers:
            return known[1]
        forced, own = self._by_bot.get(bot, (Record(), Record()))
        tiers = (tier_with_open_losers(one, losers, self._terms) for one in (forced, own))
        found = Standing(forced, own, min(tiers))
        self._known[bot] = (losers, found)
        return found
