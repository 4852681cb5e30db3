"""A ledger goes from its file to a server and back: the same to the letter, or it did not go."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import quick_and_long
from tests.contract.forked import told
from tests.contract.traded import trade_in

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerLocked
from smart_leverage.domain.records import CancelIntended, Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.connections import file_uri
from smart_leverage.ledger.files import is_missing
from smart_leverage.ledger.home import home_of, open_ledger
from smart_leverage.ledger.postgres import moving
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import ServerDatabase, connect
from smart_leverage.ledger.postgres.copying import (
    Contents,
    contents_of_file,
    contents_of_server,
    fill_server,
)
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.postgres.moving import to_file, to_server
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.takeover import waiting
from smart_leverage.ledger.verify import verify

pytestmark = pytest.mark.needs("postgres")

DAYS = 10
CANCEL = CancelIntended(at_ns=2**62, client_order_id="sl-1", reason="a test")
NOTE = Noted(at_ns=2**62, code="c", text="n\x00te")


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run with some days of trading in it."""
    folder = tmp_path_factory.mktemp("traded")
    with SqliteLedger(folder / "ledger.sqlite", durability=Durability.NONE) as ledger:
        trade_in(ledger, DAYS)
    return folder


@pytest.fixture
def path(traded: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "main"
    shutil.copytree(traded, folder)
    return folder / "ledger.sqlite"


@pytest.fixture
def address(postgres_account: Address) -> Address:
    return postgres_account


def held_in_file(path: Path) -> Contents:
    with closing(sqlite3.connect(file_uri(path, "ro"), uri=True)) as connection:
        return contents_of_file(connection)


def held_on(address: Address) -> Contents:
    database = ServerDatabase(connect(address, is_writer=False), address)
    with closing(database), database.held():
        return contents_of_server(database)


# --- the same, wherever it is ---------------------------------------------------------------------


def test_the_same_run_has_the_same_head_and_the_same_results_in_a_file_and_on_a_server(
    path: Path, address: Address
) -> None:
    beside_it = path.with_name("served.sqlite")
    with PostgresLedger(address, beside_it, durability=Durability.NONE) as ledger:
        trade_in(ledger, DAYS)
        head = ledger.head
    filed, served = held_in_file(path), held_on(address)
    assert filed == served
    assert filed.head == head
    assert filed.rows["journal"] == head.seq > 300
    assert filed.rows["fills"] > 0
    assert filed.rows["orders"] > 0


def test_a_ledger_moves_to_a_server_and_back_and_the_account_goes_on(
    path: Path, address: Address
) -> None:
    before = held_in_file(path)
    there = to_server(path, address)
    assert there.contents == before == held_on(address)
    assert home_of(path) == address
    assert is_missing(path)
    assert held_in_file(Path(there.kept)) == before
    assert verify(path).is_sound
    with open_ledger(path) as ledger:
        assert isinstance(ledger, PostgresLedger)
        assert ledger.epoch == 2
        head = ledger.commit([NOTE])
    back = to_file(path)
    assert back.contents.head == head
    assert home_of(path) is None
    assert held_in_file(path) == held_on(address)
    with open_ledger(path) as again:
        assert isinstance(again, SqliteLedger)
        assert (again.epoch, again.head) == (3, head)
        again.commit([NOTE])
    assert verify(path).is_sound


def test_a_ledger_that_was_moved_away_is_not_written_where_it_was(
    path: Path, address: Address
) -> None:
    to_server(path, address)
    to_file(path)
    with pytest.raises(LedgerError, match=f"moved to {path.resolve()} on .* and is only kept here"):
        PostgresLedger(address)
    with open_ledger(path) as ledger:
        ledger.commit([NOTE])
    to_server(path, address)  # The copy that was left there is an older one of the same.
    assert verify(path).events == held_on(address).head.seq
    with open_ledger(path) as ledger:
        ledger.commit([NOTE])


def test_what_waits_in_the_emergency_journal_is_taken_over_on_the_server(
    path: Path, address: Address
) -> None:
    refuge = Refuge(path, NOTE.at_ns, "a test")
    refuge.commit([CANCEL])
    refuge.close()
    before = to_server(path, address).contents
    with open_ledger(path) as ledger:
        assert ledger.taken == 2  # The halt of the refuge, and the cancel.
        assert ledger.emergency is not None
        assert ledger.emergency.is_empty
        assert ledger.head.seq == before.head.seq + 3
    assert not waiting(path).notes
    with open_ledger(path) as again:
        assert again.taken == 0
    assert verify(path).is_sound


# --- what is refused ------------------------------------------------------------------------------


def test_a_move_is_refused_while_a_process_runs_the_account(path: Path, address: Address) -> None:
    with SqliteLedger(path), pytest.raises(LedgerLocked, match="is writing this ledger"):
        to_server(path, address)
    to_server(path, address)
    with open_ledger(path), pytest.raises(LedgerLocked, match="is writing this ledger"):
        to_file(path)
    # Whoever runs it from another machine has no lock here, but one on the server.
    with PostgresLedger(address), pytest.raises(LedgerLocked, match=r"pid .* is writing this led"):
        to_file(path)
    assert home_of(path) == address


def test_another_ledger_of_that_name_is_left_alone(path: Path, address: Address) -> None:
    with PostgresLedger(address) as other:
        other.commit([NOTE])
    before = held_in_file(path)
    with pytest.raises(LedgerError, match="there is another ledger of that name, with 1 events, w"):
        to_server(path, address)
    assert home_of(path) is None
    assert held_in_file(path) == before
    assert held_on(address).head.seq == 1


def test_a_file_that_is_not_sound_is_not_moved(path: Path, address: Address) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE cash SET amount = '1'")
        connection.commit()
    with pytest.raises(LedgerCorrupt, match=r"table cash, row USD.*nothing was moved"):
        to_server(path, address)
    assert home_of(path) is None
    with psycopg.connect(address.url) as line:
        found = line.execute("SELECT to_regnamespace(%s)", (address.schema,)).fetchone()
        assert found == (None,)


def test_a_server_that_gives_back_something_else_gets_nothing(
    path: Path, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fill_server

    def careless(database: ServerDatabase, source: sqlite3.Connection) -> None:
        honest(database, source)
        database.execute("UPDATE cash SET amount = ?", ("1",))

    monkeypatch.setattr(moving, "fill_server", careless)
    with pytest.raises(LedgerCorrupt, match=r"not what was sent \(the content of a table\)"):
        to_server(path, address)
    assert home_of(path) is None
    with psycopg.connect(address.url) as line:
        found = line.execute("SELECT to_regnamespace(%s)", (address.schema,)).fetchone()
        assert found == (None,)


def test_what_is_nowhere_or_in_its_place_already_is_not_moved(path: Path, address: Address) -> None:
    with pytest.raises(LedgerError, match="the ledger is in this file already"):
        to_file(path)
    with pytest.raises(LedgerError, match="no ledger here"):
        to_server(path.with_name("none.sqlite"), address)
    to_server(path, address)
    with pytest.raises(LedgerError, match="move it back to its file first"):
        to_server(path, address._replace(account="other"))


# --- sudden ends ----------------------------------------------------------------------------------

DIE = """
import os, signal, sys
from pathlib import Path
from smart_leverage.ledger.postgres import moving
from smart_leverage.ledger.postgres.address import Address

path, url, account, direction, name, when = sys.argv[1:]
whole = getattr(moving, name)

def dies(*given):
    if when == "after":
        whole(*given)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(moving, name, dies)
if direction == "there":
    moving.to_server(Path(path), Address(url, account))
else:
    moving.to_file(Path(path))
"""


def killed(path: Path, address: Address, direction: str, name: str, when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIE, str(path), *address, direction, name, when],
        check=False,
        timeout=60,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


QUICK = [
    *(("fill_server", "after"), ("note_home", "before"), ("note_home", "after")),
    *(("_fetched", "after"), ("put_in_place", "before"), ("forget_home", "before")),
]


def steps(*names: str) -> list[Any]:
    whole = [(name, when) for name in names for when in ("before", "after")]
    return quick_and_long(whole, QUICK)


@pytest.mark.parametrize(
    "at",
    steps("create", "fill_server", "contents_of_server", "_sent", "note_home", "_put_aside"),
)
def test_a_move_to_a_server_that_was_killed_is_ended_by_the_next(
    path: Path, address: Address, at: tuple[str, str]
) -> None:
    before = held_in_file(path)
    killed(path, address, "there", *at)
    assert verify(path).is_sound  # Wherever it is: exactly one place is the ledger.
    assert verify(path).head == before.head
    to_server(path, address)
    assert held_on(address) == before
    assert is_missing(path)
    with open_ledger(path) as ledger:
        assert isinstance(ledger, PostgresLedger)
        assert ledger.commit([NOTE]).seq == before.head.seq + 1


def test_an_account_that_went_on_after_a_killed_move_is_moved_as_it_is_now(
    path: Path, address: Address
) -> None:
    killed(path, address, "there", "note_home", "before")
    with open_ledger(path) as ledger:
        assert isinstance(ledger, SqliteLedger)
        head = ledger.commit([NOTE])
    assert to_server(path, address).contents.head == head
    assert held_on(address).head == head


@pytest.mark.parametrize("at", steps("fill_file", "_fetched", "put_in_place", "forget_home"))
def test_a_move_to_a_file_that_was_killed_is_ended_by_the_next(
    path: Path, address: Address, at: tuple[str, str]
) -> None:
    before = to_server(path, address).contents
    killed(path, address, "back", *at)
    assert verify(path).head == before.head
    if at != ("forget_home", "after"):
        to_file(path)
    assert home_of(path) is None
    assert held_in_file(path) == before
    with open_ledger(path) as ledger:
        assert isinstance(ledger, SqliteLedger)
        assert ledger.commit([NOTE]).seq == before.head.seq + 1
    with pytest.raises(LedgerError, match="is only kept here"):
        PostgresLedger(address)


# --- as a person does it --------------------------------------------------------------------------


READING = [
    *(["status", "--json"], ["orders"], ["tier"], ["explain", "d1"], ["limits", "show"]),
    *(["statement"], ["statement", "--check"], ["tax-lots"], ["ledger", "verify", "-q"]),
]
"""What says the same of a ledger wherever it is, streams and exit code."""


def test_the_commands_move_it_prove_it_and_go_on_with_it(path: Path, postgres: str) -> None:
    address = Address(postgres, "main")
    home, before = path.parents[2], held_in_file(path)
    before_it = [told(home, *command, "--ledger", "runs/main") for command in READING]
    assert [done.code for done in before_it] == [0] * len(READING)
    done = told(home, "ledger", "migrate", "--ledger", "runs/main", "--to", address.url, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["head"] == before.head.hash.hex()
    assert said["results_sha256"] == before.results_sha256
    assert said["rows"] == before.rows
    assert said["moved_to"] == address.told

    assert [told(home, *command, "--ledger", "runs/main") for command in READING] == before_it
    done = told(home, "report", "--ledger", "runs/main", "--out", "r.html")
    assert done.code == 0, done.err
    done = told(home, "ledger", "attach", address.url, "--name", "there", "--account", "main")
    assert f"{before.head.seq:,} events" in done.out, done.err
    done = told(home, "halt", "--ledger", "runs/there", "--reason", "a test")
    assert done.code == 0, done.err
    done = told(home, "status", "--ledger", "runs/main", "--json")
    assert json.loads(done.out)["state"] == "halted"

    done = told(home, "ledger", "migrate", "--ledger", "runs/main", "--to", "file")
    assert "both places end at" in done.out, done.err
    assert "equal" in done.out
    assert held_in_file(path).head.seq > before.head.seq
    assert verify(path).is_sound


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "postgresql://u:s3cret@db/a"], "the URL holds a password"),
        (["--to", "mysql://u:s3cret@db/a"], "unknown scheme mysql://"),
        (["--account", "x"], "goes with --to"),
        (["--to", "file", "--account", "x"], "a file needs no name"),
    ],
)
def test_what_is_asked_wrongly_is_told(path: Path, arguments: list[str], says: str) -> None:
    done = told(path.parents[2], "ledger", "migrate", "--ledger", "runs/main", *arguments)
    assert done.code == 2
    assert says in " ".join(done.err.split())
    assert "s3cret" not in done.err + done.out
