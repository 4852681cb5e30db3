"""Drives an account over bars: the venue, the engine and the strategies meet at every instant."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import (
    Command,
    Commanded,
    OpeningOver,
    Prices,
)
from smart_leverage.market.feed import Instant
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.proposing import Traders
from smart_leverage.runtime.trader import Trader
from smart_leverage.strategies.base import Bot, Strategy


class Venue(Broker, Protocol):
    """A broker whose market is driven from here, bar by bar."""

    def close_bars(self, at_ns: int, bars: Sequence[tuple[Key, Bar]]) -> None:
        """Let resting orders meet the range of the bars that end now."""
        ...

    def print_opens(self, at_ns: int, opens: Sequence[tuple[Key, float]]) -> None:
        """Show the first prints of the bars that start now; nothing fills yet."""
        ...

    def fill_opens(self, at_ns: int) -> None:
        """Fill what those prints can fill."""
        ...


class BarRun(NamedTuple):
    """What a run over bars did."""

    instants: int
    bars: int
    last_ns: int


class BarDriver:
    """Moves one account through instants in virtual time.

    At an instant, resting orders meet the bars that end; their closes become known and are
    decided on; then the bars that start print their opens, increases that no longer fit are
    cancelled, the rest is filled, and what did not fill at its first opening is cancelled.
    """

    def __init__(
        self,
        trader: Trader,
        venue: Venue,
        clock: ManualClock,
        *,
        strategies: Sequence[Strategy] = (),
        bots: Sequence[Bot] = (),
        may_shrink: bool = False,
        resumes_monthly: bool = False,
    ) -> None:
        self.trader = trader
        self.venue = venue
        self.clock = clock
        self.traders = Traders(strategies, bots, may_shrink)
        self.resumes_monthly = resumes_monthly
        self._halted_in = ""
        self._reconciled_on = ""

    def run(
        self, instants: Iterable[Instant], progress: Callable[[int, int], None] | None = None
    ) -> BarRun:
        """Go through all instants; `progress` hears (bars so far, time) now and then."""
        count = bars = last_ns = 0
        for instant in instants:
            self.step(instant)
            count += 1
            bars += len(instant.closes)
            last_ns = instant.at_ns
            if progress is not None and not count % 500:
                progress(bars, last_ns)
        self.trader.reconcile()
        self.trader.flush()
        return BarRun(count, bars, last_ns)

    def step(self, instant: Instant) -> None:
        """Take one instant: bars that end, decisions, bars that start."""
        at_ns = instant.at_ns
        self.clock.move_to(at_ns)
        if instant.closes:
            self.venue.close_bars(at_ns, instant.closes)
            self.trader.drain()
            self.trader.offer(
                Prices(at_ns=at_ns, prints=tuple(_closing(instant.closes))),
            )
            self._operate(at_ns)
            self.traders.propose(self.trader, at_ns, instant.closes)
        if instant.opens:
            self.venue.print_opens(at_ns, instant.opens)
            self.trader.offer(
                Prices(at_ns=at_ns, prints=tuple(_opening(instant.opens)), is_opening=True)
            )
            self.venue.fill_opens(at_ns)
            self.trader.drain()
            if self.trader.engine.state.orders.has_buys:
                keys = tuple(key for key, _ in instant.opens)
                self.trader.offer(OpeningOver(at_ns=at_ns, keys=keys))

    def _operate(self, at_ns: int) -> None:
        """Play the person: once a day compare with the broker, resume a halt in a new month."""
        state = self.trader.engine.state
        if state.day_label != self._reconciled_on:
            self._reconciled_on = state.day_label
            self.trader.reconcile()
        if state.trading is not TradingState.HALTED:
            self._halted_in = ""
            return
        month = state.day_label[:7]
        self._halted_in = self._halted_in or month
        if self.resumes_monthly and month != self._halted_in:
            self.trader.offer(
                Commanded(
                    at_ns=at_ns,
                    command=Command.RESUME,
                    who="operator, simulated",
                    reason="a new month began",
                )
            )


def _closing(closes: Sequence[tuple[Key, Bar]]) -> list[tuple[Key, Decimal]]:
    return [(key, Decimal(repr(bar.close))) for key, bar in closes]


def _opening(opens: Sequence[tuple[Key, float]]) -> list[tuple[Key, Decimal]]:
    return [(key, Decimal(repr(price))) for key, price in opens]
