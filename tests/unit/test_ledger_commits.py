"""The writer commits whatever waits, together; and trusts nothing after a failed commit."""

import os
import sqlite3
import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.errors import InvariantViolation, LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Side
from smart_leverage.domain.records import FlowSeen, Intended, Noted
from smart_leverage.ledger.base import Durability, Ticket
from smart_leverage.ledger.connections import SQLITE_VERSION, Connect
from smart_leverage.ledger.files import WITNESS, beside
from smart_leverage.ledger.sqlite import Bounds, SqliteLedger
from smart_leverage.ledger.verify import verify

LONG_S = 20.0


def note(text: str) -> Noted:
    return Noted(at_ns=1, code="c", text=text)


def opened(path: Path, disk: "Disk", bounds: Bounds = Bounds()) -> SqliteLedger:  # noqa: B008
    return SqliteLedger(path, durability=Durability.NONE, connect=disk.connect, bounds=bounds)


class Disk:
    """A real database whose commits stop at a gate, and fail before or after they are made."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.fails = ""
        self.statements: list[str] = []

    def slow(self) -> None:
        self.reached.clear()
        self.gate.clear()

    @property
    def connect(self) -> Connect:
        disk = self

        class Through(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                disk.statements.append(statement)
                if statement != "COMMIT":
                    return super().execute(statement, *values)
                disk.reached.set()
                assert disk.gate.wait(LONG_S)
                if disk.fails != "before":
                    super().execute(statement)
                if disk.fails:
                    raise sqlite3.OperationalError("disk I/O error")
                return super().execute("SELECT 1")

        return lambda uri: sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=Through
        )


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


# --- commits --------------------------------------------------------------------------------------


def test_what_arrives_while_a_sync_runs_is_one_commit(path: Path, disk: Disk) -> None:
    with opened(path, disk) as ledger:
        disk.slow()
        first = ledger.append([note("first")])
        assert disk.reached.wait(LONG_S)
        tickets: list[Ticket] = []
        threads = [
            threading.Thread(target=lambda n=n: tickets.append(ledger.append([note(f"{n}")] * 2)))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG_S)
        assert not any(ticket.is_done for ticket in (first, *tickets))
        assert ledger.counts.queued == 17
        assert ledger.head.seq == 0
        disk.gate.set()
        assert first.wait(LONG_S).seq == 1
        assert sorted(ticket.wait(LONG_S).seq for ticket in tickets) == list(range(3, 18, 2))
        assert ledger.counts[:2] == (2, 17)
        assert ledger.counts.queued == 0
        texts = [note.text for note in reversed(ledger.reader().notes())]
    assert texts[0] == "first"
    assert texts[1::2] == texts[2::2]  # What was appended together stands together.


def test_a_lone_record_does_not_wait_for_company(path: Path, disk: Disk) -> None:
    with opened(path, disk) as ledger:
        for number in range(1, 4):
            assert ledger.commit([note("")]).seq == number
        assert ledger.counts == (3, 3, 0, 0)


def test_no_records_are_a_barrier_that_commits_nothing(path: Path, disk: Disk) -> None:
    with opened(path, disk) as ledger:
        assert ledger.commit([]).seq == 0
        disk.slow()
        first = ledger.append([note("")] * 3)
        assert disk.reached.wait(LONG_S)
        barrier = ledger.append([])
        assert not barrier.is_done
        disk.gate.set()
        assert barrier.wait(LONG_S) == first.wait(LONG_S) == ledger.head
        assert ledger.counts.commits == 1


def test_a_full_queue_refuses_after_its_wait_and_goes_on(path: Path, disk: Disk) -> None:
    bounds = Bounds(queue_max=3, queue_wait_s=0.02)
    with opened(path, disk, bounds) as ledger:
        disk.slow()
        first = ledger.append([note("a")] * 3)
        with pytest.raises(LedgerError, match="3 records wait for the disk"):
            ledger.append([note("b")])
        assert not ledger.is_broken
        disk.gate.set()
        first.wait(LONG_S)
        assert ledger.commit([note("c")]).seq == 4
        assert [entry.seq for entry in ledger.read()] == [1, 2, 3, 4]


def test_what_is_queued_is_written_before_closing(path: Path, disk: Disk) -> None:
    ledger = opened(path, disk)
    disk.slow()
    tickets = [ledger.append([note("")]) for _ in range(5)]
    closing_thread = threading.Thread(target=ledger.close)
    closing_thread.start()
    disk.gate.set()
    closing_thread.join(LONG_S)
    ledger.close()
    assert [ticket.wait(LONG_S).seq for ticket in tickets] == [1, 2, 3, 4, 5]
    with pytest.raises(LedgerError, match="the ledger is closed"):
        ledger.append([])
    assert verify(path).events == 5


def test_a_record_that_is_refused_leaves_nothing_behind(path: Path, disk: Disk) -> None:
    bad = FlowSeen(at_ns=1, amount=Decimal("NaN"), source="")
    with opened(path, disk) as ledger:
        with pytest.raises(InvariantViolation):
            ledger.append([note("with it"), bad])
        assert ledger.commit([note("after it")]).seq == 1
        assert not ledger.is_broken


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fails", "held"), [pytest.param("before", 1, id="lost"), pytest.param("after", 2, id="kept")]
)
def test_after_a_failed_commit_only_opening_anew_tells_what_holds(
    path: Path, disk: Disk, fails: str, held: int
) -> None:
    ledger = opened(path, disk)
    acknowledged = ledger.commit([note("acknowledged")])
    disk.slow()
    disk.fails = fails
    doubtful = ledger.append([note("doubtful")])
    assert disk.reached.wait(LONG_S)
    waiting = ledger.append([note("waiting")])
    heard = threading.Event()
    waiting.then(lambda ticket: heard.set())
    disk.gate.set()
    for ticket in (doubtful, waiting):
        with pytest.raises(LedgerError, match="were not committed: disk I/O error"):
            ticket.wait(LONG_S)
    assert heard.wait(LONG_S)
    disk.fails = ""
    with pytest.raises(LedgerError, match="broken and must be opened again: disk I/O error"):
        ledger.append([note("refused")])
    assert ledger.is_broken
    assert ledger.head == acknowledged
    assert ledger.counts.queued == 0
    ledger.close()
    with SqliteLedger(path) as again:
        assert again.head.seq == held
        assert again.commit([note("on")]).seq == held + 1
    assert verify(path).is_sound


def test_an_id_is_given_once(path: Path, disk: Disk) -> None:
    order = Order(
        client_order_id="a-1", bot="a", key=Key("us_equity:SPY"), side=Side.BUY, qty=Decimal(1)
    )
    intent = Intended(at_ns=1, order=order, decision_id="d", reserve_price=Decimal(1))
    with opened(path, disk) as ledger:
        ledger.commit([intent])
        with pytest.raises(LedgerError, match="UNIQUE constraint failed: orders"):
            ledger.commit([intent])
    assert verify(path).events == 1


def test_a_sum_too_wide_to_be_exact_is_not_rounded(path: Path, disk: Disk) -> None:
    with opened(path, disk) as ledger:
        ledger.commit([FlowSeen(at_ns=1, amount=Decimal("1E+90"), source="")])
        with pytest.raises(LedgerError, match="Inexact"):
            ledger.commit([FlowSeen(at_ns=1, amount=Decimal("1E-90"), source="")])
    assert verify(path).events == 1


def test_a_witness_that_cannot_be_written_breaks_the_ledger(path: Path, disk: Disk) -> None:
    ledger = opened(path, disk)
    ledger._witness._handle = beside_read_only(path)  # type: ignore[union-attr]
    with pytest.raises(LedgerError, match="were not committed"):
        ledger.commit([note("")])
    assert ledger.is_broken
    ledger.close()


def beside_read_only(path: Path) -> int:
    return os.open(beside(path, WITNESS), os.O_RDONLY)


# --- the connection -------------------------------------------------------------------------------

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL
    "foreign_keys": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
    "busy_timeout": 5_000,
    "wal_autocheckpoint": 0,
}


@pytest.mark.parametrize("name", PRAGMAS)
def test_the_writer_runs_under_this_pragma(path: Path, name: str) -> None:
    with SqliteLedger(path) as ledger:
        assert pragma(ledger, name) == PRAGMAS[name]


def pragma(ledger: SqliteLedger, name: str) -> Any:
    row = ledger._connection.execute(f"PRAGMA {name}").fetchone()
    return row[0] if row else None


def test_a_simulation_does_not_wait_for_the_disk(path: Path) -> None:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        assert pragma(ledger, "synchronous") == 0
        assert pragma(ledger, "journal_mode") == "wal"


def test_a_write_begins_at_once_as_one_and_checks_its_epoch_first(path: Path, disk: Disk) -> None:
    with opened(path, disk) as ledger:
        disk.statements.clear()
        ledger.commit([note("")])
        begin, epoch, *_, commit = disk.statements
    assert (begin, epoch, commit) == ("BEGIN IMMEDIATE", "SELECT epoch FROM writer", "COMMIT")


def test_the_ledger_names_the_library_it_runs_on(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        assert ledger.sqlite_version == SQLITE_VERSION == sqlite3.sqlite_version


@pytest.mark.parametrize("statement", ["UPDATE journal SET key = 'x'", "DELETE FROM journal"])
def test_the_database_itself_refuses_to_change_the_journal(path: Path, statement: str) -> None:
    with SqliteLedger(path) as ledger:
        ledger.commit([note("")])
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"),
    ):
        connection.execute(statement)


def test_no_column_of_a_ledger_can_hold_a_floating_number(path: Path) -> None:
    SqliteLedger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        listed = connection.execute("PRAGMA table_list").fetchall()
        kinds = {row[1]: (row[2], row[5]) for row in listed if not row[1].startswith("sqlite_")}
        types = {
            column[2]
            for name in kinds
            for column in connection.execute(f"PRAGMA table_info({name})")
        }
    assert len(kinds) > 20
    assert set(kinds.values()) == {("table", 1)}  # The second says STRICT.
    assert types == {"INTEGER", "TEXT", "BLOB"}


def test_the_log_is_copied_into_the_file_when_it_is_long_and_nothing_waits(path: Path) -> None:
    bounds = Bounds(wal_pages=20, wal_pages_max=40)
    with SqliteLedger(path, durability=Durability.NONE, bounds=bounds) as ledger:
        for _ in range(12):
            ledger.commit([note("x" * 3_000)] * 5)
        ledger.commit([])
        assert ledger.counts.checkpoints >= 3
        assert path.with_name("ledger.sqlite-wal").stat().st_size < 80 * 4_200
    assert verify(path).events == 60
