"""Troubles with a second instance: while the first runs, is stopped, killed, or lost its lock."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.contract.desk_in_trouble import BTC, Desk
from tests.simulation.trouble_story import Story, agree, sound

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.files import LOCK, beside
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.statements import QUERIES
from smart_leverage.runtime.control import SOCKET
from smart_leverage.runtime.venue_process import PID

PROGRAM = (sys.executable, "-c", "from smart_leverage.cli import main; main()")
RUN = (*PROGRAM, "run", "--name", "live", "--strategy", "none")
LONG_S = 60
NOTE = Noted(at_ns=DAY_NS, code="c", text="t")


def second_process(folder: Path, story: Story) -> None:
    """Two processes of the program on one account."""
    path = folder / "runs" / "live" / "ledger.sqlite"
    with _running(folder) as first:
        story.did(f"`smart-leverage run --name live` runs as process {first.pid}.")
        epoch, head = _epoch(path), _head(path)
        _refused(story, folder, first.pid)
        first.send_signal(signal.SIGSTOP)
        story.did(f"Process {first.pid} is stopped by SIGSTOP and does nothing any more.")
        _refused(story, folder, first.pid)
        story.saw(
            "the ledger meanwhile",
            f"writer of epoch {_epoch(path)}, as before; {_head(path) - head} events in the file "
            "since, all by it",
            _epoch(path) == epoch and _strangers(path, epoch) == 0,
        )
        first.kill()
        first.wait()
        story.did(f"Process {first.pid} is killed by SIGKILL. The command is given again.")
        code, said = _run(folder)
        story.saw("the next process", f"ended in order, exit code {code}", code == 0)
        story.saw(
            "the writer's epoch",
            f"{epoch} before, {_epoch(path)} now",
            _epoch(path) == epoch + 1,
        )
        if code:
            story.did(said)
        sound(story, path)


def lock_gone(folder: Path, story: Story) -> None:
    """The lock file is emptied, then removed, under a writer that still runs."""
    path = folder / "ledger.sqlite"
    lock = beside(path, LOCK)
    with SqliteLedger(path) as old:
        old.commit([NOTE])
        story.did("One writer has the ledger. Its lock file is emptied by hand.")
        lock.write_text("")
        refusal = _opening(path)
        story.saw("a second writer", refusal or "is let in", refusal.startswith("LedgerLocked"))
        story.did("The lock file is removed by hand, and a second writer begins.")
        lock.unlink()
        with SqliteLedger(path) as new:
            head = new.head
            story.saw("epochs", f"{old.epoch} and {new.epoch}", new.epoch == old.epoch + 1)
            said = _commit(old)
            story.saw("a commit of the old writer", said or "was taken", "took over" in said)
            _nothing_since(story, path, head.seq)
            said = _commit(new)
            story.saw("a commit of the new writer", said or "was taken", not said)
    sound(story, path)


def lock_gone_account(folder: Path, story: Story) -> None:
    """The same with two whole accounts, of which the old one wants to sell."""
    old = Desk(folder)
    old.hold()
    held = dict(old.state.held())[BTC]
    story.did(
        f"An account holds {held} BTC/USD. Its lock file and its socket are removed by hand, and a "
        "second process of the account begins on the same ledger and venue."
    )
    beside(old.path, LOCK).unlink()
    (folder / SOCKET).unlink()
    new = old.twin()
    new.start()
    try:
        head = new.keeper.ledger.head.seq
        story.did("The bot of the old process sells everything.")
        old.flatten_wish()
        said = _run_on(old)
        story.saw("the old process", said or "goes on", said.startswith(LedgerLocked.__name__))
        _nothing_since(story, old.path, head)
        story.saw("orders of it at the venue", len(old.venue.sent), not old.venue.sent)
        story.did("The bot of the new process sells everything.")
        new.flatten_wish()
        new.run(2)
        sales = [sent.order.qty for sent in new.venue.sent]
        story.saw(
            "sales at the venue",
            f"{len(sales)}: {', '.join(map(str, sales))}",
            sales == [held],
        )
        agree(story, new)
        sound(story, new.path)
    finally:
        new.stop()
        old.keeper.close()


# -- what is done ------------------------------------------------------------------------------


@contextmanager
def _running(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run an account until the block ends; its venue ends as well."""
    process = subprocess.Popen(
        [*RUN, "--for", str(LONG_S)],
        cwd=folder, env=_environment(), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        said = ""
        while "running on" not in said:
            said = process.stderr.readline()
            assert said, "it did not start"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        with suppress(OSError, ValueError):  # The venue that a kill left running.
            os.kill(int((folder / "runs" / "live" / PID).read_text()), signal.SIGTERM)


def _environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("SMART_")}


def _run(folder: Path) -> tuple[int, str]:
    """Give the command once more, for a second; return exit code and last line."""
    done = subprocess.run(
        [*RUN, "--for", "1"],
        cwd=folder, env=_environment(), text=True, stdin=subprocess.DEVNULL,
        capture_output=True, check=False, timeout=LONG_S,
    )  # fmt: skip
    return done.returncode, " ".join(done.stderr.split())


def _commit(ledger: SqliteLedger) -> str:
    try:
        ledger.commit([NOTE])
    except LedgerError as error:
        return str(error)
    return ""


def _opening(path: Path) -> str:
    try:
        SqliteLedger(path).close()
    except LedgerError as error:
        return f"{type(error).__name__}: {error}".replace(f"{path.parent}{os.sep}", "")
    return ""


def _run_on(desk: Desk) -> str:
    try:
        desk.run(2)
    except LedgerError as error:
        ended = f"{type(error).__name__}: {error}".replace(f"{desk.folder}{os.sep}", "")
        return f"{ended}; this process ends"
    return ""


# -- what is seen ------------------------------------------------------------------------------


def _refused(story: Story, folder: Path, first: int) -> None:
    code, said = _run(folder)
    story.saw(
        "the same command once more",
        f"exit code {code}: {said}",
        code != 0 and f"process {first} is writing" in said,
    )


def _nothing_since(story: Story, path: Path, head: int) -> None:
    added = _head(path) - head
    story.saw("events in the ledger since", added, added == 0)


def _epoch(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        ((epoch,),) = connection.execute(QUERIES["epoch"]).fetchall()
        return int(epoch)


def _head(path: Path) -> int:
    with Reader.open(path) as reader:
        return reader.head().seq


def _strangers(path: Path, epoch: int) -> int:
    with Reader.open(path) as reader:
        return sum(entry.epoch != epoch for entry in reader.entries())
