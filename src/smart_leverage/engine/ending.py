"""How a plan ended: measured on positions, with what is left and why that was not sold."""

from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.parts import is_by_day
from smart_leverage.domain.sentences import GROUPS, percent
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import ZERO, Valuation
from smart_leverage.engine.measuring import (
    SYMBOL,
    exposure_of_kind,
    is_inside,
    is_sellout,
    kind_outside,
    left_of,
    share_held,
)
from smart_leverage.engine.shrinking import is_concerned, still_to_sell
from smart_leverage.engine.state import Plan

NAMED_MAX = 3
"""How many instruments are named, the largest first; the others are counted."""

_ENDED = {
    OrderState.REJECTED: "refused",
    OrderState.EXPIRED: "no buyer",
    OrderState.CANCELED: "cancelled",
    OrderState.ABSENT: "never arrived",
}
"""What a sale that ended without selling says of its instrument."""


def outcome(core: Core, plan: Plan, valuation: Valuation) -> tuple[str, str]:
    """Return reached, partial or failed, and in plain words what is missing to reached."""
    if valuation.equity <= 0 and not is_sellout(plan.kind):
        kind, missing = plan.kind, "there is no equity to measure caps by"
    else:
        outside = _outside(core, plan, valuation)
        if outside is None:
            return "reached", ""
        kind, missing = outside, _shortfall(core, outside, valuation)
    status = "partial" if _has_sold(core, plan.kind, valuation) else "failed"
    return status, "; ".join((missing, *_unsold(core, kind, valuation)))


def _outside(core: Core, plan: Plan, valuation: Valuation) -> str | None:
    """Return what a plan left outside: of its own group, or of any if it went for every cap."""
    if not is_inside(core, plan.kind, valuation):
        return plan.kind
    return kind_outside(core, valuation) if plan.is_at_once else None


def _has_sold(core: Core, kind: str, valuation: Valuation) -> bool:
    """Tell whether less is held than at the start; a price that fell has sold nothing."""
    return any(
        core.state.book.qty(key) < qty
        and (
            is_concerned(core, kind, key, qty, valuation)
            or (is_by_day(kind) and not core.instrument(key).is_coin)
        )
        for key, qty in core.state.held_before.items()
    )


def _shortfall(core: Core, kind: str, valuation: Valuation) -> str:
    if is_by_day(kind) and not left_of(core, kind) and valuation.equity > 0:
        kind = "gross"  # what is held by day only is gone, and the rest is still too much
    if is_sellout(kind):
        if valuation.equity <= 0:
            return "positions are still held"
        return f"{percent(exposure_of_kind(core, kind, valuation))} of equity is still held"
    if kind == SYMBOL:
        key = max(
            (key for key, _ in core.state.held()), key=lambda key: _over(core, key, valuation)
        )
        cap, name = core.full_caps.of_symbol(core.instrument(key)), _symbol(key)
        over = _over(core, key, valuation)
    else:
        cap, name = getattr(core.full_caps, kind), GROUPS[kind]
        over = exposure_of_kind(core, kind, valuation) - cap
    return f"{percent(over)} of equity above the cap of {percent(cap)} for {name}"


def _over(core: Core, key: Key, valuation: Valuation) -> Decimal:
    return share_held(core, key, valuation) - core.full_caps.of_symbol(core.instrument(key))


def _unsold(core: Core, kind: str, valuation: Valuation) -> Iterator[str]:
    """Yield one line that names what was not sold and why, as far as that is known."""
    if valuation.equity <= 0:
        keys = [key for key, _ in core.state.held()]
    else:
        keys = still_to_sell(core, kind, valuation)
    keys.sort(key=lambda key: -core.state.book.qty(key) * (core.ladder.mark(key) or ZERO))
    named = [_told(core, key) for key in keys[:NAMED_MAX]]
    if len(keys) > NAMED_MAX:
        named.append(f"{len(keys) - NAMED_MAX} more")
    if named:
        yield f"not sold: {', '.join(named)}"


def _told(core: Core, key: Key) -> str:
    why = _hindrance(core, key)
    return f"{_symbol(key)} ({why})" if why else _symbol(key)


def _symbol(key: Key) -> str:
    return key.partition(":")[2]


def _hindrance(core: Core, key: Key) -> str:
    """Return why an instrument could not be sold, empty where nothing is known."""
    sales = list(core.state.orders.sales(key))
    waiting = {one.order.client_order_id for one in core.waiting.get(key, ())}
    sent = [one for one in sales if one.order.client_order_id not in waiting]
    if any(one.state in (OrderState.INTENT, OrderState.UNKNOWN) for one in sent):
        return "outcome unknown"
    if not calendar_for(core.instrument(key).asset_class).is_open(core.now_ns):
        return "market closed"
    if sales:
        return "no buyer" if sent else "waits for another order to end"
    if core.missing.get(key, ZERO) > 0:
        return "not at the broker"
    plan, last = core.state.plan, core.state.orders.last_sale(key)
    if plan is None or last is None or last.intended_ns < plan.started_ns:
        return ""
    return _ENDED.get(last.state, "")
