"""An older ledger is copied, then brought up step by step, each of them whole or undone."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerLocked, LedgerNewer
from smart_leverage.domain.records import Noted
from smart_leverage.ledger import connections
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.files import WITNESS, beside
from smart_leverage.ledger.migrate import MIGRATIONS, OLDEST, Step, migrate
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger

NOTE = Noted(at_ns=1, code="c", text="t")
NEWEST = 3
STEPS = (
    Step(2, "notes have a colour", ("ALTER TABLE notes ADD COLUMN colour TEXT",)),
    Step(
        3,
        "colours are white",
        ("UPDATE notes SET colour = 'white'", "CREATE INDEX notes_by_colour ON notes (colour)"),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of three events, made by a program that knows version 1."""
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([NOTE] * 3)
    return path


@pytest.fixture
def newer_program(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this program be the one that writes version 3; the ledger is older."""
    monkeypatch.setattr(connections, "SCHEMA_VERSION", NEWEST)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT version FROM ledger_schema").fetchone()[0])


def colours(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT colour FROM notes")]


def test_the_steps_of_this_program_lead_to_its_version_without_a_gap() -> None:
    assert [step.version for step in MIGRATIONS] == [
        *range(OLDEST + 1, connections.SCHEMA_VERSION + 1)
    ]


def test_nothing_is_to_do_for_a_ledger_of_this_version(path: Path) -> None:
    assert migrate(path) == (1, (), None)
    assert not list(path.parent.glob("*.v1*"))


@pytest.mark.usefixtures("newer_program")
def test_an_older_ledger_is_refused_until_it_is_migrated(path: Path) -> None:
    says = "tables of version 1, this program writes 3; `smart-leverage ledger migrate --ledger"
    for open_it in (SqliteLedger, Reader.open):
        with pytest.raises(LedgerError, match=says):
            open_it(path)
    done = migrate(path, STEPS)
    assert (done.before, done.steps) == (1, STEPS)
    assert (version(path), colours(path)) == (3, ["white"] * 3)
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        assert ledger.head.seq == 3
        assert [entry.seq for entry in ledger.read()] == [1, 2, 3]
    assert migrate(path, STEPS) == (3, (), None)


@pytest.mark.usefixtures("newer_program")
def test_the_copy_is_the_ledger_as_it_was(path: Path) -> None:
    before = hashes(path)
    kept = migrate(path, STEPS).backup
    assert kept == path.with_name("ledger.sqlite.v1-3")
    assert (version(kept), hashes(kept)) == (1, before)


def hashes(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT hash FROM journal ORDER BY seq")]


@pytest.mark.usefixtures("newer_program")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        pytest.param("INSERT INTO nowhere VALUES (1)", "no such table: nowhere", id="mistaken"),
        pytest.param(
            "UPDATE journal SET key = 'x'", "the journal is append-only", id="alters-an-entry"
        ),
        pytest.param(
            "INSERT INTO journal SELECT seq + 1, epoch, utc_ns, kind, key, payload, prev_hash, hash"
            " FROM journal WHERE seq = 3",
            "wrote to the journal; undone",
            id="adds-an-entry",
        ),
    ],
)
def test_a_step_that_fails_is_undone_and_those_before_it_stand(
    path: Path, statement: str, says: str
) -> None:
    bad = (STEPS[0], Step(3, "wrong", ("UPDATE notes SET colour = 'red'", statement)))
    with pytest.raises(LedgerError, match=says):
        migrate(path, bad)
    assert (version(path), colours(path)) == (2, [None] * 3)
    assert migrate(path, STEPS).before == 2
    assert (version(path), colours(path)) == (3, ["white"] * 3)


@pytest.mark.usefixtures("newer_program")
def test_a_version_without_a_step_is_not_jumped_over(path: Path) -> None:
    with pytest.raises(LedgerError, match="no step leads from version 1 to 2"):
        migrate(path, STEPS[1:])
    assert version(path) == 1


@pytest.mark.usefixtures("newer_program")
def test_a_ledger_that_is_being_written_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE ledger_schema SET version = 3")
    with SqliteLedger(path, durability=Durability.NONE), pytest.raises(LedgerLocked):
        migrate(path, STEPS)


@pytest.mark.usefixtures("newer_program")
@pytest.mark.parametrize("damage", ["entry", "witness"])
def test_a_damaged_ledger_is_not_migrated(path: Path, damage: str) -> None:
    if damage == "entry":
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TRIGGER journal_is_not_updated")
            connection.execute("UPDATE journal SET payload = '{}' WHERE seq = 2")
    else:
        beside(path, WITNESS).write_text(f"{9:020d} {'0' * 64}\n")
    with pytest.raises(LedgerCorrupt):
        migrate(path, STEPS)
    assert version(path) == 1


def test_a_newer_ledger_is_not_migrated_down(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE ledger_schema SET version = 2")
    with pytest.raises(LedgerNewer, match="update the program"):
        migrate(path)


def test_there_is_nothing_to_migrate_where_there_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger here"):
        migrate(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []


# --- killed on the way ----------------------------------------------------------------------------

KILLED = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from smart_leverage.ledger import connections
from smart_leverage.ledger.migrate import Step, migrate

connections.SCHEMA_VERSION = 3
source, steps = Path(sys.argv[1]), tuple(Step(*each) for each in eval(sys.argv[2]))

def connect(left):
    class Fatal(sqlite3.Connection):
        def execute(self, *call):
            count()
            return super().execute(*call)
        def close(self):
            count()
            super().close()
    def count():
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
    return lambda uri: sqlite3.connect(uri, uri=True, isolation_level=None, factory=Fatal)

def version(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT version FROM ledger_schema").fetchone()[0]

for number in range(1_000):
    folder = source.parent / f"killed-{number}"
    folder.mkdir()
    path = Path(shutil.copy(source, folder))
    child = os.fork()
    if not child:
        migrate(path, steps, connect=connect(number))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if not status:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    reached = version(path)
    done = migrate(path, steps)
    assert done.before == reached, (number, done)
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT colour FROM notes").fetchall()
        indexes = connection.execute("SELECT 1 FROM sqlite_schema WHERE name LIKE '%by_colour'")
        assert found == [("white",)] * 3 and len(indexes.fetchall()) == 1
    assert version(path) == 3
    print(reached)
"""


def test_killed_at_any_statement_the_next_call_finishes(path: Path) -> None:
    steps = repr([tuple(step) for step in STEPS])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), steps],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    reached = done.stdout.split()
    assert len(reached) > 15
    assert reached == sorted(reached)
    assert set(reached) == {"1", "2", "3"}
