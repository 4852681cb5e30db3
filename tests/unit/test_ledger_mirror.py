"""A copy that follows a ledger: link by link, and what nobody is sure of behind a mark."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted, Record, StateChanged
from smart_leverage.ledger.base import Entry, Head
from smart_leverage.ledger.chain import GENESIS, draft, link
from smart_leverage.ledger.connections import open_at_rest
from smart_leverage.ledger.files import MIRROR, beside, files_of
from smart_leverage.ledger.journal import chained
from smart_leverage.ledger.lease import Lease, Moment
from smart_leverage.ledger.mirror import Left, Mirror, left_at
from smart_leverage.ledger.reader import Reader

NOTE = Noted(at_ns=1, code="c", text="t")
HALT = StateChanged(at_ns=2, before="active", after="halted", why="because", who="me")
LEASE = Lease(Moment("boot", 5, 6), 30.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def linked(*records: Record, after: Head = GENESIS) -> list[Entry]:
    entries: list[Entry] = []
    for record in records:
        head = Head(entries[-1].seq, entries[-1].hash) if entries else after
        entries.append(link(head, 1, draft(record)))
    return entries


def test_it_holds_what_it_was_given_and_goes_on_from_there(path: Path) -> None:
    first, *rest = linked(NOTE, HALT, NOTE)
    with closing(Mirror(path)) as mirror:
        assert mirror.head == GENESIS
        mirror.follow([first])
    with closing(Mirror(path)) as again:
        assert again.head == Head(1, first.hash)
        again.catch_up(rest)
        assert again.head.seq == 3
    with closing(open_at_rest(beside(path, MIRROR))) as connection:
        assert list(chained(connection)) == [first, *rest]
        reader = Reader(connection)
        assert [state.after for state in reader.states()] == ["halted"]
        assert [note.code for note in reader.notes()] == ["c", "c"]
    assert left_at(path) is None


def test_what_nobody_is_sure_of_stands_behind_the_base_until_it_is_settled(path: Path) -> None:
    sure = linked(NOTE)
    base = Head(1, sure[-1].hash)
    with closing(Mirror(path)) as mirror:
        mirror.follow(sure)
        mirror.leave(base, linked(HALT, NOTE, after=base), LEASE)
        assert left_at(path) == Left(base, (HALT, NOTE), LEASE)
        mirror.leave(base, linked(HALT, after=base), LEASE)  # once more, in place of the first
        assert left_at(path) == Left(base, (HALT,), LEASE)
        assert mirror.head.seq == 2
        mirror.settle()
        assert mirror.head == base
        mirror.settle()
        with closing(open_at_rest(beside(path, MIRROR))) as connection:
            assert Reader(connection).states() == []
    assert left_at(path) is None


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    entries = linked(NOTE, HALT)
    with closing(Mirror(path)) as mirror:
        mirror.follow(entries[:1])
        with pytest.raises(sqlite3.IntegrityError):
            mirror.follow([entries[1], entries[0]])
        assert mirror.head.seq == 1
        mirror.follow(entries[1:])
        assert mirror.head.seq == 2


def test_one_that_is_damaged_is_made_anew(path: Path) -> None:
    with closing(Mirror(path)) as mirror:
        mirror.follow(linked(NOTE))
    beside(path, MIRROR).write_bytes(b"no database at all" * 500)
    with pytest.raises(sqlite3.DatabaseError):
        Mirror(path)
    with pytest.raises(LedgerError):
        left_at(path)
    with closing(Mirror.anew(path)) as mirror:
        assert mirror.head == GENESIS


def test_it_belongs_to_its_owner_alone_and_to_the_files_of_the_ledger(path: Path) -> None:
    Mirror(path).close()
    assert beside(path, MIRROR).stat().st_mode & 0o777 == 0o600
    assert beside(path, MIRROR) in files_of(path)
