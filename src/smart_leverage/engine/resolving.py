"""After a start, and whenever an answer stayed away: what became of orders that may exist."""

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, OrderState, Role
from smart_leverage.domain.records import Noted
from smart_leverage.engine.answering import MISSES_MIN, on_broker_order
from smart_leverage.engine.core import (
    Core,
    blockers,
    cancel,
    has_aged,
    move,
)
from smart_leverage.engine.events import LookedUp, Started
from smart_leverage.engine.releasing import may_still_leave, release
from smart_leverage.engine.tracked import Tracked


def on_started(core: Core, event: Started) -> None:
    """Count every intent without a result as unknown, and repeat the cancels under way.

    Whether the bytes left before the last process ended cannot be known, so the reservation stays
    until the broker has been asked. What is known not to have left may do so now. A cancel is
    harmless twice.
    """
    unsent = {approved.order.client_order_id: approved for approved in event.unsent}
    under_way = list(core.state.orders.by_id.values())
    text = f"started on a ledger with a past, {len(under_way)} orders under way"
    core.record(Noted(at_ns=core.now_ns, code="process.started", text=text))
    for tracked in under_way:
        if tracked.order.client_order_id in unsent:
            waits = core.waiting.setdefault(tracked.order.key, [])
            waits.append(unsent[tracked.order.client_order_id])
        elif tracked.state is OrderState.INTENT:
            _resolve(core, tracked, OrderState.UNKNOWN, "the process ended")
        elif tracked.state is OrderState.PENDING_CANCEL:
            core.out.cancels.append(tracked.order.client_order_id)
    for key in list(core.waiting):
        release(core, key)


def on_looked_up(core: Core, event: LookedUp) -> Key | None:
    """Adopt what was found; release what provably never arrived.

    One look-up that finds nothing proves nothing: the request may still be on its way. An order is
    absent once the horizon has passed since the last attempt ended and several look-ups found
    nothing; an attempt that may wait for its turn yet has not ended.
    """
    tracked = core.state.orders.by_id.get(event.client_order_id)
    if tracked is None:
        return None
    if event.broker_order is not None:
        if tracked.state is OrderState.PENDING_CANCEL and event.broker_order.is_open:
            core.out.cancels.append(event.client_order_id)  # the first request got lost
        tracked.misses += event.broker_order.status == "replaced"
        return on_broker_order(core, event.broker_order)
    if tracked.broker_order_id or tracked.state is OrderState.INTENT or tracked.is_under_way:
        return None  # the broker named it once, or it waits here and was not sent yet
    tracked.misses += 1
    horizon_ns = int(core.config.absent_after_s * SECOND_NS)
    waited_ns = core.now_ns - max(tracked.sent_ns, core.started_ns)
    if tracked.misses < MISSES_MIN or waited_ns < horizon_ns:
        return None
    _resolve(core, tracked, OrderState.ABSENT, "never arrived at the broker")
    return tracked.order.key


def send_again(core: Core, key: Key | None = None) -> None:
    """Send what the broker does not list once more, under its own id, if it is still wanted.

    A broker that rejects repeated ids holds at most one of the two, whichever comes first. Each
    process does so once for an order, in the order in which they were intended; what rests in its
    way is cancelled first.
    """
    if not (core.is_ready and core.config.may_resend):
        return
    orders = core.state.orders
    if not orders.unknown:
        return
    for tracked in list(orders.by_id.values()) if key is None else orders.of(key):
        if tracked.replaces:
            continue  # that its id is taken would not say what became of the order before
        if not _is_lost(tracked) or tracked.is_resent or not _is_wanted(core, tracked):
            continue
        in_the_way = [one for one in blockers(core, tracked.order) if not _is_lost(one)]
        if in_the_way:
            for one in in_the_way:
                cancel(core, one, f"makes way for {tracked.order.client_order_id}")
            continue
        tracked.is_resent = tracked.is_under_way = True
        _resolve(core, tracked, OrderState.INTENT, "sent again: the broker does not list it")
        core.out.sends.append(Approved(tracked.order, tracked.decision_id))


def _is_lost(tracked: Tracked) -> bool:
    """Tell whether the broker was asked for an order of unknown outcome and does not list it."""
    return tracked.state is OrderState.UNKNOWN and tracked.misses > 0


def _is_wanted(core: Core, tracked: Tracked) -> bool:
    """Tell whether an order would still be sent now."""
    order = tracked.order
    if tracked.is_buy:
        is_late = has_aged(core, tracked) and not order.is_resting
        return not is_late and may_still_leave(core, order)
    if order.role is not Role.STOP:
        return core.sellable(order.key) >= 0
    if core.state.orders.stops(order.key) != [tracked]:
        return False  # another one rests there, or may
    mark = core.ladder.mark(order.key)
    is_above = mark is not None and order.stop_price is not None and mark > order.stop_price
    return is_above and core.sellable(order.key) >= order.qty


def _resolve(core: Core, tracked: Tracked, state: OrderState, why: str) -> None:
    move(core, tracked.order.client_order_id, state, filled=tracked.filled, reason=why)
