"""Drives an account in real time: prices each second, decisions at bar ends, lists compared."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from threading import Thread
from typing import NamedTuple, Protocol

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import BrokerLost, Prices, Rung
from smart_leverage.market.quotes import Quote
from smart_leverage.runtime.carrying import Aside, Desk
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.interpreter import Tidying
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.operator import Operator
from smart_leverage.runtime.proposing import Traders
from smart_leverage.runtime.pulse import Pulse
from smart_leverage.runtime.steady import SteadyClock, compare, heed_stream, watch
from smart_leverage.runtime.watchdog import Watchdog
from smart_leverage.strategies.base import Bot, Strategy

_LOG = logging.getLogger(__name__)


class Market(Protocol):
    """A market that is driven from here, quote by quote."""

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        """Let the orders of several instruments meet the quotes of one instant."""
        ...

    def meet_newcomers(self, at_ns: int) -> None:
        """Let orders that came after the last quotes meet them."""
        ...

    def advance(self, at_ns: int) -> None:
        """Let time pass without a price."""
        ...


class Still:
    """In the place of a market that moves by itself, as every real one does."""

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        """Leave it alone."""

    def meet_newcomers(self, at_ns: int) -> None:
        """Leave it alone."""

    def advance(self, at_ns: int) -> None:
        """Leave it alone."""

    def threads(self) -> Sequence[Thread]:
        """Return none."""
        return ()

    def close(self) -> None:
        """Nothing is under way."""


class Quotes(Protocol):
    """Where prices come from; nobody who asks waits."""

    @property
    def until_ns(self) -> int:
        """When the market ends."""
        ...

    def at(self, at_ns: int) -> Sequence[Quote]:
        """Return the quotes that are new at an instant."""
        ...

    def closed(self, after_ns: int, until_ns: int) -> Iterator[tuple[Key, Bar]]:
        """Yield the last bar of each instrument that ended in (after, until]."""
        ...


class MarketAside:
    """Moves a market by a thread of its own, so that whoever decides need not wait for it.

    A move that comes while another is under way takes the place of one that waits.
    """

    def __init__(self, market: Market, desk: Desk) -> None:
        """Start the thread; the desk hears when the market has moved."""
        self._market = market
        self._desk = desk
        self._aside = Aside("market", desk)

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        """Have orders meet the quotes of one instant."""
        self._move(partial(self._market.on_quotes, at_ns, quotes))

    def meet_newcomers(self, at_ns: int) -> None:
        """Have orders meet the last quotes, unless the market is being moved: it is not urgent."""
        if self._aside.is_idle:
            self._move(partial(self._market.meet_newcomers, at_ns))

    def advance(self, at_ns: int) -> None:
        """Have time pass without a price."""
        self._move(partial(self._market.advance, at_ns))

    def threads(self) -> Sequence[Thread]:
        """Return the thread, as long as it is needed."""
        return self._aside.threads()

    def close(self) -> None:
        """Let a move that is under way end, and make no more; harmless twice."""
        self._aside.close()

    def _move(self, move: Callable[[], None]) -> None:
        def moved() -> tuple[()]:
            move()
            self._desk.answered((None,))  # what has been filled is news
            return ()

        self._aside.ask(moved)


class Pace(NamedTuple):
    """How often the driver does what, seconds.

    Doubts have the lists read sooner, though not more often than `doubts_every_s`: a real broker
    counts the questions.
    """

    step_s: float = 1.0
    meet_every_s: float = 0.2
    """While somebody wants something: orders meet standing quotes so soon, as at any venue."""
    reconcile_every_s: float = 30.0
    doubts_every_s: float = 0.0


class LiveDriver:
    """Runs one account by a clock that nobody here moves.

    Whenever the broker does not answer, nothing that adds exposure is allowed until its lists were
    compared with the books again.
    """

    def __init__(
        self,
        trader: Driven,
        venue: Broker,
        clock: SteadyClock,
        quotes: Quotes,
        *,
        strategies: Sequence[Strategy] = (),
        bots: Sequence[Bot] = (),
        may_shrink: bool = False,
        market: Market,
        pace: Pace = Pace(),  # noqa: B008 - immutable
        operator: Operator | None = None,
        office: Office | None = None,
        pause: Callable[[float], object] = time.sleep,
        pulse: Pulse | None = None,
        settle: Callable[[], object] = lambda: None,
        watchdog: Watchdog | None = None,
    ) -> None:
        """Join the parts.

        `market` is the venue's, moved along by the quotes; `pause` waits, seconds, and
        may end early when something comes in; `pulse` lets others see that it goes round; `settle`
        waits, in any thread, until the purchases on their way are out of the way; `watchdog` halts
        it from outside when it stands still, and says when a part has died.
        """
        self.trader = trader
        self.venue = venue
        self.market = market
        self.clock = clock
        self.quotes = quotes
        self.traders = Traders(strategies, bots, may_shrink)
        self.pace = pace
        self.operator = operator
        self.office = office
        self.pulse = pulse or Pulse(Meter(), office)
        self.settle = settle
        self.watchdog = watchdog
        self._pause = pause
        self.is_lost = False
        self._closed_ns = clock.now_ns()
        self._market_ns = venue.account().at_ns
        self._met_s = 0.0
        self._reconciled_ns = clock.monotonic_ns()
        self._tidying = Tidying(self._reconciled_ns)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Go on until somebody says so or the market ends.

        Raises:
            PartDied: A thread that is needed has ended; the account is halted.
        """
        self.pulse.goes_round = True
        try:
            while not is_over() and self.clock.now_ns() < self.quotes.until_ns:
                began_ns = self.clock.monotonic_ns()
                if self.watchdog is not None:
                    self.watchdog.assure()
                self.step()
                self._tidying.look(began_ns)
                self._wait(began_ns + int(self.pace.step_s * SECOND_NS))
        finally:
            self.pulse.goes_round = False
        self.trader.flush()

    def _wait(self, until_ns: int) -> None:
        """Pause until the next look at the market, and do meanwhile what comes in."""
        while (left_ns := until_ns - self.clock.monotonic_ns()) > 0:
            if self.office is None:
                self._pause(left_ns / SECOND_NS)
                return
            pauses = (left_ns / SECOND_NS, self.office.patience_s, self._meeting_in_s)
            self._pause(min(each for each in pauses if each is not None))
            self.attend()
            if self._meeting_in_s == 0.0:
                self._meet()

    @property
    def _meeting_in_s(self) -> float | None:
        """When new orders meet standing quotes; None while nobody sends any."""
        wished_s = None if self.office is None else self.office.wished_s
        every_s = self.pace.meet_every_s
        # What was wanted just before a meeting may have come to the venue just after it.
        if wished_s is None or wished_s < self._met_s - every_s:
            return None
        return max(self._met_s + every_s - time.monotonic(), 0.0)

    def _meet(self) -> None:
        self._met_s = time.monotonic()
        self.market.meet_newcomers(self._market_time(self.clock.now_ns()))

    def _market_time(self, now_ns: int) -> int:
        """Return the time for the market: the process before may have told it a later one."""
        self._market_ns = max(now_ns, self._market_ns)
        return self._market_ns

    def attend(self) -> None:
        """Obey the operator first, then do what the office has taken in."""
        try:
            if self.operator is not None:
                self.operator.attend(self.trader, self.clock.now_ns())
            if self.office is None:
                return
            if not self.office.is_idle:
                self._tidying.busy(self.clock.monotonic_ns())
                self.office.attend(self.trader, self.clock.now_ns)
            elif self.office.patience_s == 0.0:
                self.office.catch_up(self.trader)
        except BrokerDown as error:
            self._lose(error)

    def finish(self) -> None:
        """Take in what the broker answered to the last errands, and what it has said since."""
        self.attend()
        try:
            self.trader.drain()
        except BrokerDown as error:
            self._lose(error)  # the next start asks it again
        self.trader.flush()

    def _lose(self, error: BrokerDown) -> None:
        if self.is_lost:
            _LOG.debug("the broker does not answer yet: %s", error)
            return
        self.is_lost = self.pulse.is_lost = True
        self.trader.offer(BrokerLost(at_ns=self.clock.now_ns(), why=str(error)))

    def step(self) -> None:
        """Take one look at market and broker, and do what follows from it."""
        self.attend()
        now_ns = self.clock.now_ns()
        try:
            if self.is_lost or self._is_due():
                compare(self.trader, self.venue, self.clock)
                self.trader.reconcile()
                self.is_lost = False
                self._reconciled_ns = self.clock.monotonic_ns()
            else:
                watch(self.trader, self.clock)
            heed_stream(self.trader, self.venue, now_ns)
            self._move(now_ns)
        except BrokerDown as error:
            self._lose(error)
        if self.office is None:
            self.trader.flush()
        else:
            self.office.dispatch(self.trader)
        self.pulse.beat(is_lost=self.is_lost)

    def _is_due(self) -> bool:
        waited_ns = self.clock.monotonic_ns() - self._reconciled_ns
        is_soon = waited_ns > self.pace.doubts_every_s * SECOND_NS
        if self.trader.engine.has_doubts and is_soon:
            return True  # a split explains a jump, and only the broker knows of it
        return waited_ns >= self.pace.reconcile_every_s * SECOND_NS

    def _move(self, now_ns: int) -> None:
        market_ns = self._market_time(now_ns)
        quotes = self.quotes.at(market_ns)
        # The engine first: what no longer fits at these prices is cancelled before it can fill.
        self.trader.offer(_prices(now_ns, quotes))
        if quotes:
            self._met_s = time.monotonic()
            self.market.on_quotes(market_ns, [(one.key, one.bid, one.ask) for one in quotes])
        else:
            self.market.advance(market_ns)
        self.trader.fetch()
        closes = list(self.quotes.closed(self._closed_ns, now_ns))
        self._closed_ns = max(self._closed_ns, now_ns)
        if closes:
            self.traders.propose(self.trader, now_ns, closes)


def _prices(now_ns: int, quotes: Sequence[Quote]) -> Prices:
    return Prices(
        at_ns=now_ns,
        prints=tuple((quote.key, Decimal(repr(quote.middle))) for quote in quotes),
        seen_ns=tuple(min(quote.at_ns or now_ns, now_ns) for quote in quotes),
        rung=Rung.QUOTE,
    )
