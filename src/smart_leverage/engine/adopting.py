"""Orders that did not come through us: in the place of ours, as exits of ours, or of strangers."""

from decimal import Decimal

import msgspec

from smart_leverage.domain.orders import EXTERNAL, BrokerOrder, Fill, OrderState
from smart_leverage.domain.records import Intended, Noted
from smart_leverage.engine.core import Core, blockers, cancel, move
from smart_leverage.engine.proof import over_cap
from smart_leverage.engine.tracked import Tracked
from smart_leverage.policy.reasons import Reason, TradingState

ZERO = Decimal(0)


def adopt(core: Core, broker_order: BrokerOrder, fill: Fill | None = None) -> bool:
    """Track an order that we do not know: it is reserved and counted like any other.

    What came in the place of one of ours belongs to the same bot. While the order before it may
    still have fills to tell, both count whole: the venue has taken those fills off this quantity
    already. What nobody here knows belongs to `external`.

    Args:
        core: The account.
        broker_order: As the broker shows it.
        fill: The execution that was told with it.

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
        return _adopt_stranger(core, broker_order, fill)
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


def _adopt_stranger(core: Core, broker_order: BrokerOrder, fill: Fill | None) -> bool:
    """Track an order of somebody outside that may still fill, or that has just done so."""
    opened, order = core.state.opened, broker_order.order
    assert opened is not None, "nothing is told before the opening"  # noqa: S101
    if fill is not None and not is_news(core, fill):
        fill = None
    if order.key not in core.state.instruments or not (broker_order.is_open or fill):
        return False
    if broker_order.replaces and any(
        not one.broker_order_id for one in core.state.orders.of(order.key)
    ):
        return False  # the one before it may turn out to be ours: its answer is on the way
    before = ZERO
    if broker_order.submitted_at_ns <= opened.broker_ns:
        before = broker_order.filled_qty - (ZERO if fill is None else fill.qty)
    core.record(
        Intended(
            at_ns=core.now_ns,
            order=msgspec.structs.replace(order, bot=EXTERNAL),
            decision_id="",
            reserve_price=_dearest(core, broker_order, fill),
            is_foreign=True,
            filled_before=max(before, ZERO),
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
    tracked = core.state.orders.by_id[order.client_order_id]
    text = f"{order.side} {order.qty} {order.key} did not come through us: {order.client_order_id}"
    _note(core, text + _misfit(core, tracked))
    return True


def is_news(core: Core, fill: Fill) -> bool:
    """Tell whether the books have an execution neither by its id nor since the opening."""
    opened = core.state.opened
    is_since = opened is None or fill.at_ns > opened.broker_ns
    return is_since and not core.state.book.is_counted(fill.execution_id)


def _dearest(core: Core, broker_order: BrokerOrder, fill: Fill | None) -> Decimal:
    """Return the most that a unit of somebody's order is expected to cost."""
    order = broker_order.order
    if order.limit_price is not None:
        return order.limit_price
    mark = core.ladder.mark(order.key)
    known = (order.stop_price, mark, None if fill is None else fill.price)
    prices = [price for price in known if price is not None]
    price = max(prices, default=core.instrument(order.key).reference_price)
    return price * (1 + core.config.collar)


def remember(core: Core, broker_order: BrokerOrder) -> None:
    """Keep an order of somebody else in mind: the one before it may turn out to be ours."""
    if broker_order.replaces:
        core.strangers[broker_order.replaces] = broker_order


def give_way(core: Core, before: Tracked, filled: Decimal) -> None:
    """End an order whose successor is known; `filled` is what it had filled by then.

    What of that was not told yet stays reserved with it, as its successor may be gone by then.
    """
    is_told = before.filled >= filled
    state = OrderState.REPLACED if is_told else OrderState.PENDING_CANCEL
    if state is not before.state:
        move(core, before.order.client_order_id, state, status="replaced", filled=filled)


def _report(core: Core, tracked: Tracked, before: Tracked) -> None:
    """Say what somebody else did to an order of ours, and which cap it may break."""
    order = tracked.order
    text = (
        f"{order.side} {order.qty} {order.key} came in the place of "
        f"{before.order.client_order_id}, changed by somebody else: {order.client_order_id}"
    )
    _note(core, text + _misfit(core, tracked))


def _misfit(core: Core, tracked: Tracked) -> str:
    """Return which cap an order breaks that nobody asked us about, in words."""
    if not tracked.is_buy:
        return ""
    reason = over_cap(core.instrument(tracked.order.key), core.worst(), core.caps)
    return "" if reason is Reason.NONE else f"; it does not fit: {reason.name.lower()}"


def _note(core: Core, text: str) -> None:
    core.record(Noted(at_ns=core.now_ns, code="order.external", text=text))


def _is_unwanted(core: Core, tracked: Tracked, before: Tracked) -> bool:
    """Tell whether it has to go as the order before it had to, or adds where nothing may."""
    if before.state is OrderState.PENDING_CANCEL:
        return True
    waiting = core.waiting.get(tracked.order.key, ())
    if any(tracked in blockers(core, one.order) for one in waiting):
        return True
    return tracked.is_buy and core.state.trading is not TradingState.ACTIVE
