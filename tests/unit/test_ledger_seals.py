"""Every month that is over is sealed, and an altered month is named."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerCorrupt
from smart_leverage.domain.records import Noted
from smart_leverage.ledger import seals as module
from smart_leverage.ledger.base import Durability, Head
from smart_leverage.ledger.chain import draft, link
from smart_leverage.ledger.files import SEALS, WITNESS, beside
from smart_leverage.ledger.journal import head_of
from smart_leverage.ledger.seals import Seal, month_ends, month_of, month_span, read_seals
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import backup, verify


def ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc,arg-type]


def note(*when: int) -> Noted:
    return Noted(at_ns=ns(*when), code="c", text="t")


JANUARY = [note(2024, 1, day) for day in (5, 20, 31)]
FEBRUARY = [note(2024, 2, day) for day in (1, 29)]
APRIL = [note(2024, 4, day) for day in (2, 3)]
ALL = [*JANUARY, *FEBRUARY, *APRIL]
SEALED = [("2024-01", 3), ("2024-02", 5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def written(path: Path, *batches: list[Noted]) -> Path:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        for batch in batches:
            ledger.commit(batch)
    return path


def sealed(path: Path) -> list[tuple[str, int]]:
    return [(seal.month, seal.head.seq) for seal in read_seals(path)]


def execute(path: Path, *statements: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS journal_is_not_updated")
        connection.execute("DROP TRIGGER IF EXISTS journal_is_not_deleted")
        for statement, *values in statements:
            connection.execute(str(statement), values)


# --- months ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_ns", "month"),
    [
        pytest.param(0, "1970-01", id="epoch"),
        pytest.param(-1, "1969-12", id="before-the-epoch"),
        pytest.param(ns(2024, 2, 29, 23, 59, 59) + 999_999_999, "2024-02", id="last-nanosecond"),
        pytest.param(ns(2024, 3, 1), "2024-03", id="first-nanosecond"),
        pytest.param(ns(2024, 12, 31), "2024-12", id="december"),
        pytest.param(2**63 - 1, "2262-04", id="last-stamp"),
        pytest.param(-(2**63), "1677-09", id="first-stamp"),
    ],
)
def test_an_instant_lies_in_its_month(at_ns: int, month: str) -> None:
    start, end = month_span(month_of(at_ns))
    assert month_of(at_ns) == month
    assert start <= at_ns < end
    assert month_of(start) == month
    assert month_of(start - 1) < month < month_of(end)


def test_the_ends_of_a_journals_months(path: Path) -> None:
    with SqliteLedger(written(path, ALL), durability=Durability.NONE) as ledger:
        ends = list(month_ends(ledger.read()))
        hashes = {entry.seq: entry.hash for entry in ledger.read()}
    assert [(seal.month, seal.head.seq) for seal in ends] == [*SEALED, ("2024-04", 7)]
    assert all(hashes[seal.head.seq] == seal.head.hash for seal in ends)
    assert list(month_ends([])) == []


# --- sealing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param([[one] for one in ALL], id="one-by-one"),
        pytest.param([ALL], id="all-at-once"),
        pytest.param([ALL[:2], ALL[2:4], ALL[4:]], id="across-the-ends"),
    ],
)
def test_a_month_is_sealed_when_the_next_one_begins(path: Path, batches: list[list[Noted]]) -> None:
    written(path, *batches)
    assert sealed(path) == SEALED
    assert beside(path, SEALS).stat().st_mode & 0o077 == 0
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        assert read_seals(path) == list(month_ends(ledger.read()))[:-1]
    assert verify(path).is_sound


@pytest.mark.parametrize("at", range(1, len(ALL)))
def test_starting_again_on_the_way_changes_no_seal(path: Path, at: int) -> None:
    written(written(path, ALL[:at]), ALL[at:])
    assert sealed(path) == SEALED


def test_the_month_that_runs_is_not_sealed(path: Path) -> None:
    written(path, JANUARY)
    assert not beside(path, SEALS).exists()
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit(FEBRUARY)
        ledger.commit([])
        assert sealed(path) == SEALED[:1]


@pytest.mark.parametrize("at", range(2, 6))
def test_an_entry_dated_back_belongs_to_the_month_that_has_begun(path: Path, at: int) -> None:
    late = [JANUARY[0], FEBRUARY[0], JANUARY[1], JANUARY[2], FEBRUARY[1], APRIL[0]]
    written(written(path, late[:at]), late[at:])
    assert sealed(path) == [("2024-01", 1), ("2024-02", 5)]


def test_a_seal_that_was_missed_is_made_good_by_the_next_start(path: Path) -> None:
    written(path, ALL)
    seals = beside(path, SEALS).read_text().splitlines(keepends=True)
    beside(path, SEALS).write_text(seals[0])  # As after a power loss.
    written(path)
    assert beside(path, SEALS).read_text() == "".join(seals)
    beside(path, SEALS).unlink()  # As for a ledger that was begun before there were seals.
    written(path)
    assert sealed(path) == SEALED[1:]


def test_a_seal_that_cannot_be_written_stops_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside(path, f"{SEALS}.new").mkdir()
    written(path, JANUARY, FEBRUARY)
    assert "month 2024-01 could not be sealed: " in caplog.text
    beside(path, f"{SEALS}.new").rmdir()
    assert sealed(written(path, APRIL)) == SEALED
    assert verify(path).events == 7


def test_seals_are_synced_when_the_ledger_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    module.write_seals(path, [], Durability.NONE)
    assert synced == []
    module.write_seals(path, [], Durability.FULL)
    assert len(synced) == 2  # The file and the name.


def test_a_record_inside_a_month_costs_no_look_at_the_seals(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned: list[int] = []
    real = module.Sealer.turn

    def turn(sealer: module.Sealer, before: Head, at_ns: int) -> int:
        turned.append(before.seq)
        return real(sealer, before, at_ns)

    monkeypatch.setattr(module.Sealer, "turn", turn)
    written(path, *[[one] for one in ALL])
    assert turned == [0, 3, 5]


# --- altered months -------------------------------------------------------------------------------


def rewrite(path: Path, since: int) -> None:
    """Tell the journal anew from an event on, as one who knows how chains are made."""
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        kept = list(ledger.read())
    execute(path, ("DELETE FROM journal WHERE seq >= ?", since), ("DELETE FROM notes",))
    with closing(sqlite3.connect(path)) as connection, connection:
        for number, old in enumerate(kept, 1):
            record = Noted(at_ns=old.at_ns, code="c", text="t" if number < since else "forged")
            connection.execute(
                "INSERT INTO notes (seq, at_ns, code, text) VALUES (?, ?, ?, ?)",
                (number, record.at_ns, record.code, record.text),
            )
            if number >= since:
                entry = link(head_of(connection), 1, draft(record))
                row = (*entry[:5], entry.payload.decode(), *entry[6:])
                connection.execute(f"INSERT INTO journal VALUES ({', '.join('?' * 8)})", row)
    beside(path, WITNESS).unlink()


@pytest.mark.parametrize(
    ("since", "says"),
    [
        pytest.param(1, "month 2024-01, events 1 to 3, is not what was sealed", id="first-month"),
        pytest.param(5, "month 2024-02, events 4 to 5, is not what was sealed", id="second-month"),
    ],
)
def test_a_month_told_anew_with_a_sound_chain_is_named(path: Path, since: int, says: str) -> None:
    rewrite(written(path, ALL), since)
    verdict = verify(path)
    assert [fault.what for fault in verdict.faults] == [says]
    with pytest.raises(LedgerCorrupt, match=f"{says}; if an older copy .* remove .*seals"):
        SqliteLedger(path, durability=Durability.NONE)
    beside(path, SEALS).unlink()
    assert verify(path).is_sound  # The chain alone cannot tell.


def test_what_is_told_anew_in_the_month_that_runs_is_not_found_by_a_seal(path: Path) -> None:
    rewrite(written(path, ALL), since=6)
    assert verify(path).is_sound


def test_a_changed_entry_is_named_with_its_month(path: Path) -> None:
    execute(written(path, ALL), ("UPDATE journal SET payload = '{}' WHERE seq = 4",))
    verdict = verify(path)
    assert verdict.bad_seq == 4
    assert [fault.what for fault in verdict.faults] == [
        "event 4 does not have the hash of its content",
        "month 2024-02 was sealed with event 5, which the journal does not prove",
    ]


def test_a_journal_that_ends_before_a_seal_is_found_without_a_witness(path: Path) -> None:
    execute(written(path, ALL), ("DELETE FROM journal WHERE seq > 4",))
    beside(path, WITNESS).unlink()
    says = "month 2024-02 was sealed with event 5, which the journal does not prove"
    assert says in {fault.what for fault in verify(path).faults}
    with pytest.raises(LedgerCorrupt, match=says):
        SqliteLedger(path, durability=Durability.NONE)


def test_a_backup_is_judged_by_the_seals_of_its_ledger(path: Path) -> None:
    rewrite(written(path, ALL), since=1)
    verdict = backup(path, path.with_name("copy.sqlite"))
    assert "month 2024-01, events 1 to 3, is not what was sealed" in verdict.summary


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("2024-02", id="half"),
        pytest.param("2024-02 5 abc", id="short"),
        pytest.param(f"2024-02 {5:020d} {'g' * 64}", id="no-hash"),
        pytest.param("é", id="not-ascii"),
        pytest.param("", id="blank"),
    ],
)
def test_a_line_that_is_not_a_seal_is_named(path: Path, line: str) -> None:
    written(path, ALL)
    first, _ = beside(path, SEALS).read_text().splitlines()
    beside(path, SEALS).write_text(f"{first}\n{line}\n")
    says = "ledger.sqlite.seals: line 2 is not a seal"
    assert says in verify(path).summary
    with pytest.raises(LedgerCorrupt, match=says):
        SqliteLedger(path, durability=Durability.NONE)


def test_seals_can_be_read_by_a_person(path: Path) -> None:
    written(path, ALL)
    seal, other = read_seals(path)
    assert other == Seal("2024-02", other.head)
    assert beside(path, SEALS).read_text().splitlines()[0] == (
        f"2024-01 00000000000000000003 {seal.head.hash.hex()}"
    )


@pytest.mark.parametrize(
    "at_ns",
    [
        pytest.param(-(2**63), id="first-nanosecond"),
        pytest.param(-9_222_508_800_000_000_001, id="first-month"),
        pytest.param(2**63 - 1, id="last-nanosecond"),
    ],
)
def test_the_first_and_the_last_month_there_are_can_be_opened_again(path: Path, at_ns: int) -> None:
    record = Noted(at_ns=at_ns, code="c", text="t")
    written(path, [record])
    written(path, [record])
    assert verify(path).is_sound
