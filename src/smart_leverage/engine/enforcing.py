"""How much of the rule is carried out, who changes that, and what would have been done."""

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.enforcement import Enforcement, step_named
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE
from smart_leverage.domain.parts import is_in, parts_of
from smart_leverage.domain.records import ConsentGiven, EnforcementChanged, Noted
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.events import Commanded
from smart_leverage.engine.limiting import hindrance
from smart_leverage.engine.measuring import FLATTEN
from smart_leverage.engine.ramping import begin_ramp

REFUSED = "enforcement.refused"
"""Code of the note with which a step, or a consent, is refused."""

STEP = "step"
"""Name of the value that a command carries."""

WITHDRAWN = "the house sells nothing by itself any more"


# -- steps ----------------------------------------------------------------------------------------


def set_enforcement(core: Core, event: Commanded) -> None:
    """Go up at once, or down after the delay of a loosened limit; an admin orders both."""
    step = step_named(dict(event.changes).get(STEP, ""))
    if step is None or (why := _refusal(core, event, step)):
        _refuse(core, event, "there is no such step" if step is None else why)
        return
    rollout = core.state.rollout
    if step is rollout.step and rollout.pending is None:
        return
    if rollout.pending is not None and step_named(rollout.pending.after) is step:
        return
    is_down = step < rollout.step
    delay_ns = core.config.loosen_after_hours * HOUR_NS if is_down else 0
    _change(core, step, core.now_ns + delay_ns, event.who, event.reason)


def _refusal(core: Core, event: Commanded, step: Enforcement) -> str:
    if not event.reason.strip():
        return "a step needs a reason"
    if not event.is_admin:
        return "a step needs the admin token"
    if step < core.state.rollout.step and (why := hindrance(core)):
        return f"less would be enforced, and {why}"
    return ""


def _change(core: Core, step: Enforcement, effective_ns: int, who: str, reason: str) -> None:
    before = core.state.rollout.step
    core.record(
        EnforcementChanged(
            at_ns=core.now_ns,
            before=before.word,
            after=step.word,
            effective_ns=effective_ns,
            who=who,
            reason=reason,
        )
    )
    if core.state.rollout.step > before:
        core.foreseen.clear()
        begin_ramp(core)
    elif before.sells and not core.state.rollout.step.sells:
        _withdraw_stops(core)


def _withdraw_stops(core: Core) -> None:
    for client_order_id in list(core.state.stops.values()):
        tracked = core.state.orders.by_id.get(client_order_id)
        if tracked is not None:
            cancel(core, tracked, WITHDRAWN)


def take_step_due(core: Core) -> None:
    """Let a step down that was ordered long enough ago come, unless something is wrong now."""
    pending = core.state.rollout.pending
    if pending is None or pending.effective_ns > core.now_ns or hindrance(core):
        return
    step = step_named(pending.after)
    if step is not None:
        _change(core, step, core.now_ns, pending.who, pending.reason)


# -- consent --------------------------------------------------------------------------------------


def give_consent(core: Core, event: Commanded) -> None:
    """Let the house sell what was adopted; that makes the account safer, so no token is needed."""
    if core.config.adopted_consent or core.state.rollout.is_consented:
        return
    if not event.reason.strip():
        _refuse(core, event, "a consent needs a reason")
        return
    core.record(ConsentGiven(at_ns=core.now_ns, who=event.who, reason=event.reason))


def may_sell(core: Core, key: Key) -> bool:
    """Tell whether the house may sell an instrument by itself, as it stands now.

    What a person ordered, a flatten or a rebalance, is sold on every step and without consent, and
    so is what the loss limit of the month orders: a plan that runs has been let begin.
    """
    plan = core.state.plan
    if plan is not None and (plan.kind == FLATTEN or plan.is_at_once):
        return True
    if plan is not None and is_in(core.instrument(key), parts_of(plan.kind)):
        return True
    return has_stops(core, key)


def has_stops(core: Core, key: Key) -> bool:
    """Tell whether the house keeps a protective stop for an instrument."""
    return core.state.rollout.step.sells and is_consented(core, key)


def is_consented(core: Core, key: Key) -> bool:
    """Tell whether a holding may be sold as far as its owner is concerned."""
    if core.config.adopted_consent or core.state.rollout.is_consented:
        return True
    return core.state.book.bot_qty(HOUSE, key) <= 0


def is_news(core: Core, subject: str) -> bool:
    """Tell whether something that would be done is to be journalled: once each risk day."""
    told = (core.state.day_label, subject)
    if told in core.foreseen:
        return False
    core.foreseen.add(told)
    return True


def _refuse(core: Core, event: Commanded, why: str) -> None:
    text = f"nothing changed for {event.who}: {why}"
    core.record(Noted(at_ns=core.now_ns, code=REFUSED, text=text))
