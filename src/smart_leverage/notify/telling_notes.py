"""What is told of notes: which of them is a trouble, and which only worth a line."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from smart_leverage.domain.phases import SIGNED
from smart_leverage.notify.known import Known, differing
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.telling_orders import About
from smart_leverage.notify.wording import When, line


class Kind(NamedTuple):
    """How the notes of one code are told; `cause` is what opens and closes."""

    level: Level
    manner: Manner
    head: str
    topic: str = "note"
    cause: str = ""


_URGENT, _NORMAL, _QUIET = Level.URGENT, Level.NORMAL, Level.QUIET

KINDS: Mapping[str, Kind] = {
    "broker.lost": Kind(_NORMAL, Manner.OPENS, "▲ BROKER", "trouble", "broker"),
    "reconcile.difference": Kind(_URGENT, Manner.OPENS, "■ DIFFERS", "trouble"),
    "clock.jumped": Kind(_NORMAL, Manner.OPENS, "▲ CLOCK", "trouble", "clock"),
    "clock.settled": Kind(_NORMAL, Manner.CLOSES, "● CLOCK", "trouble", "clock"),
    "stream.refused": Kind(_URGENT, Manner.OPENS, "■ SECOND PROGRAM?", "trouble", "stream"),
    "stream.back": Kind(_NORMAL, Manner.CLOSES, "● STREAM", "trouble", "stream"),
    "emergency.taken": Kind(_URGENT, Manner.EACH, "● LEDGER", "trouble"),
    "fill.not_revised": Kind(_URGENT, Manner.GROUPED, "▲ NOT BOOKED"),
    "order.external": Kind(_NORMAL, Manner.GROUPED, "▲ EXTERNAL"),
    "order.stalled": Kind(_URGENT, Manner.GROUPED, "▲ STALLED"),
    "plan.consent": Kind(_NORMAL, Manner.EACH, "▲ CONSENT", "plan"),
    "plan.idle": Kind(_QUIET, Manner.GROUPED, "● PLAN", "plan"),
    "process.started": Kind(_QUIET, Manner.GROUPED, "● STARTED", "start"),
    "close.refused": Kind(_QUIET, Manner.GROUPED, "▲ REFUSED", "plan"),
    "state.tripped": Kind(_NORMAL, Manner.GROUPED, "▲ REFUSED", "state"),
    SIGNED: Kind(_NORMAL, Manner.EACH, "● SIGNED"),
}

OTHER = Kind(_QUIET, Manner.GROUPED, "● NOTE")
"""Of a code that is not listed; a refusal is one."""


def about_note(heard: About, known: Known, when: When) -> Iterator[Message]:
    """Yield what a note says."""
    record = heard.record
    kind = KINDS.get(record.code, OTHER)
    cause = kind.cause or record.code
    text = record.text
    if record.code == "reconcile.difference":
        cause = f"differs:{differing(record.text)}"
        text = f"books and broker: {record.text}"
    yield Message(
        level=kind.level,
        manner=kind.manner,
        topic=kind.topic,
        cause=cause,
        text=line(kind.head, when.at(record.at_ns), text, seq=heard.seq),
        at_ns=record.at_ns,
        seq=heard.seq,
    )
