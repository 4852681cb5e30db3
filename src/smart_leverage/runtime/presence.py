"""Who runs an account just now: found out from outside, taking nothing from whoever does."""

import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from smart_leverage.brokers.sim import SimBrokerClient
from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.ledger.files import holder, is_alive
from smart_leverage.runtime import control, venue_process

VENUE_WITHIN_S = 3.0


class Presence(StrEnum):
    """What became of the process of an account."""

    RUNNING = "running"
    """It answers."""
    WRITING = "writing"
    """A process writes the ledger and takes no commands, as a run over bars does."""
    HANGING = "hanging"
    """It listens and does not answer."""
    DEAD = "dead"
    """Nobody answers, and what an end in order takes away is still there."""
    STOPPED = "stopped"


class Present(NamedTuple):
    """Who was found; `left` are the files that a process left behind when it was killed."""

    presence: Presence
    process: int | None
    left: tuple[str, ...] = ()


class Venue(NamedTuple):
    """The simulated venue of a folder: its process as noted and alive, and whether it answers."""

    process: int | None
    answers: bool
    left: tuple[str, ...]


def presence(ledger: Path) -> Present:
    """Return who runs the account of a ledger; neither its lock nor its loop is touched."""
    folder = ledger.parent
    answers, process = control.gives_a_sign(folder), holder(ledger)
    if answers is not None:
        return Present(Presence.RUNNING if answers else Presence.HANGING, process)
    if process is not None:
        return Present(Presence.WRITING, process)
    left = _there(folder, control.SOCKET, venue_process.PID)
    return Present(Presence.DEAD if left else Presence.STOPPED, None, left)


def venue(folder: Path) -> Venue:
    """Return how the venue of a folder is; it is asked for the account, which changes nothing."""
    process = None
    with suppress(OSError, ValueError):
        process = int((folder / venue_process.PID).read_text(encoding="ascii"))
    return Venue(
        process=process if process is not None and is_alive(process) else None,
        answers=_answers(folder / venue_process.SOCKET),
        left=_there(folder, venue_process.PID, venue_process.SOCKET),
    )


def _answers(socket: Path) -> bool:
    if not os.path.lexists(socket):
        return False
    with SimBrokerClient(socket, VENUE_WITHIN_S) as client:
        try:
            client.account()
        except SmartLeverageError:
            return False
    return True


def _there(folder: Path, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if os.path.lexists(folder / name))
