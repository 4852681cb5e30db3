"""An account whose ledger is on a server, as a person runs it, while the server is killed."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.forked import environment, told
from tests.postgres import Server, fresh_database, server

from smart_leverage.domain.records import Noted
from smart_leverage.ledger.home import home_of
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

pytestmark = pytest.mark.needs("postgres-programs")

COMMAND = [sys.executable, "-c", "from smart_leverage.cli import main; main()"]
LONG_S = 60.0


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture
def home(own: Server, tmp_path: Path) -> Path:
    """Return a folder whose configuration has ledgers on a server."""
    database = fresh_database(own.address())
    (tmp_path / "smart-leverage.toml").write_text(f'[ledger]\nurl = "{database}"\n')
    return tmp_path


class Running:
    """A command that runs, and what it has said so far."""

    def __init__(self, home: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=home,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said = ""

    def hears(self, words: str) -> None:
        """Wait until it has said something."""
        until = time.monotonic() + LONG_S
        assert self.process.stdout is not None
        while words not in self.said:
            assert time.monotonic() < until, self.said
            ready, _, _ = select.select([self.process.stdout], [], [], 1.0)
            if ready:
                more = os.read(self.process.stdout.fileno(), 65_536)
                assert more, self.said
                self.said += more.decode()

    def end(self) -> int:
        """Interrupt it as Ctrl-C does, and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=LONG_S)
        self.said += out.decode()
        return self.process.returncode


@contextmanager
def running(home: Path, *words: str) -> Iterator[Running]:
    one = Running(home, *words)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        assert one.process.stdout is not None
        one.process.stdout.close()


def test_an_account_outlives_its_server_and_is_halted_until_a_person_resumes_it(
    own: Server, home: Path
) -> None:
    with running(home, "run", "--name", "live") as run:
        run.hears("running on the embedded market")
        ledger = home / "runs" / "live" / "ledger.sqlite"
        assert not ledger.exists()
        before = told(home, "status", "--json").json
        assert before["state"] == "active"
        again = told(home, "run", "--name", "live")
        assert again.code != 0
        assert f"process {run.process.pid} is writing this ledger" in again.err

        own.kill()
        run.hears("the server does not answer")
        run.hears("sales, cancels, stops and fills go on for ")
        asked = told(home, "status")
        assert asked.code != 0
        assert "the server does not answer" in asked.err
        own.start()
        run.hears("records of the emergency journal were taken into the ledger")
        assert run.end() == 0
    after = told(home, "status", "--json").json
    assert after["state"] == "halted"
    assert after["ledger_seq"] > before["ledger_seq"]
    assert verify(ledger).is_sound
    with Reader.open(ledger) as reader:
        assert {entry.epoch for entry in reader.entries()} == {1, 2}


def test_an_account_whose_ledger_somebody_took_over_ends(own: Server, home: Path) -> None:
    with running(home, "run", "--name", "live") as run:
        run.hears("running on the embedded market")
        ledger = home / "runs" / "live" / "ledger.sqlite"
        address = home_of(ledger)
        assert address is not None
        own.kill()
        run.hears("sales, cancels, stops and fills go on for ")
        os.kill(run.process.pid, signal.SIGSTOP)  # It is cut off, and another machine goes on.
        own.start()
        with PostgresLedger(address) as other:
            assert other.epoch == 2
            other.commit([Noted(at_ns=1, code="c", text="gone on with elsewhere")])
        os.kill(run.process.pid, signal.SIGCONT)
        run.hears("somebody else wrote this ledger while its server was out of reach")
        assert run.process.wait(LONG_S) != 0
    assert told(home, "status", "--json").json["state"] == "active"


def test_a_run_over_bars_keeps_its_ledger_there_and_every_command_reads_it(home: Path) -> None:
    days = "\n".join(f"2024-01-{day:02}T00:00:00Z,{40 + day},{41 + day},{39 + day},{40 + day},1"
                     for day in range(1, 29))  # fmt: skip
    (home / "BTC-USD.1d.csv").write_text(f"ts,open,high,low,close,volume\n{days}\n")
    done = told(home, "run", "BTC-USD.1d.csv", "--name", "bars", "--json")
    assert done.code == 0, done.err
    address = home_of(home / "runs" / "bars" / "ledger.sqlite")
    assert address is not None
    assert address.account == "bars"
    plain = told(home, "run", "BTC-USD.1d.csv", "--name", "plain", "--json",
                 variables={"SMART_LEVERAGE_LEDGER__URL": ""})  # fmt: skip
    assert plain.code == 0, plain.err
    heads = [json.loads(told(home, "ledger", "verify", f"runs/{name}", "--json").out)["head"]
             for name in ("bars", "plain")]  # fmt: skip
    assert heads[0] == heads[1]
    again = told(home, "run", "BTC-USD.1d.csv", "--name", "bars")
    assert "holds a run already" in again.err


# --- where the settings and the folder do not agree -----------------------------------------------


def test_a_ledger_in_a_file_is_not_left_behind_for_a_new_one_on_the_server(home: Path) -> None:
    SqliteLedger(home / "runs" / "live" / "ledger.sqlite").close()
    done = told(home, "run", "--name", "live", "--for", "1")
    assert done.code != 0
    assert "the ledger of this account is the file runs/live/ledger.sqlite" in done.err
    assert "smart-leverage ledger migrate --ledger runs/live --to postgresql://" in done.err


def test_a_ledger_of_that_name_that_the_folder_never_wrote_is_not_adopted(home: Path) -> None:
    url = (home / "smart-leverage.toml").read_text().split('"')[1]
    with PostgresLedger(Address(url, "live")) as ledger:
        ledger.commit([Noted(at_ns=1, code="c", text="t")])
    done = told(home, "run", "--name", "live", "--for", "1")
    assert done.code != 0
    assert "a ledger of that name with 1 events, which this folder never wrote" in done.err
    assert home_of(home / "runs" / "live" / "ledger.sqlite") is None
