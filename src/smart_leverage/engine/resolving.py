"""After a start, and whenever an answer stayed away: what became of orders that may exist."""

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.records import Noted, OrderMoved
from smart_leverage.engine.answering import on_broker_order
from smart_leverage.engine.core import Core, release
from smart_leverage.engine.events import LookedUp, Started

MISSES_MIN = 3
"""Look-ups that must find nothing before an order may count as absent."""


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
            _move(core, tracked.order.client_order_id, OrderState.UNKNOWN, "the process ended")
        elif tracked.state is OrderState.PENDING_CANCEL:
            core.out.cancels.append(tracked.order.client_order_id)
    for key in list(core.waiting):
        release(core, key)


def on_looked_up(core: Core, event: LookedUp) -> Key | None:
    """Adopt what was found; release what provably never arrived.

    One look-up that finds nothing proves nothing: the request may still be on its way. An order is
    absent once the horizon has passed and several look-ups found nothing.
    """
    tracked = core.state.orders.by_id.get(event.client_order_id)
    if tracked is None:
        return None
    if event.broker_order is not None:
        if tracked.state is OrderState.PENDING_CANCEL and event.broker_order.is_open:
            core.out.cancels.append(event.client_order_id)  # the first request got lost
        return on_broker_order(core, event.broker_order)
    if tracked.broker_order_id or tracked.state is OrderState.INTENT:
        return None  # the broker named it once, or it waits here and was not sent yet
    tracked.misses += 1
    horizon_ns = int(core.config.absent_after_s * SECOND_NS)
    waited_ns = core.now_ns - max(tracked.intended_ns, core.started_ns)
    if tracked.misses < MISSES_MIN or waited_ns < horizon_ns:
        return None
    _move(core, event.client_order_id, OrderState.ABSENT, "never arrived at the broker")
    return tracked.order.key


def _move(core: Core, client_order_id: str, state: OrderState, why: str) -> None:
    tracked = core.state.orders.by_id[client_order_id]
    core.record(
        OrderMoved(
            at_ns=core.now_ns,
            client_order_id=client_order_id,
            state=state,
            status="",
            filled_qty=tracked.filled,
            reason=why,
        )
    )
