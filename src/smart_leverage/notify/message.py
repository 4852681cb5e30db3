"""What is told to people: a short text with its level, its cause, and how it may be told."""

from enum import StrEnum

from msgspec import Struct

TEXT_MAX = 3_500
"""Characters of a text; the smallest service that we send to takes 4,096."""


class Level(StrEnum):
    """How much it matters to somebody who is asleep."""

    URGENT = "urgent"
    """Told at once, whatever the hour and whatever else is told."""
    NORMAL = "normal"
    QUIET = "quiet"


class Manner(StrEnum):
    """How it may be told together with others."""

    EACH = "each"
    """By itself."""
    GROUPED = "grouped"
    """The first of a cause at once, those that follow counted for a while."""
    OPENS = "opens"
    """A trouble begins, or is seen once more: told once, and repeated where it is urgent."""
    CLOSES = "closes"
    """A trouble is over; told only where its beginning was."""


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, in words; `seq` is its event in the journal, 0 for none.

    `topic` is what digests count it under, `cause` what it is grouped by.
    """

    level: Level
    manner: Manner
    topic: str
    cause: str
    text: str
    at_ns: int
    seq: int = 0


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be delivered: one message, or a count of several.

    `count` is the number of messages that it stands for. What `must` be told is delivered by
    itself, never dropped and never only counted.
    """

    level: Level
    topic: str
    text: str
    at_ns: int
    count: int = 1
    must: bool = False
    number: int = 0


def clean(text: str, most: int = TEXT_MAX) -> str:
    """Return a text without control characters, which names and reasons of others may hold."""
    seen = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"
