"""How a limit changes: tightened at once, loosened by an admin after a delay and never in need."""

from collections.abc import Mapping

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.limits import CONFIGURATION, LIMITS, canonical, is_looser
from smart_leverage.domain.records import LimitChanged, Noted
from smart_leverage.domain.sentences import BREAKERS
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Commanded
from smart_leverage.engine.limits import limits_of
from smart_leverage.policy.breakers import Severity, severity
from smart_leverage.policy.reasons import TradingState

REFUSED = "limit.refused"
"""Code of the note with which a change of limits is refused, all of it."""


def set_limits(core: Core, event: Commanded) -> bool:
    """Change what a person wants changed, all of it or nothing; tell whether it was not refused."""
    changes = {name: canonical(name, text) for name, text in event.changes}
    if why := _refusal(core, event, changes):
        text = f"nothing changed for {event.who}: {why}"
        core.record(Noted(at_ns=core.now_ns, code=REFUSED, text=text))
        return False
    for name in LIMITS:
        after = changes.get(name)
        if after is not None and not _is_so_already(core, name, after):
            _change(core, name, after, event.who, event.reason)
    return True


def _refusal(core: Core, event: Commanded, changes: Mapping[str, str | None]) -> str:
    """Return what stands against a command, empty when nothing does."""
    if not event.reason.strip():
        return "a change of a limit needs a reason"
    if not changes:
        return "no limit was named"
    for name, after in changes.items():
        if after is None:
            return f"{name} is no limit or cannot have this value"
        if not is_looser(name, core.state.limits.in_force[name], after):
            continue
        if why := hindrance(core):
            return f"{name} would be looser, and {why}"
        if not event.is_admin:
            return f"{name} would be looser, which needs the admin token"
    return ""


def hindrance(core: Core) -> str:
    """Return why no limit may be loosened now, empty when one may."""
    return need(core) or ("" if core.is_ready else "books and broker were not compared yet")


def need(core: Core) -> str:
    """Return in which need the account is, empty when it is in none."""
    state = core.state
    tripped = severity(state.breakers)
    if tripped is not Severity.NORMAL:
        return f"the {BREAKERS[tripped.name.lower()].word} is tripped"
    if state.trading is not TradingState.ACTIVE:
        return f"the account is {state.trading.name.lower()}"
    if state.plan is not None:
        return "a deleveraging plan is running"
    return ""


def _is_so_already(core: Core, name: str, after: str) -> bool:
    """Tell whether a value is pending already, or in force with nothing pending."""
    limits = core.state.limits
    pending = limits.pending.get(name)
    return after == (limits.in_force[name] if pending is None else pending.after)


def _change(core: Core, name: str, after: str, who: str, reason: str) -> None:
    """Journal a change: in force now unless it is looser, and then after the delay in force."""
    before = core.state.limits.in_force[name]
    is_later = is_looser(name, before, after)
    delay_ns = core.config.loosen_after_hours * HOUR_NS if is_later else 0
    core.record(
        LimitChanged(
            at_ns=core.now_ns,
            name=name,
            before=before,
            after=after,
            is_looser=is_later,
            effective_ns=core.now_ns + delay_ns,
            who=who,
            reason=reason,
        )
    )


def take_due(core: Core) -> None:
    """Let what was loosened long enough ago come into force, unless something stands against it."""
    pending = core.state.limits.pending
    due = [each for each in pending.values() if each.effective_ns <= core.now_ns]
    if not due or hindrance(core):
        return
    for each in due:
        core.record(
            LimitChanged(
                at_ns=core.now_ns,
                name=each.name,
                before=core.state.limits.in_force[each.name],
                after=each.after,
                is_looser=True,
                effective_ns=core.now_ns,
                who=each.who,
                reason=each.reason,
            )
        )


def heed_opening(core: Core) -> None:
    """Journal the limits of a new account where its policy text does not tell them."""
    limits = core.state.limits
    for name, text in limits_of(core.configured).items():
        if text != limits.in_force[name]:
            core.record(
                LimitChanged(
                    at_ns=core.now_ns,
                    name=name,
                    before="",
                    after=text,
                    is_looser=False,
                    effective_ns=core.now_ns,
                    who=CONFIGURATION,
                    reason="the account was opened with it",
                )
            )


def heed_configuration(core: Core) -> None:
    """Compare the configuration with the one that the last process had, and journal what changed.

    Another file is no way around the delay, and the same file undoes nothing that a person set.
    """
    configured = core.state.limits.configured
    for name, text in limits_of(core.configured).items():
        if text != configured[name]:
            _change(core, name, text, CONFIGURATION, "the configuration changed")
