"""The commit loop of one account: process, make durable, act, and feed the answers back."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from msgspec import structs

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.activities import REORGANISED, Activity
from smart_leverage.domain.classify import strictest
from smart_leverage.domain.clock import Clock
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Approved, BrokerOrder, OrderState
from smart_leverage.domain.records import Decided
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    Answered,
    Event,
    Listed,
    LookedUp,
    Outcome,
    Reconciled,
    Updated,
    Verdict,
)
from smart_leverage.ledger.base import Ledger
from smart_leverage.runtime.activities import event_of, moved_units
from smart_leverage.runtime.carrying import UNSTAMPED, AtOnce, Carrier, Messenger
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.writing import Kept, Scribe, Tell
from smart_leverage.strategies.base import AccountView

_UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE})

_FROM_OUTSIDE = frozenset({Updated, Reconciled})
"""Events that may speak of orders which did not come through us."""

Find = Callable[[Key, Decimal], Instrument | None]
ONE, ZERO = Decimal(1), Decimal(0)

OVERLAP = 1_000
"""So many messages are read again after a start: one may have come late, after those behind it."""

TRIES = 3
"""So often the lists are read again because something moved meanwhile."""

AT_ONCE = AtOnce()


class Trader:
    """Owns one account's engine, ledger and broker; nothing leaves before it is durable.

    Records without a consequence outside (marks, denials) wait for the next commit or `flush`: a
    crash loses at most what nobody has been told yet.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        broker: Broker,
        clock: Clock,
        tell: Tell = lambda record: None,
        held_back: Callable[[], str] = lambda: "",
        *,
        see: Tell = lambda record: None,
        carrier: Carrier = AT_ONCE,
        meter: Meter | None = None,
        find: Find = strictest,
    ) -> None:
        """Join the parts.

        Args:
            engine: Decides.
            ledger: Makes durable.
            broker: Executes.
            clock: Stamps what comes in.
            tell: Hears every record once it is durable.
            held_back: Says, just before each increase leaves, why it may not.
            see: Hears every record as soon as it is decided; what it shows may not be durable yet.
            carrier: How what leaves is taken to the broker.
            meter: Counts what is done; None for one of its own.
            find: Returns an instrument by its key and a price of it, where somebody outside orders
                what nobody has listed yet; None for one that cannot be held.
        """
        self.engine = engine
        self.ledger = ledger
        self.broker = broker
        self.clock = clock
        self.meter = meter or Meter()
        self.scribe = Scribe(ledger, tell, self.meter.commit)
        self._see = see
        self._find = find
        self._carrier = carrier
        self.messenger = Messenger(broker, held_back, lambda: ledger.lapsed)
        self.leaving: list[Approved] = []
        self._activities = 0
        self._unexplained: list[Activity] = []
        self._seen = self._fetched = max(engine.state.stream_seen - OVERLAP, 0)

    def offer(self, event: Event) -> list[Decided]:
        """Process an event and everything that follows from it; return the decisions made.

        Raises:
            BrokerDown: The broker fell silent on the way; every answer it gave has been taken in.
            LedgerError: A commit failed; throw trader and engine away and recover.
        """
        return self.offer_all((event,))[0]

    def offer_all(self, events: Sequence[Event]) -> list[list[Decided]]:
        """Process events that came in together; one commit makes durable what all of them intend.

        Returns:
            The decisions of each event, those included that follow from its answers at once.

        Raises:
            BrokerDown: See `offer`.
            LedgerError: See `offer`.
        """
        self.settle()
        decisions: list[list[Decided]] = [[] for _ in events]
        silence: BrokerDown | None = None
        queue = deque(enumerate(events))
        while queue:
            leaving = Outcome()
            for _ in range(len(queue)):
                place, event = queue.popleft()
                outcome = self._processed(event)
                decisions[place] += outcome.decisions
                leaving.cancels += outcome.cancels
                leaving.changes += outcome.changes
                leaving.sends += outcome.sends
            queue.extend((0, news) for news in self._withdrawn(leaving))
            if not (leaving.cancels or leaving.changes or leaving.sends):
                continue
            answers = self._departed(leaving)
            if answers is None:
                continue  # they come in as events of their own
            queue.extend((place, self.stamped(answer)) for answer in answers)
            try:
                queue.extend((place, news) for news in self._news())
            except BrokerDown as error:
                silence = error
        if silence is not None:
            raise silence
        return decisions

    def _withdrawn(self, leaving: Outcome) -> list[Event]:
        """Keep here what was taken back by an event that came in together with its cause.

        A cancel of it would be sent before it, and find nothing to cancel.
        """
        orders, kept, news = self.engine.state.orders.by_id, [], list[Event]()
        for one in leaving.sends:
            name = one.order.client_order_id
            known = orders.get(name)
            is_back = known is not None and known.state is OrderState.PENDING_CANCEL
            if known is None or known.is_resent or not is_back:
                kept.append(one)
                continue
            leaving.cancels[:] = [each for each in leaving.cancels if each != name]
            news.append(
                Answered(
                    at_ns=self.clock.now_ns(),
                    client_order_id=name,
                    verdict=Verdict.NOT_SENT,
                    reason="taken back before it left",
                )
            )
        leaving.sends[:] = kept
        return news

    def _departed(self, leaving: Outcome) -> list[Event] | None:
        """Let go what was decided, once it is durable; return the answers, None when they come."""
        carry = partial(self._carrier.carry, self.messenger, leaving)
        if self._carrier.is_apart:

            def then(is_durable: bool) -> None:
                if is_durable:
                    carry()

            self.hand_over(then)
            return None
        self.leaving = [*(one.approved for one in leaving.changes), *leaving.sends]
        self.flush()
        self.leaving = []
        return carry()

    def stamped(self, answer: Event) -> Event:
        """Return an answer of the broker with the time at which it is taken in."""
        return structs.replace(answer, at_ns=self.clock.now_ns())

    def _processed(self, event: Event) -> Outcome:
        if type(event) in _FROM_OUTSIDE and (found := self._unlisted(event)):
            self._processed(Listed(at_ns=event.at_ns, instruments=found))
        if type(event) is Updated:
            self._seen = max(self._seen, event.update.sequence)
        elif type(event) is Answered and event.verdict is Verdict.REFUSED:
            self.meter.refused(event.broker_code)
        began_s = time.perf_counter()
        outcome = self.engine.process(event)
        if outcome.decisions:
            self.meter.processed(time.perf_counter() - began_s, outcome.decisions)
        self.scribe.add(outcome.records)
        for record in outcome.records:
            self._see(record)
            self.meter.hear(record)
        return outcome

    def _unlisted(self, event: Event) -> tuple[Instrument, ...]:
        """Return the instruments of an event's orders that nobody has listed yet."""
        if type(event) is Updated:
            orders: tuple[BrokerOrder, ...] = (event.update.broker_order,)
        else:
            orders = event.orders if type(event) is Reconciled else ()
        known = self.engine.state.instruments
        prices = {
            one.order.key: one.filled_avg_price or one.order.limit_price or ONE
            for one in orders
            if one.order.key not in known
        }
        found = (self._find(key, price) for key, price in prices.items())
        return tuple(one for one in found if one is not None)

    def drain(self) -> None:
        """Take in all that the broker has said since; one commit for what follows from it."""
        self.offer_all(self._news())

    def fetch(self) -> None:
        """Have the broker asked what it has said since: now, or by a thread that brings it."""
        if not self._carrier.fetch(self._fetched_news):
            self.drain()

    def reconcile(self) -> None:
        """Look up what is unsettled, then compare books and broker."""
        self.drain()
        for client_order_id in self._unsettled():
            broker_order = self.broker.order(client_order_id)
            self.offer(
                LookedUp(
                    at_ns=self.clock.now_ns(),
                    client_order_id=client_order_id,
                    broker_order=broker_order,
                )
            )
        self.offer(self._stated())

    def _stated(self) -> Reconciled:
        """Return what the broker states, once nothing was told after it that would explain more.

        Money may come between two of its answers; what explains it is then read first.
        """
        for _ in range(TRIES):
            self._explain()
            self.drain()
            account, positions = self.broker.account(), tuple(self.broker.positions())
            orders = tuple(self.broker.orders(is_open=True))
            if not self.broker.activities(self._activities):
                break
        return Reconciled(
            at_ns=self.clock.now_ns(), account=account, positions=positions, orders=orders
        )

    def _explain(self) -> None:
        """Take in what moved beside orders and fills; what has a known reference counts once."""
        opened = self.engine.state.opened
        self._activities = max(self._activities, opened.activities if opened else 0)
        listed = [*self._unexplained, *self.broker.activities(self._activities)]
        self._activities = max([self._activities, *(each.number for each in listed)])
        self._unexplained = []
        for each in listed:
            tells_fees = self.broker.capabilities.tells_fees
            event = event_of(each, self.clock.now_ns(), tells_fees=tells_fees)
            if event is None:
                continue
            self.offer(event)
            self.flush()
            if event.reference not in self.engine.state.flows:
                self._unexplained.append(each)  # of what the books do not hold yet
        self._reorganise(listed)

    def _reorganise(self, listed: Sequence[Activity]) -> None:
        """Take in units that moved without a trade; what cannot be booked yet is tried again."""
        moved = list(moved_units(listed, self.clock.now_ns()))
        new = [each for each in moved if each.reference not in self.engine.state.flows]
        prices = {each.key: each.price for each in self.broker.positions()} if new else {}
        for each in new:
            if each.came is not None:
                key = each.came[0]
                price = each.price or prices.get(key, ZERO)
                if key not in self.engine.state.instruments and (
                    found := self._find(key, price or ONE)
                ):
                    self.offer(Listed(at_ns=each.at_ns, instruments=(found,)))
                each = structs.replace(each, price=price)
            self.offer(each)
            self.flush()
        done = self.engine.state.flows
        known = {name for each in moved if each.reference in done for name in each.rows}
        known |= {each.activity_id for each in self._unexplained}
        rest = [each for each in listed if each.type in REORGANISED]
        self._unexplained += [each for each in rest if each.activity_id not in known]

    def flush(self) -> None:
        """Make everything durable that was decided, then tell of it.

        What a failed commit did not take stays with the scribe, what waited for it in `leaving`.
        """
        self.scribe.flush()

    def hand_over(self, then: Kept) -> None:
        """Have everything made durable that was decided; see `Scribe.hand_over`."""
        self.scribe.hand_over(then)

    def settle(self) -> None:
        """Tell of what has become durable; see `Scribe.settle`."""
        self.scribe.settle()

    def _unsettled(self) -> list[str]:
        """Return the orders of which only the broker can say what became of them."""
        orders = self.engine.state.orders.by_id
        return [name for name, one in orders.items() if one.state in _UNSETTLED]

    def _news(self) -> list[Event]:
        updates = self.broker.updates(self._seen)
        # A message may be old, or bear a time that never was; it is now that it is acted upon.
        now_ns = self.clock.now_ns()
        return [Updated(at_ns=now_ns, update=update) for update in updates]

    def _fetched_news(self) -> list[Event]:
        """Ask on the thread that fetches; what it brings may come twice, and counts once."""
        updates = self.broker.updates(max(self._seen, self._fetched))
        if updates:
            self._fetched = updates[-1].sequence
        return [Updated(at_ns=UNSTAMPED, update=update) for update in updates]


def view(engine: Engine) -> AccountView:
    """Return what a bot would see of the account."""
    valuation = engine.valuation()
    return AccountView(
        equity=valuation.equity, cash=valuation.cash, positions=dict(engine.state.held())
    )
