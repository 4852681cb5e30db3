"""A ledger is followed at the cost of what is new, and tells what reading all of it tells."""

import shutil
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_cli_status import opened
from tests.unit.test_tracking import marked

from smart_leverage.books.baselines import Period
from smart_leverage.domain.records import FlowSeen, Noted, Record, StateChanged, encode
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.following import Follower, Hear
from smart_leverage.runtime.remembered import Fold, Remembered, remember

D = Decimal
HALT = StateChanged(at_ns=90, before="active", after="halted", why="a test", who="a test")


class Heard:
    """The numbers of the entries that were heard since reading began."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.beginnings = 0

    def begin(self) -> Hear:
        self.beginnings += 1
        self.seqs = []
        return self._hear

    def _hear(self, entry: Entry, record: Record | None, fold: Fold) -> None:
        assert fold.events == entry.seq
        self.seqs.append(entry.seq)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def told(one: Remembered | None) -> tuple[object, ...]:
    assert one is not None
    state = one.state
    return (
        one.events, one.at_ns, one.last_mark, one.noted, one.reviews, one.numbers,
        state.book.cash, state.trading, state.trading_why, state.tier, state.breakers,
        {period: state.baselines.opening(period) for period in Period},
        state.rolling.daily(one.at_ns), one.account,
    )  # fmt: skip


def test_nothing_is_known_before_there_is_a_ledger(path: Path) -> None:
    follower = Follower(path, Heard().begin)
    assert follower.follow()
    assert follower.now() is None
    assert follower.trouble
    assert not follower.follow()
    with SqliteLedger(path) as ledger:
        ledger.commit(opened())
        assert follower.follow()
        assert not follower.trouble
        assert told(follower.now()) == told(remember(path))
    follower.close()


@settings(max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_following_in_any_steps_tells_what_reading_it_all_tells(steps: list[int]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path, heard, at_ns = Path(folder) / "ledger.sqlite", Heard(), 1
        with SqliteLedger(path) as ledger:
            ledger.commit(opened())
            follower = Follower(path, heard.begin)
            for step in steps:
                records: list[Record] = []
                for number in range(step):
                    at_ns += 3_600 * 10**9
                    records.append(marked(at_ns, str(5000 + number)))
                    records.append(FlowSeen(at_ns=at_ns, amount=D(step), source="bank"))
                ledger.commit(records)
                assert follower.follow()
                assert told(follower.now()) == told(remember(path))
                assert not follower.follow()
            head = remember(path).events
            assert heard.seqs == list(range(1, head + 1))
            assert heard.beginnings == 1
            follower.close()


def test_what_waits_in_the_emergency_journal_counts_and_never_twice(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.commit(opened())
    follower = Follower(path, Heard().begin)
    follower.follow()
    with EmergencyJournal(path) as journal:
        journal.append("state", encode(HALT))
        assert follower.follow()
        now = follower.now()
        assert now is not None
        assert now.noted == 1
        assert now.state.trading is TradingState.HALTED
        assert told(now) == told(remember(path))
        # The fold itself is as the ledger has it: what comes in later is folded once.
        journal.clear()
    ledger.commit([Noted(at_ns=91, code="emergency.taken", text="a test"), HALT])
    assert follower.follow()
    assert told(follower.now()) == told(remember(path))
    assert follower.now().noted == 0  # type: ignore[union-attr]
    follower.close()


def test_another_file_in_its_place_is_read_from_its_beginning(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.sqlite", tmp_path / "other.sqlite"
    for place, equity in ((path, "5000"), (other, "7000")):
        with SqliteLedger(place) as ledger:
            ledger.commit([*opened(), marked(5, equity)])
    heard = Heard()
    follower = Follower(path, heard.begin)
    follower.follow()
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    shutil.move(other, path)
    assert follower.follow()
    assert follower.now().last_mark.equity == D(7000)  # type: ignore[union-attr]
    assert heard.beginnings == 2
    follower.close()


def test_a_page_of_a_long_ledger_costs_what_is_new_and_holds_no_transaction(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.commit(opened())
    for block in range(10):
        ledger.commit([marked(10**9 * (block * 1000 + n), "5000") for n in range(1000)])
    follower = Follower(path, Heard().begin)
    follower.follow()
    read: list[int] = []
    assert follower.reader is not None
    inner = follower.reader.entries
    follower.reader.entries = lambda after=0: _counted(inner(after), read)  # type: ignore[method-assign]
    ledger.commit([marked(10**14, "5001")])
    assert follower.follow()
    assert read == [ledger.head.seq]
    # The writer may empty its log at once: nobody is in the way.
    with sqlite3.connect(path) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
    follower.close()


def _counted(entries: Iterator[Entry], read: list[int]) -> Iterator[Entry]:
    for entry in entries:
        read.append(entry.seq)
        yield entry


def test_a_ledger_that_cannot_be_read_leaves_what_was_read_last(
    ledger: SqliteLedger, path: Path, tmp_path: Path
) -> None:
    ledger.commit([*opened(), marked(5, "5000")])
    follower = Follower(path, Heard().begin)
    follower.follow()
    path.rename(tmp_path / "away.sqlite")
    assert follower.follow()
    assert "ledger.sqlite" in follower.trouble
    assert follower.now().last_mark.equity == D(5000)  # type: ignore[union-attr]
    (tmp_path / "away.sqlite").rename(path)
    assert follower.follow()
    assert not follower.trouble
    follower.close()
