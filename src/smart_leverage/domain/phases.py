"""The phases after the first day: seven days and thirty, again and again, each due at its end."""

from typing import NamedTuple

from msgspec import Struct

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.stamps import second

LENGTHS = (7, 30)
"""Days of a phase; phases of one length follow one another from the opening of the account."""

SIGNED = "review.signed"
"""Code of the notes with which a signature stands in the journal."""


class PhaseResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured of a phase when it was due; `shortfall` says what was missed."""

    days: int
    due_ns: int
    result: str
    shortfall: str = ""

    @property
    def label(self) -> str:
        """What the phase is called, in the journal too."""
        return label_of(self.days, self.due_ns)


class Phase(NamedTuple):
    """Phases of one length: which is due next, and what became of the one before.

    `last_ns` is None until one is over; `signed` is the note of its signature, empty without one.
    """

    days: int
    next_ns: int
    last_ns: int | None
    signed: str

    @property
    def is_due(self) -> bool:
        """Whether one is over and nobody has signed it."""
        return self.last_ns is not None and not self.signed


def phases_at(opened_ns: int, at_ns: int, notes: tuple[str, ...] = ()) -> list[Phase]:
    """Return the phases of an account at an instant, the shortest first.

    Args:
        opened_ns: When the account was opened.
        at_ns: Now.
        notes: Texts of the signatures in the journal, oldest first.
    """
    found = []
    for days in LENGTHS:
        length = days * DAY_NS
        over = max(at_ns - opened_ns, 0) // length
        last_ns = opened_ns + over * length if over else None
        start = "" if last_ns is None else f"{label_of(days, last_ns)}: "
        signed = next((each for each in reversed(notes) if start and each.startswith(start)), "")
        found.append(Phase(days, opened_ns + (over + 1) * length, last_ns, signed))
    return found


def label_of(days: int, due_ns: int) -> str:
    """Return what a phase is called: by its length and its end."""
    return f"{days} days to {second(due_ns)}"


def told(phase: Phase) -> str:
    """Return what people read of a phase: when the next is due, and how the last one ended."""
    text = f"{phase.days} days, next due {second(phase.next_ns)}"
    if phase.last_ns is None:
        return text
    if phase.signed:
        start = f"{label_of(phase.days, phase.last_ns)}: "
        return f"{text}; to {second(phase.last_ns)} {phase.signed.removeprefix(start)}"
    return f"{text}; due since {second(phase.last_ns)} and not signed, see `smart-leverage review`"
