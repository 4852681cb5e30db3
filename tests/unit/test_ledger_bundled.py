"""Records that can be made again are written by the thousand: the same chain, in fewer commits."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.errors import InvariantViolation, LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability, Entry
from smart_leverage.ledger.bundled import BUNDLE, BundledLedger
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

RECORDS = 2 * BUNDLE + 7


def notes(number: int) -> list[Noted]:
    return [Noted(at_ns=at, code="c", text=f"{at}") for at in range(1, number + 1)]


def entries(path: Path) -> list[Entry]:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        return [*ledger.read()]


def unsynced(path: Path, **more: Any) -> SqliteLedger:
    return SqliteLedger(path, durability=Durability.NONE, **more)


def test_the_chain_is_the_one_that_single_commits_write(tmp_path: Path) -> None:
    single, bundled = tmp_path / "single.sqlite", tmp_path / "bundled.sqlite"
    with unsynced(single) as ledger:
        for note in notes(RECORDS):
            ledger.commit([note])
    with BundledLedger(unsynced(bundled)) as ledger_of_bundles:
        for note in notes(RECORDS):
            ledger_of_bundles.commit([note])
        ledger_of_bundles.flush()
        assert ledger_of_bundles.counts.commits == 3
    assert entries(bundled) == entries(single)
    assert verify(bundled).is_sound


def test_what_was_taken_in_last_is_read_as_well(tmp_path: Path) -> None:
    with BundledLedger(unsynced(tmp_path / "ledger.sqlite")) as ledger:
        ledger.commit(notes(3))
        assert ledger.append(notes(2)).is_done
        assert [entry.seq for entry in ledger.read(after_seq=1)] == [2, 3, 4, 5]
        assert ledger.head.seq == 5


def test_a_ledger_that_promises_durability_is_refused(tmp_path: Path) -> None:
    with (
        SqliteLedger(tmp_path / "ledger.sqlite") as durable,
        pytest.raises(InvariantViolation, match="durable"),
    ):
        BundledLedger(durable)


def test_what_the_disk_refuses_is_told_at_the_latest_by_closing(tmp_path: Path) -> None:
    class Filling(sqlite3.Connection):
        is_full = False

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "COMMIT" and self.is_full:
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(statement, *values)

    def filling(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=Filling
        )

    ledger = BundledLedger(unsynced(tmp_path / "ledger.sqlite", connect=filling))
    ledger.commit(notes(3))
    Filling.is_full = True
    with pytest.raises(LedgerError, match="disk is full"):
        ledger.close()
    with pytest.raises(LedgerError):
        ledger.commit(notes(BUNDLE))
