"""The commit loop of one account: process, make durable, act, and feed the answers back."""

from collections import deque
from collections.abc import Callable

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import Clock
from smart_leverage.domain.errors import BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Change,
    Order,
    OrderState,
    Side,
)
from smart_leverage.domain.records import Decided, Record
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    Answered,
    CancelAnswered,
    Event,
    LookedUp,
    Reconciled,
    Updated,
    Verdict,
)
from smart_leverage.engine.outcome import Outcome
from smart_leverage.ledger.base import Ledger
from smart_leverage.runtime.activities import event_of
from smart_leverage.strategies.base import AccountView

_UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE})

OVERLAP = 1_000
"""So many messages are read again after a start: one may have come late, after those behind it."""

TRIES = 3
"""So often the lists are read again because something moved meanwhile."""

Tell = Callable[[Record], None]
"""Hears every record once it is durable, in order; it must be quick and must not raise."""


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
    ) -> None:
        """Join the parts; `held_back` says, just before each increase leaves, why it may not."""
        self.engine = engine
        self.ledger = ledger
        self.broker = broker
        self.clock = clock
        self.events = 0
        self._tell = tell
        self._held_back = held_back
        self.commits = 0
        self.unwritten: list[Record] = []
        self.leaving: list[Approved] = []
        self._activities = 0
        self._unexplained: list[Activity] = []
        self._seen = max(engine.state.stream_seen - OVERLAP, 0)

    def offer(self, event: Event) -> list[Decided]:
        """Process an event and everything that follows from it; return the decisions made.

        Raises:
            BrokerDown: The broker fell silent on the way; every answer it gave has been taken in.
            LedgerError: A commit failed; throw trader and engine away and recover.
        """
        decisions: list[Decided] = []
        silence: BrokerDown | None = None
        queue: deque[Event] = deque([event])
        while queue:
            outcome = self.engine.process(queue.popleft())
            self.events += 1
            decisions += outcome.decisions
            self.unwritten += outcome.records
            if not (outcome.cancels or outcome.changes or outcome.sends):
                continue
            self.leaving = [*(one.approved for one in outcome.changes), *outcome.sends]
            self.flush()
            self.leaving = []
            queue.extend(self._act(outcome))
            try:
                queue.extend(self._news())
            except BrokerDown as error:
                silence = error
        if silence is not None:
            raise silence
        return decisions

    def drain(self) -> None:
        """Take in what the broker has said since, all of it, though it fall silent meanwhile."""
        silence: BrokerDown | None = None
        for event in self._news():
            try:
                self.offer(event)
            except BrokerDown as error:
                silence = error
        if silence is not None:
            raise silence

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
        listed = [*self._unexplained, *self.broker.activities(self._activities)]
        self._activities = max([self._activities, *(each.number for each in listed)])
        self._unexplained = []
        for each in listed:
            event = event_of(each, self.clock.now_ns())
            if event is None:
                continue
            self.offer(event)
            self.flush()
            if event.reference not in self.engine.state.flows:
                self._unexplained.append(each)  # of what the books do not hold yet

    def flush(self) -> None:
        """Make everything durable that was decided, then tell of it.

        What a failed commit did not take stays in `unwritten`, what waited for it in `leaving`.
        """
        if not self.unwritten:
            return
        self.ledger.commit(self.unwritten)
        written, self.unwritten = self.unwritten, []
        self.commits += 1
        for record in written:
            self._tell(record)

    def _unsettled(self) -> list[str]:
        """Return the orders of which only the broker can say what became of them."""
        orders = self.engine.state.orders.by_id
        return [name for name, one in orders.items() if one.state in _UNSETTLED]

    def _news(self) -> list[Event]:
        updates = self.broker.updates(self._seen)
        if not updates:
            return []
        self._seen = updates[-1].sequence
        # A message may be old, or bear a time that never was; it is now that it is acted upon.
        now_ns = self.clock.now_ns()
        return [Updated(at_ns=now_ns, update=update) for update in updates]

    def _act(self, outcome: Outcome) -> list[Event]:
        """Let cancels, changes and orders leave, each once; every answer becomes an event."""
        answers = [self._cancel(order_id) for order_id in outcome.cancels]
        answers += [self._change(change) for change in outcome.changes]
        answers += [self._submit(approved) for approved in outcome.sends]
        return [answer for answer in answers if answer is not None]

    def _cancel(self, client_order_id: str) -> Event | None:
        try:
            self.broker.cancel(client_order_id)
            return None
        except (NotSent, OutcomeUnknown):
            return None  # harmless to repeat, and looked up when the lists are compared
        except Refused:
            return self._last_word(client_order_id)

    def _last_word(self, client_order_id: str) -> Event:
        """Return what became of an order that could not be cancelled."""
        broker_order = self._listed(client_order_id)
        return CancelAnswered(
            at_ns=self.clock.now_ns(), client_order_id=client_order_id, broker_order=broker_order
        )

    def _listed(self, client_order_id: str) -> BrokerOrder | None:
        """Return an order as the broker lists it; None when it does not, or does not answer."""
        try:
            return self.broker.order(client_order_id)
        except BrokerDown:
            return None

    def _submit(self, approved: Approved) -> Event:
        order = approved.order
        return self._answered(
            order, lambda: self.broker.submit(approved), is_increase=order.side is Side.BUY
        )

    def _change(self, change: Change) -> Event:
        order = change.approved.order

        def replace() -> BrokerOrder:
            return self.broker.replace(
                change.replaces,
                qty=change.qty,
                limit_price=change.limit_price,
                new_client_order_id=order.client_order_id,
            )

        return self._answered(order, replace, is_increase=change.is_increase)

    def _answered(
        self, order: Order, send: Callable[[], BrokerOrder], *, is_increase: bool
    ) -> Event:
        """Send, once, and return what the answer proves of an order."""
        verdict, broker_order, reason = Verdict.UNKNOWN, None, ""
        try:
            if is_increase and (why := self._held_back()):
                raise NotSent(f"held back before the first byte left: {why}")
            broker_order = send()
            verdict = Verdict.ACCEPTED
        except Refused as error:
            verdict, reason = Verdict.REFUSED, str(error)
            if error.is_repeated_id:
                broker_order = self._listed(order.client_order_id)
                verdict = Verdict.UNKNOWN if broker_order is None else Verdict.ACCEPTED
        except NotSent as error:
            verdict, reason = Verdict.NOT_SENT, str(error)
        except OutcomeUnknown as error:
            reason = str(error)
        return Answered(
            at_ns=self.clock.now_ns(),
            client_order_id=order.client_order_id,
            verdict=verdict,
            broker_order=broker_order,
            reason=reason,
        )


def view(engine: Engine) -> AccountView:
    """Return what a bot would see of the account."""
    valuation = engine.valuation()
    return AccountView(
        equity=valuation.equity, cash=valuation.cash, positions=dict(engine.state.held())
    )
