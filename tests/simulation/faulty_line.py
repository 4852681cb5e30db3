"""A bad line between an account and its venue, where the network would be.

The venue behind it is sound; what it was asked, and what it answered, get lost, late, doubled and
out of order.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Protocol

from tests.simulation.faults import Dice, Killed, TrueTime

from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    Order,
    PositionSnapshot,
    TradeUpdate,
)

HORIZON_S = 119.0
"""A request arrives at most so much later than it was sent; the engine waits a second longer."""

LISTED_AFTER_S = 60.0
"""A look-up may be blind for so long after an order was sent; together with a late arrival it would
pass the horizon, which a venue promises to keep."""

RESTLESS = 500
"""So many requests at one instant are an engine that answers itself."""


Arrive = Callable[[], BrokerOrder]
"""What a request does once it is at the venue."""


class Watch(Protocol):
    """Who is told what passes through the layer."""

    def on_send(self, order: Order) -> None: ...
    def on_change(
        self, old: str, name: str, qty: Decimal | None, limit: Decimal | None
    ) -> None: ...
    def on_ended(self, client_order_id: str) -> None: ...
    def on_told(self, update: TradeUpdate) -> None: ...
    def on_listed(self, broker_order: BrokerOrder) -> None: ...
    def on_positions(self, positions: Sequence[PositionSnapshot]) -> None: ...


class FaultyBroker:
    """A venue behind a bad line; every call either answers or raises what a broker may raise."""

    def __init__(self, venue: SimBroker, time: TrueTime, dice: Dice, watch: Watch) -> None:
        self.venue = venue
        self.in_transit: list[tuple[int, Arrive]] = []
        self.untold: set[str] = set()
        """Orders of which neither stream nor lists say anything; what they did shows all the same,
        as a transfer of coins or a correction of the broker would."""
        self._time, self._dice, self._watch = time, dice, watch
        self._silent_until = self._stalled_until = 0
        self._asked_at = self._asked = 0
        self._sent_ns: dict[str, int] = {}
        self._fetched: int | None = None
        self._on_the_way: list[tuple[int, TradeUpdate]] = []
        self._stated: Sequence[PositionSnapshot] | None = None
        self._is_stated = False

    @property
    def capabilities(self) -> Capabilities:
        return self.venue.capabilities

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way in either direction."""
        return not self.in_transit and not self._on_the_way

    def reconnected(self) -> None:
        """A new process of ours asks for the stream from where it remembers."""
        self._fetched = None

    # -- requests ---------------------------------------------------------------------------------

    def submit(self, approved: Approved) -> BrokerOrder:
        self._rest()
        self._watch.on_send(approved.order)
        return self._carry(approved.order.client_order_id, partial(self.venue.submit, approved))

    def replace(
        self,
        client_order_id: str,
        *,
        qty: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail: Decimal | None = None,
        new_client_order_id: str | None = None,
    ) -> BrokerOrder:
        assert new_client_order_id, "a change has a name of ours"
        self._rest()
        self._watch.on_change(client_order_id, new_client_order_id, qty, limit_price)
        replace = partial(
            self.venue.replace,
            client_order_id,
            qty=qty,
            limit_price=limit_price,
            stop_price=stop_price,
            trail=trail,
            new_client_order_id=new_client_order_id,
        )
        return self._carry(new_client_order_id, replace)

    def _carry(self, name: str, arrive: Arrive) -> BrokerOrder:
        """Let a request of an order arrive, or not, or later; and its answer, or not."""
        self._sent_ns[name] = self._time.true_ns
        if self._is_silent():
            if self._dice.chance.random() < 0.5:
                self._watch.on_ended(name)
                raise NotSent("nobody listens")
            raise OutcomeUnknown(name, 10.0)
        if self._dice.hits("not_sent"):
            self._watch.on_ended(name)
            raise NotSent("connection refused")
        if self._dice.hits("refused"):
            self._watch.on_ended(name)
            raise Refused(42910000, "too many requests")
        if self._dice.hits("lost_before"):
            raise OutcomeUnknown(name, 10.0)
        if self._dice.hits("delayed"):
            due = self._time.true_ns + self._dice.within_ns(1, HORIZON_S)
            self.in_transit.append((due, arrive))
            raise OutcomeUnknown(name, 10.0)
        return self._arrive(name, arrive)

    def _arrive(self, name: str, arrive: Arrive) -> BrokerOrder:
        is_lost = self._dice.hits("lost_after")
        try:
            answer = arrive()
        except Refused:
            if is_lost:
                raise OutcomeUnknown(name, 10.0) from None
            self._watch.on_ended(name)
            raise
        if self._dice.hits("killed", 0.2):
            raise Killed("between an order and its answer")
        if is_lost:
            raise OutcomeUnknown(name, 10.0)
        self._watch.on_listed(answer)
        return answer

    def deliver(self) -> None:
        """Let requests arrive whose time has come; nobody waits for their answers any more."""
        due = [each for each in self.in_transit if each[0] <= self._time.true_ns]
        self.in_transit = [each for each in self.in_transit if each[0] > self._time.true_ns]
        for _, arrive in due:
            try:
                arrive()
            except Refused:
                continue

    def cancel(self, client_order_id: str) -> None:
        self._rest()
        if self._is_silent() or self._dice.hits("lost_before"):
            raise OutcomeUnknown(client_order_id, 10.0)
        if self._dice.hits("not_sent"):
            raise NotSent("connection refused")
        self.venue.cancel(client_order_id)
        if self._dice.hits("killed", 0.2):
            raise Killed("between a cancel and its answer")
        if self._dice.hits("lost_after"):
            raise OutcomeUnknown(client_order_id, 10.0)

    def _rest(self) -> None:
        """Stop an engine that answers itself for ever."""
        now = self._time.true_ns
        self._asked = self._asked + 1 if now == self._asked_at else 1
        self._asked_at = now
        assert self._asked < RESTLESS, "the engine does not come to rest"

    # -- reads ------------------------------------------------------------------------------------

    def account(self) -> AccountSnapshot:
        self._ask()
        return self.venue.account()

    def positions(self) -> Sequence[PositionSnapshot]:
        self._ask()
        self._stated, self._is_stated = self.venue.positions(), False
        return self._stated

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        self._ask()
        everything = self.venue.orders(is_open=is_open, after_ns=after_ns)
        listed = [one for one in everything if one.order.client_order_id not in self.untold]
        for broker_order in listed:
            self._watch.on_listed(broker_order)
        self._is_stated = True
        return listed

    def order(self, client_order_id: str) -> BrokerOrder | None:
        self._ask()
        found = self.venue.order(client_order_id)
        if found is None:
            return None
        sent_ns = self._sent_ns.get(client_order_id, 0)
        is_young = self._time.true_ns - sent_ns < LISTED_AFTER_S * SECOND_NS
        if is_young and self._dice.hits("stale_lookup", 3.0):
            return None
        self._watch.on_listed(found)
        return found

    def clock_ns(self) -> int | None:
        """Return the time of the world; asking for it is never what silences the venue."""
        if self._time.true_ns < self._silent_until and not self._dice.is_off:
            raise BrokerDown("nothing answers")
        return self._time.true_ns

    def activities(self, after: int = 0) -> Sequence[Activity]:
        self._ask()
        if self._stated is not None and self._is_stated:
            # The last of what a comparison asks; had it broken off before, nobody knew the list.
            self._watch.on_positions(self._stated)
            self._stated = None
        return self.venue.activities(after)

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        self._ask()
        self._stated = None
        if self._fetched is None:  # what is on its way stays so; the rest is sent once more
            self._on_the_way = [each for each in self._on_the_way if each[1].sequence <= after]
            self._fetched = after
        now = self._time.true_ns
        if self._dice.hits("stalled", 0.3):
            self._stalled_until = now + self._dice.within_ns(5, 120)
        for update in self.venue.updates(self._fetched):
            self._fetched = update.sequence
            due = now + self._dice.within_ns(1, 90) if self._dice.hits("late") else now
            self._on_the_way.append((due, update))
            if self._dice.hits("duplicate"):
                again = due + self._dice.within_ns(0, 30)
                self._on_the_way.append((again, update))
        if now < self._stalled_until and not self._dice.is_off:
            return ()
        told = [each for due, each in self._on_the_way if due <= now and self._is_told(each)]
        self._on_the_way = [each for each in self._on_the_way if each[0] > now]
        if self._dice.hits("reordered"):
            self._dice.chance.shuffle(told)
        for update in told:
            self._watch.on_told(update)
        return told

    def _is_told(self, update: TradeUpdate) -> bool:
        return update.broker_order.order.client_order_id not in self.untold

    def _ask(self) -> None:
        if self._is_silent():
            raise BrokerDown("nothing answers")

    def _is_silent(self) -> bool:
        if self._dice.is_off:
            return False
        self._fall_silent(0.1)
        return self._time.true_ns < self._silent_until

    def _fall_silent(self, scale: float) -> None:
        if self._time.true_ns >= self._silent_until and self._dice.hits("silent", scale):
            self._silent_until = self._time.true_ns + self._dice.within_ns(1, 90)
