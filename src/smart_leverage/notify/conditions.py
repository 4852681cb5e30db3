"""Troubles that no record tells: what a look at the account from outside finds, and its end."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.stamps import span
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.wording import When, line

GRACE_NS = 30 * SECOND_NS
"""So long a process may be busy, and a halt on its way into the journal."""


class Seen(NamedTuple):
    """One look at an account from outside; times are UTC nanoseconds, 0 for none.

    `committed_ns` is the time of the last record, `silent_ns` since when the process has not
    answered, `halt_file_ns` since when the halt file has been there.
    """

    now_ns: int
    state: str = "active"
    committed_ns: int = 0
    silent_ns: int = 0
    halt_file_ns: int = 0
    emergency: int = 0
    """Records in the emergency journal that the ledger does not have."""
    emergency_why: str = ""
    free_bytes: int | None = 0
    is_disk_short: bool = False
    unreadable: str = ""
    """Why the ledger could not be read; empty where it could."""
    bots_ns: Mapping[str, int] = {}


class Bounds(NamedTuple):
    """From when on silence is a trouble."""

    stale_after_ns: int = 3 * MINUTE_NS
    bot_silent_ns: int = 0
    """0 for never."""


class _Trouble(NamedTuple):
    """A trouble with its words, and whether it is there."""

    cause: str
    level: Level
    is_there: bool
    head: str
    begins: str
    ends: str
    allowed: str = ""


def conditions(seen: Seen, bounds: Bounds, known: Collection[str], when: When) -> Iterator[Message]:
    """Yield what begins and what is over.

    Args:
        seen: The look.
        bounds: What is too long.
        known: Causes of the troubles that were told and not closed.
        when: The clock by which times are told.
    """
    for each in (*_troubles(seen, bounds), *_bots(seen, bounds, known)):
        is_known = each.cause in known
        if each.is_there == is_known:
            continue
        head = each.head if each.is_there else f"● {each.head.partition(' ')[2]}"
        text = each.begins if each.is_there else each.ends
        allowed = each.allowed if each.is_there else ""
        yield Message(
            level=each.level,
            manner=Manner.OPENS if each.is_there else Manner.CLOSES,
            topic="trouble",
            cause=each.cause,
            text=line(head, when.at(seen.now_ns), text, allowed),
            at_ns=seen.now_ns,
        )


def is_alive(seen: Seen, bounds: Bounds) -> bool:
    """Tell whether an account truly runs: its process answers, and what it values is durable."""
    is_fresh = seen.committed_ns > 0 and seen.now_ns - seen.committed_ns <= bounds.stale_after_ns
    return is_fresh and not seen.silent_ns and not seen.unreadable and not seen.emergency


def _troubles(seen: Seen, bounds: Bounds) -> Iterator[_Trouble]:
    now_ns = seen.now_ns
    yield _Trouble(
        "ledger",
        Level.URGENT,
        bool(seen.emergency or seen.unreadable),
        "■ LEDGER",
        seen.unreadable
        or f"cannot be written, {seen.emergency} records beside it: {seen.emergency_why}",
        "takes records again",
        "halted: entries denied, exits pass",
    )
    free = "unknown" if seen.free_bytes is None else f"{seen.free_bytes / 2**20:,.0f} MiB"
    yield _Trouble(
        "disk",
        Level.URGENT,
        seen.is_disk_short,
        "■ DISK",
        f"nearly full, {free} free",
        f"has room again, {free} free",
        "entries denied, exits pass",
    )
    is_halted = seen.state in ("halted", "frozen")
    waited_ns = now_ns - seen.halt_file_ns if seen.halt_file_ns else 0
    yield _Trouble(
        "halt",
        Level.URGENT,
        waited_ns > GRACE_NS and not is_halted,
        "■ HALT",
        f"the halt file has been there for {span(waited_ns)}, and the journal has no halt",
        "halt file and journal agree",
        "entries denied, exits pass",
    )
    silent_ns = now_ns - seen.silent_ns if seen.silent_ns else 0
    yield _Trouble(
        "process",
        Level.URGENT,
        silent_ns > GRACE_NS,
        "■ PROCESS",
        f"the account's process has not answered for {span(silent_ns)}",
        "the account's process answers again",
        "`smart-leverage halt` holds it up by a file",
    )
    age_ns = now_ns - seen.committed_ns
    yield _Trouble(
        "stale",
        Level.NORMAL,
        bool(seen.committed_ns) and age_ns > bounds.stale_after_ns,
        "▲ STALE",
        f"nothing was valued or recorded for {span(age_ns)}",
        "the account is valued again",
    )


def _bots(seen: Seen, bounds: Bounds, known: Collection[str]) -> Iterator[_Trouble]:
    for bot, at_ns in seen.bots_ns.items():
        age_ns = seen.now_ns - at_ns
        cause = f"bot:{bot}"
        is_silent = 0 < bounds.bot_silent_ns < age_ns
        if is_silent or cause in known:
            yield _Trouble(
                cause,
                Level.NORMAL,
                is_silent,
                "▲ BOT",
                f"{bot} has asked for nothing for {span(age_ns)}",
                f"{bot} asks again",
            )
