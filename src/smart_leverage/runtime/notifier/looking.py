"""Looks at an account from outside now and then: process, halt file, emergency journal, disk."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import StateChanged
from smart_leverage.ledger.space import Room, Space, room
from smart_leverage.ledger.takeover import known, waiting
from smart_leverage.notify.conditions import Seen
from smart_leverage.runtime.control import gives_a_sign
from smart_leverage.runtime.latch import HALT

EVERY_NS = 5 * SECOND_NS


class Emergency(NamedTuple):
    """What waits beside a ledger: how many records, and why it went there."""

    records: int
    why: str


class Look:
    """Looks every few seconds, and returns what it saw last in between; for one thread."""

    def __init__(
        self,
        ledger: Path,
        *,
        answers: Callable[[Path], bool | None] = gives_a_sign,
        ask_room: Callable[[Path], Room] = room,
    ) -> None:
        """Look at the account of a ledger."""
        self._ledger = ledger
        self._answers = answers
        self._ask_room = ask_room
        self._seen = Seen(0)
        self._silent_ns = 0

    def at(self, now_ns: int) -> Seen:
        """Return what is to be seen by now; journal and bots are the caller's to add."""
        if not 0 <= now_ns - self._seen.now_ns < EVERY_NS:
            self._seen = self._looked(now_ns)
        return self._seen._replace(now_ns=now_ns)

    def _looked(self, now_ns: int) -> Seen:
        folder = self._ledger.parent
        if self._answers(folder):
            self._silent_ns = 0
        else:
            self._silent_ns = self._silent_ns or now_ns
        emergency = _emergency(self._ledger)
        space = self._ask_room(self._ledger)
        return Seen(
            now_ns=now_ns,
            silent_ns=self._silent_ns,
            halt_file_ns=_made_ns(folder / HALT),
            emergency=emergency.records,
            emergency_why=emergency.why,
            free_bytes=space.free_bytes,
            is_disk_short=space.level is Space.SHORT,
        )


def _made_ns(file: Path) -> int:
    """Return when a file was written; 0 where there is none."""
    with suppress(OSError):
        return max(os.lstat(file).st_mtime_ns, 1)
    return 0


def _emergency(ledger: Path) -> Emergency:
    try:
        found = waiting(ledger)
    except LedgerError as error:
        return Emergency(1, str(error))
    if not found.notes:
        return Emergency(0, "")
    states = [record for record in known(found) if isinstance(record, StateChanged)]
    return Emergency(len(found.notes), states[0].why if states else "")
