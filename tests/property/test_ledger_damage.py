"""Whatever is changed in a ledger's file behind its back is found, and the first of it is named."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, NewType, get_args, get_origin

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.domain.records import Noted, Record
from smart_leverage.ledger.base import Durability, Ticket
from smart_leverage.ledger.chain import Draft
from smart_leverage.ledger.dump import TABLES, columns, dump
from smart_leverage.ledger.files import WITNESS, beside
from smart_leverage.ledger.inbox import Batch
from smart_leverage.ledger.journal import raw_entries
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import Verdict, verify

PICKS = st.integers(0, 2**32)
"""One of however many there are, taken modulo their number."""

SAMPLES: dict[Any, Callable[[str, int], Any]] = {
    Decimal: lambda _, number: Decimal(number) / 4,
    str: lambda name, number: f"{name} {number}",
    int: lambda _, number: number,
    bool: lambda _, number: number % 2 == 0,
}


def sample(kind: Any, name: str, number: int) -> Any:
    """Return a value of a type; another number makes another value."""
    if isinstance(kind, NewType):
        return sample(kind.__supertype__, name, number)
    if get_origin(kind) is dict:
        names, held = (sample(each, name, number) for each in get_args(kind))
        return {names: held}
    if get_origin(kind) is tuple:
        return (sample(get_args(kind)[0], name, number),)
    if get_args(kind):
        return sample(get_args(kind)[0], name, number)
    if issubclass(kind, StrEnum):
        return list(kind)[number % len(kind)]
    if issubclass(kind, Struct):
        fields = msgspec.structs.fields(kind)
        return kind(**{field.name: sample(field.type, field.name, number) for field in fields})
    return SAMPLES[kind](name, number)


def everything() -> list[Record]:
    """Return three records of each kind, so that every table holds rows."""
    kinds = [kind for kind in get_args(Record) for _ in range(3)]
    return [sample(kind, "", number) for number, kind in enumerate(kinds, 1)]


class Kept(NamedTuple):
    """A sound ledger at rest, and what it holds."""

    path: Path
    events: int
    journal: list[tuple[Any, ...]]
    tables: bytes

    def __repr__(self) -> str:
        return f"a sound ledger of {self.events} events"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        for start in range(0, len(everything()), 7):
            ledger.commit(everything()[start : start + 7])
    with closing(sqlite3.connect(path)) as connection:
        journal = list(raw_entries(connection))
        return Kept(path, len(journal), journal, dump(connection))


def verdict_after(ledger: Path, damage: Callable[[Path], object]) -> Verdict:
    """Judge a damaged copy of a ledger, beside a copy of its witness."""
    with TemporaryDirectory() as folder:
        path = Path(shutil.copy(ledger, folder))
        shutil.copy(beside(ledger, WITNESS), folder)
        damage(path)
        return verify(path)


def execute(path: Path, *statements: tuple[Any, ...]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS journal_is_not_updated")
        connection.execute("DROP TRIGGER IF EXISTS journal_is_not_deleted")
        for statement, *values in statements:
            connection.execute(statement, values)


def test_a_ledger_that_nobody_touched_is_sound(sound: Kept) -> None:
    verdict = verdict_after(sound.path, lambda path: None)
    assert verdict == Verdict(verdict.head, ())
    assert (verdict.events, verdict.bad_seq) == (sound.events, None)
    assert verdict.summary == f"{sound.events} events, chain sound, projections equal"


# --- the journal ----------------------------------------------------------------------------------

COLUMNS = ("seq", "epoch", "utc_ns", "kind", "key", "payload", "prev_hash", "hash")


def flipped(value: Any, bit: int) -> Any:
    if isinstance(value, int):
        turned = (value ^ (1 << bit % 64)) & (2**64 - 1)
        return turned - 2**64 if turned >= 2**63 else turned
    assume(value)
    place = bit % (8 * len(value))
    changed = bytearray(value)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@settings(max_examples=15)
@given(pick=PICKS, bit=st.integers(0, 2**16))
@pytest.mark.parametrize("column", COLUMNS)
def test_one_flipped_bit_of_an_entry_is_found_there(
    sound: Kept, column: str, pick: int, bit: int
) -> None:
    seq = 1 + pick % sound.events
    place = COLUMNS.index(column)
    value = flipped(sound.journal[seq - 1][place], bit)
    assume(column != "seq" or not 1 <= value <= sound.events)
    given_back = "CAST(? AS TEXT)" if column in ("kind", "key", "payload") else "?"
    statement = f"UPDATE journal SET {column} = {given_back} WHERE seq = ?"
    verdict = verdict_after(sound.path, lambda path: execute(path, (statement, value, seq)))
    assert not verdict.is_sound
    assert verdict.bad_seq == seq
    assert verdict.events == seq - 1


@settings(max_examples=15)
@given(pick=PICKS)
def test_a_missing_entry_is_found(sound: Kept, pick: int) -> None:
    seq = 1 + pick % sound.events
    gone = ("DELETE FROM journal WHERE seq = ?", seq)
    verdict = verdict_after(sound.path, lambda path: execute(path, gone))
    assert (verdict.bad_seq, verdict.events) == (seq, seq - 1)


@settings(max_examples=15)
@given(pick=PICKS, step=PICKS)
def test_entries_that_changed_places_are_found(sound: Kept, pick: int, step: int) -> None:
    one = 1 + pick % (sound.events - 1)
    other = one + 1 + step % (sound.events - one)
    move = "UPDATE journal SET seq = ? WHERE seq = ?"
    moves = ((move, -1, one), (move, one, other), (move, other, -1))
    verdict = verdict_after(sound.path, lambda path: execute(path, *moves))
    assert (verdict.bad_seq, verdict.events) == (one, one - 1)


@settings(max_examples=15)
@given(pick=PICKS)
def test_an_entry_told_twice_is_found(sound: Kept, pick: int) -> None:
    seq = 1 + pick % sound.events
    copied = f"INSERT INTO journal SELECT ?, {', '.join(COLUMNS[1:])} FROM journal WHERE seq = ?"
    verdict = verdict_after(sound.path, lambda path: execute(path, (copied, sound.events + 1, seq)))
    assert (verdict.bad_seq, verdict.events) == (sound.events + 1, sound.events)


@pytest.mark.parametrize("seq", [0, -1, -(2**63)])
def test_an_entry_before_the_first_is_found(sound: Kept, seq: int) -> None:
    copied = f"INSERT INTO journal SELECT ?, {', '.join(COLUMNS[1:])} FROM journal WHERE seq = 1"
    verdict = verdict_after(sound.path, lambda path: execute(path, (copied, seq)))
    assert [fault.what for fault in verdict.faults] == [
        f"the journal holds {sound.events + 1} rows, {sound.events} of them in the chain"
    ]


@settings(max_examples=10)
@given(pick=PICKS)
def test_a_journal_cut_at_its_end_is_found_by_the_witness(sound: Kept, pick: int) -> None:
    kept = pick % sound.events
    cut = ("DELETE FROM journal WHERE seq > ?", kept)
    verdict = verdict_after(sound.path, lambda path: execute(path, cut))
    assert (verdict.bad_seq, verdict.events) == (kept + 1, kept)
    assert f"event {sound.events} was acknowledged" in verdict.summary


# --- the tables made from it ----------------------------------------------------------------------


@settings(max_examples=5)
@given(pick=PICKS, cell=PICKS)
@pytest.mark.parametrize("table", TABLES)
def test_a_cell_changed_by_hand_is_found_and_named(
    sound: Kept, table: str, pick: int, cell: int
) -> None:
    with closing(sqlite3.connect(sound.path)) as connection:
        names, keys = columns(connection, table)
        rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
    row = dict(zip(names, rows[pick % len(rows)], strict=True))
    filled = [name for name in names if row[name] is not None]
    column = filled[cell % len(filled)]
    value = row[column]
    other = value + 1_000 if isinstance(value, int) else f"{value}0"
    where = " AND ".join(f'"{key}" = ?' for key in keys)
    statement = f'UPDATE "{table}" SET "{column}" = ? WHERE {where}'
    change = (statement, other, *(row[key] for key in keys))
    verdict = verdict_after(sound.path, lambda path: execute(path, change))
    assert verdict.events == sound.events
    assert verdict.faults
    assert all(f"table {table}, row " in fault.what for fault in verdict.faults)
    if column not in keys:
        (fault,) = verdict.faults
        assert f"{column} is {other!r}, the journal says {value!r}" in fault.what


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_was_emptied_is_found_row_by_row(sound: Kept, table: str) -> None:
    verdict = verdict_after(sound.path, lambda path: execute(path, (f'DELETE FROM "{table}"',)))
    assert verdict.faults
    for fault in verdict.faults:
        assert f"table {table}, row " in fault.what
        assert fault.what.endswith("is missing")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_other_columns_is_found(sound: Kept, table: str) -> None:
    extra = (f'ALTER TABLE "{table}" ADD COLUMN more TEXT',)
    verdict = verdict_after(sound.path, lambda path: execute(path, extra))
    assert [fault.what for fault in verdict.faults] == [
        f"table {table} does not have the columns of this version"
    ]


def test_a_row_that_comes_from_no_event_is_found(sound: Kept) -> None:
    extra = ("INSERT INTO positions VALUES ('alpha', 'us_equity:SPY', '5', 1)",)
    verdict = verdict_after(sound.path, lambda path: execute(path, extra))
    (fault,) = verdict.faults
    assert fault.what == "table positions, row alpha/us_equity:SPY comes from no event"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("UPDATE writer SET epoch = 0",), id="put-back"),
        pytest.param(("DELETE FROM writer",), id="gone"),
    ],
)
def test_a_count_of_writers_that_the_journal_denies_is_found(
    sound: Kept, change: tuple[str]
) -> None:
    verdict = verdict_after(sound.path, lambda path: execute(path, change))
    assert "table writer does not count to 1" in verdict.summary
    with TemporaryDirectory() as folder:
        path = Path(shutil.copy(sound.path, folder))
        execute(path, change)
        for _ in range(3):  # Trying again does not count it up to where it would pass.
            with pytest.raises(LedgerCorrupt, match="count of its writers"):
                SqliteLedger(path)


@pytest.mark.parametrize("change", ["UPDATE ledger_schema SET version = 0", "DELETE FROM {}"])
def test_a_version_that_never_was_is_found(sound: Kept, change: str) -> None:
    change = change.format("ledger_schema")
    verdict = verdict_after(sound.path, lambda path: execute(path, (change,)))
    assert not verdict.is_sound


def test_a_record_that_is_none_of_ours_is_found_though_the_chain_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        ledger.commit([Noted(at_ns=1, code="a", text="b")])
        forged = Noted(at_ns=2, code="c", text="d")
        payload = b'{"kind":"surprise","at_ns":2}'
        head = forge(ledger, [(forged, payload)])
    verdict = verify(path)
    assert (verdict.head.seq, verdict.bad_seq) == (head, head)
    assert "event 2 is not a record" in verdict.summary


def forge(ledger: SqliteLedger, records: list[tuple[Record, bytes]]) -> int:
    """Append what no honest writer would, with a chain that is right."""
    drafts = [Draft(record, "note", "", payload) for record, payload in records]
    batch = Batch(drafts, Ticket())
    ledger._inbox.put(batch)
    return batch.ticket.wait(5).seq


# --- the file -------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(pick=PICKS, bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_file_is_found_or_changes_nothing_that_is_kept(
    sound: Kept, pick: int, bit: int
) -> None:
    place = pick % sound.path.stat().st_size
    with TemporaryDirectory() as folder:
        path = Path(shutil.copy(sound.path, folder))
        change_byte(path, place, lambda byte: byte ^ 1 << bit)
        try:
            verdict = verify(path)
        except LedgerError:  # It does not even look like a ledger of this version.
            return
        if verdict.is_sound:
            with closing(sqlite3.connect(path)) as connection:
                assert list(raw_entries(connection)) == sound.journal
                assert dump(connection) == sound.tables
        else:
            assert verdict.events <= sound.events
            expected = sound.journal[verdict.events - 1][7] if verdict.events else bytes(32)
            assert verdict.head.hash == expected


def change_byte(path: Path, place: int, change: Callable[[int], int]) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([change(byte)]))


@settings(max_examples=40)
@given(pick=PICKS)
def test_a_file_that_was_cut_is_found(sound: Kept, pick: int) -> None:
    size = 1 + pick % (sound.path.stat().st_size - 1)
    with TemporaryDirectory() as folder:
        path = Path(shutil.copy(sound.path, folder))
        with path.open("r+b") as file:
            file.truncate(size)
        try:
            verdict = verify(path)
        except LedgerError:  # It does not even look like a ledger.
            return
        assert not verdict.is_sound
        assert verdict.events <= sound.events
        if verdict.events:
            assert verdict.head.hash == sound.journal[verdict.events - 1][7]
            assert verdict.bad_seq in (None, verdict.events + 1)


def test_an_unreadable_entry_is_named_though_thousands_before_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([Noted(at_ns=n, code="c", text=f"note {n} ".ljust(400)) for n in range(300)])
    content = path.read_bytes()
    page = content.index(b'"text":"note 200 ') // 4_096
    change_byte(path, page * 4_096, lambda byte: byte ^ 0xFF)  # Its kind of page.
    first = next(seq for seq in range(1, 301) if not is_readable(path, seq))
    verdict = verify(path)
    assert 150 < first <= 201
    assert verdict.bad_seq == first
    assert verdict.events == first - 1
    assert f"event {first} cannot be read" in verdict.summary


def is_readable(path: Path, seq: int) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        try:
            return bool(
                connection.execute("SELECT * FROM journal WHERE seq = ?", (seq,)).fetchall()
            )
        except sqlite3.DatabaseError:
            return False


def test_a_reader_in_order_stops_before_the_first_bad_entry(sound: Kept) -> None:
    with TemporaryDirectory() as folder:
        path = Path(shutil.copy(sound.path, folder))
        with SqliteLedger(path, durability=Durability.NONE) as ledger:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                attempt(path, "UPDATE journal SET key = 'x' WHERE seq = 9")
            execute(path, ("UPDATE journal SET key = 'x' WHERE seq = 9",))
            seen: list[int] = []
            with pytest.raises(LedgerCorrupt, match="event 9 does not have the hash"):
                seen.extend(entry.seq for entry in ledger.read(after_seq=4))
            assert next(entry.seq for entry in ledger.read(after_seq=9)) == 10


def attempt(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_what_we_intended_and_filled_has_a_place_in_every_table(sound: Kept) -> None:
    with closing(sqlite3.connect(sound.path)) as connection:
        rows = {t: connection.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in TABLES}
    assert min(rows.values()) > 0, rows
