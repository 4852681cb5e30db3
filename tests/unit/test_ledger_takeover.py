"""What was written in trouble comes into the ledger in one commit, whole, and never twice."""

import shutil
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_ledger_refuge import CANCEL, FILL, MOVED, OLD, SALE, WHY

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted, Record, decode
from smart_leverage.ledger.emergency import BLOCK, EmergencyJournal, Found, peek
from smart_leverage.ledger.files import EMERGENCY, beside
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.takeover import TAKEN, waiting
from smart_leverage.ledger.verify import verify

NOTED: list[Record] = [SALE, CANCEL, MOVED, FILL]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger in trouble: one record in the file, five in the emergency journal."""
    return in_trouble(tmp_path / "ledger.sqlite")


def in_trouble(path: Path) -> Path:
    with SqliteLedger(path) as ledger:
        ledger.commit([OLD])
    refuge = Refuge(path, 7, WHY)
    refuge.commit(NOTED)
    refuge.close()
    return path


def records(path: Path) -> list[Record]:
    with Reader.open(path) as reader:
        return [decode(entry.payload) for entry in reader.entries()]


def closing(path: Path) -> list[str]:
    notes = [each for each in records(path) if isinstance(each, Noted)]
    return [note.text for note in notes if note.code == TAKEN]


def test_the_next_opening_takes_everything_over_in_one_commit(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 5
        assert ledger.counts[:2] == (1, 6)
        assert ledger.emergency is not None
        assert ledger.emergency.is_empty
        (fill,) = ledger.reader().fills_of("sl-1")
        assert fill.qty == Decimal("0.1")
    assert records(path)[2:-1] == NOTED
    (text,) = closing(path)
    assert text.startswith("5 records of emergency journal ")
    assert records(path)[-1].at_ns == 9
    with SqliteLedger(path) as again:
        assert again.taken == 0
    assert verify(path).is_sound


def test_what_waits_can_be_seen_without_opening_either(path: Path) -> None:
    assert [note.kind for note in waiting(path).notes] == [
        "state", "order.intended", "order.cancel_intended", "order.moved", "fill",
    ]  # fmt: skip
    SqliteLedger(path).close()
    assert waiting(path) == Found()
    assert waiting(path.with_name("none.sqlite")) == Found()


def test_the_journal_of_a_ledger_that_cannot_be_read_still_shows_what_waits(path: Path) -> None:
    path.write_bytes(b"")
    assert len(waiting(path).notes) == 5


def test_torn_notes_are_named_and_left_out(path: Path) -> None:
    file = beside(path, EMERGENCY)
    content = bytearray(file.read_bytes())
    torn = next(note.block for note in peek(path).notes if note.kind == "order.moved")
    content[torn * BLOCK + 30] ^= 1
    file.write_bytes(content)
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 4
    assert MOVED not in records(path)
    assert closing(path)[0].endswith(f"; torn, left out: blocks {torn}")


def test_what_is_no_record_is_named_and_left_out(path: Path) -> None:
    with EmergencyJournal(path) as journal:
        block = journal.append("halt", b"not a record")
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 5
    assert closing(path)[0].endswith(f"; no records, left out: blocks {block}")


def test_a_fill_that_is_counted_already_is_not_counted_again(path: Path) -> None:
    """It was in the commit that nobody acknowledged, and the venue told it once more."""
    held = beside(path, EMERGENCY).read_bytes()
    beside(path, EMERGENCY).unlink()
    with SqliteLedger(path) as ledger:
        ledger.commit([FILL])
    beside(path, EMERGENCY).write_bytes(held)
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 4
    assert records(path).count(FILL) == 1
    assert verify(path).is_sound


def test_two_troubles_are_two_take_overs(path: Path) -> None:
    SqliteLedger(path).close()
    refuge = Refuge(path, 11, WHY)
    refuge.commit([CANCEL])
    refuge.close()
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 2
    assert len(closing(path)) == 2


def test_a_take_over_that_fails_leaves_the_notes_and_lets_go_of_the_file(path: Path) -> None:
    def connect(uri: str) -> sqlite3.Connection:
        class Full(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                if statement == "COMMIT":
                    raise sqlite3.OperationalError("database or disk is full")
                return super().execute(statement, *values)

        return sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=Full
        )

    with pytest.raises(LedgerError, match="database or disk is full"):
        SqliteLedger(path, connect=connect)
    assert len(waiting(path).notes) == 5
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 5


def test_a_refuge_clears_what_the_ledger_has_already(path: Path) -> None:
    """The process was killed between commit and clearing, and then the disk filled up again."""
    uncleared = beside(path, EMERGENCY).read_bytes()
    SqliteLedger(path).close()
    beside(path, EMERGENCY).write_bytes(uncleared)
    assert waiting(path) == Found()
    refuge = Refuge(path, 12, WHY)
    assert len(list(refuge.read())) == 8  # the seven of the file, and a new halt
    refuge.close()
    with SqliteLedger(path) as ledger:
        assert ledger.taken == 1
    assert records(path).count(SALE) == 1


def test_a_clearing_that_a_power_loss_cut_short_takes_nothing_twice(path: Path) -> None:
    """Any blocks behind the first may be gone; the first, which bears the mark, goes last."""
    uncleared = beside(path, EMERGENCY).read_bytes()
    used = peek(path).notes[-1].block + 1
    SqliteLedger(path).close()
    for gone in range(1, used):
        content = bytearray(uncleared)
        content[gone * BLOCK : (gone + 1) * BLOCK] = bytes(BLOCK)
        beside(path, EMERGENCY).write_bytes(content)
        with SqliteLedger(path) as ledger:
            assert ledger.taken == 0
            assert ledger.emergency is not None
            assert ledger.emergency.is_empty
    assert records(path).count(SALE) == 1


STEPS_MAX = 200
KILLED = """
import os, sqlite3, sys
from pathlib import Path
from smart_leverage.ledger.sqlite import SqliteLedger

class Counted(sqlite3.Connection):
    def execute(self, statement, *values):
        next_step()
        return super().execute(statement, *values)

def connect(uri):
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, factory=Counted
    )

def next_step():
    global left
    if not left:
        os._exit(9)
    left -= 1

def counted(handle, content, at):
    next_step()
    return pwrite(handle, content, at)

for step in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        left, pwrite, os.pwrite = step, os.pwrite, counted
        SqliteLedger(Path(sys.argv[1]) / f"{step}" / "ledger.sqlite", connect=connect)
        os._exit(0)
    if not os.waitpid(child, 0)[1]:
        print(step)
        break
"""


def test_a_kill_at_any_step_of_a_take_over_takes_nothing_twice(tmp_path: Path) -> None:
    """The process ends before one of its statements or writes, one later each time."""
    paths = [tmp_path / f"{step}" / "ledger.sqlite" for step in range(STEPS_MAX)]
    in_trouble(paths[0])
    for path in paths[1:]:
        shutil.copytree(paths[0].parent, path.parent)
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(STEPS_MAX)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    steps = int(done.stdout)
    assert steps > 20
    taken = [taken_by_the_next(path) for path in paths[: steps + 1]]
    assert taken == sorted(taken, reverse=True)  # first there is something to do, then nothing
    assert {5, 0} == set(taken)


def taken_by_the_next(path: Path) -> int:
    """Open a ledger after a kill, see that it holds everything once, and say what was to do."""
    with SqliteLedger(path) as ledger:
        assert ledger.emergency is not None
        assert ledger.emergency.is_empty
        taken = ledger.taken
    kept = records(path)
    assert [kept.count(record) for record in NOTED] == [1] * len(NOTED)
    assert len(closing(path)) == 1
    assert verify(path).is_sound
    return taken
