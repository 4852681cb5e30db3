"""A restored ledger holds its account back, and appears only when that is recorded."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted, StateChanged
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.files import witnessed
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.restore import restore
from smart_leverage.ledger.seals import read_seals
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import backup, verify

NOW_NS = 1_750_000_000_000_000_000


def note(at_ns: int) -> Noted:
    return Noted(at_ns=at_ns, code="c", text="t")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A backup of five events."""
    ledger = tmp_path / "ledger.sqlite"
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        store.commit([note(at_ns) for at_ns in range(1, 6)])
    backup(ledger, tmp_path / "backup.sqlite")
    return tmp_path / "backup.sqlite"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ledger.sqlite"


def states(path: Path) -> list[tuple[int, str, str, str, str]]:
    with Reader.open(path) as reader:
        return [(one.at_ns, one.before, one.after, one.why, one.who) for one in reader.states()]


def test_the_last_entry_of_a_restored_ledger_is_a_halt(source: Path, to: Path) -> None:
    verdict, head = restore(source, to, NOW_NS)
    assert verdict.events == 5
    assert head is not None
    assert head.seq == 6
    names = {"ledger.sqlite", "ledger.sqlite.head", "ledger.sqlite.seals"}
    assert {file.name for file in to.parent.iterdir()} == names
    assert [(seal.month, seal.head.seq) for seal in read_seals(to)] == [("1970-01", 5)]
    assert witnessed(to) == head
    assert states(to) == [(NOW_NS, "active", "halted", "restored from a backup", "operator")]
    assert verify(to).is_sound
    assert verify(source).events == 5


def test_the_halt_follows_the_state_that_the_backup_ended_in(tmp_path: Path, to: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    reducing = StateChanged(at_ns=1, before="active", after="reducing", why="loss", who="policy")
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        store.commit([reducing])
    restore(ledger, to, NOW_NS)
    assert states(to)[0][1:3] == ("reducing", "halted")


def test_the_halt_is_not_dated_before_the_entry_it_follows(tmp_path: Path, to: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        store.commit([note(NOW_NS + 7)])
    restore(ledger, to, NOW_NS)
    assert states(to)[0][0] == NOW_NS + 7


def test_a_ledger_that_is_being_written_can_be_restored_from(tmp_path: Path, to: Path) -> None:
    with SqliteLedger(tmp_path / "ledger.sqlite", durability=Durability.NONE) as store:
        store.commit([note(1)])
        assert restore(tmp_path / "ledger.sqlite", to, NOW_NS).verdict.events == 1
        assert store.commit([note(2)]).seq == 2


def test_a_backup_that_lost_its_end_is_refused(tmp_path: Path, source: Path, to: Path) -> None:
    with SqliteLedger(tmp_path / "ledger.sqlite", durability=Durability.NONE) as store:
        store.commit([note(6)])
    (tmp_path / "ledger.sqlite").write_bytes(source.read_bytes())
    verdict, head = restore(tmp_path / "ledger.sqlite", to, NOW_NS)
    assert head is None
    assert "the journal ends at event 5, but event 6 was acknowledged" in verdict.summary
    assert list(to.parent.iterdir()) == []


@pytest.mark.parametrize(
    "left", ["ledger.sqlite", "ledger.sqlite.head", "ledger.sqlite.seals", "ledger.sqlite-wal"]
)
def test_what_is_left_of_another_ledger_is_not_written_over(
    source: Path, to: Path, left: str
) -> None:
    to.parent.mkdir()
    (to.parent / left).write_text("evidence")
    with pytest.raises(LedgerError, match=f"{left} belongs to a ledger and is left as it is"):
        restore(source, to, NOW_NS)
    assert [file.read_text() for file in to.parent.iterdir()] == ["evidence"]


KILLED = """
import os, signal, sys
from pathlib import Path
from smart_leverage.ledger import restore as module

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, sys.argv[3], die)
module.restore(Path(sys.argv[1]), Path(sys.argv[2]), 1)
"""


@pytest.mark.parametrize(
    ("dies_in", "is_there"),
    [
        pytest.param("_hold_back", False, id="before-the-halt"),
        pytest.param("_put_in_place", False, id="before-its-name"),
        pytest.param("Witness", True, id="before-the-witness"),
    ],
)
def test_killed_on_the_way_no_ledger_appears_that_is_not_halted(
    source: Path, to: Path, dies_in: str, is_there: bool
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(to), dies_in], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert to.exists() is is_there
    if not is_there:
        restore(source, to, NOW_NS)
    assert states(to)[0][2:4] == ("halted", "restored from a backup")
    assert to.stat().st_mode & 0o077 == 0
