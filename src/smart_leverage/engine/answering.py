"""What the broker says changes what we know of an order, and nothing else does."""

from decimal import Decimal

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import BrokerOrder, OrderState, TradeUpdate
from smart_leverage.domain.records import Filled, OrderTrailed
from smart_leverage.engine.adopting import adopt, give_way, is_news, remember
from smart_leverage.engine.core import Core, move
from smart_leverage.engine.events import Answered, CancelAnswered, Verdict
from smart_leverage.engine.income import expect_fee
from smart_leverage.engine.revising import heed_again, heed_revision
from smart_leverage.engine.state import HELD
from smart_leverage.engine.tracked import Tracked

_STATES = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "replaced": OrderState.REPLACED,
    "rejected": OrderState.REJECTED,
    "pending_cancel": OrderState.PENDING_CANCEL,
    "pending_replace": OrderState.PENDING_REPLACE,
}
ZERO = Decimal(0)
MISSES_MIN = 3
"""Look-ups that must find nothing before it may count as absent."""

_UNDECIDED = frozenset({OrderState.OPEN, OrderState.PENDING_REPLACE})


def on_answer(core: Core, event: Answered) -> Key | None:
    """Take in what a submission's answer proves."""
    tracked = core.state.orders.by_id.get(event.client_order_id)
    if tracked is None:
        return None
    tracked.is_under_way = False
    if event.verdict is Verdict.ACCEPTED and event.broker_order is not None:
        key = on_broker_order(core, event.broker_order)
        for leg in event.broker_order.legs:
            adopt(core, leg)
        return key
    state = {
        Verdict.REFUSED: OrderState.REJECTED,
        Verdict.NOT_SENT: OrderState.CANCELED,
    }.get(event.verdict, OrderState.UNKNOWN)
    if tracked.is_resent:  # what became of the first attempt is as open as before
        state = OrderState.UNKNOWN
        tracked.is_resent = event.verdict is not Verdict.NOT_SENT
    code = event.broker_code if state is OrderState.REJECTED else 0
    move(core, event.client_order_id, state, reason=event.reason, broker_code=code)
    return tracked.order.key


def on_cancel_answer(core: Core, event: CancelAnswered) -> Key | None:
    """A refused cancel means that the order ended otherwise: take its last word."""
    if event.broker_order is None:
        return None
    return on_broker_order(core, event.broker_order)


def on_update(core: Core, update: TradeUpdate) -> Key | None:
    """Take in one message of the stream; a fill counts once however often it is told.

    Returns:
        The instrument in which something may follow, None if nothing new was said.
    """
    if _says_nothing_new(core, update):
        return None
    broker_order = update.broker_order
    if update.revises:
        heed_revision(core, update)
        on_broker_order(core, broker_order, update.sequence)
        return broker_order.order.key
    client_order_id = broker_order.order.client_order_id
    is_known = core.state.orders.find(client_order_id) is not None
    if not is_known and not adopt(core, broker_order, update.fill):
        remember(core, broker_order)  # it has ended, and moved nothing that is not counted
        return None
    _heed_trail(core, broker_order)  # before the fill: whoever is told of that sees the stop it met
    if update.fill is not None and is_news(core, update.fill):
        core.record(Filled(at_ns=core.now_ns, fill=update.fill, sequence=update.sequence))
        if core.config.fees_come_later:
            expect_fee(core, update.fill)
        heed_again(core, update.fill.key)
    on_broker_order(core, broker_order, update.sequence)
    _end_if_complete(core, client_order_id)
    return broker_order.order.key


def _says_nothing_new(core: Core, update: TradeUpdate) -> bool:
    """Tell whether a message only repeats what an answer said before: that an order works."""
    broker_order = update.broker_order
    tracked = core.state.orders.by_id.get(broker_order.order.client_order_id)
    if tracked is None or tracked.state is not OrderState.OPEN or tracked.was_held:
        return False
    if update.fill is not None or update.revises or tracked.order.trails or tracked.replaces:
        return False
    is_same = broker_order.broker_order_id == tracked.broker_order_id
    return is_same and broker_order.status == "new" and not core.strangers


def _end_if_complete(core: Core, client_order_id: str) -> None:
    """End an order whose last word came before its last executions: nothing is left to wait for."""
    tracked = core.state.orders.by_id.get(client_order_id)
    word = None if tracked is None else tracked.last_word
    if tracked is not None and word is not None and tracked.filled >= word.filled_qty:
        on_broker_order(core, word)


def on_broker_order(core: Core, broker_order: BrokerOrder, sequence: int = 0) -> Key | None:
    """Take in the broker's view of one of our orders; an unlisted status counts as open."""
    order = broker_order.order
    tracked = core.state.orders.by_id.get(order.client_order_id)
    if tracked is None:
        return None
    _heed_trail(core, broker_order)
    state = _STATES.get(broker_order.status, OrderState.OPEN)
    if state in _UNDECIDED and _is_awaited(core, tracked):
        return order.key  # our cancel or change is under way; only a final word changes that
    if state is OrderState.REPLACED and _is_successor_missing(core, tracked, broker_order):
        is_ours = tracked.state is OrderState.PENDING_CANCEL
        state = OrderState.PENDING_CANCEL if is_ours else OrderState.PENDING_REPLACE
    told = order.qty if state is OrderState.FILLED else broker_order.filled_qty + tracked.undone
    if state.is_final and tracked.filled < told:
        # It has ended, but executions are still to come: until they are here it stays reserved and
        # is looked up again whenever the lists are compared.
        state, tracked.last_word = OrderState.PENDING_CANCEL, broker_order
    is_news = broker_order.status == "replaced" and tracked.replaced_at is None
    is_news = is_news or (tracked.was_held and broker_order.status != HELD)
    if state is not tracked.state or not tracked.broker_order_id or is_news:
        move(
            core,
            order.client_order_id,
            state,
            status=broker_order.status,
            filled=broker_order.filled_qty,
            broker_order_id=broker_order.broker_order_id,
            sequence=sequence,
        )
        tracked.misses = 0
    before = core.state.orders.before(tracked)
    if before is not None and broker_order.replaces == before.broker_order_id:
        # What the venue took off the new quantity, the order before had filled by then; off that of
        # an exit it takes as well what the other one fills, and what their entry buys less.
        less = max(tracked.order.qty - order.qty, Decimal(0)) if tracked.exits is None else ZERO
        give_way(core, before, before.filled - tracked.taken + less)
    stranger = core.strangers.pop(broker_order.broker_order_id, None)
    if stranger is not None and adopt(core, stranger):
        on_broker_order(core, stranger)
    return order.key


def _heed_trail(core: Core, broker_order: BrokerOrder) -> None:
    """Journal where the broker has a trailing stop; what comes late moves nothing back."""
    order, hwm, stop = broker_order.order, broker_order.hwm, broker_order.order.stop_price
    tracked = core.state.orders.by_id.get(order.client_order_id)
    if tracked is None or not tracked.order.trails or hwm is None or stop is None:
        return
    known = tracked.hwm
    if known is None or (hwm < known if tracked.is_buy else hwm > known):
        core.record(
            OrderTrailed(
                at_ns=core.now_ns,
                client_order_id=order.client_order_id,
                hwm=hwm,
                stop_price=stop,
            )
        )


def _is_awaited(core: Core, tracked: Tracked) -> bool:
    """Tell whether an order that is open is about to end by our own doing."""
    if tracked.state is OrderState.PENDING_REPLACE:
        return core.state.orders.after(tracked) is not None or tracked.replaced_at is not None
    return tracked.state is OrderState.PENDING_CANCEL


def _is_successor_missing(core: Core, tracked: Tracked, broker_order: BrokerOrder) -> bool:
    """Tell whether an order gave way to one that we do not know: it carries the reservation still.

    Stream and list will tell of that one, unless both have been silent for several look-ups.
    """
    successor = broker_order.replaced_by
    is_known = not successor or core.state.orders.named(successor) is not None
    return not is_known and tracked.misses < MISSES_MIN
