"""A ledger that is read beside its writer, or in a copy, and what that leaves behind."""

from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.aside import aside
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

NOTE = Noted(at_ns=1, code="c", text="t")


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(folder.iterdir())
    }


def test_a_ledger_at_rest_is_read_in_a_copy_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([NOTE])
    before = content(tmp_path)
    with aside(path) as readable, Reader.open(readable) as reader:
        assert readable != path
        assert reader.head().seq == 1
        assert verify(readable).is_sound
    assert content(tmp_path) == before
    assert not readable.parent.exists()


def test_a_ledger_that_is_written_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([NOTE])
        with aside(path) as readable:
            assert readable == path


def test_what_a_killed_writer_had_only_in_its_log_is_in_the_copy(tmp_path: Path) -> None:
    path, killed = tmp_path / "ledger.sqlite", tmp_path / "killed"
    killed.mkdir()
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([NOTE, NOTE])
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}.head")):
            (killed / file.name).write_bytes(file.read_bytes())
    before = content(killed)
    with aside(killed / path.name) as readable:
        assert verify(readable).events == 2
    assert content(killed) == before


def test_what_cannot_be_copied_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(LedgerError, match="cannot be copied"), aside(tmp_path / "ledger.sqlite"):
        pass
