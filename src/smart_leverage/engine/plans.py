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
    kind_over,
    rounded,
)
from smart_leverage.engine.proof import exact
from smart_leverage.engine.shrinking import sell_down
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
    policy = core.config.policy.deleveraging
    minutes = int(deadline_minutes(float(exposure), policy))
    core.record(
        PlanMoved(
            at_ns=core.now_ns,
            plan_id=f"p{core.state.plans + 1}",
            status="started",
            group=kind,
            stage=stage,
            ceiling=_ceiling(core, kind, exposure, 0.0),
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


def _ceiling(core: Core, kind: str, start: Decimal, elapsed: float) -> Decimal:
    """Return the exposure that a plan of this kind allows now, fraction of equity."""
    if kind == FLATTEN:
        return ZERO
    at = core.config.policy.deleveraging
    cap = core.caps.symbol if kind == SYMBOL else getattr(core.caps, kind)
    if kind in (SYMBOL, "gross"):
        return rounded(exact(trim_target(float(cap), at)))
    return rounded(Decimal(repr(ceiling_now(float(start), float(cap), elapsed, at))))


def _carry_on(core: Core, valuation: Valuation) -> None:
    plan = core.state.plan
    if plan is None:
        return
    elapsed = _elapsed_minutes(core, plan.started_ns)
    ceiling = _ceiling(core, plan.kind, plan.start, elapsed)
    sell_down(core, plan.kind, valuation, float(ceiling))
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
    if _is_reached(core, plan.kind, valuation):
        _end(core, ceiling, exposure)
    elif core.now_ns > plan.deadline_ns and not plan.is_late:
        _progress(core, "late", plan.stage, ceiling, exposure, plan.deadline_ns)


def _is_reached(core: Core, kind: str, valuation: Valuation) -> bool:
    if kind == FLATTEN:
        return not core.state.held()
    return kind_over(core, valuation) is None and is_inside(core, kind, valuation)


def _progress(
    core: Core, status: str, stage: int, ceiling: Decimal, exposure: Decimal, deadline_ns: int
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
