"""An account with a position whose disk fills up, fails, or forgets: it sells, and buys nothing."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

import pytest
from tests.contract.desk_in_trouble import (
    BROKEN,
    BTC,
    FULL,
    STEP_S,
    Desk,
    Disk,
    intents,
    last_state,
    notes,
    recorded,
)
from tests.contract.server_in_trouble import Away

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown, LedgerError, LedgerLocked
from smart_leverage.domain.orders import OrderState, Role, Side
from smart_leverage.domain.records import AccountOpened, Filled, Noted, Record, StateChanged
from smart_leverage.engine.events import Command
from smart_leverage.ledger.base import Entry, Head
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.takeover import TAKEN
from smart_leverage.ledger.verify import verify
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.control import Answer, Request, Result, Waiting, ask
from smart_leverage.runtime.latch import HaltFile


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.needs("postgres"))])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    disk = None
    if request.param == "server":
        disk = Away(request.getfixturevalue("postgres_account"))
    made = Desk(tmp_path, disk=disk)
    made.hold()
    yield made
    made.stop()


def cure(desk: Desk) -> str:
    return "mend or start the server" if is_served(desk) else "free or mend the disk"


def is_served(desk: Desk) -> bool:
    return isinstance(desk.disk, Away)


OF_A_FILE = pytest.mark.parametrize("desk", ["file"], indirect=True)
"""What a disk does and a server does not."""


def is_in_refuge(desk: Desk) -> bool:
    return isinstance(desk.keeper.ledger, Refuge)


# --- a full disk ----------------------------------------------------------------------------------


def test_a_sale_and_a_stop_leave_from_the_emergency_journal(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    half = dict(desk.state.held())[BTC] / 2
    desk.bot.wants(Side.SELL, qty=f"{half:.9f}")
    desk.run(2)
    assert is_in_refuge(desk)
    sales = [sent for sent in desk.venue.sent if sent.order.role is not Role.STOP]
    assert [sale.order.qty for sale in sales] == [half.quantize(sales[0].order.qty)]
    assert desk.verdicts(Side.SELL)[-1] == "approved"
    stops = [sent for sent in desk.venue.sent if sent.order.role is Role.STOP]
    assert stops  # the rest is protected again
    assert {sent.written for sent in desk.venue.sent} == {"emergency"}
    assert notes(desk.path, "fill")
    desk.agrees()


def test_no_decrease_waits_for_more_than_a_step(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.flatten_wish()
    desk.run(2)
    sale = next(sent for sent in desk.venue.sent if sent.order.role is not Role.STOP)
    assert sale.at_ns - desk.bot.asked_ns <= STEP_S * SECOND_NS
    assert not desk.state.held()


def test_the_account_is_halted_and_buys_nothing(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.bot.wants(Side.BUY, notional="1000")
    desk.run(2)
    assert desk.verdicts(Side.BUY)[-1] == "denied"
    assert not [sent for sent in desk.venue.sent if sent.order.side is Side.BUY]
    assert desk.state.trading is TradingState.HALTED
    assert desk.state.trading_why == f"the ledger cannot be written: {FULL}"
    assert desk.halt.read() == ("policy", f"the ledger cannot be written: {FULL}")
    assert "sales, cancels, stops and fills go on" in desk.told[0]


def test_a_halt_that_a_person_ordered_keeps_its_words(desk: Desk) -> None:
    desk.halt.set("ann", "outage")
    desk.disk.refuse(FULL)
    desk.run(1)
    assert is_in_refuge(desk)
    assert desk.halt.read() == ("ann", "outage")


def test_denials_and_marks_do_not_fill_the_journal(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    before = len(notes(desk.path))
    for _ in range(5):
        desk.bot.wants(Side.BUY, notional="1000")
        desk.run(1)
    assert len(desk.verdicts(Side.BUY)) >= 5
    assert len(notes(desk.path)) == before


def test_when_there_is_room_everything_is_taken_over_once(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.flatten_wish()
    desk.run(2)
    noted = [note.payload for note in notes(desk.path)]
    desk.disk.mend()
    desk.run(2)
    assert not is_in_refuge(desk)
    assert notes(desk.path) == []
    entries = [entry.payload for entry in desk.keeper.ledger.read()]
    assert [entries.count(payload) for payload in noted] == [1] * len(noted)
    (taken,) = [note for note in recorded(desk.path, Noted) if note.code == TAKEN]
    assert taken.text.startswith(f"{len(noted)} records of emergency journal ")
    assert len(intents(desk.path)) == len(set(intents(desk.path)))
    desk.agrees()
    assert desk.state.trading is TradingState.HALTED
    assert verify(desk.path).is_sound
    assert f"{len(noted)} records of the emergency journal were taken" in desk.told[-1]


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("desk", ["server"], indirect=True)
def test_a_server_that_answers_and_takes_nothing_is_tried_less_and_less_often(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Away, "answers", lambda away, path: True)
    desk.keeper._answers = desk.disk.answers
    desk.disk.refuse(FULL)
    desk.run(1)
    tried = desk.disk.refused
    desk.run(10)
    assert 4 <= desk.disk.refused - tried <= 8
    desk.flatten_wish()
    desk.run(1)
    assert not desk.state.held()
    desk.disk.mend()
    desk.run(6)
    assert not is_in_refuge(desk)
    desk.agrees()


@OF_A_FILE
def test_the_ledger_is_tried_every_thirty_seconds(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    tried = desk.disk.refused
    desk.run(10)
    assert 15 <= desk.disk.refused - tried <= 21
    assert is_in_refuge(desk)


def test_the_halt_survives_a_restart_on_a_disk_that_is_still_full(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    desk.stop()
    desk.start()
    assert is_in_refuge(desk)
    assert desk.state.trading is TradingState.HALTED
    desk.flatten_wish()
    desk.run(2)
    assert not desk.state.held()
    assert {sent.written for sent in desk.venue.sent} == {"emergency"}
    desk.agrees()


def test_the_halt_survives_a_restart_with_room_and_without_the_file(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    desk.stop()
    desk.disk.mend()
    desk.halt.clear()
    desk.start()
    assert not is_in_refuge(desk)
    assert desk.state.trading is TradingState.HALTED
    assert last_state(desk.path) == "halted"
    desk.agrees()


def test_decisions_after_it_have_ids_of_their_own(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.bot.wants(Side.BUY, notional="1000")
    desk.run(1)
    desk.flatten_wish()
    desk.run(2)
    desk.disk.mend()
    desk.run(2)
    desk.bot.wants(Side.BUY, notional="1000")
    desk.run(2)
    decided = [entry.key for entry in desk.keeper.ledger.read() if entry.kind == "decision"]
    assert len(decided) == len(set(decided))


# --- a sync that fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "there-all-the-same"])
def test_a_failed_sync_halts_and_the_ledger_is_opened_anew(desk: Desk, is_kept: bool) -> None:
    connection = desk.keeper.ledger
    desk.disk.refuse(BROKEN, times=1, is_kept=is_kept)
    half = dict(desk.state.held())[BTC] / 2
    desk.bot.wants(Side.SELL, qty=f"{half:.9f}")
    desk.run(2)
    assert desk.disk.refused == 1
    assert desk.keeper.ledger is not connection
    assert not is_in_refuge(desk)
    assert desk.state.trading is TradingState.HALTED
    sales = [sent for sent in desk.venue.sent if sent.order.role is not Role.STOP]
    assert len(sales) == 1  # once, and not twice
    # A server may be gone for long, and is not waited for: the sale leaves from the refuge.
    place = "emergency" if is_served(desk) else "ledger"
    assert {sent.written for sent in desk.venue.sent} == {place}
    desk.agrees()
    assert verify(desk.path).is_sound
    assert ("were taken into" if is_served(desk) else "was opened anew") in desk.told[-1]


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "there-all-the-same"])
@pytest.mark.parametrize("number", range(5))
def test_whichever_commit_fails_the_position_is_sold_once(
    desk: Desk, number: int, is_kept: bool
) -> None:
    """The sale waits for its stop to be cancelled, so that several commits belong to it."""
    desk.flatten_wish()
    ledger, commit = desk.keeper.ledger, desk.keeper.ledger.commit
    count = 0

    def counted(records: Sequence[Record]) -> Head:
        nonlocal count
        if count == number and not desk.disk.error:
            desk.disk.refuse(FULL, is_kept=is_kept)
        count += 1
        return commit(records)

    ledger.commit = counted  # type: ignore[method-assign]
    desk.run(2)
    assert is_in_refuge(desk)
    assert not desk.state.held()
    sold = sum(sent.order.qty for sent in desk.venue.sent if sent.order.role is not Role.STOP)
    assert sold > 0
    desk.agrees()
    assert not [one for one in desk.state.orders.by_id.values() if one.state is OrderState.UNKNOWN]
    desk.disk.mend()
    desk.run(2)
    assert not is_in_refuge(desk)
    desk.agrees()
    assert verify(desk.path).is_sound


def test_an_account_whose_first_commit_fails_and_is_there_begins_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking(Disk):
        def open(self, path: Path) -> WritingLedger:
            opened = super().open(path)
            if not self.refused:
                self.refuse(BROKEN, times=1, is_kept=True)
            return opened

    monkeypatch.setattr("tests.contract.desk_in_trouble.Disk", Breaking)
    desk = Desk(tmp_path)
    try:
        assert desk.disk.refused == 1
        assert len(recorded(desk.path, AccountOpened)) == 1
        assert desk.state.trading is TradingState.HALTED
        desk.run(1)
        desk.agrees()
    finally:
        desk.stop()
    assert verify(desk.path).is_sound


def test_a_ledger_that_fails_again_at_once_is_not_trusted_a_third_time(desk: Desk) -> None:
    """It takes what a start writes, and refuses the sale that was in hand once more."""
    opened: list[WritingLedger] = []
    open_ledger = desk.disk.open

    def open_again(path: Path) -> WritingLedger:
        opened.append(open_ledger(path))
        desk.disk.mend()
        return opened[-1]

    desk.keeper._open_ledger = open_again
    desk.disk.refuse(FULL, times=1)
    desk.flatten_wish()
    desk.run(1.5)
    assert len(opened) == 1
    assert not desk.state.held()


# --- everything at once ---------------------------------------------------------------------------


def test_a_silent_broker_and_a_full_disk_end_in_a_halt_and_a_comparison(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.venue.is_silent = True
    desk.run(2)
    assert is_in_refuge(desk)
    assert not desk.keeper.engine.is_ready
    assert desk.state.trading is TradingState.HALTED
    desk.venue.is_silent = False
    desk.flatten_wish()
    desk.run(2)
    assert desk.keeper.engine.is_ready
    assert not desk.state.held()
    desk.agrees()


@OF_A_FILE
def test_a_start_with_a_silent_broker_says_so(desk: Desk) -> None:
    desk.stop()
    desk.disk.refuse(FULL)
    desk.venue.is_silent = True
    with pytest.raises(BrokerDown):
        desk.start()


def test_when_the_emergency_journal_is_full_the_process_ends_and_stops_rest(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    refuge = desk.keeper.ledger
    assert isinstance(refuge, Refuge)
    while refuge._journal.left:
        refuge._journal.append("filler", b"")
    desk.flatten_wish()
    with pytest.raises(LedgerError, match=r"neither can its emergency journal: .*full"):
        desk.run(2)
    assert [each.order.role for each in desk.venue.orders(is_open=True)] == [Role.STOP]
    assert desk.venue.sent == []
    assert desk.halt.is_set


@OF_A_FILE
def test_a_ledger_of_another_process_ends_this_one(desk: Desk) -> None:
    desk.keeper.ledger.close()
    with SqliteLedger(desk.path), pytest.raises(LedgerLocked):
        desk.run(2)


def test_without_a_ledger_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ledger.sqlite.lock").mkdir()
    with pytest.raises(LedgerError, match="lock"):
        Desk(tmp_path / "other")
    assert not (tmp_path / "other" / "HALT").exists()


# --- orders of a person ---------------------------------------------------------------------------


def ordered(desk: Desk, command: Command) -> Waiting:
    waiting = Waiting(Request(command, "ann", f"to {command}"), is_admin=True)
    desk.control._waiting.put(waiting)
    desk.run(0.5)
    assert waiting.answer is not None
    return waiting


@pytest.mark.parametrize("command", [Command.HALT, Command.REDUCE, Command.FLATTEN])
def test_an_order_toward_safety_is_carried_out_and_says_where_it_is_kept(
    desk: Desk, command: Command
) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    answer = ordered(desk, command).answer
    assert answer is not None
    assert (answer.result, answer.state) == (Result.DONE, "halted")
    assert answer.lines[-1] == (
        f"the ledger cannot be written: {FULL}: the emergency journal holds this until it can"
    )
    desk.run(1)
    assert bool(desk.state.held()) is (command is not Command.FLATTEN)


def test_a_flatten_whose_commit_fails_is_carried_out_all_the_same(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    answer = ordered(desk, Command.FLATTEN).answer
    assert answer is not None
    assert answer.result is Result.DONE
    desk.run(1)
    assert not desk.state.held()
    assert {sent.written for sent in desk.venue.sent} == {"emergency"}


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "there-all-the-same"])
def test_a_resume_whose_commit_fails_does_not_lift_the_halt_of_that_failure(
    desk: Desk, is_kept: bool
) -> None:
    ordered(desk, Command.HALT)
    desk.disk.refuse(BROKEN, times=1, is_kept=is_kept)
    answer = ordered(desk, Command.RESUME).answer
    assert answer is not None
    assert (answer.result, answer.state) == (Result.REFUSED, "halted")
    assert answer.lines[0].startswith("not resumed: the ledger failed meanwhile")
    assert desk.halt.is_set
    desk.bot.wants(Side.BUY, notional="1000")
    desk.run(2)
    assert desk.verdicts(Side.BUY) == ["denied"]
    assert desk.state.trading is TradingState.HALTED
    again = ordered(desk, Command.RESUME).answer
    assert again is not None
    assert (again.result, again.state) == (Result.DONE, "active")
    assert not desk.halt.is_set


def test_a_resume_whose_halt_file_stays_is_refused_and_the_account_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(desk, Command.HALT)

    def refused(halt: HaltFile) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(HaltFile, "clear", refused)
    answer = ordered(desk, Command.RESUME).answer
    assert answer is not None
    assert answer.result is Result.REFUSED
    assert "HALT cannot be taken away: Input/output error" in answer.lines[0]
    desk.bot.wants(Side.BUY, notional="1000")
    desk.run(2)
    assert desk.verdicts(Side.BUY) == ["denied"]
    desk.flatten_wish()
    desk.run(2)
    assert not desk.state.held()


@pytest.mark.parametrize(
    ("command", "result", "state"),
    [
        pytest.param(Command.HALT, Result.DONE, "halted", id="halt"),
        pytest.param(Command.REBALANCE, Result.PENDING, "active", id="rebalance"),
    ],
)
def test_an_order_that_cannot_be_read_back_is_carried_out_and_the_account_goes_on(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    result: Result,
    state: str,
) -> None:
    def unreadable(ledger: WritingLedger, after_seq: int = 0) -> Iterator[Entry]:
        raise LedgerError("unable to open database file")

    with monkeypatch.context() as patch:
        patch.setattr(WritingLedger, "read", unreadable)
        answer = ordered(desk, command).answer
    assert answer is not None
    assert (answer.result, answer.state) == (result, state)
    assert "could not be read back: unable to open database file" in answer.lines[0]
    desk.flatten_wish()
    desk.run(2)
    assert not desk.state.held()


def test_a_halt_whose_file_cannot_be_made_halts_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(halt: HaltFile, who: str, reason: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(HaltFile, "set", refused)
    answers: list[Answer] = []
    request = Request(Command.HALT, "ann", "to halt")
    person = Thread(target=lambda: answers.append(ask(desk.folder, request)))
    person.start()
    while person.is_alive():
        desk.run(0.2)
    assert [(each.result, each.state) for each in answers] == [(Result.DONE, "halted")]
    assert last_state(desk.path) == "halted"


def test_a_resume_is_refused_until_the_ledger_can_be_written(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.run(1)
    refused = ordered(desk, Command.RESUME).answer
    assert refused is not None
    assert (refused.result, refused.state) == (Result.REFUSED, "halted")
    assert refused.lines == (
        f"cannot resume: the ledger cannot be written: {FULL}; {cure(desk)} first",
    )
    assert desk.halt.is_set
    desk.disk.mend()
    desk.run(2)
    done = ordered(desk, Command.RESUME).answer
    assert done is not None
    assert (done.result, done.state) == (Result.DONE, "active")
    assert not desk.halt.is_set
    desk.bot.wants(Side.BUY, notional="1000")
    desk.run(2)
    assert desk.verdicts(Side.BUY)[-1] == "approved"
    assert recorded(desk.path, StateChanged)[-1].who == "ann"


def test_fills_that_came_during_the_trouble_are_in_the_ledger_once(desk: Desk) -> None:
    desk.disk.refuse(FULL)
    desk.flatten_wish()
    desk.run(2)
    desk.disk.mend()
    desk.run(2)
    desk.stop()
    desk.start()
    desk.run(1)
    fills = [each.fill.execution_id for each in recorded(desk.path, Filled)]
    assert len(fills) == len(set(fills))
    with EmergencyJournal(desk.path) as journal:
        assert journal.is_empty
    desk.agrees()


# --- refused by the operating system itself -------------------------------------------------------

REFUSED = """
import resource, sys
from pathlib import Path
from tests.contract.desk_in_trouble import Desk, notes
from smart_leverage.ledger.refuge import Refuge

desk = Desk(Path(sys.argv[1]))
desk.hold()
assert desk.path.with_name("ledger.sqlite-wal").stat().st_size > 65_536
# No file may be written behind this place: the kernel refuses as a failing disk does.
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
desk.flatten_wish()
desk.run(3)
assert isinstance(desk.keeper.ledger, Refuge), "it wrote to the ledger"
assert {sent.written for sent in desk.venue.sent} == {"emergency"}, desk.venue.sent
assert not desk.state.held(), "it did not sell"
count = len(notes(desk.path))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
desk.run(2)
assert not isinstance(desk.keeper.ledger, Refuge), "it did not go back"
desk.agrees()
print(count, desk.state.trading.name, *desk.told, sep="\\n")
desk.stop()
"""


def test_a_write_that_the_kernel_refuses_ends_in_the_emergency_journal(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    count, trading, first, last = done.stdout.splitlines()
    assert int(count) > 5
    assert trading == "HALTED"
    assert first.startswith("■ the ledger cannot be written: disk I/O error. The account is halted")
    assert last.startswith(f"▲ {count} records of the emergency journal were taken")
    assert verify(tmp_path / "ledger.sqlite").is_sound
