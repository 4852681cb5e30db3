"""Who proposes to an account, and how what they propose reaches its engine."""

from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import Proposed, Wished
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.trader import view
from smart_leverage.strategies.base import Bot, Strategy


class Traders(NamedTuple):
    """Strategies are sized by the policy, bots send orders of their own size."""

    strategies: Sequence[Strategy] = ()
    bots: Sequence[Bot] = ()
    may_shrink: bool = False
    """Whether the bots take less when less fits."""

    def propose(self, trader: Driven, at_ns: int, closes: Sequence[tuple[Key, Bar]]) -> None:
        """Show everybody the bars that have just ended, and offer what they make of them."""
        for strategy in self.strategies:
            for opportunity in strategy.on_bars(at_ns, closes):
                trader.offer(Proposed(at_ns=at_ns, opportunity=opportunity))
        for bot in self.bots:
            for wish in bot.on_bars(at_ns, closes, view(trader.engine)):
                event = Wished(at_ns=at_ns, wish=wish, bot=bot.name, may_shrink=self.may_shrink)
                trader.offer(event)
