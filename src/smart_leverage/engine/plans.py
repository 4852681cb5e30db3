"""Plans: how an account that is over its cap comes back inside, in stages with deadlines."""

from decimal import Decimal

from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.parts import is_by_day, parts_of, plan_kind
from smart_leverage.domain.records import Noted, PlanMoved, StateChanged
from smart_leverage.domain.sentences import PLAN_STATUS
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.ending import outcome
from smart_leverage.engine.enforcing import is_consented, is_news
from smart_leverage.engine.exposure import ZERO, Valuation, value
from smart_leverage.engine.lending import close_after
from smart_leverage.engine.measuring import (
    FLATTEN,
    SYMBOL,
    exposure_of_kind,
    is_inside,
    is_over,
    is_sellout,
    kind_outside,
    kind_over,
    left_of,
    rounded,
)
from smart_leverage.engine.proof import exact
from smart_leverage.engine.shrinking import sell_down, still_to_sell
from smart_leverage.engine.state import AT_ONCE, Plan
from smart_leverage.policy.deleverage import (
    ceiling_now,
    deadline_minutes,
    trim_target,
)
from smart_leverage.policy.intraday import Phase, is_flattening
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
    if state.plan is not None:  # a running plan gives way, and says how far it came
        _end(core, state.plan, valuation)
    _start(core, FLATTEN, valuation, 0, why)


def close_part(core: Core, part: str, why: str) -> str:
    """Sell out one part of the account, beside what is being sold out already; the rest goes on.

    Returns:
        Why there is nothing to begin, empty when something was begun.
    """
    plan = core.state.plan
    under_way = frozenset[str]() if plan is None else parts_of(plan.kind)
    if plan is not None and (plan.kind == FLATTEN or part in under_way):
        return f"plan {plan.plan_id} is selling that already"
    kind = plan_kind({part, *under_way})
    if not left_of(core, plan_kind({part})):
        return "nothing of it is held, so nothing is sold"
    begin_sellout(core, kind, why)
    return ""


def begin_sellout(core: Core, kind: str, why: str) -> None:
    """Begin to sell out parts; a plan that runs gives way, and says how far it came."""
    plan, valuation = core.state.plan, value(core.state, core.ladder)
    if plan is not None:
        _end(core, plan, valuation)
    _start(core, kind, valuation, 0, why)


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
        _start(core, kind, valuation, AT_ONCE, why)
    elif is_sellout(plan.kind) or plan.is_at_once:
        return f"plan {plan.plan_id} is selling as fast as it can already"
    else:
        _hasten(core, plan, valuation, why)
    return ""


def _hasten(core: Core, plan: Plan, valuation: Valuation, why: str) -> None:
    """Move a running plan to its last stage; a deadline that is still ahead never moves away."""
    first_minutes = core.config.policy.deleveraging.first_minutes
    due_ns = _deadline(core, plan.kind, valuation, core.now_ns, first_minutes)
    if plan.deadline_ns > core.now_ns:
        due_ns = min(due_ns, plan.deadline_ns)
    hastened = plan._replace(stage=AT_ONCE, deadline_ns=due_ns)
    _progress(core, hastened, "stage", valuation, why)


def shrink(core: Core, valuation: Valuation) -> None:
    """Start a plan when a group is over its band, carry a running one on, or end it when due."""
    plan = core.state.plan
    if valuation.equity <= 0 and (plan is None or not is_sellout(plan.kind)):
        return
    if plan is not None:
        _heed_deadlines(core, plan, valuation)
    else:
        _begin_if_over(core, valuation)
    plan = core.state.plan
    if plan is not None:
        sell_down(core, plan, valuation, float(_ceiling(core, plan)))
        if _is_reached(core, plan, valuation):
            _end(core, plan, valuation)


def _begin_if_over(core: Core, valuation: Valuation) -> None:
    """Start a plan for a group that is over its band, or tell what one would sell."""
    kind = kind_over(core, valuation)
    is_asked = core.state.rollout.step.sells
    core.awaits_consent = ""
    if kind is None:
        return
    if is_asked and all(is_consented(core, key) for key in still_to_sell(core, kind, valuation)):
        exposure = float(exposure_of_kind(core, kind, valuation))
        stage = 1 if exposure > core.config.policy.deleveraging.first_ceiling else 2
        _start(core, kind, valuation, stage, f"{kind} over its cap")
        return
    if is_asked:
        core.awaits_consent = kind
    if is_news(core, kind):
        foresee(core, kind, valuation)


def foresee(core: Core, kind: str, valuation: Valuation) -> None:
    """Journal what a plan of this kind would sell, without one."""
    plan = Plan("", kind, AT_ONCE, exposure_of_kind(core, kind, valuation), core.now_ns, 0)
    if core.awaits_consent:
        text = f"{kind} is over its cap, and what was adopted is not sold without consent"
        core.record(Noted(at_ns=core.now_ns, code="plan.consent", text=text))
    sell_down(core, plan, valuation, float(_ceiling(core, plan)))


def _start(core: Core, kind: str, valuation: Valuation, stage: int, why: str) -> None:
    at, exposure = core.config.policy.deleveraging, exposure_of_kind(core, kind, valuation)
    minutes = at.first_minutes if stage == AT_ONCE else deadline_minutes(float(exposure), at)
    plan = Plan(
        plan_id=f"p{core.state.plans + 1}",
        kind=kind,
        stage=stage,
        start=exposure,
        started_ns=core.now_ns,
        deadline_ns=_first_deadline(core, kind, valuation, minutes),
    )
    _progress(core, plan, "started", valuation, why)


def _first_deadline(core: Core, kind: str, valuation: Valuation, minutes: float) -> int:
    """Return when a plan is due that begins now; what has to be gone by a close, before that."""
    close_ns = close_after(core.now_ns)
    if is_by_day(kind) and is_flattening(core.phase) and close_ns is not None:
        spare = core.config.policy.intraday.deadline_minutes
        return close_ns if core.phase is Phase.LATE else close_ns - spare * MINUTE_NS
    return _deadline(core, kind, valuation, core.now_ns, minutes)


def _deadline(core: Core, kind: str, valuation: Valuation, from_ns: int, minutes: float) -> int:
    """Return when so many minutes have passed in which anything that has to be sold trades.

    What is closed for days sets no deadline while it is closed, whatever else is held.
    """
    keys = still_to_sell(core, kind, valuation) or [key for key, _ in core.state.held()]
    whole = max(int(minutes), 1)  # a plan without any time would end at every price
    ends = [
        calendar_for(core.instrument(key).asset_class).after_open_minutes(from_ns, whole)
        for key in keys
    ]
    return min(ends) if ends else from_ns + whole * MINUTE_NS


def _last_deadline(core: Core, plan: Plan, valuation: Valuation) -> int:
    """Return until when a plan has to be through with all its stages."""
    minutes = core.config.policy.deleveraging.last_minutes
    return _deadline(core, plan.kind, valuation, plan.started_ns, minutes)


def _target(core: Core, kind: str) -> Decimal:
    """Return the exposure at which a plan of this kind has sold enough, fraction of equity."""
    cap = core.full_caps.symbol if kind == SYMBOL else getattr(core.full_caps, kind)
    return rounded(exact(trim_target(float(cap), core.config.policy.deleveraging)))


def _ceiling(core: Core, plan: Plan) -> Decimal:
    """Return the exposure that a plan allows now, fraction of equity."""
    if is_sellout(plan.kind):
        return ZERO
    if plan.is_at_once or plan.kind in (SYMBOL, "gross"):
        return _target(core, plan.kind)
    cap, at = float(getattr(core.full_caps, plan.kind)), core.config.policy.deleveraging
    elapsed = _elapsed_minutes(core, plan.started_ns)
    return rounded(Decimal(repr(ceiling_now(float(plan.start), cap, elapsed, at))))


def _elapsed_minutes(core: Core, since_ns: int) -> float:
    """Return the minutes since then in which the class that trades most of what is held traded."""
    traded = [
        calendar_for(core.instrument(key).asset_class).open_minutes(since_ns, core.now_ns)
        for key, _ in core.state.held()
    ]
    return float(max(traded, default=0))


def _heed_deadlines(core: Core, plan: Plan, valuation: Valuation) -> None:
    """Leave the first stage or be late for it, once; at its last deadline the plan ends.

    What is left then is sold by the plan that follows, from the same instant on.
    """
    if plan.stage == 1:
        plan = _heed_first_stage(core, plan, valuation)
    if is_by_day(plan.kind) and core.phase is Phase.LATE and not plan.is_late:
        close_ns = close_after(core.now_ns)
        plan = plan._replace(deadline_ns=close_ns or plan.deadline_ns, is_late=True)
        _progress(core, plan, "late", valuation, "the session closes soon")
    if core.now_ns > plan.deadline_ns:
        status = _end(core, plan, valuation)
        _follow(core, plan, status, valuation)


def _heed_first_stage(core: Core, plan: Plan, valuation: Valuation) -> Plan:
    """Return the plan as it goes on; who was late has the deadline of the last stage already."""
    is_due = core.now_ns > plan.deadline_ns and not plan.is_late
    exposure = float(exposure_of_kind(core, plan.kind, valuation))
    is_done = exposure <= core.config.policy.deleveraging.first_ceiling
    if not (is_done or is_due):
        return plan
    if not plan.is_late:
        plan = plan._replace(deadline_ns=_last_deadline(core, plan, valuation))
    if is_done:
        plan = plan._replace(stage=2)
    _progress(core, plan, "stage" if is_done else "late", valuation)
    return plan


def _follow(core: Core, ended: Plan, status: str, valuation: Valuation) -> None:
    """Go on with what a plan left beyond its band; the next plan says which one it follows."""
    if status == "reached":
        kind = None if ended.kind == FLATTEN else kind_over(core, valuation)
        why = f"follows {ended.plan_id}: {kind} over its cap"
    else:
        why = f"continues {ended.plan_id}, which {PLAN_STATUS[status]}"
        is_left = is_over(core, ended.kind, valuation)
        kind = ended.kind if is_left else kind_over(core, valuation)
    if kind is not None:
        _start(core, kind, valuation, 0 if is_sellout(kind) else AT_ONCE, why)


def _is_reached(core: Core, plan: Plan, valuation: Valuation) -> bool:
    if is_sellout(plan.kind):
        return is_inside(core, plan.kind, valuation)
    if plan.is_at_once:
        return kind_outside(core, valuation) is None
    return kind_over(core, valuation) is None and is_inside(core, plan.kind, valuation)


def _progress(core: Core, plan: Plan, status: str, valuation: Valuation, why: str = "") -> None:
    """Journal a plan as it is from now on, with what is held of its group."""
    is_measurable = valuation.equity > 0
    exposure = exposure_of_kind(core, plan.kind, valuation) if is_measurable else ZERO
    core.record(
        PlanMoved(
            at_ns=core.now_ns,
            plan_id=plan.plan_id,
            status=status,
            group=plan.kind,
            stage=plan.stage,
            ceiling=_ceiling(core, plan),
            exposure=rounded(exposure),
            deadline_ns=plan.deadline_ns,
            why=why,
        )
    )


def _end(core: Core, plan: Plan, valuation: Valuation) -> str:
    """End the plan as its positions say; when all is sold the account is halted.

    Returns:
        How it ended. After a flatten only a person resumes the account.
    """
    state = core.state
    status, why = outcome(core, plan, valuation)
    _progress(core, plan, status, valuation, why)
    if plan.kind == FLATTEN and status == "reached":
        core.record(
            StateChanged(
                at_ns=core.now_ns,
                before=state.trading.name.lower(),
                after="halted",
                why=state.trading_why,
                who="policy",
            )
        )
    return status
