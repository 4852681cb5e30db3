"""What waited for other orders to end: it leaves when they have, if it still may."""

from smart_leverage.domain.bots import is_suspended
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Side
from smart_leverage.engine.core import Core, blockers, cancel, end_unsent, leave
from smart_leverage.engine.proof import holds_for
from smart_leverage.engine.shares import bounds_of, may_add
from smart_leverage.policy.intraday import is_entry_over
from smart_leverage.policy.reasons import TradingState


def release(core: Core, key: Key) -> None:
    """Send what waited, once nothing of the instrument stands in its way any more."""
    queue = core.waiting.get(key)
    if not queue:
        return
    for approved in list(queue):
        order = approved.order
        if in_the_way := blockers(core, order):
            for tracked in in_the_way:  # it may have left after this began to wait
                cancel(core, tracked, f"makes way for {order.client_order_id}")
            continue
        queue.remove(approved)
        if order.side is Side.SELL and not _is_still_held(core, order):
            end_unsent(core, order, "stopped first: the position is smaller now")
        elif order.side is Side.BUY and not may_still_leave(core, order):
            end_unsent(core, order, "waited too long: what allowed it no longer holds")
        else:
            leave(core, approved)
    if not queue:
        core.waiting.pop(key, None)


def may_still_leave(core: Core, order: Order) -> bool:
    """Tell whether what allowed a purchase holds now, its own reservation counted once."""
    state = core.state
    price = core.ladder.best(order.key, core.now_ns)
    if not core.is_ready or core.is_clock_doubted:
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
    if not holds_for(instrument, worst, core.caps):
        return False
    bounds = bounds_of(core, order.bot, instrument, worst)
    return all(one.used <= one.cap * worst.equity for one in bounds)


def _is_still_held(core: Core, order: Order) -> bool:
    """Tell whether a waiting sale can still be delivered; its own reservation is in `sellable`."""
    return core.sellable(order.key) >= 0
