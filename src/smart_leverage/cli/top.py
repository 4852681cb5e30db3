"""The account on one screen that keeps itself up to date, until somebody presses q."""

import sys
from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from smart_leverage.domain.records import Record
    from smart_leverage.ledger.base import Entry
    from smart_leverage.runtime.following import Follower
    from smart_leverage.runtime.remembered import Fold

RECENT_MAX = 60
PLAIN_RECENT = 8
_PROCESS = {
    "running": "● runs",
    "writing": "● writes, and takes no commands",
    "hanging": "■ hangs: it listens and does not answer; a halt still holds",
    "dead": "■ was killed, nobody runs this account; stops rest at the broker",
    "stopped": "▲ nobody runs this account; stops rest at the broker",
}


@command("smart-leverage top", "smart-leverage top --ledger runs/live --every 5")
def top(
    screen: Screen,
    every_s: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.25, max=60, help="Between frames.")
    ] = 1.0,
    ledger: LedgerPath = None,
) -> None:
    """Show state, tier, exposure, losses and what happened last, and keep that up to date.

    It reads the ledger only, at the cost of what is new, and disturbs nobody. q or Ctrl-C ends it.
    Where nobody looks directly, into a pipe or a file, it writes one frame.
    """
    from smart_leverage.cli.places import ledger_path

    path, recent = ledger_path(ledger), Recent()
    follower = _following(path, recent)
    try:
        if screen.as_json:
            from smart_leverage.cli.status import fields

            now = follower.now()
            assert now is not None  # noqa: S101 - it was looked for
            screen.record(fields(now))
        elif screen.is_terminal and sys.stdin.isatty():
            from smart_leverage.cli.top_live import live

            live(screen, follower, recent, every_s)
        else:
            screen.say(*frame(follower, recent, screen.width, PLAIN_RECENT))
    finally:
        follower.close()


class Recent:
    """The last events that are shown."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=RECENT_MAX)

    def begin(self) -> "Recent":
        """Forget them: the ledger is read from its first entry on."""
        self.records.clear()
        return self

    def __call__(self, entry: "Entry", record: "Record | None", fold: "Fold") -> None:
        """Take in one entry of the journal."""
        from smart_leverage.cli.happening import SHOWN

        if isinstance(record, SHOWN):
            self.records.append(record)


def _following(path: "Path", recent: Recent) -> "Follower":
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.runtime.following import Follower

    follower = Follower(path, recent.begin)
    follower.follow()
    if follower.now() is None:
        follower.close()
        raise LedgerError(follower.trouble or f"{path}: holds no account yet; run it first")
    return follower


def frame(follower: "Follower", recent: Recent, width: int, room: int) -> list[str]:
    """Return the lines of one frame: how it stands, and the last events as far as there is room."""
    from smart_leverage.cli.happening import line_of
    from smart_leverage.cli.status import lines

    now = follower.now()
    assert now is not None  # noqa: S101 - a follower that has read an account keeps it
    shown = [*lines(now, width), _runs(now.path)]
    if follower.trouble:
        shown.insert(0, f"■ the ledger cannot be read just now: {follower.trouble}")
    last = [line_of(record) for record in list(recent.records)[-room:]] if room > 0 else []
    return [*shown, "", "last events, times in UTC", *(last or ["none yet"])]


def _runs(ledger: "Path") -> str:
    """Return who keeps the account going, as far as it can be seen from outside."""
    from smart_leverage.runtime.presence import presence

    return f"process   {_PROCESS[presence(ledger).presence.value]}"
