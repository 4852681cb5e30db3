"""What a ledger refuses to open, and that it leaves untouched what is not its own."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerLocked, LedgerNewer
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.files import WITNESS, beside
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

NOTE = Noted(at_ns=1, code="c", text="t")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def opened(path: Path) -> SqliteLedger:
    return SqliteLedger(path, durability=Durability.NONE)


def written(path: Path, records: int = 3) -> Path:
    with opened(path) as ledger:
        for _ in range(records):
            ledger.commit([NOTE])
    return path


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def content(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return every file with its bytes, its mode and the time it was changed."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


# --- files that are not ours ----------------------------------------------------------------------


def a_newer_ledger(path: Path) -> None:
    execute(written(path), "UPDATE ledger_schema SET version = 2")


def a_strangers_database(path: Path) -> None:
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE diary (page TEXT)")


def a_strangers_text(path: Path) -> None:
    path.write_text("Dear diary, today the cap held.\n" * 300)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        pytest.param(a_newer_ledger, LedgerNewer, "update the program", id="newer-ledger"),
        pytest.param(a_strangers_database, LedgerError, "not a ledger", id="other-database"),
        pytest.param(a_strangers_text, LedgerError, "not a ledger", id="text"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_not_touched(path: Path, make, error, says) -> None:
    make(path)
    path.chmod(0o644)
    before = content(path.parent)
    with pytest.raises(error, match=says):
        opened(path)
    assert content(path.parent) == before


def test_a_folder_is_not_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        opened(tmp_path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written: Not a directory"):
        opened(tmp_path / "file" / "ledger.sqlite")


@pytest.mark.parametrize("companion", ["lock", "head", "new", "emergency"])
def test_a_companion_that_cannot_be_written_is_refused(path: Path, companion: str) -> None:
    beside(path, companion).mkdir()
    with pytest.raises(LedgerError, match=r"cannot be (written|opened): "):
        SqliteLedger(path)


def test_a_reader_does_not_make_a_ledger(path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger here"):
        Reader.open(path)
    assert list(path.parent.iterdir()) == []


# --- a first start that was interrupted -----------------------------------------------------------

CUT_SHORT = """
import os, signal, sqlite3, sys
from pathlib import Path
from smart_leverage.ledger.sqlite import SqliteLedger

class Fatal(sqlite3.Connection):
    def executescript(self, script):
        *_, end = script.rpartition("COMMIT")
        self.execute("PRAGMA cache_size = 1")
        self.execute("PRAGMA cache_spill = 1")
        super().executescript(script.removesuffix("COMMIT"))
        os.kill(os.getpid(), signal.SIGKILL)

def connect(uri):
    return sqlite3.connect(uri, uri=True, isolation_level=None, factory=Fatal)

SqliteLedger(Path(sys.argv[1]), connect=connect)
"""


def test_a_ledger_whose_making_was_killed_is_made_by_the_next_start(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", CUT_SHORT, str(path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert sum(len(each) for each, _, _ in content(path.parent).values()) > 4_096
    assert written(path).exists()
    assert verify(path).events == 3
    assert not beside(path, "new").exists()


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    assert verify(written(path)).events == 3


# --- a ledger that lost something -----------------------------------------------------------------


def test_an_older_copy_is_found_by_the_witness_and_named(path: Path, tmp_path: Path) -> None:
    older = Path(shutil.copy(written(path), tmp_path / "older"))
    written(path, records=2)
    shutil.copy(older, path)
    says = "the journal ends at event 3, but event 5 was acknowledged"
    verdict = verify(path)
    assert (verdict.bad_seq, verdict.events) == (4, 3)
    assert says in verdict.summary
    with pytest.raises(LedgerCorrupt, match=f"{says}; if an older copy .* remove .*head"):
        opened(path)
    beside(path, WITNESS).unlink()
    assert opened_head(path) == 3


def opened_head(path: Path) -> int:
    with opened(path) as ledger:
        return ledger.head.seq


def test_another_ledger_put_in_its_place_is_found_by_the_witness(path: Path) -> None:
    written(path)
    other = path.with_name("other.sqlite")
    with opened(other) as ledger:
        ledger.commit([Noted(at_ns=2, code="other", text="")] * 4)
    shutil.copy(other, path)
    says = "event 3 is not the one that was acknowledged"
    assert says in verify(path).summary
    with pytest.raises(LedgerCorrupt, match=says):
        opened(path)


@pytest.mark.parametrize("left", [None, b""], ids=["gone", "emptied"])
def test_no_new_ledger_begins_where_one_was_lost(path: Path, left: bytes | None) -> None:
    with opened(path) as ledger:
        ledger.commit([NOTE])
        saved = content(path.parent)
    for name, (data, *_) in saved.items():  # As after a kill: the log holds what was written.
        (path.parent / name).write_bytes(data)
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    before = content(path.parent)
    with pytest.raises(LedgerCorrupt, match="missing or empty, but event 1 was acknowledged"):
        opened(path)
    after = content(path.parent)
    assert after.pop("ledger.sqlite.lock")
    before.pop("ledger.sqlite.lock")
    assert after == before
    beside(path, WITNESS).unlink()
    with pytest.raises(LedgerCorrupt, match="sqlite-wal is a part of it"):
        opened(path)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE journal SET payload = '{}' WHERE seq = 3", id="last-event-changed"),
        pytest.param("UPDATE journal SET epoch = -1 WHERE seq = 3", id="last-event-negative"),
        pytest.param("DELETE FROM journal WHERE seq = 3", id="last-event-gone"),
        pytest.param("UPDATE writer SET epoch = 0", id="epoch-put-back"),
        pytest.param("DELETE FROM ledger_schema", id="no-version"),
        pytest.param("INSERT INTO cash VALUES ('USD', 'much', 1)", id="balance-is-no-number"),
    ],
)
def test_damage_that_is_seen_at_once_refuses_the_start(path: Path, statement: str) -> None:
    triggers = ("journal_is_not_updated", "journal_is_not_deleted")
    execute(written(path), *(f"DROP TRIGGER {name}" for name in triggers), statement)
    with pytest.raises(LedgerCorrupt):
        opened(path)


def test_a_refused_start_lets_go_of_the_lock(path: Path) -> None:
    execute(written(path), "DELETE FROM ledger_schema")
    for _ in range(2):
        with pytest.raises(LedgerCorrupt):
            opened(path)
    execute(path, "INSERT INTO ledger_schema VALUES (1, 1)")
    assert opened_head(path) == 3


def test_a_file_that_was_cut_refuses_the_start(path: Path) -> None:
    size = written(path).stat().st_size
    os.truncate(path, size - 4_096 * 3)
    with pytest.raises(LedgerCorrupt):
        opened(path)


# --- one writer -----------------------------------------------------------------------------------


def test_a_second_writer_of_this_process_is_refused(path: Path) -> None:
    with opened(path) as ledger:
        with pytest.raises(LedgerLocked, match=f"process {os.getpid()} is writing"):
            opened(path)
        assert ledger.commit([NOTE]).seq == 1
    assert opened_head(path) == 1


def test_every_writer_has_an_epoch_of_its_own(path: Path) -> None:
    for epoch in (1, 2, 3):
        with opened(path) as ledger:
            assert ledger.epoch == epoch
            ledger.commit([NOTE])
            assert [entry.epoch for entry in ledger.read()] == list(range(1, epoch + 1))


def test_a_writer_that_was_taken_over_commits_nothing_more(path: Path) -> None:
    with opened(path) as ledger:
        ledger.commit([NOTE])
        execute(path, "UPDATE writer SET epoch = epoch + 1")
        with pytest.raises(LedgerError, match="a writer of epoch 2 took over; this one is 1"):
            ledger.commit([NOTE])
        assert ledger.is_broken
        with pytest.raises(LedgerError, match="must be opened again"):
            ledger.append([NOTE])
    assert opened_head(path) == 1
