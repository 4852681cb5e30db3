"""The operator's commands against an account that runs, that stands still, and that hangs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

COMMAND = [sys.executable, "-c", "from smart_leverage.cli import main; main()"]
LIVE = ["run", "--strategy", "overbuyer", "--name", "live"]


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Account:
    """An account in real time, in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "runs" / "live"
        self.token = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *LIVE],
            cwd=self.home,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in iter(self.process.stderr.readline, ""):
            if "needed to resume" in line:
                self.token = line.rsplit(" ", 1)[1].strip()
            if "Ctrl-C ends it" in line:
                break
        wait_until(lambda: self.told("status", "--json").code == 0)

    def stop(self, number: int = signal.SIGINT) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=20)
        if self.process is not None and self.process.stderr is not None:
            self.process.stderr.close()

    def told(self, *words: str, stdin: str = "") -> Done:
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=self.home,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str, stdin: str = "") -> Any:
        return json.loads(self.told(*words, "--json", stdin=stdin).out)

    @property
    def state(self) -> str:
        return str(self.json("status")["state"])


def environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("SMART_")}


def wait_until(is_true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    until = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    made = Account(tmp_path)
    made.start()
    yield made
    made.stop(signal.SIGKILL)
    for note in tmp_path.glob("runs/*/broker.pid"):
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_running_account_obeys_and_remembers(account: Account) -> None:
    halted = account.json("halt", "--reason", "outage")
    assert (halted["result"], halted["state"]) == ("done", "halted")
    assert account.state == "halted"
    assert (account.folder / "HALT").exists()

    refused = account.told("resume", "--reason", "x", "--token-file", "-", stdin="wrong")
    assert (refused.code, "admin token" in refused.out) == (5, True)
    assert account.state == "halted"

    account.stop()
    account.start()
    assert account.state == "halted"  # a restart lifts nothing

    resumed = account.json("resume", "--reason", "over", "--token-file", "-", stdin=account.token)
    assert (resumed["result"], resumed["state"]) == ("done", "active")
    assert not (account.folder / "HALT").exists()
    assert account.json("reduce", "--reason", "weekend")["state"] == "reducing"
    assert account.json("flatten", "--reason", "closing")["state"] == "halted"
    assert account.told("ledger", "verify").code == 0


def test_a_file_made_by_hand_halts_a_running_account(account: Account) -> None:
    (account.folder / "HALT").touch()
    wait_until(lambda: account.state == "halted")


def test_an_account_at_rest_starts_halted(account: Account) -> None:
    account.stop()
    halted = account.told("halt", "--reason", "before the weekend")
    assert halted.code == 0
    assert "no process runs this account" in halted.err
    assert account.told("resume", "--reason", "x", "--token-file", "-", stdin="y").code == 4
    account.start()
    assert account.state == "halted"


def test_an_account_that_hangs_is_halted_by_the_file(account: Account) -> None:
    assert account.process is not None
    account.process.send_signal(signal.SIGSTOP)
    try:
        told = account.told("halt", "--reason", "it hangs")
        assert told.code == 4
        assert "the halt file stands" in told.err
        assert (account.folder / "HALT").exists()
    finally:
        account.process.send_signal(signal.SIGCONT)
    wait_until(lambda: account.state == "halted")


def test_a_killed_account_is_halted_while_it_is_dead(account: Account) -> None:
    account.stop(signal.SIGKILL)
    assert account.json("halt", "--reason", "it died")["state"] == "halted"
    account.start()
    assert account.state == "halted"
