"""One review of an account: windows, rules, and the proposal that is sealed with them.

Nothing but the journal up to one event goes in, and the times in it; so the same event gives the
same review, and a proposal is believed only where the ledger gives it again.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from smart_leverage.domain.phases import SIGNED, PhaseResult, phases_at
from smart_leverage.domain.proposals import (
    LIFE_NS,
    Proposal,
    hash_of,
    limits_hash,
    sealed,
)
from smart_leverage.reports.story import Story
from smart_leverage.research.review.facts import Standing, facts_of
from smart_leverage.research.review.looking import Look, Targets, look
from smart_leverage.research.review.rules import Check, Finding, propose


class Reviewed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was looked at, what was measured, and what every rule said."""

    targets: Targets
    days: tuple[int, ...]
    looks: tuple[Look, ...]
    findings: tuple[Finding, ...]


class Review(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A review with its proposal, as it is kept in a file."""

    proposal: Proposal
    reviewed: Reviewed

    @property
    def is_whole(self) -> bool:
        """Whether what was measured is what the proposal was sealed with."""
        return self.proposal.review == hash_of(self.reviewed)


def review(
    story: Story, standing: Standing, targets: Targets, days: Sequence[int], check: Check
) -> Review:
    """Return the review of an account as of the end of a story.

    Args:
        story: Read up to the event that is meant.
        standing: How the account stands after the same event.
        targets: What was due.
        days: Lengths of the windows to show.
        check: Says what is wrong with limits together.

    Raises:
        ValueError: A target is none that can be asked for.
    """
    until_ns = story.last_ns
    reviewed = Reviewed(
        targets=targets,
        days=tuple(days),
        looks=tuple(_looks(story, standing, targets, [(each, until_ns) for each in days])),
        findings=tuple(propose(facts_of(story, until_ns, standing), check)),
    )
    return Review(proposal=_proposal(story, standing, targets, reviewed), reviewed=reviewed)


def _looks(
    story: Story, standing: Standing, targets: Targets, ends: Iterable[tuple[int, int]]
) -> list[Look]:
    limit = float(standing.in_force["limits.loss_limit_daily"])
    return [look(story, days, until_ns, targets, limit) for days, until_ns in ends]


def _proposal(story: Story, standing: Standing, targets: Targets, reviewed: Reviewed) -> Proposal:
    return sealed(
        Proposal(
            account=story.account.account,
            seq=story.seq,
            head=story.head.hex(),
            until_ns=story.last_ns,
            expires_ns=story.last_ns + LIFE_NS,
            limits=limits_hash(standing.in_force, standing.pending),
            review=hash_of(reviewed),
            changes=tuple(change for each in reviewed.findings for change in each.changes),
            phases=tuple(_due(story, standing, targets)),
        )
    )


def _due(story: Story, standing: Standing, targets: Targets) -> Iterable[PhaseResult]:
    """Return what was measured of each phase that is over and not signed, when it was due."""
    notes = tuple(each.text for each in story.notes if each.code == SIGNED)
    phases = phases_at(story.account.at_ns, story.last_ns, notes)
    ends = [(one.days, one.last_ns) for one in phases if one.is_due and one.last_ns is not None]
    return [each.result for each in _looks(story, standing, targets, ends)]
