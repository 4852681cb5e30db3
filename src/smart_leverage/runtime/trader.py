"""The commit loop of one account: process, make durable, act, and feed the answers back."""

from collections import deque

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.clock import Clock
from smart_leverage.domain.errors import NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.orders import Approved
from smart_leverage.domain.records import Decided, Record
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    Answered,
    CancelAnswered,
    Event,
    Updated,
    Verdict,
)
from smart_leverage.engine.outcome import Outcome
from smart_leverage.ledger.base import Ledger


class Trader:
    """Owns one account's engine, ledger and broker; nothing leaves before it is durable.

    Records without a consequence outside (marks, denials) wait for the next commit or `flush`: a
    crash loses at most what nobody has been told yet.
    """

    def __init__(self, engine: Engine, ledger: Ledger, broker: Broker, clock: Clock) -> None:
        self.engine = engine
        self.ledger = ledger
        self.broker = broker
        self.clock = clock
        self.events = 0
        self._unwritten: list[Record] = []
        self._seen = 0

    def offer(self, event: Event) -> list[Decided]:
        """Process an event and everything that follows from it; return the decisions made."""
        decisions: list[Decided] = []
        queue: deque[Event] = deque([event])
        while queue:
            outcome = self.engine.process(queue.popleft())
            self.events += 1
            decisions += outcome.decisions
            self._unwritten += outcome.records
            if outcome.cancels or outcome.sends:
                self.flush()
                queue.extend(self._act(outcome))
                queue.extend(self._news())
        return decisions

    def drain(self) -> None:
        """Take in what the broker has said since."""
        for event in self._news():
            self.offer(event)

    def flush(self) -> None:
        """Make everything durable that was decided."""
        if self._unwritten:
            self.ledger.commit(self._unwritten)
            self._unwritten = []

    def _news(self) -> list[Event]:
        updates = self.broker.updates(self._seen)
        if not updates:
            return []
        self._seen = updates[-1].sequence
        return [Updated(at_ns=update.at_ns, update=update) for update in updates]

    def _act(self, outcome: Outcome) -> list[Event]:
        """Let cancels and orders leave, each once; every answer becomes an event."""
        answers = [self._cancel(order_id) for order_id in outcome.cancels]
        answers += [self._submit(approved) for approved in outcome.sends]
        return [answer for answer in answers if answer is not None]

    def _cancel(self, client_order_id: str) -> Event | None:
        try:
            self.broker.cancel(client_order_id)
        except Refused:
            return CancelAnswered(
                at_ns=self.clock.now_ns(),
                client_order_id=client_order_id,
                broker_order=self.broker.order(client_order_id),
            )
        except (NotSent, OutcomeUnknown):
            return None  # harmless to repeat; the order's own words decide
        return None

    def _submit(self, approved: Approved) -> Event:
        verdict, broker_order, reason = Verdict.UNKNOWN, None, ""
        try:
            broker_order = self.broker.submit(approved)
            verdict = Verdict.ACCEPTED
        except Refused as error:
            verdict, reason = Verdict.REFUSED, str(error)
        except NotSent as error:
            verdict, reason = Verdict.NOT_SENT, str(error)
        except OutcomeUnknown as error:
            reason = str(error)
        return Answered(
            at_ns=self.clock.now_ns(),
            client_order_id=approved.order.client_order_id,
            verdict=verdict,
            broker_order=broker_order,
            reason=reason,
        )
