"""What came of something that a person ordered, as the account said it and the ledger has it."""

from pathlib import Path

from msgspec import Struct

from smart_leverage.domain.records import (
    ConsentGiven,
    Decided,
    EnforcementChanged,
    LimitChanged,
    Noted,
    PlanMoved,
    Record,
    Resumed,
    SeatChanged,
    StateChanged,
    decode,
)
from smart_leverage.ledger.reader import Reader
from smart_leverage.server.desk.screens.journal import Line, line

DONE, REFUSED, PENDING = "done", "refused", "pending"
STATUS = {DONE: 200, REFUSED: 409, PENDING: 202}

_NAMED = (StateChanged, LimitChanged, SeatChanged, EnforcementChanged, ConsentGiven, Resumed)
"""Records that say who ordered them."""

EVENTS_MAX = 20


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of an act: lines are the account's own words, events what its ledger has now."""

    title: str
    result: str
    state: str = ""
    lines: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    """Shown once, with the answer itself; never kept."""

    @property
    def status(self) -> int:
        """The status of HTTP that says the same."""
        return STATUS[self.result]

    @property
    def word(self) -> str:
        """The result with its sign."""
        return {DONE: "● DONE", REFUSED: "■ REFUSED", PENDING: "▲ NOT KNOWN YET"}[self.result]


def head(ledger: Path) -> int:
    """Return the number of the last event of a ledger."""
    with Reader.open(ledger) as reader:
        return reader.head().seq


def written(ledger: Path, after: int, who: str) -> tuple[str, ...]:
    """Return what a ledger has of a person's act since an event, as lines with their numbers."""
    with Reader.open(ledger) as reader:
        found = [line(each) for each in reader.entries(after) if _is_of(decode(each.payload), who)]
    return tuple(map(_told, found[:EVENTS_MAX]))


def ordered(ledger: Path, after: int, bot: str, request: str) -> tuple[str, ...]:
    """Return what a ledger has of a bot's order since an event."""
    with Reader.open(ledger) as reader:
        found = [
            line(each)
            for each in reader.entries(after)
            if isinstance(record := decode(each.payload), Decided)
            and (record.bot, record.request) == (bot, request)
        ]
    return tuple(map(_told, found[:EVENTS_MAX]))


def _is_of(record: Record, who: str) -> bool:
    if isinstance(record, _NAMED):
        return record.who == who
    if isinstance(record, Noted):
        return who in record.text
    return isinstance(record, PlanMoved)


def _told(found: Line) -> str:
    return f"event {found.seq:,}: {found.text}"
