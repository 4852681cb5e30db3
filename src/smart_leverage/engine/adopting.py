"""An order of ours that somebody else changed: what came in its place is ours as well."""

from decimal import Decimal

import msgspec

from smart_leverage.domain.orders import BrokerOrder, OrderState
from smart_leverage.domain.records import Intended, Noted
from smart_leverage.engine.core import Core, blockers, cancel, move
from smart_leverage.engine.proof import holds
from smart_leverage.engine.tracked import Tracked
from smart_leverage.policy.reasons import Reason, TradingState

ZERO = Decimal(0)

STRANGERS_KEPT = 1_000
"""How many changes by somebody else of orders that we do not know stay in memory."""


def adopt(core: Core, broker_order: BrokerOrder) -> bool:
    """Track an order that we do not know, if it came in the place of one of ours.

    It belongs to the same bot, is reserved and counted. While the order before it may still have
    fills to tell, both count whole: the venue has taken those fills off this quantity already.

    Returns:
        Whether it was adopted; an order that we know is none to adopt.
    """
    orders, order = core.state.orders, broker_order.order
    if orders.find(order.client_order_id) is not None:
        return False
    if adopt_exit(core, broker_order):
        return True
    before = orders.named(broker_order.replaces or "")
    if before is None:
        return False
    limit = order.limit_price or order.stop_price or before.reserve_price
    if order.trails:  # where its stop stands is told, as of our own ones, by who adopts it
        order = msgspec.structs.replace(order, stop_price=None)
    core.record(
        Intended(
            at_ns=core.now_ns,
            order=msgspec.structs.replace(order, bot=before.order.bot, role=before.order.role),
            decision_id=before.decision_id,
            reserve_price=limit,
            replaces=before.order.client_order_id,
            is_foreign=True,
        )
    )
    move(
        core,
        order.client_order_id,
        OrderState.OPEN,
        status=broker_order.status,
        filled=broker_order.filled_qty,
        broker_order_id=broker_order.broker_order_id,
    )
    tracked = orders.by_id[order.client_order_id]
    _report(core, tracked, before)
    if _is_unwanted(core, tracked, before):
        cancel(core, tracked, "nothing like it may rest there now")
    if before.replaced_at is not None and not before.state.is_final:
        give_way(core, before, before.replaced_at)
    return True


def adopt_exit(core: Core, broker_order: BrokerOrder) -> bool:
    """Track an exit that the venue made for an order of a bot: it belongs to the same bot."""
    entry = core.state.orders.named(broker_order.parent_id or "")
    if entry is None or entry.is_of_house:
        return False
    order = msgspec.structs.replace(
        broker_order.order, bot=entry.order.bot, role=entry.order.role, is_resting=True
    )
    core.record(
        Intended(
            at_ns=core.now_ns,
            order=order,
            decision_id=entry.decision_id,
            reserve_price=ZERO,
            is_foreign=True,
            parent=entry.order.client_order_id,
        )
    )
    move(
        core,
        order.client_order_id,
        OrderState.OPEN,
        status=broker_order.status,
        filled=broker_order.filled_qty,
        broker_order_id=broker_order.broker_order_id,
    )
    return True


def remember(core: Core, broker_order: BrokerOrder) -> None:
    """Keep an order of somebody else in mind: the one before it may turn out to be ours."""
    if broker_order.replaces:
        core.strangers[broker_order.replaces] = broker_order
    if len(core.strangers) > STRANGERS_KEPT:
        del core.strangers[next(iter(core.strangers))]


def give_way(core: Core, before: Tracked, filled: Decimal) -> None:
    """End an order whose successor is known; `filled` is what it had filled by then.

    What of that was not told yet stays reserved with it, as its successor may be gone by then.
    """
    is_told = before.filled >= filled
    state = OrderState.REPLACED if is_told else OrderState.PENDING_CANCEL
    if state is not before.state:
        move(core, before.order.client_order_id, state, status="replaced", filled=filled)


def _report(core: Core, tracked: Tracked, before: Tracked) -> None:
    """Say what somebody else did, and which cap it may break."""
    order = tracked.order
    text = (
        f"{order.side} {order.qty} {order.key} came in the place of "
        f"{before.order.client_order_id}, changed by somebody else: {order.client_order_id}"
    )
    if tracked.is_buy:
        caps = {order.key: core.caps.of_symbol(core.instrument(order.key))}
        reason = holds(core.worst(), core.caps, caps)
        if reason is not Reason.NONE:
            text += f"; it does not fit: {reason.name.lower()}"
    core.record(Noted(at_ns=core.now_ns, code="order.external", text=text))


def _is_unwanted(core: Core, tracked: Tracked, before: Tracked) -> bool:
    """Tell whether it has to go as the order before it had to, or adds where nothing may."""
    if before.state is OrderState.PENDING_CANCEL:
        return True
    waiting = core.waiting.get(tracked.order.key, ())
    if any(tracked in blockers(core, one.order) for one in waiting):
        return True
    return tracked.is_buy and core.state.trading is not TradingState.ACTIVE
