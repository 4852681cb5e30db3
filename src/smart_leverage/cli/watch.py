"""What happens to an account, line by line, as long as somebody looks."""

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.records import Record
    from smart_leverage.ledger.base import Entry
    from smart_leverage.runtime.remembered import Fold

LOOK_S = 0.25
_TOGETHER = 1_000_000
"""More lines than anybody asks for."""


@command("smart-leverage watch", "smart-leverage watch --last 100 --json --for 60")
def watch(
    screen: Screen,
    last: Annotated[
        int, typer.Option(min=0, max=_TOGETHER, help="So many lines of the past come first.")
    ] = 10,
    lasts_s: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", min=0, help="End by itself after so long."),
    ] = None,
    ledger: LedgerPath = None,
) -> None:
    """Tell decisions, fills and changes of state as they come, until Ctrl-C.

    It reads the ledger of an account, whichever process writes it, and disturbs nobody; each event
    is told once it is durable. Times are UTC. With --json one object a line, with a stable `kind`.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.runtime.following import Follower

    path, news = ledger_path(ledger), News(screen, last)
    until_s = None if lasts_s is None else time.monotonic() + lasts_s
    follower = Follower(path, lambda: news.hear)
    try:
        follower.follow()
        if follower.now() is None:
            raise LedgerError(follower.trouble or f"{path}: holds no account yet")
        news.begin()
        while until_s is None or time.monotonic() < until_s:
            before = follower.trouble
            follower.follow()
            if follower.trouble and follower.trouble != before:
                screen.note(f"■ the ledger cannot be read just now: {follower.trouble}")
            time.sleep(LOOK_S)
    finally:
        follower.close()


class News:
    """Keeps the last lines of the past until it begins, and tells what comes from then on."""

    def __init__(self, screen: Screen, last: int) -> None:
        self._screen = screen
        self._past: deque[tuple[int, Record]] = deque(maxlen=last)
        self._has_begun = False

    def hear(self, entry: "Entry", record: "Record | None", fold: "Fold") -> None:
        """Take in one entry of the journal."""
        from smart_leverage.cli.happening import SHOWN

        if not isinstance(record, SHOWN):
            return
        if self._has_begun:
            self._tell(entry.seq, record)
        else:
            self._past.append((entry.seq, record))

    def begin(self) -> None:
        """Tell the past that was kept; from now on tell at once."""
        self._has_begun = True
        for seq, record in self._past:
            self._tell(seq, record)
        self._past.clear()

    def _tell(self, seq: int, record: "Record") -> None:
        from smart_leverage.cli.happening import fields_of, line_of

        if self._screen.as_json:
            self._screen.record(fields_of(seq, record))
        else:
            self._screen.say(line_of(record))
        sys.stdout.flush()  # whoever reads through a pipe waits for it
