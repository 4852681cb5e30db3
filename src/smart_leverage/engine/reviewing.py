"""A proposal is signed: its limits change as any others do, and the signature is journalled."""

from collections.abc import Iterator

from msgspec import structs

from smart_leverage.domain.phases import SIGNED
from smart_leverage.domain.proposals import (
    SHORT,
    Proposal,
    contradiction,
    decoded,
    limits_hash,
    wanted,
)
from smart_leverage.domain.records import Noted
from smart_leverage.domain.stamps import second
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Commanded
from smart_leverage.engine.limiting import set_limits
from smart_leverage.engine.limits import Limits

REFUSED = "review.refused"
"""Code of the note with which a signature is refused."""


def sign(core: Core, event: Commanded) -> None:
    """Put what was proposed in force as the rules for limits allow, all of it or nothing."""
    try:
        proposal = decoded(dict(event.changes))
    except ValueError as error:
        _refuse(core, event, f"not a proposal: {error}")
        return
    if why := _refusal(core, event, proposal):
        _refuse(core, event, why)
        return
    if proposal.changes:
        reason = f"{event.reason} (proposal {proposal.id})"
        changes = tuple(wanted(proposal).items())
        if not set_limits(core, structs.replace(event, reason=reason, changes=changes)):
            return
    for text in _signatures(event, proposal):
        core.record(Noted(at_ns=core.now_ns, code=SIGNED, text=text))


def _refusal(core: Core, event: Commanded, proposal: Proposal) -> str:
    opened = core.state.opened
    if not event.reason.strip():
        return "a signature needs a reason"
    if opened is None:
        return "there is no account yet"
    return contradiction(proposal, opened.account, hash_in_force(core.state.limits), core.now_ns)


def hash_in_force(limits: Limits) -> str:
    """Return the hash of the limits in force and pending."""
    return limits_hash(limits.in_force, {name: each.after for name, each in limits.pending.items()})


def _signatures(event: Commanded, proposal: Proposal) -> Iterator[str]:
    by = f"signed by {event.who}: {event.reason}"
    for phase in proposal.phases:
        short = f" ({phase.shortfall})" if phase.shortfall else ""
        yield f"{phase.label}: {phase.result}{short}, proposal {proposal.id}, {by}"
    names = ", ".join(each.name for each in proposal.changes) or "no limit"
    yield (
        f"proposal {proposal.seal} of {second(proposal.until_ns)}, made for limits "
        f"{proposal.limits[:SHORT]}, changes {names}, {by}"
    )


def _refuse(core: Core, event: Commanded, why: str) -> None:
    text = f"nothing changed for {event.who}: {why}"
    core.record(Noted(at_ns=core.now_ns, code=REFUSED, text=text))
