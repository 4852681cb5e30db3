"""What a driver drives: a trader, or a keeper that goes on with another one when it has to."""

from collections.abc import Sequence
from typing import Protocol

from smart_leverage.domain.records import Decided
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Event
from smart_leverage.ledger.base import Ledger
from smart_leverage.runtime.writing import Kept


class Driven(Protocol):
    """Takes events in and makes what follows from them durable before it leaves."""

    @property
    def engine(self) -> Engine:
        """Who decides; ask anew each time, it may be another one."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What is remembered, and where; it may be another one as well."""
        ...

    def offer(self, event: Event) -> list[Decided]:
        """Process an event and everything that follows from it; return the decisions made."""
        ...

    def offer_all(self, events: Sequence[Event]) -> list[list[Decided]]:
        """Process events that came in together, with one commit; return the decisions of each.

        Empty when the ledger failed on the way: the events were taken in by another trader.
        """
        ...

    def stamped(self, answer: Event) -> Event:
        """Return an answer of the broker with the time at which it is taken in."""
        ...

    def drain(self) -> None:
        """Take in what the broker has said since."""
        ...

    def fetch(self) -> None:
        """Have the broker asked what it has said since: now, or by a thread that brings it."""
        ...

    def reconcile(self) -> None:
        """Look up what is unsettled, then compare books and broker."""
        ...

    def flush(self) -> None:
        """Make everything durable that was decided, then tell of it."""
        ...

    def hand_over(self, then: Kept) -> None:
        """Have everything made durable that was decided, and go on; `then` hears whether it is.

        It is called once, in any thread: with False when a commit failed and the account went on
        without.
        """
        ...

    def settle(self) -> None:
        """Tell of what has become durable meanwhile; do not wait."""
        ...
