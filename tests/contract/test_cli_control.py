"""The operator's commands against an account that runs, that stands still, and that hangs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.forked import Done, environment, told

COMMAND = [sys.executable, "-c", "from smart_leverage.cli import main; main()"]
LIVE = ["run", "--strategy", "overbuyer", "--name", "live"]


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
            if "needed to resume and to loosen" in line:
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
        return told(self.home, *words, stdin=stdin)

    def json(self, *words: str, stdin: str = "") -> Any:
        return self.told(*words, "--json", stdin=stdin).json

    @property
    def state(self) -> str:
        return str(self.json("status")["state"])


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


# -- limits ---------------------------------------------------------------------------------------

SYMBOL = "limits.symbol_cap"


def set_limits(account: Account, *changes: str, token: str = "") -> Any:
    with_token = ("--token-file", "-") if token else ()
    words = ("limits", "set", *changes, "--reason", "a test", *with_token)
    return account.json(*words, stdin=token)


def cap(account: Account) -> str:
    return str(account.json("limits", "show")["numbers"]["limits"]["symbol_cap"])


def test_limits_of_a_running_account_tighten_at_once_and_loosen_tomorrow(account: Account) -> None:
    tighter = set_limits(account, f"{SYMBOL}=5%", "tiers.ceiling=stable")
    assert tighter["result"] == "done"
    assert f"{SYMBOL} 10 % → 5 %, in force now" in tighter["lines"]
    assert cap(account) == "0.05"

    refused = account.told("limits", "set", f"{SYMBOL}=0.1", "--reason", "x")
    assert (refused.code, "which needs the admin token" in refused.out) == (5, True)
    later = set_limits(account, f"{SYMBOL}=0.1", token=account.token)
    assert f"{SYMBOL} 5 % → 10 %, from " in later["lines"][0]
    assert cap(account) == "0.05"
    (pending,) = account.json("limits", "show")["pending"]
    assert (pending["name"], pending["after"], pending["reason"]) == (SYMBOL, "0.1", "a test")
    assert f"pending   {SYMBOL} 5 % → 10 %, from " in account.told("status").out
    assert "configured" in account.told("limits", "show").out

    account.told("halt", "--reason", "now")
    halted = set_limits(account, f"{SYMBOL}=0.2", token=account.token)
    assert (halted["result"], "the account is halted" in halted["lines"][0]) == ("refused", True)
    assert account.told("ledger", "verify").code == 0


def test_what_no_limit_can_be_is_refused_by_name(account: Account) -> None:
    per_cent = account.told("limits", "set", f"{SYMBOL}=25", "--reason", "x")
    assert (per_cent.code, "fractions, not per cent: 0.25?" in per_cent.out) == (5, True)
    torn = account.told("limits", "set", "limits.loss_limit_monthly=2%", "--reason", "x")
    assert "loss_limit_daily 0.03 is above loss_limit_monthly 0.02" in torn.out
    typo = account.told("limits", "set", "limits.symbl_cap=2%", "--reason", "x")
    assert (typo.code, f"did you mean {SYMBOL}?" in typo.err) == (2, True)
    assert account.told("limits", "set", f"{SYMBOL}=2%").code == 2
    assert cap(account) == "0.1"


def test_an_account_at_rest_can_be_tightened_and_another_file_loosens_nothing(
    account: Account,
) -> None:
    account.stop()
    assert set_limits(account, f"{SYMBOL}=0.05")["result"] == "done"
    loose = account.told("limits", "set", f"{SYMBOL}=0.2", "--reason", "x")
    assert (loose.code, "were not compared yet" in loose.out) == (5, True)
    text = "[limits]\nsymbol_cap = 0.3\ngross_cap = 0.7\n[risk]\nloosen_after_hours = 1\n"
    (account.home / "smart-leverage.toml").write_text(text)
    account.start()
    shown = account.json("limits", "show")
    numbers = shown["numbers"]
    assert (numbers["limits"]["symbol_cap"], numbers["limits"]["gross_cap"]) == ("0.05", "0.7")
    assert numbers["risk"]["loosen_after_hours"] == 24
    assert {each["name"]: each["who"] for each in shown["pending"]} == {
        SYMBOL: "configuration",
        "risk.loosen_after_hours": "configuration",
    }


def test_a_change_asked_of_an_account_that_hangs_is_made_when_it_goes_on(account: Account) -> None:
    assert account.process is not None
    account.process.send_signal(signal.SIGSTOP)
    try:
        told = account.told("limits", "set", f"{SYMBOL}=0.05", "--reason", "it hangs")
        assert (told.code, "may still be done" in told.err) == (4, True)
    finally:
        account.process.send_signal(signal.SIGCONT)
    wait_until(lambda: cap(account) == "0.05")


def test_a_rebalance_needs_a_process_and_says_when_there_is_nothing_to_do(
    account: Account,
) -> None:
    done = account.json("rebalance", "--reason", "inside now")
    assert (done["result"], done["state"]) == ("done", "active")
    assert done["lines"] == ["nothing is above its cap, so nothing is sold"]
    account.stop()
    told = account.told("rebalance")
    assert (told.code, "start it with" in told.err) == (4, True)


# -- enforcement ----------------------------------------------------------------------------------


def test_the_ladder_is_climbed_by_an_admin_who_has_read_what_it_brings(account: Account) -> None:
    shown = account.json("enforcement", "show")
    assert (shown["step"], shown["pending"], shown["caps_factor"]) == ("all", None, "1")
    down = ("enforcement", "set", "observe", "--reason", "to look")
    refused = account.told(*down, "--token-file", "-", stdin="wrong")
    assert (refused.code, "needs the admin token" in refused.out) == (5, True)
    later = account.json(*down, "--token-file", "-", stdin=account.token)
    if later["result"] == "refused":  # the overbuyer has brought about a plan by now
        assert "less would be enforced, and" in later["lines"][0]
        return
    assert "enforcement all → observe, from " in later["lines"][0]
    assert account.json("enforcement", "show")["pending"]["after"] == "observe"
    back = account.json("enforcement", "set", "all", "--reason", "no", "--token-file", "-",
                        stdin=account.token)  # fmt: skip
    assert "nothing is pending" in back["lines"][0]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Account]:
    """An account that begins on the lowest step."""
    made = Account(tmp_path)
    made.token = made.json("init", "--name", "live")["admin_token"]
    place = made.folder / "smart-leverage.toml"
    text = place.read_text()
    assert '# enforcement = "all"' in text
    place.write_text(text.replace('# enforcement = "all"', 'enforcement = "observe"'))
    made.start()
    yield made
    made.stop(signal.SIGKILL)
    for note in tmp_path.glob("runs/*/broker.pid"):
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_step_up_is_taken_by_an_admin_who_says_yes_to_its_evidence(watched: Account) -> None:
    assert watched.json("enforcement", "show")["step"] == "observe"
    words = ("enforcement", "set", "entries", "--reason", "a quiet week", "--token-file", "-")
    unread = watched.told(*words, stdin=watched.token)
    assert (unread.code, "--yes" in unread.err) == (2, True)
    assert "7 days" in unread.out  # the evidence was shown
    wrong = watched.told(*words, "--yes", stdin="wrong")
    assert (wrong.code, "needs the admin token" in wrong.out) == (5, True)
    taken = watched.json(*words, "--yes", stdin=watched.token)
    assert taken["lines"][0] == "enforcement observe → entries, in force now"
    watched.stop()
    assert watched.told(*words, "--yes", stdin=watched.token).code == 4  # it needs a process
    watched.start()
    assert watched.json("enforcement", "show")["step"] == "entries"  # not what the file says
    assert watched.told("plan", "show").code == 0
    consent = watched.told("plan", "consent", "--reason", "agreed")
    assert (consent.code, "it is so already" in consent.out) == (0, True)
    assert watched.told("ledger", "verify").code == 0
