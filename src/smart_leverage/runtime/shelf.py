"""Every bot's orders as it sees them: a fold of the journal's records, kept beside the engine."""

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from smart_leverage.domain.opportunity import WishTerms, terms_of
from smart_leverage.domain.orders import Fill, Order, OrderClass, OrderState
from smart_leverage.domain.records import (
    CancelIntended,
    Decided,
    Filled,
    FillRevised,
    Intended,
    OrderMoved,
    OrderTrailed,
    Record,
)
from smart_leverage.domain.seen import Seen

KEPT = 20_000
"""So many orders, and so many fills, of one bot stay in memory; the journal keeps them all."""

_NAMES = uuid.UUID("6f9b3bb8-0a1c-5d0e-9c43-2f6c0a8e51d7")

ZERO = Decimal(0)

_LEGS = {OrderClass.SIMPLE: 0, OrderClass.OCO: 1, OrderClass.OTO: 1, OrderClass.BRACKET: 2}
"""How many exits an order of each class brings along; of a pair one is the order itself."""


def wire_id(name: str) -> str:
    """Return the id under which something is known on the wire; it is there before a broker's."""
    return str(uuid.uuid5(_NAMES, name))


class Shelved:
    """One order; `terms` are what its bot asked for, None where it was not asked by the wire."""

    __slots__ = (
        "broker_code",
        "created_ns",
        "ended_ns",
        "filled",
        "filled_ns",
        "hwm",
        "id",
        "legs",
        "order",
        "paid",
        "parent",
        "reason",
        "replaced_by",
        "replaces",
        "request",
        "state",
        "status",
        "stop_price",
        "submitted_ns",
        "terms",
        "updated_ns",
    )

    def __init__(self, record: Intended, request: str, terms: WishTerms | None) -> None:
        self.order: Order = record.order
        self.id = wire_id(record.order.client_order_id)
        self.request = request
        self.terms = terms
        self.state = OrderState.INTENT
        self.status = ""
        self.reason = ""
        self.broker_code = 0
        self.filled = self.paid = ZERO
        self.hwm: Decimal | None = None
        self.stop_price = record.order.stop_price
        self.created_ns = self.updated_ns = self.submitted_ns = record.at_ns
        self.filled_ns: int | None = None
        self.ended_ns: int | None = None
        self.parent: Shelved | None = None
        self.legs: list[Shelved] = []
        self.replaces: Shelved | None = None
        self.replaced_by: Shelved | None = None

    def __copy__(self) -> "Shelved":
        """Return it as it is now; one is taken for every word of the streams."""
        twin = object.__new__(Shelved)
        for put, value in zip(_PUT, _ALL(self), strict=True):
            put(twin, value)
        return twin

    @property
    def bot(self) -> str:
        """Whose it is."""
        return self.order.bot

    @property
    def is_known(self) -> bool:
        """Whether the broker has said something of it, or nothing of it will ever leave."""
        return bool(self.filled) or self.state not in (OrderState.INTENT, OrderState.UNKNOWN)

    @property
    def is_told(self) -> bool:
        """Whether the broker has said something of it and of every exit that it brings along."""
        if not self.is_known or (self.state.is_final and not self.filled):
            return self.is_known
        if self.terms is None or self.parent is not None or self.replaces is not None:
            return True  # nothing is brought along, or it was by the order before
        return sum(leg.is_known for leg in self.legs) >= _LEGS[self.terms.order_class]

    @property
    def is_whole(self) -> bool:
        """Whether all of it was filled, also while the broker's last word is still to come."""
        return self.filled >= self.order.qty

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state.is_final or self.is_whole

    @property
    def average_price(self) -> Decimal | None:
        """What was paid for a unit so far, weighted by quantity."""
        return self.paid / self.filled if self.filled else None


_ALL = attrgetter(*Shelved.__slots__)
_PUT = [getattr(Shelved, name).__set__ for name in Shelved.__slots__]


class Told(NamedTuple):
    """Something that the stream of a bot says: the wire's word, and the order as it was then.

    `fill` is the execution that it is about, `revises` that which it takes back or corrects.
    """

    event: str
    order: Shelved
    at_ns: int
    fill: Fill | None = None
    revises: str = ""


class Executed(NamedTuple):
    """An execution of a bot's order, or what the broker said of one afterwards.

    `filled` is what its order had filled then. `event` is the wire's word for what happened at
    `at_ns` to the execution `revises`: `fill` is what that was, or what it is since, and `fee_back`
    what came back of its fee in coins.
    """

    fill: Fill
    order: Shelved
    filled: Decimal
    at_ns: int
    event: str = ""
    revises: str = ""
    fee_back: Decimal = ZERO


class Shelf:
    """All bots' orders and fills; house orders are not on it. For the trading thread only.

    It hears records as soon as they are decided. Whoever waits for the broker's first word on an
    order is called at once; what the streams tell is kept until somebody takes it, once durable.
    """

    def __init__(self) -> None:
        self._is_recalling = False
        self.gaps = 0
        """How often it was made anew, so that what was kept to be told may be missing."""
        self._clear()

    @contextmanager
    def recalling(self) -> Iterator[None]:
        """Forget everything, and hear the journal from its beginning; no stream tells of that."""
        self._clear()
        self.gaps += 1
        self._is_recalling = True
        try:
            yield
        finally:
            self._is_recalling = False

    def _clear(self) -> None:
        self._by_id: dict[str, Shelved] = {}
        self._ours: dict[str, Shelved] = {}
        self._by_request: dict[tuple[str, str], Shelved] = {}
        self._of: dict[str, dict[str, Shelved]] = {}
        self._fills: dict[str, deque[Executed]] = {}
        self._asked: dict[str, Decided] = {}
        self._counted = Seen()
        self._told: list[Told] = []
        self._waiting: dict[str, list[Callable[[Shelved], None]]] = {}

    # -- hearing ----------------------------------------------------------------------------------

    def hear(self, record: Record) -> None:
        """Take in one record; what does not concern a bot's order is passed over."""
        kind = type(record)
        if kind is Decided:
            self._decided(record)  # type: ignore[arg-type]
        elif kind is Intended:
            self._intended(record)  # type: ignore[arg-type]
        elif kind is OrderMoved:
            self._moved(record)  # type: ignore[arg-type]
        elif kind is Filled:
            self._filled(record)  # type: ignore[arg-type]
        elif kind is FillRevised:
            self._revised(record)  # type: ignore[arg-type]
        elif kind is OrderTrailed:
            self._trailed(record)  # type: ignore[arg-type]
        elif kind is CancelIntended:
            self._cancelling(record)  # type: ignore[arg-type]

    def _decided(self, record: Decided) -> None:
        if record.request and record.given > 0:
            self._asked[record.decision_id] = record

    def _intended(self, record: Intended) -> None:
        order = record.order
        if order.role.is_house:
            return
        decided = self._asked.pop(record.decision_id, None)
        request = order.client_order_id if decided is None else decided.request
        before = self._ours.get(record.replaces)
        terms = None if decided is None else terms_of(decided.body)
        if terms is None and before is not None:
            terms = before.terms
        shelved = Shelved(record, request, terms)
        if before is not None:
            shelved.replaces = before
            before.replaced_by = shelved
        parent = self._ours.get(record.parent)
        if parent is not None:
            shelved.parent = parent
            parent.legs.append(shelved)
        self._put(shelved)
        if before is not None and before.state is OrderState.OPEN:
            before.state = OrderState.PENDING_REPLACE

    def _put(self, shelved: Shelved) -> None:
        self._by_id[shelved.id] = shelved
        self._ours[shelved.order.client_order_id] = shelved
        self._by_request[shelved.bot, shelved.request] = shelved
        own = self._of.setdefault(shelved.bot, {})
        own[shelved.id] = shelved
        if len(own) > KEPT:
            self._forget_one(own)

    def _forget_one(self, own: dict[str, Shelved]) -> None:
        oldest = next((one for one in own.values() if one.is_final), None)
        if oldest is None:
            return
        del own[oldest.id], self._by_id[oldest.id], self._ours[oldest.order.client_order_id]
        self._by_request.pop((oldest.bot, oldest.request), None)

    def _moved(self, record: OrderMoved) -> None:
        shelved = self._ours.get(record.client_order_id)
        if shelved is None or shelved.is_final:
            return  # what has ended stays as it ended
        before, was_known = shelved.state, shelved.is_known
        wakes = shelved.status == "held" and record.status == "new"
        shelved.state = record.state
        shelved.status = record.status or shelved.status
        shelved.reason = record.reason or shelved.reason
        shelved.broker_code = record.broker_code
        shelved.updated_ns = record.at_ns
        if record.state.is_final:
            shelved.ended_ns = record.at_ns
            if not record.broker_order_id and shelved.replaces is not None:
                self._stays(shelved.replaces)
        event = "new" if wakes else _event(before, record, was_known=was_known)
        if event:
            self._tell(event, shelved, record.at_ns)
        self._tell_waiting(shelved)

    def _tell_waiting(self, shelved: Shelved) -> None:
        for one in (shelved, shelved.parent):
            if one is not None and one.is_told:
                for call in self._waiting.pop(one.order.client_order_id, ()):
                    call(one)

    def _stays(self, before: Shelved) -> None:
        """What was to come in the place of an order never reached the broker."""
        if before.state is OrderState.PENDING_REPLACE:
            before.state = OrderState.OPEN

    def _filled(self, record: Filled) -> None:
        fill = record.fill
        shelved = self._ours.get(fill.client_order_id)
        if shelved is None or self._counted.has(fill.execution_id):
            return
        self._counted.add(fill.execution_id)
        shelved.filled += fill.qty
        shelved.paid += fill.qty * fill.price
        shelved.updated_ns = shelved.filled_ns = fill.at_ns
        self._keep(Executed(fill, shelved, shelved.filled, fill.at_ns))
        event = "fill" if shelved.is_whole else "partial_fill"
        self._tell(event, shelved, fill.at_ns, fill)
        self._tell_waiting(shelved)  # no word of its own has to come before or after it

    def _keep(self, executed: Executed) -> None:
        fills = self._fills.setdefault(executed.order.bot, deque(maxlen=KEPT))
        fills.append(executed)

    def _revised(self, record: FillRevised) -> None:
        """Tell that an execution was taken back or corrected; what had ended stays ended."""
        before, after = record.before, record.after
        shelved = self._ours.get(before.client_order_id)
        if shelved is None:
            return
        if shelved.is_whole and not shelved.state.is_final:
            shelved.state, shelved.ended_ns = OrderState.FILLED, shelved.filled_ns
        shelved.filled -= before.qty
        shelved.paid -= before.qty * before.price
        if after is not None:
            self._counted.add(after.execution_id)
            shelved.filled += after.qty
            shelved.paid += after.qty * after.price
        shelved.updated_ns = record.at_ns
        event = "trade_bust" if after is None else "trade_correct"
        fill, name = after or before, before.execution_id
        back = _coins(before) - (ZERO if after is None else _coins(after))
        self._keep(Executed(fill, shelved, shelved.filled, record.at_ns, event, name, back))
        self._tell(event, shelved, record.at_ns, fill, name)

    def _trailed(self, record: OrderTrailed) -> None:
        """Note where a trailing stop stands; as at the venue, the stream says nothing of it."""
        shelved = self._ours.get(record.client_order_id)
        if shelved is not None and not shelved.is_final:
            shelved.hwm, shelved.stop_price = record.hwm, record.stop_price
            shelved.updated_ns = record.at_ns

    def _cancelling(self, record: CancelIntended) -> None:
        shelved = self._ours.get(record.client_order_id)
        if shelved is not None and not shelved.is_final:
            shelved.state = OrderState.PENDING_CANCEL
            shelved.updated_ns = record.at_ns
            self._tell("pending_cancel", shelved, record.at_ns)

    # -- telling ----------------------------------------------------------------------------------

    def _tell(
        self, event: str, shelved: Shelved, at_ns: int, fill: Fill | None = None, revises: str = ""
    ) -> None:
        if not self._is_recalling:
            self._told.append(Told(event, copy(shelved), at_ns, fill, revises))

    def when_told(self, client_order_id: str, call: Callable[[Shelved], None]) -> None:
        """Call with an order once the broker has told of it and its exits; at once if it has."""
        shelved = self._ours[client_order_id]
        if shelved.is_told:
            call(shelved)
        else:
            self._waiting.setdefault(client_order_id, []).append(call)

    def take_told(self) -> list[Told]:
        """Return what the streams have to say since the last call; for when it is durable."""
        told, self._told = self._told, []
        return told

    # -- looking ----------------------------------------------------------------------------------

    def by_id(self, bot: str, order_id: str) -> Shelved | None:
        """Return a bot's order by the id that it has on the wire."""
        shelved = self._by_id.get(order_id)
        return shelved if shelved is not None and shelved.bot == bot else None

    def by_request(self, bot: str, request: str) -> Shelved | None:
        """Return a bot's order by the bot's own name for it."""
        return self._by_request.get((bot, request))

    def orders(self, bot: str) -> Iterator[Shelved]:
        """Yield a bot's orders, newest first."""
        return reversed(self._of.get(bot, {}).values())

    def open_orders(self, bot: str) -> list[Shelved]:
        """Return a bot's orders that may still fill, newest first."""
        return [one for one in self.orders(bot) if not one.is_final]

    def fills(self, bot: str) -> Iterator[Executed]:
        """Yield a bot's executions and what was said of them afterwards, newest first."""
        return reversed(self._fills.get(bot, deque()))


def _coins(fill: Fill) -> Decimal:
    return ZERO if fill.fee_asset == "USD" else fill.fee


def _event(before: OrderState, record: OrderMoved, *, was_known: bool) -> str:
    """Return the word of the stream for a move, empty where it says nothing new."""
    state = record.state
    if state is OrderState.OPEN:
        if record.status in ("accepted", "held"):
            return "" if was_known or record.status == "held" else record.status
        return "" if before is OrderState.OPEN and was_known else "new"
    if state is OrderState.FILLED or state is before:
        return ""  # its fills have told it
    return {
        OrderState.CANCELED: "canceled",
        OrderState.EXPIRED: "expired",
        OrderState.REJECTED: "rejected",
        OrderState.ABSENT: "rejected",
        OrderState.REPLACED: "replaced",
        OrderState.PENDING_REPLACE: "pending_replace",
        OrderState.PENDING_CANCEL: "" if before is OrderState.PENDING_CANCEL else "pending_cancel",
    }.get(state, "")
