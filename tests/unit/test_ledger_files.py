"""Files of a ledger: who may read them, who may write, and what the witness remembers."""

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability, Head
from smart_leverage.ledger.files import (
    LOCK,
    WITNESS,
    Witness,
    WriterLock,
    beside,
    holder,
    is_alive,
    witnessed,
    write_durably,
)
from smart_leverage.ledger.sqlite import SqliteLedger

NOTE = Noted(at_ns=1, code="c", text="t")


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def opened(path: Path) -> SqliteLedger:
    return SqliteLedger(path, durability=Durability.NONE)


NAMES = {f"ledger.sqlite{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".head")}


def test_all_files_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "paper" / "ledger.sqlite"
    with opened(path) as ledger:
        ledger.commit([NOTE])
        assert modes(path.parent) == dict.fromkeys(NAMES, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    opened(tmp_path / "ledger.sqlite").close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_ledger_that_others_could_read_is_taken_back_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with opened(path) as ledger:
        ledger.commit([NOTE])
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    with opened(path) as ledger:
        ledger.commit([NOTE])
        assert modes(tmp_path) == dict.fromkeys(NAMES, 0o600)


def test_at_rest_only_the_file_its_lock_and_its_witness_remain(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit([NOTE])
    assert set(modes(tmp_path)) == {"ledger.sqlite", "ledger.sqlite.lock", "ledger.sqlite.head"}


# --- the lock -------------------------------------------------------------------------------------


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    lock = WriterLock(path)
    with pytest.raises(LedgerLocked, match=f"process {os.getpid()} is writing this ledger"):
        WriterLock(path)
    lock.release()
    lock.release()
    WriterLock(path).release()
    assert beside(path, LOCK).exists()


def test_a_ledger_reached_by_another_name_has_the_same_lock(tmp_path: Path) -> None:
    path, alias = tmp_path / "ledger.sqlite", tmp_path / "elsewhere" / "link.sqlite"
    alias.parent.mkdir()
    alias.symlink_to(path)
    with opened(path), pytest.raises(LedgerLocked):
        opened(alias)


def test_a_lock_let_go_is_free_although_a_fork_still_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    lock = WriterLock(path)
    inherited = os.dup(lock._handle)  # What a forked child has: the same open file.
    lock.release()
    WriterLock(path).release()
    os.close(inherited)


def test_a_lock_that_cannot_be_had_for_another_reason_is_not_called_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(handle: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(LedgerError, match="cannot be locked: No locks available") as caught:
        WriterLock(tmp_path / "ledger.sqlite")
    assert not isinstance(caught.value, LedgerLocked)


# --- the witness ----------------------------------------------------------------------------------


def test_who_holds_the_lock_is_seen_without_trying_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    assert holder(path) is None
    lock = WriterLock(path)
    assert holder(path) == os.getpid()
    lock.release()
    assert beside(path, LOCK).read_text() == f"{os.getpid()}\n"  # the number stays
    assert holder(path) is None


@pytest.mark.parametrize("noted", ["", "x", "0", "-1", "4194305", "9" * 40])
def test_a_note_of_no_process_names_no_holder(tmp_path: Path, noted: str) -> None:
    beside(tmp_path / "ledger.sqlite", LOCK).write_text(noted)
    assert holder(tmp_path / "ledger.sqlite") is None


def test_a_process_that_ended_is_not_alive_even_before_it_was_waited_for() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(ended.pid)
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(ended.pid)
    ended.communicate()
    assert not is_alive(ended.pid)


def test_a_small_file_is_written_for_the_owner_alone_over_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "small"
    file.write_text("longer than what follows")
    file.chmod(0o644)
    write_durably(file, "short\n")
    assert file.read_text() == "short\n"
    assert modes(tmp_path) == {"small": 0o600}
    with pytest.raises(LedgerError, match="cannot be written"):
        write_durably(tmp_path / "none" / "small", "")


def test_the_witness_remembers_the_last_head(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    assert witnessed(path) is None
    witness = Witness(path)
    assert witnessed(path) is None
    for seq in (9, 10):
        witness.note(Head(seq, bytes([seq]) * 32))
    witness.close()
    witness.close()
    assert witnessed(path) == Head(10, bytes([10]) * 32)


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param("", id="empty"),
        pytest.param("00000000000000000007", id="half"),
        pytest.param(f"7 {'0' * 63}", id="hash-cut"),
        pytest.param(f"seven {'0' * 64}", id="no-number"),
        pytest.param(f"7 {'g' * 64}", id="no-hash"),
        pytest.param("é é", id="not-ascii"),
    ],
)
def test_a_torn_note_is_no_witness(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "ledger.sqlite"
    beside(path, WITNESS).write_text(torn)
    assert witnessed(path) is None


def test_the_witness_of_a_ledger_is_its_head(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with opened(path) as ledger:
        for _ in range(3):
            ledger.commit([NOTE, NOTE])
            assert witnessed(path) == ledger.head
