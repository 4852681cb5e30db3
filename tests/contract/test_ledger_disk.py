"""A ledger on a disk that fills up, fails, or comes back with something else on it."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.files import WITNESS, beside
from smart_leverage.ledger.sqlite import Bounds, SqliteLedger
from smart_leverage.ledger.verify import verify

LONG_S = 60
BOUNDS = Bounds(wal_pages=12, wal_pages_max=12)
"""So short a log that it is copied into the file within a few commits."""

COMMITS = 6


def note(text: str) -> Noted:
    return Noted(at_ns=1, code="c", text=text)


def texts(path: Path) -> list[str]:
    with SqliteLedger(path, durability=Durability.NONE) as ledger, ledger.reader() as reader:
        return [one.text.rstrip(".") for one in reversed(reader.notes(limit=1_000))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def script(body: str, *arguments: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", body, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# --- a full disk ----------------------------------------------------------------------------------

FULL = """
import os, resource, sys
from pathlib import Path
from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.sqlite import Bounds, SqliteLedger

folder, bounds = Path(sys.argv[1]), Bounds(wal_pages=12, wal_pages_max=12)

def workload(path, limit):
    # No file may grow past the limit: the kernel then refuses as on a disk that is full.
    told = []
    ledger = SqliteLedger(path, bounds=bounds, durability=Durability.NONE)
    emergency = EmergencyJournal(path, Durability.NONE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        for number in range(40):
            text = f"{number}".ljust(2_500, ".")
            ledger.commit([Noted(at_ns=1, code="c", text=text)])
            told.append(number)
        return told, "finished"
    except LedgerCorrupt as error:
        sys.exit(f"a full disk is not damage: {error}")
    except LedgerError as error:
        refuses_everything(ledger)
        emergency.append("halt", b"the disk is full")
        return told, str(error)
    finally:
        ledger.close()

def refuses_everything(ledger):
    assert ledger.is_broken
    try:
        ledger.append([])
    except LedgerError as refusal:
        assert "broken and must be opened again" in str(refusal), refusal
    else:
        sys.exit("a broken ledger took something")

for number in range(1_000):
    path = folder / f"{number}" / "ledger.sqlite"
    read, write = os.pipe()
    child = os.fork()
    if not child:
        told, end = workload(path, 9_728 * (number + 1))
        os.write(write, f"{number} {len(told)} {end}".encode())
        os._exit(0)
    os.close(write)
    line = os.read(read, 1_000).decode()
    os.close(read)
    assert os.waitpid(child, 0)[1] == 0
    print(line)
    if line.endswith("finished"):
        break
"""


def test_a_disk_that_fills_up_at_any_size_loses_nothing_acknowledged(tmp_path: Path) -> None:
    lines = script(FULL, tmp_path)
    ends = {line.split(" ", 2)[2] for line in lines}
    assert len(lines) > 20
    assert "finished" in ends
    assert {end.rpartition(": ")[2] for end in ends - {"finished"}} <= {
        "database or disk is full",
        "disk I/O error",
    }
    for line in lines:
        number, told, end = line.split(" ", 2)
        path = tmp_path / number / "ledger.sqlite"
        kept = texts(path)
        assert kept[: int(told)] == [str(n) for n in range(int(told))]
        assert len(kept) <= int(told) + 1
        with EmergencyJournal(path, Durability.NONE) as emergency:
            noted = [each.payload for each in emergency.read().notes]
        assert noted == ([] if end == "finished" else [b"the disk is full"])
    assert verify(path).is_sound


def test_a_ledger_is_not_begun_on_a_disk_without_room(path: Path) -> None:
    """The first start needs room for tables, log and emergency journal; none of it is damage."""
    body = """
import resource, sys
from pathlib import Path
from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.sqlite import SqliteLedger

path = Path(sys.argv[1])
for limit in (0, 5_000, 60_000, 200_000, 500_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        SqliteLedger(path)
    except LedgerCorrupt as error:
        sys.exit(f"a full disk is not damage: {error}")
    except LedgerError as error:
        print(error)
    else:
        sys.exit(f"it started with {limit}")
"""
    told = script(body, path)
    assert len(told) == 5
    assert all(re.search("cannot be (written|made|read)|File too large", line) for line in told)
    assert texts(path) == []


# --- a disk that fails ----------------------------------------------------------------------------


class Failing:
    """A real database of which one statement fails, once or from then on."""

    def __init__(self, at: int, *, for_ever: bool) -> None:
        self.statements: list[str] = []
        self._at = at
        self._for_ever = for_ever

    @property
    def was_reached(self) -> bool:
        return len(self.statements) > self._at

    def connect(self, uri: str) -> sqlite3.Connection:
        disk = self

        class Through(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                disk.statements.append(statement)
                count = len(disk.statements) - 1
                if count == disk._at or (disk._for_ever and count > disk._at):
                    raise sqlite3.OperationalError("disk I/O error")
                return super().execute(statement, *values)

        return sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=Through
        )


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for-ever"])
def test_whichever_statement_fails_nothing_acknowledged_is_lost(
    tmp_path: Path, for_ever: bool
) -> None:
    for number in range(1_000):
        path = tmp_path / f"{number}" / "ledger.sqlite"
        disk = Failing(number, for_ever=for_ever)
        told = commits(path, disk)
        assert texts(path)[: len(told)] == told
        if not disk.was_reached:
            break
    assert number > 50
    assert len(told) == COMMITS


def commits(path: Path, disk: Failing) -> list[str]:
    """Commit until the disk fails; return what was acknowledged."""
    told: list[str] = []
    try:
        ledger = SqliteLedger(path, durability=Durability.NONE, bounds=BOUNDS, connect=disk.connect)
    except LedgerError:
        return told
    try:
        for number in range(COMMITS):
            ledger.commit([note(f"{number}")])
            told.append(f"{number}")
        ledger.append([]).wait()
    except LedgerError:
        assert ledger.is_broken
        count = len(disk.statements)
        with pytest.raises(LedgerError, match="must be opened again: disk I/O error"):
            ledger.append([note("after it")])
        assert len(disk.statements) == count  # The connection is not asked again.
    finally:
        ledger.close()
    return told


def test_after_a_failed_sync_that_then_succeeds_nothing_more_is_taken(path: Path) -> None:
    class Forgetful(sqlite3.Connection):
        """The first sync fails and loses its pages; every later one reports success."""

        syncs = 0

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "COMMIT":
                Forgetful.syncs += 1
                if Forgetful.syncs == 2:
                    super().execute("ROLLBACK")
                    raise sqlite3.OperationalError("disk I/O error")
            return super().execute(statement, *values)

    def connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=Forgetful
        )

    with SqliteLedger(path, connect=connect) as ledger:
        ledger.commit([note("acknowledged")])
        with pytest.raises(LedgerError, match="were not committed: disk I/O error"):
            ledger.commit([note("lost")])
        for _ in range(3):
            with pytest.raises(LedgerError, match="must be opened again: disk I/O error"):
                ledger.commit([note("would succeed")])
        assert Forgetful.syncs == 2
        assert ledger.emergency is not None
        ledger.emergency.append("halt", b"a sync failed")
    assert texts(path) == ["acknowledged"]


# --- files that are not what they were ------------------------------------------------------------


class Told(NamedTuple):
    """What a start and a verification say about a ledger."""

    start: str
    verdict: str


def told_of(path: Path) -> Told:
    verdict = verify(path).summary
    try:
        SqliteLedger(path, durability=Durability.NONE).close()
    except LedgerCorrupt as error:
        return Told(str(error), verdict)
    return Told("it started", verdict)


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The files of a ledger of 40 events whose writer was killed: most are in the log."""
    running = tmp_path / "running" / "ledger.sqlite"
    with SqliteLedger(running, durability=Durability.NONE) as ledger:
        for number in range(40):
            ledger.commit([note(f"{number}".ljust(500, "."))])
        shutil.copytree(running.parent, tmp_path / "killed")
    return tmp_path / "killed" / "ledger.sqlite"


def test_a_kill_alone_loses_nothing(killed: Path) -> None:
    assert texts(killed) == [str(number) for number in range(40)]


def test_a_missing_log_is_found_by_what_was_acknowledged(killed: Path) -> None:
    killed.with_name("ledger.sqlite-wal").unlink()
    says = "the journal ends at event 0, but event 40 was acknowledged"
    start, verdict = told_of(killed)
    assert says in start
    assert f"remove {beside(killed, WITNESS)}" in start
    assert says in verdict


def test_a_log_cut_in_the_middle_is_found_by_what_was_acknowledged(killed: Path) -> None:
    log = killed.with_name("ledger.sqlite-wal")
    os.truncate(log, log.stat().st_size // 2)
    start, verdict = told_of(killed)
    says = r"the journal ends at event [1-3]\d, but event 40 was acknowledged"
    assert re.search(says, start)
    assert re.search(says, verdict)


def test_a_changed_byte_of_the_log_is_found_by_what_was_acknowledged(killed: Path) -> None:
    log = killed.with_name("ledger.sqlite-wal")
    flip(log, log.stat().st_size // 2)
    start, verdict = told_of(killed)
    says = r"the journal ends at event [1-3]\d, but event 40 was acknowledged"
    assert re.search(says, start)
    assert re.search(says, verdict)


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_a_changed_byte_of_an_entry_is_named(killed: Path) -> None:
    SqliteLedger(killed, durability=Durability.NONE).close()  # The log is taken into the file.
    flip(killed, killed.read_bytes().index(b'"text":"21....') + 20)
    verdict = verify(killed)
    assert verdict.bad_seq == 22
    assert "event 22 does not have the hash of its content" in verdict.summary
    with (
        SqliteLedger(killed, durability=Durability.NONE) as ledger,
        pytest.raises(LedgerCorrupt, match="event 22 does not have the hash of its content"),
    ):
        list(ledger.read())  # What a start reads to know the account.


def test_a_file_that_was_cut_is_called_damaged(killed: Path) -> None:
    SqliteLedger(killed, durability=Durability.NONE).close()
    size = killed.stat().st_size
    os.truncate(killed, size - 8_192)
    start, verdict = told_of(killed)
    assert "damaged" in start
    assert re.search("event \\d+ cannot be read|bytes", verdict)


def test_an_older_file_is_found_although_it_is_sound(killed: Path, tmp_path: Path) -> None:
    SqliteLedger(killed, durability=Durability.NONE).close()
    older = shutil.copy(killed, tmp_path / "older.sqlite")
    with SqliteLedger(killed, durability=Durability.NONE) as ledger:
        ledger.commit([note("40")])
    shutil.copy(older, killed)
    start, verdict = told_of(killed)
    says = "the journal ends at event 40, but event 41 was acknowledged"
    assert says in start
    assert says in verdict


# --- a folder that cannot be written --------------------------------------------------------------

READ_ONLY = """
import os, sys
from pathlib import Path
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

folder = Path(sys.argv[1])
if os.geteuid() == 0:  # Nothing is read-only to root.
    os.chown(folder, 65_534, 65_534)
    os.setgid(65_534)
    os.setuid(65_534)
path = folder / "ledger.sqlite"
if sys.argv[2] == "old":
    with SqliteLedger(path) as ledger:
        ledger.commit([Noted(at_ns=1, code="c", text="t")])
folder.chmod(0o500)
if sys.argv[3] == "strict":
    for file in folder.iterdir():
        file.chmod(0o400)
try:
    SqliteLedger(path)
except LedgerError as error:
    print(error)
else:
    sys.exit("it started")
finally:
    folder.chmod(0o700)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an ordinary user may be given."""
    with tempfile.TemporaryDirectory(prefix="ledger-") as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("ledger", "files"),
    [
        pytest.param("new", "as-they-are", id="first-start"),
        pytest.param("old", "as-they-are", id="folder-alone"),
        pytest.param("old", "strict", id="folder-and-files"),
    ],
)
def test_a_folder_that_cannot_be_written_refuses_the_start(
    folder: Path, ledger: str, files: str
) -> None:
    (told,) = script(READ_ONLY, folder, ledger, files)
    assert re.search("cannot be (written|read|opened)", told), told
    assert str(folder) in told
