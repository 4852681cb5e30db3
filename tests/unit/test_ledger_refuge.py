"""What stands in for a ledger that cannot be written: what it takes, passes over and refuses."""

import errno
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerLocked
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, OrderState, Side
from smart_leverage.domain.records import (
    CancelIntended,
    Decided,
    Filled,
    Intended,
    Marked,
    Noted,
    OrderMoved,
    OrderTrailed,
    Record,
    Resumed,
    StateChanged,
    Unprotected,
    decode,
)
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.emergency import BLOCKS, peek
from smart_leverage.ledger.files import WriterLock
from smart_leverage.ledger.refuge import RESERVE, Refuge
from smart_leverage.ledger.sqlite import SqliteLedger

D = Decimal
BTC = Key("crypto:BTC/USD")
WHY = "disk full"
OLD = Noted(at_ns=5, code="c", text="old")


def intended(side: Side, name: str = "sl-1") -> Intended:
    order = Order(client_order_id=name, bot="bot", key=BTC, side=side, qty=D("0.1"))
    return Intended(at_ns=9, order=order, decision_id="d1", reserve_price=D(0))


def decided(given: str) -> Decided:
    return Decided(
        at_ns=9, decision_id="d1", bot="bot", source="bot", key=BTC, side=Side.SELL, asked=D(1),
        allowed=D(given), given=D(given), price=D(1), verdict="", reason="", unit="", bound=D(1),
        would_be=D(1), figures={},
    )  # fmt: skip


SALE, BUY = intended(Side.SELL), intended(Side.BUY)
CANCEL = CancelIntended(at_ns=9, client_order_id="sl-1", reason="")
MOVED = OrderMoved(
    at_ns=9, client_order_id="sl-1", state=OrderState.OPEN, status="new", filled_qty=D(0)
)
FILL = Filled(
    at_ns=9,
    fill=Fill(
        execution_id="e1", client_order_id="sl-1", key=BTC, side=Side.SELL, qty=D("0.1"),
        price=D(60_000), fee=D(0), fee_asset="USD", at_ns=9,
    ),
)  # fmt: skip
MARK = Marked(
    at_ns=9, equity=D(1), cash=D(1), crypto=D(0), leveraged=D(0), gross=D(0), crypto_cap=D(1),
    leveraged_cap=D(1),
)  # fmt: skip
TRAIL = OrderTrailed(at_ns=9, client_order_id="sl-1", hwm=D(204), stop_price=D(200))
GAP = Unprotected(at_ns=9, key=BTC, since_ns=1, why="")


def state(after: str) -> StateChanged:
    return StateChanged(at_ns=6, before="halted", after=after, why="because", who="me")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.sqlite"
    with SqliteLedger(made) as ledger:
        ledger.commit([OLD])
    return made


@pytest.fixture
def refuge(path: Path) -> Iterator[Refuge]:
    opened = Refuge(path, 7, WHY)
    yield opened
    opened.close()


def records(refuge: Refuge, after: int = 0) -> list[Record]:
    return [decode(entry.payload) for entry in refuge.read(after)]


def test_it_begins_with_a_halt_behind_what_is_durable(refuge: Refuge) -> None:
    halt = StateChanged(
        at_ns=7,
        before="active",
        after="halted",
        why="the ledger cannot be written: disk full",
        who="policy",
    )
    assert records(refuge) == [OLD, halt]
    assert records(refuge, 1) == [halt]
    assert refuge.head.seq == 2


def test_the_halt_is_never_dated_before_the_last_record(path: Path) -> None:
    refuge = Refuge(path, 1, WHY)
    assert records(refuge)[-1].at_ns == 5
    refuge.close()


def test_a_frozen_account_stays_frozen(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        ledger.commit([state("frozen")])
    refuge = Refuge(path, 7, WHY)
    (halt,) = records(refuge, 2)
    assert isinstance(halt, StateChanged)
    assert (halt.before, halt.after) == ("frozen", "frozen")
    refuge.close()


def test_what_makes_the_account_safer_is_noted_in_order(refuge: Refuge, path: Path) -> None:
    kept: list[Record] = [decided("1"), SALE, CANCEL, MOVED, FILL, state("reducing")]
    head = refuge.commit(kept)
    assert records(refuge, 2) == kept
    assert [decode(note.payload) for note in peek(path).notes[1:]] == kept
    assert head == refuge.head == Head(8, list(refuge.read())[-1].hash)
    assert refuge.append([CANCEL]).wait(0).seq == 9
    assert refuge.counts == (2, 8, 0, 0)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(MARK, id="mark"),
        pytest.param(OLD, id="note"),
        pytest.param(GAP, id="gap"),
        pytest.param(TRAIL, id="trail"),
        pytest.param(decided("0"), id="denial"),
    ],
)
def test_what_changes_nothing_is_passed_over(refuge: Refuge, path: Path, picture: Record) -> None:
    assert refuge.commit([picture]).seq == 2
    assert len(peek(path).notes) == 1


@pytest.mark.parametrize(
    "increase",
    [
        pytest.param(BUY, id="purchase"),
        pytest.param(state("active"), id="active-again"),
        pytest.param(Resumed(at_ns=9, who="me", reason="", equity=D(1)), id="resumed"),
    ],
)
def test_what_would_let_an_increase_leave_is_refused_whole(
    refuge: Refuge, path: Path, increase: Record
) -> None:
    with pytest.raises(LedgerError, match="nothing that adds exposure may leave"):
        refuge.commit([SALE, increase])
    assert len(peek(path).notes) == 1


def test_entries_are_chained_behind_the_file(refuge: Refuge) -> None:
    refuge.commit([SALE, CANCEL])
    entries = list(refuge.read())
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert [entry.prev_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]


def test_an_earlier_refuge_is_gone_on_with(path: Path) -> None:
    first = Refuge(path, 7, WHY)
    first.commit([SALE])
    before = records(first)
    first.close()
    first.close()
    second = Refuge(path, 8, "another reason")
    assert records(second) == before
    assert second.commit([CANCEL]).seq == 4
    second.close()


def test_nobody_else_writes_meanwhile(refuge: Refuge, path: Path) -> None:
    with pytest.raises(LedgerLocked):
        SqliteLedger(path)
    refuge.close()
    with SqliteLedger(path), pytest.raises(LedgerLocked):
        Refuge(path, 7, WHY)


def test_without_an_account_there_is_no_refuge(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(LedgerError, match="no ledger here"):
        Refuge(path, 7, WHY)
    SqliteLedger(path).close()
    with pytest.raises(LedgerError, match="holds no account yet"):
        Refuge(path, 7, WHY)
    assert peek(path).notes == ()


def test_a_ledger_that_lost_its_end_is_no_base(path: Path) -> None:
    older = path.read_bytes()
    with SqliteLedger(path) as ledger:
        ledger.commit([OLD])
    path.write_bytes(older)
    with pytest.raises(LedgerCorrupt, match="event 2 was acknowledged"):
        Refuge(path, 7, WHY)
    SqliteLedger(path.with_name("other.sqlite")).close()  # and it holds no lock of another


def test_the_right_to_write_is_held_though_its_number_does_not_fit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, content: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        lock = WriterLock(path)
    with pytest.raises(LedgerLocked):
        Refuge(path, 7, WHY)
    lock.release()


def test_near_its_end_only_reasons_are_left_out(path: Path) -> None:
    refuge = Refuge(path, 7, WHY)
    while refuge._journal.left >= RESERVE:
        refuge._journal.append("filler", b"")
    before = refuge._journal.left
    refuge.commit([decided("1"), CANCEL, FILL])
    assert before - refuge._journal.left == 2
    refuge.close()


def test_a_full_journal_refuses_and_keeps_what_it_holds(path: Path) -> None:
    refuge = Refuge(path, 7, WHY)
    for _ in range(BLOCKS - 1):
        refuge.commit([CANCEL])
    with pytest.raises(LedgerError, match="full, 0 of 2,048 blocks are left"):
        refuge.commit([CANCEL])
    assert refuge.head.seq == 1 + BLOCKS
    refuge.close()
    with SqliteLedger(path) as ledger:
        assert ledger.taken == BLOCKS
        assert ledger.head.seq == 2 + BLOCKS
