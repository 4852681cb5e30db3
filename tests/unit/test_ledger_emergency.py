"""The journal for when the ledger is broken: what was written is read, whatever is torn."""

import errno
import os
import stat
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Side
from smart_leverage.domain.records import Intended, Record, StateChanged, decode
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.chain import draft
from smart_leverage.ledger.emergency import BLOCK, BLOCKS, SIZE, EmergencyJournal, Found, peek
from smart_leverage.ledger.files import EMERGENCY, beside
from smart_leverage.ledger.sqlite import SqliteLedger

HALT = StateChanged(at_ns=7, before="active", after="halted", why="disk full", who="policy")
SALE = Intended(
    at_ns=8,
    order=Order(
        client_order_id="sl-" + "a" * 32,
        bot="house",
        key=Key("crypto:BTC/USD"),
        side=Side.SELL,
        qty=Decimal("0.123456789"),
    ),
    decision_id="d17",
    reserve_price=Decimal("62811.37"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def opened(path: Path) -> EmergencyJournal:
    return EmergencyJournal(path, Durability.NONE)


def written(path: Path, *payloads: bytes) -> Path:
    with opened(path) as journal:
        for payload in payloads:
            journal.append("cancel", payload)
    return journal.path


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_what_it_holds_is_seen_without_making_or_opening_it(path: Path) -> None:
    assert peek(path) == Found()
    assert list(path.parent.iterdir()) == []
    file = written(path, b"one", b"two")
    file.chmod(0o400)
    notes, torn, _ = peek(path)
    assert ([note.payload for note in notes], torn) == ([b"one", b"two"], ())
    file.unlink()
    file.mkdir()
    with pytest.raises(LedgerError, match="cannot be read"):
        peek(path)


def test_its_room_is_taken_at_once_for_the_owner_alone(path: Path) -> None:
    with EmergencyJournal(path) as journal:
        found = journal.path.stat()
        assert found.st_size == SIZE == BLOCKS * BLOCK
        assert found.st_blocks * 512 >= SIZE  # Zeros that were written, not a hole.
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert journal.read() == Found()
        assert journal.is_empty


def test_each_write_is_synced_unless_it_is_a_simulation(path: Path) -> None:
    for durability, is_synced in ((Durability.FULL, True), (Durability.NONE, False)):
        with EmergencyJournal(path, durability) as journal:
            assert journal._sync == (os.O_DSYNC if is_synced else 0)


@pytest.mark.parametrize("record", [HALT, SALE], ids=["halt", "sale"])
def test_a_record_of_the_ledger_comes_back(path: Path, record: Record) -> None:
    ready = draft(record)
    with opened(path) as journal:
        journal.append(ready.kind, ready.payload)
        (note,) = journal.read().notes
    assert (note.block, note.kind, decode(note.payload)) == (0, ready.kind, record)


@pytest.mark.parametrize("length", [0, 1, 487, 488, 489, 5_000, 120_000])
def test_a_record_takes_as_many_blocks_as_it_needs(path: Path, length: int) -> None:
    payload = bytes(range(1, 251)) * (length // 250 + 1)
    with opened(path) as journal:
        first = journal.append("cancel", payload[:length])
        second = journal.append("halt", b"after")
        assert (first, second) == (0, max(1, -(-(length + 6) // 494)))
        assert journal.read().notes == (
            (first, "cancel", payload[:length]),
            (second, "halt", b"after"),
        )


def test_it_goes_on_behind_what_an_earlier_process_wrote(path: Path) -> None:
    written(path, b"first")
    written(path, b"second")
    with opened(path) as journal:
        assert not journal.is_empty
        assert [note.payload for note in journal.read().notes] == [b"first", b"second"]


def test_a_torn_last_record_is_named_and_the_others_are_read(path: Path) -> None:
    file = written(path, b"first", b"second", b"x" * 1_000)
    whole = file.read_bytes()
    # Its first block reached the disk, half of the second did, and nothing of the third.
    torn = whole[: 3 * BLOCK + 256]
    file.write_bytes(torn.ljust(SIZE, b"\0"))
    with opened(path) as journal:
        found = journal.read()
        assert [note.payload for note in found.notes] == [b"first", b"second"]
        assert found.torn == (2, 3)
        journal.append("halt", b"later")
        assert journal.read().notes[-1] == (4, "halt", b"later")


@pytest.mark.parametrize("at", [0, 3, 5, 9, 14, 100, BLOCK - 1], ids=lambda at: f"byte-{at}")
def test_a_changed_byte_costs_its_record_and_no_other(path: Path, at: int) -> None:
    file = written(path, b"first", b"second", b"third")
    flip(file, BLOCK + at)
    with opened(path) as journal:
        found = journal.read()
    assert [note.payload for note in found.notes] == [b"first", b"third"]
    assert found.torn == (1,)


def test_a_block_in_another_place_is_not_taken_for_a_record(path: Path) -> None:
    file = written(path, b"first", b"second")
    content = file.read_bytes()
    file.write_bytes((content[:BLOCK] * 2 + content[BLOCK:])[:SIZE])
    with opened(path) as journal:
        found = journal.read()
    assert [note.payload for note in found.notes] == [b"first"]
    assert found.torn == (1, 2)


def test_a_full_journal_refuses_and_keeps_what_it_holds(path: Path) -> None:
    with opened(path) as journal:
        for number in range(BLOCKS):
            assert journal.append("halt", b"%d" % number) == number
        with pytest.raises(LedgerError, match="full, 0 of 2,048 blocks are left"):
            journal.append("halt", b"one too many")
        assert [int(note.payload) for note in journal.read().notes] == [*range(BLOCKS)]
        assert journal.path.stat().st_size == SIZE


def test_a_record_that_can_never_fit_is_refused(path: Path) -> None:
    with opened(path) as journal:
        with pytest.raises(LedgerError, match="a record of 200,004 bytes is too long"):
            journal.append("halt", bytes(200_000))
        assert journal.append("halt", b"short") == 0


def test_a_block_that_could_not_be_written_is_not_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def half(handle: int, content: bytes, at: int) -> int:
        real(handle, content[:200], at)
        raise OSError(errno.EIO, "Input/output error")

    with opened(path) as journal:
        journal.append("halt", b"first")
        monkeypatch.setattr(os, "pwrite", half)
        with pytest.raises(LedgerError, match="cannot be written: Input/output error"):
            journal.append("halt", b"doubtful" * 50)
        monkeypatch.setattr(os, "pwrite", real)
        assert journal.append("halt", b"third") == 2
        found = journal.read()
    assert [note.payload for note in found.notes] == [b"first", b"third"]
    assert found.torn == (1,)


def test_what_the_disk_takes_in_parts_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, at: real(handle, content[:300], at))
    with opened(path) as journal:
        journal.append("halt", b"x" * 900)
        assert journal.read().notes == ((0, "halt", b"x" * 900),)


def test_threads_do_not_write_over_each_other(path: Path) -> None:
    with opened(path) as journal:
        threads = [
            threading.Thread(
                target=lambda n=n: [journal.append(f"t{n}", b"y" * 600) for _ in range(20)]
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = journal.read()
    assert len(found.notes) == 160
    assert not found.torn


def test_what_was_taken_into_the_ledger_is_forgotten(path: Path) -> None:
    with opened(path) as journal:
        journal.append("halt", b"x" * 3_000)
        journal.clear()
        assert journal.is_empty
        assert journal.read() == Found()
        assert journal.append("halt", b"new") == 0
    assert journal.path.stat().st_size == SIZE


def test_a_file_whose_making_was_cut_short_is_filled_up_and_kept(path: Path) -> None:
    file = written(path, b"first")
    os.truncate(file, 3 * BLOCK + 10)
    with opened(path) as journal:
        assert file.stat().st_size == SIZE
        assert [note.payload for note in journal.read().notes] == [b"first"]


def test_a_closed_journal_refuses(path: Path) -> None:
    journal = opened(path)
    journal.close()
    journal.close()
    with pytest.raises(LedgerError, match="cannot be written: Bad file descriptor"):
        journal.append("halt", b"")
    with pytest.raises(LedgerError, match="cannot be read: Bad file descriptor"):
        journal.read()


def test_a_place_that_cannot_be_written_is_refused(path: Path) -> None:
    beside(path, EMERGENCY).mkdir()
    with pytest.raises(LedgerError, match="cannot be opened: Is a directory"):
        EmergencyJournal(path)


# --- beside a ledger ------------------------------------------------------------------------------


def test_a_ledger_has_one_while_it_is_open_and_a_simulation_has_none(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        assert ledger.emergency is not None
        ledger.emergency.append("halt", b"x")
    assert beside(path, EMERGENCY).stat().st_size == SIZE
    with pytest.raises(LedgerError, match="Bad file descriptor"):
        ledger.emergency.read()
    assert [note.payload for note in peek(path).notes] == [b"x"]
    with SqliteLedger(path.with_name("sim.sqlite"), durability=Durability.NONE) as simulation:
        assert simulation.emergency is None
