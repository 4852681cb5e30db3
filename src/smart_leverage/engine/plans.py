"""Plans: how an account that is over its cap comes back inside, in stages with deadlines."""

from decimal import Decimal

from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.records import PlanMoved, StateChanged
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.exposure import ZERO, Valuation, value
from smart_leverage.engine.measuring import (
    FLATTEN,
    SYMBOL,
    exposure_of_kind,
    is_inside,
    kind_outside,
    kind_over,
    rounded,
)
from smart_leverage.engine.proof import exact
from smart_leverage.engine.shrinking import sell_down
from smart_leverage.engine.state import AT_ONCE, Plan
from smart_leverage.policy.deleverage import (
    ceiling_now,
    deadline_minutes,
    trim_target,
)
from smart_leverage.policy.reasons import TradingState


def start_flatten(core: Core, why: str, who: str) -> None:
    """Sell everything; the account is halted when that is done, and only a person resumes it."""
    state = core.state
    if state.trading is not TradingState.HALTED:
        core.record(
            StateChanged(
                at_ns=core.now_ns,
                before=state.trading.name.lower(),
                after="reducing",
                why=why,
                who=who,
            )
        )
    for tracked in state.orders.buys():
        cancel(core, tracked, why)
    if state.plan is not None and state.plan.kind == FLATTEN:
        return
    valuation = value(core.state, core.ladder)
    held = valuation.gross / valuation.equity if valuation.equity > 0 else ZERO
    if state.plan is not None:  # a running plan gives way, and says how far it came
        reached = exposure_of_kind(core, state.plan.kind, valuation) if held else ZERO
        _progress(core, "partial", state.plan.stage, ZERO, reached, state.plan.deadline_ns)
    _start(core, FLATTEN, held, 0, why)


def rebalance(core: Core, why: str) -> str:
    """Go inside every cap now, by a plan of its own or by hastening the one that is running.

    Returns:
        Why there is nothing to begin, empty when something was begun.
    """
    valuation, plan = value(core.state, core.ladder), core.state.plan
    if valuation.equity <= 0:
        return "there is no equity to measure caps by; flatten sells everything"
    if plan is None:
        kind = kind_outside(core, valuation)
        if kind is None:
            return "nothing is above its cap, so nothing is sold"
        _start(core, kind, exposure_of_kind(core, kind, valuation), AT_ONCE, why)
    elif plan.kind == FLATTEN or plan.is_at_once:
        return f"plan {plan.plan_id} is selling as fast as it can already"
    else:
        _hasten(core, plan, valuation, why)
    return ""


def _hasten(core: Core, plan: Plan, valuation: Valuation, why: str) -> None:
    """Move a running plan to its last stage; a deadline that is still ahead never moves away."""
    exposure = exposure_of_kind(core, plan.kind, valuation)
    due_ns = _deadline(core, core.now_ns, int(core.config.policy.deleveraging.first_minutes))
    if plan.deadline_ns > core.now_ns:
        due_ns = min(due_ns, plan.deadline_ns)
    _progress(core, "stage", AT_ONCE, _target(core, plan.kind), exposure, due_ns, why)


def shrink(core: Core, valuation: Valuation) -> None:
    """Start a plan when a group is over its band, and carry a running one on."""
    if valuation.equity <= 0:
        return
    if core.state.plan is None:
        kind = kind_over(core, valuation)
        if kind is None:
            return
        exposure = exposure_of_kind(core, kind, valuation)
        stage = 1 if float(exposure) > core.config.policy.deleveraging.first_ceiling else 2
        _start(core, kind, exposure, stage, f"{kind} over its cap")
    _carry_on(core, valuation)


def _start(core: Core, kind: str, exposure: Decimal, stage: int, why: str) -> None:
    at = core.config.policy.deleveraging
    is_at_once = stage == AT_ONCE
    minutes = int(at.first_minutes if is_at_once else deadline_minutes(float(exposure), at))
    ceiling = _target(core, kind) if is_at_once else _ceiling(core, kind, exposure, 0.0)
    core.record(
        PlanMoved(
            at_ns=core.now_ns,
            plan_id=f"p{core.state.plans + 1}",
            status="started",
            group=kind,
            stage=stage,
            ceiling=ceiling,
            exposure=rounded(exposure),
            deadline_ns=_deadline(core, core.now_ns, minutes),
            why=why,
        )
    )


def _deadline(core: Core, from_ns: int, minutes: int) -> int:
    """Return when so many minutes have passed in which anything that is held trades."""
    ends = [
        calendar_for(core.instrument(key).asset_class).after_open_minutes(from_ns, minutes)
        for key, _ in core.state.held()
    ]
    return min(ends) if ends else from_ns + minutes * 60_000_000_000


def _target(core: Core, kind: str) -> Decimal:
    """Return the exposure at which a plan of this kind has sold enough, fraction of equity."""
    cap = core.caps.symbol if kind == SYMBOL else getattr(core.caps, kind)
    return rounded(exact(trim_target(float(cap), core.config.policy.deleveraging)))


def _ceiling(core: Core, kind: str, start: Decimal, elapsed: float) -> Decimal:
    """Return the exposure that a plan of this kind allows now, fraction of equity."""
    if kind == FLATTEN:
        return ZERO
    if kind in (SYMBOL, "gross"):
        return _target(core, kind)
    cap, at = getattr(core.caps, kind), core.config.policy.deleveraging
    return rounded(Decimal(repr(ceiling_now(float(start), float(cap), elapsed, at))))


def _carry_on(core: Core, valuation: Valuation) -> None:
    plan = core.state.plan
    if plan is None:
        return
    if plan.is_at_once:
        ceiling = _target(core, plan.kind)
    else:
        elapsed = _elapsed_minutes(core, plan.started_ns)
        ceiling = _ceiling(core, plan.kind, plan.start, elapsed)
    sell_down(core, plan, valuation, float(ceiling))
    _move_on(core, valuation, ceiling)


def _elapsed_minutes(core: Core, since_ns: int) -> float:
    """Return the minutes since then in which the class that trades most of what is held traded."""
    traded = [
        calendar_for(core.instrument(key).asset_class).open_minutes(since_ns, core.now_ns)
        for key, _ in core.state.held()
    ]
    return float(max(traded, default=0))


def _move_on(core: Core, valuation: Valuation, ceiling: Decimal) -> None:
    """Move the plan to its next stage, end it, or say that it is late; measured on positions."""
    plan = core.state.plan
    if plan is None:
        return
    exposure = exposure_of_kind(core, plan.kind, valuation)
    if plan.stage == 1 and float(exposure) <= core.config.policy.deleveraging.first_ceiling:
        minutes = int(core.config.policy.deleveraging.last_minutes)
        deadline = _deadline(core, plan.started_ns, minutes)
        _progress(core, "stage", 2, ceiling, exposure, deadline)
    if _is_reached(core, plan, valuation):
        _end(core, ceiling, exposure)
    elif core.now_ns > plan.deadline_ns and not plan.is_late:
        _progress(core, "late", plan.stage, ceiling, exposure, plan.deadline_ns)


def _is_reached(core: Core, plan: Plan, valuation: Valuation) -> bool:
    if plan.kind == FLATTEN:
        return not core.state.held()
    if plan.is_at_once:
        return kind_outside(core, valuation) is None
    return kind_over(core, valuation) is None and is_inside(core, plan.kind, valuation)


def _progress(
    core: Core,
    status: str,
    stage: int,
    ceiling: Decimal,
    exposure: Decimal,
    deadline_ns: int,
    why: str = "",
) -> None:
    plan = core.state.plan
    if plan is None:
        return
    core.record(
        PlanMoved(
            at_ns=core.now_ns,
            plan_id=plan.plan_id,
            status=status,
            group=plan.kind,
            stage=stage,
            ceiling=ceiling,
            exposure=rounded(exposure),
            deadline_ns=deadline_ns,
            why=why,
        )
    )


def _end(core: Core, ceiling: Decimal, exposure: Decimal) -> None:
    """End the plan; after a flatten the account is halted, and only a person resumes it."""
    state, plan = core.state, core.state.plan
    if plan is None:
        return
    _progress(core, "reached", plan.stage, ceiling, exposure, plan.deadline_ns)
    if plan.kind == FLATTEN:
        core.record(
            StateChanged(
                at_ns=core.now_ns,
                before=state.trading.name.lower(),
                after="halted",
                why=state.trading_why,
                who="policy",
            )
        )
