"""Plays what disk, file, a second instance and the clock can do to an account, and tells of it.

    python -m tests.simulation.troubles [NAME]...

Each trouble is played against the real parts: ledger in a file, keeper, live driver, engine and the
simulated venue. Every figure is read from ledger, venue or emergency journal; `●` stands before
what has to be so, `■` before what must not be. The last line is one JSON object. Ends with 1 if
anything was wrong.
"""

import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.simulation import trouble_clock as clock
from tests.simulation import trouble_disk as disk
from tests.simulation import trouble_files as files
from tests.simulation import trouble_processes as processes
from tests.simulation.trouble_story import RIGHT, WRONG, Story


class Trouble(NamedTuple):
    """One thing that can happen: a heading, and what plays it in an empty folder."""

    title: str
    play: Callable[[Path, Story], None]


TROUBLES = {
    "disk-full": Trouble("The disk is full", disk.disk_full),
    "write-refused": Trouble("The kernel refuses a write", disk.write_refused),
    "sync-lost": Trouble("A sync fails, and the commit is lost", disk.sync_lost),
    "sync-kept": Trouble("A sync fails, and the commit is there all the same", disk.sync_kept),
    "file-cut": Trouble("The file of the ledger is cut", files.cut),
    "byte-changed": Trouble("A byte is another one", files.changed),
    "two-instances": Trouble("A second instance of the program", processes.second_process),
    "lock-gone": Trouble("The lock of a writer is taken away", processes.lock_gone),
    "lock-gone-account": Trouble("Two accounts on one ledger", processes.lock_gone_account),
    "clock-back": Trouble("The clock of the machine is put back an hour", clock.back),
    "clock-forward": Trouble("The clock of the machine is put forward a day", clock.forward),
    "clock-restart": Trouble("A start by a clock that is a day ahead", clock.restart),
    "short-day": Trouble("The day of 23 hours", clock.short_day),
    "long-day": Trouble("The day of 25 hours", clock.long_day),
}


def played(name: str, folder: Path) -> Story:
    """Play a trouble and return what is told of it; one that breaks off is wrong."""
    trouble = TROUBLES[name]
    story = Story(f"{trouble.title} ({name})")
    try:
        trouble.play(folder, story)
    except Exception as error:  # noqa: BLE001 - whatever it was, it has to be told
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        story.saw("it broke off", f"{type(error).__name__} in {place}: {error}", False)
    return story


def main(names: Sequence[str]) -> int:
    if unknown := [name for name in names if name not in TROUBLES]:
        print(f"{', '.join(unknown)}: not one of {', '.join(TROUBLES)}", file=sys.stderr)
        return 2
    began, stories = time.monotonic(), list[Story]()
    for name in names or TROUBLES:
        with tempfile.TemporaryDirectory(prefix="troubles-") as folder:
            stories.append(played(name, Path(folder)))
        print(stories[-1], end="\n\n", flush=True)
    wrong = sum(len(story.wrong) for story in stories)
    right = sum(len(story.outcomes) for story in stories) - wrong
    spent_s = time.monotonic() - began
    print(f"{len(stories)} troubles in {spent_s:.0f} s: {right} {RIGHT}, {wrong} {WRONG}")
    print(json.dumps({"troubles": len(stories), "wrong": wrong}))
    return 1 if wrong or not stories else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
