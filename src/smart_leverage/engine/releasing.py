"""What waited for other orders to end: it leaves when they have, if it still may."""

from decimal import Decimal

from msgspec import structs

from smart_leverage.domain.bots import is_suspended
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Approved,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from smart_leverage.engine.core import (
    COIN_STEP,
    ZERO,
    Core,
    Likeness,
    blockers,
    cancel,
    end_unsent,
    intend,
    leave,
    likeness,
    round_down,
)
from smart_leverage.engine.proof import over_cap
from smart_leverage.engine.shares import bounds_of, may_add
from smart_leverage.policy.intraday import is_entry_over
from smart_leverage.policy.reasons import Reason, TradingState


def release(core: Core, key: Key) -> None:
    """Send what waited, once nothing of the instrument stands in its way any more."""
    queue = core.waiting.get(key)
    if not queue:
        return
    stuck = set[Likeness]()
    for approved in list(queue):
        order = approved.order
        if likeness(order) in stuck:
            continue
        if in_the_way := blockers(core, order):
            for tracked in in_the_way:  # it may have left after this began to wait
                cancel(core, tracked, f"makes way for {order.client_order_id}")
            if any(one.state is OrderState.PENDING_CANCEL for one in in_the_way):
                stuck.add(likeness(order))  # as many may wait as are in the way of each of them
            continue
        queue.remove(approved)
        if order.side is Side.SELL:
            _sell(core, approved)
        elif may_still_leave(core, order):
            leave(core, approved)
        else:
            end_unsent(core, order, "waited too long: what allowed it no longer holds")
    if not queue:
        core.waiting.pop(key, None)


def _sell(core: Core, approved: Approved) -> None:
    """Let a sale leave with what its bot still holds: of what others hold it sells nothing.

    A stop or a trim that traded meanwhile took its part of every bot's lots. What is smaller than
    it was asked for is an order of its own, since nothing changes the quantity of an intent.
    """
    order = approved.order
    left = _still_held(core, order)
    if left >= order.qty:
        leave(core, approved)
        return
    if left <= 0:
        end_unsent(core, order, "stopped first: the position is smaller now")
        return
    parts = f"{left.normalize():f} of {order.qty.normalize():f}"
    end_unsent(core, order, f"the stop or the house sold of it first: {parts} leave")
    terms = structs.asdict(structs.replace(order, qty=left))
    del terms["client_order_id"]
    decided = approved.decision_id
    intend(core, decision_id=decided, reserve_price=ZERO, **terms)


def _still_held(core: Core, order: Order) -> Decimal:
    """Return what of a waiting sale can be delivered; its own reservation is in `sellable`."""
    orders = core.state.orders
    tracked = orders.by_id[order.client_order_id]
    spare = core.sellable(order.key)
    if order.role.is_house or tracked.replaces:
        return order.qty if spare >= 0 else ZERO
    others = orders.selling(order.key, order.bot) - orders.reserved(tracked)
    own = core.state.book.bot_qty(order.bot, order.key) - others
    left = min(order.qty, order.qty + spare, own)
    if left == order.qty:
        return left
    is_simple = order.type is OrderType.MARKET and order.time_in_force is TimeInForce.DAY
    is_whole = not (core.instrument(order.key).is_coin or is_simple)
    # What waits for a price, or has exits, is of whole shares.
    return round_down(left, Decimal(1) if is_whole and order.qty % 1 == 0 else COIN_STEP)


def may_still_leave(core: Core, order: Order) -> bool:
    """Tell whether what allowed a purchase holds now, its own reservation counted once."""
    state = core.state
    price = core.ladder.best(order.key, core.now_ns)
    if not core.is_ready or core.is_doubted:
        return False
    if state.trading is not TradingState.ACTIVE or price is None or not price.is_fresh:
        return False
    if not state.rollout.step.governs_entries:
        return True
    if state.locks.get(order.key, 0) > core.now_ns or state.is_frozen(core.instrument(order.key)):
        return False
    if is_entry_over(core.phase, core.instrument(order.key).is_intraday):
        return False
    if is_suspended(state.seats, order.bot) or not may_add(core, order.bot, order.key):
        return False
    worst, instrument = core.worst(), core.instrument(order.key)
    if over_cap(instrument, worst, core.caps) is not Reason.NONE:
        return False
    bounds = bounds_of(core, order.bot, instrument, worst)
    return all(one.used <= one.cap * worst.equity for one in bounds)
