"""A backup is one file, proved, taken while the writer goes on, and never over anything."""

import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import backup, verify

NOTE = Noted(at_ns=1, code="c", text="t" * 200)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "copy.sqlite"


def written(path: Path, records: int = 5) -> Path:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([NOTE] * records)
    return path


def test_a_copy_taken_while_writing_is_sound_and_the_writer_goes_on(path: Path, copy: Path) -> None:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                ledger.commit([NOTE] * 5)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while ledger.head.seq < 50:
                ledger.commit([])
            at_least = ledger.head.seq
            verdict = backup(path, copy)
        finally:
            stop.set()
            writer.join()
        assert verdict.is_sound, verdict.summary
        assert at_least <= verdict.events <= ledger.head.seq
        assert verdict.events % 5 == 0  # What was handed over together is there together.
        original = {entry.seq: entry.hash for entry in ledger.read()}
    assert original[verdict.head.seq] == verdict.head.hash


def test_a_running_ledger_is_proved_without_stopping_it(path: Path) -> None:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        for number in range(1, 4):
            ledger.commit([NOTE] * 5)
            verdict = verify(path)
            assert verdict.is_sound, verdict.summary
            assert verdict.head == ledger.head
            assert verdict.events == number * 5


def test_progress_is_told_to_its_end(path: Path) -> None:
    told: list[tuple[int, int]] = []
    verify(written(path, records=4_500), lambda done, total: told.append((done, total)))
    assert told == [(2_000, 4_500), (4_000, 4_500), (4_500, 4_500)]


def test_a_copy_is_one_file_for_the_owner_alone(path: Path, copy: Path) -> None:
    backup(written(path), copy)
    with Reader.open(copy) as reader:
        assert reader.head().seq == 5
    assert [file.name for file in copy.parent.iterdir()] == ["copy.sqlite"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_copy_put_in_place_of_a_lost_ledger_goes_on(path: Path, copy: Path) -> None:
    backup(written(path), copy)
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    shutil.copy(copy, path)
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        assert ledger.commit([NOTE]).seq == 6
    assert verify(path).events == 6


@pytest.mark.parametrize("what", ["file", "folder", "link", "itself"])
def test_a_copy_never_writes_over_anything(path: Path, copy: Path, what: str) -> None:
    written(path)
    before = path.read_bytes()
    if what == "file":
        copy.write_text("mine")
    elif what == "folder":
        copy.mkdir()
    elif what == "link":
        copy.symlink_to(path.with_name("nowhere"))
    to = path if what == "itself" else copy
    with pytest.raises(LedgerError, match="exists already"):
        backup(path, to)
    assert path.read_bytes() == before
    assert what != "file" or copy.read_text() == "mine"
    assert not path.with_name("nowhere").exists()


def test_a_copy_to_a_place_that_is_not_there_is_refused(path: Path, copy: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be written: No such file or directory"):
        backup(written(path), copy.parent / "missing" / "copy.sqlite")


def test_there_is_no_copy_of_nothing(path: Path, copy: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger here"):
        backup(path, copy)
    assert not copy.exists()


def test_a_ledger_that_cannot_be_read_to_its_end_is_not_copied(path: Path, copy: Path) -> None:
    written(path, records=300)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4_096)
    with pytest.raises(LedgerCorrupt):
        backup(path, copy)
    assert not copy.exists()


def test_a_damaged_ledger_is_copied_with_its_fault_named(path: Path, copy: Path) -> None:
    written(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE notes SET text = 'never' WHERE seq = 2")
    verdict = backup(path, copy)
    assert verdict.bad_seq == 2
    assert "table notes, row 2: text is 'never', the journal says" in verdict.summary


FULL_DISK = """
import resource, sys
from pathlib import Path
from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.verify import backup, verify

path, copy = map(Path, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
for act in (lambda: backup(path, copy), lambda: verify(path)):
    try:
        act()
    except LedgerCorrupt as error:
        sys.exit(f"a full disk is not damage: {error}")
    except LedgerError as error:
        assert "cannot be written" in str(error), error
    else:
        sys.exit("nothing was refused")
assert not copy.exists()
"""


def test_a_disk_without_room_for_a_copy_is_not_called_damage(path: Path, copy: Path) -> None:
    written(path, records=300)
    command = [sys.executable, "-c", FULL_DISK, str(path), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
