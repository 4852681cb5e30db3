"""A review as people read it, on a screen and in a file."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smart_leverage.domain.proposals import Change
    from smart_leverage.research.review import Line, Look, Review

WIDTH = 100
INDENT_MAX = 35
_SIGNS = {"met": "●", "missed": "■", "not decidable yet": "▲", "shown": " "}


def lines(one: "Review", now_ns: int) -> Iterator[str]:
    """Yield a whole review: every window, what each rule said, and the proposal.

    Args:
        one: The review.
        now_ns: When it is read; a proposal that can no longer be signed says so.
    """
    from smart_leverage.domain.proposals import SHORT
    from smart_leverage.domain.stamps import second
    from smart_leverage.reports.explain import printable

    proposal = one.proposal
    yield (
        f"{printable(proposal.account)}   reviewed to {second(proposal.until_ns)}, event "
        f"{proposal.seq:,}   limits {proposal.limits[:SHORT]}"
    )
    for look in one.reviewed.looks:
        yield ""
        yield from _window(look)
    yield ""
    yield "rules, over the last 30 days"
    for finding in one.reviewed.findings:
        sign = "▲" if finding.changes else " "
        yield from _wrapped(f"{sign} {finding.rule:<25}", finding.says)
    yield ""
    yield from proposal_lines(one)
    yield from _advice(one, now_ns)


def _window(look: "Look") -> Iterator[str]:
    from smart_leverage.domain.stamps import second

    there = "" if look.covered_days >= look.days else f", {look.covered_days:.1f} of them there"
    head = (
        f"{look.days} days, {second(look.from_ns)} to {second(look.until_ns)}{there}: "
        f"{look.result.result}"
    )
    yield from _wrapped("", head)
    for line in look.lines:
        yield from _line(line, began_ns=max(each.from_ns for each in look.lines))


def _line(line: "Line", *, began_ns: int) -> Iterator[str]:
    from smart_leverage.domain.stamps import second

    start = f"{_SIGNS[line.verdict]} {line.verdict:<17} {line.name:<14} "
    yield from _wrapped(start, line.measured)
    needed = f"; needs {line.needed}" if line.needed else ""
    since = "" if line.from_ns == began_ns else f", since {second(line.from_ns)}"
    yield from _wrapped(" " * len(start), f"due: {line.due}{needed}; {line.source}{since}")


def proposal_lines(one: "Review") -> Iterator[str]:
    """Yield what is signed: the diff of limits with rule and evidence, and phases that are due."""
    from smart_leverage.domain.stamps import second

    proposal = one.proposal
    yield f"proposal {proposal.id}, may be signed until {second(proposal.expires_ns)}"
    if not proposal.changes:
        yield "no limit should change"
    else:
        yield from _diff(proposal.changes)
    for phase in proposal.phases:
        short = f"; {phase.shortfall}" if phase.shortfall else ""
        yield from _wrapped("phase ", f"{phase.label}: {phase.result}{short}")


def _diff(changes: "tuple[Change, ...]") -> Iterator[str]:
    from smart_leverage.domain.proposals import diff

    yield from diff(changes)
    for change in changes:
        way = "looser, with the admin token and after the delay" if change.is_looser else "tighter"
        yield from _wrapped(f"{change.name} ", f"{way}; {change.rule}: {change.evidence}")


def _advice(one: "Review", now_ns: int) -> Iterator[str]:
    proposal = one.proposal
    if not proposal.changes and not proposal.phases:
        return
    if now_ns >= proposal.expires_ns:
        yield "it cannot be signed, its evidence is too old; let the account run, and review again"
    else:
        yield (
            "nothing was changed; `smart-leverage review --out FOLDER` writes it, and --sign FILE "
            "signs"
        )


def _wrapped(start: str, text: str) -> list[str]:
    """Return a text behind its start, its further lines below it; names come from outside."""
    from smart_leverage.reports.explain import printable

    indent = " " * min(len(start), INDENT_MAX) or "  "
    return textwrap.wrap(start + printable(text), WIDTH, subsequent_indent=indent)
