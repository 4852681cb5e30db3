"""A server that is killed under an account: it sells, takes halts, and its notes are taken over."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.contract.desk_in_trouble import BTC, Desk, Disk, intents, notes, recorded
from tests.postgres import Server, fresh_database, server
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.domain.orders import Approved, BrokerOrder, Role, Side
from smart_leverage.domain.records import Filled, Noted, StateChanged
from smart_leverage.engine.events import Command
from smart_leverage.ledger.files import MIRROR, beside
from smart_leverage.ledger.home import home_of
from smart_leverage.ledger.mirror import left_at
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.postgres.moving import to_file
from smart_leverage.ledger.postgres.promise import Reign
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.takeover import LEFT_ASIDE, TAKEN
from smart_leverage.ledger.verify import verify
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.control import Request, Result, Waiting
from smart_leverage.settings import Settings
from smart_leverage.wiring.ledgers import Opener

pytestmark = pytest.mark.needs("postgres-programs")

LONG_S = 30.0
SECONDS_S = 5.0
"""Within so much real time a sale is at the venue, from the death of the server on."""


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with server() as one:
        yield one


class Served(Disk):
    """The ledger of an account as the program opens it, on a server that really goes away."""

    def __init__(self, database: str, refuge_s: float = 600.0) -> None:
        super().__init__()
        self.told: list[str] = []
        self.opener = Opener(settings(database, refuge_s), self.told.append, wait_s=1.0)

    def open(self, path: Path) -> WritingLedger:
        return self.opener(path)

    def answers(self, path: Path) -> bool:
        return self.opener.answers(path)

    def patiently(self, path: Path) -> WritingLedger:
        return self.opener.patiently(path)


def settings(database: str, refuge_s: float) -> Settings:
    section = CLASSIC_SETTINGS.ledger.model_copy(
        update={"url": database, "account": "main", "refuge_s": refuge_s}
    )
    return CLASSIC_SETTINGS.model_copy(update={"ledger": section})


def desk_on(own: Server, folder: Path, refuge_s: float = 600.0) -> Desk:
    made = Desk(folder, disk=Served(fresh_database(own.address()), refuge_s))
    made.hold()
    return made


@pytest.fixture
def desk(own: Server, tmp_path: Path) -> Iterator[Desk]:
    made = desk_on(own, tmp_path)
    yield made
    made.stop()
    own.stop()
    own.start()


def ordered(desk: Desk, command: Command, **changes: str) -> Waiting:
    request = Request(command, "ann", f"to {command}", changes=changes)
    waiting = Waiting(request, is_admin=True)
    desk.control._waiting.put(waiting)
    desk.run(0.5)
    assert waiting.answer is not None
    return waiting


def sales(desk: Desk) -> list[str]:
    return [
        sent.order.client_order_id
        for sent in desk.venue.sent
        if sent.order.side is Side.SELL and sent.order.role is not Role.STOP
    ]


def until(desk: Desk, holds: Callable[[], bool]) -> None:
    """Let the account run until something holds; a server is asked aside, in real time."""
    end = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < end, desk.told
        desk.run(0.2)
        time.sleep(0.05)


def in_refuge(desk: Desk) -> bool:
    return isinstance(desk.keeper.ledger, Refuge)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the venue look for an intent in the emergency journal; the server cannot be asked."""

    def written(path: Path, order_id: str) -> str:
        found = any(order_id in note.payload.decode() for note in notes(path, "order.intended"))
        return "emergency" if found else "elsewhere"

    monkeypatch.setattr("tests.contract.desk_in_trouble.written", written)


def killed_at_the_first_sale(own: Server, desk: Desk) -> None:
    """Kill the server when the first sale of the account is at the venue, and not yet answered."""
    submit = desk.venue.submit

    def submitted(approved: Approved) -> BrokerOrder:
        if not sales(desk) and approved.order.side is Side.SELL:
            own.kill()
        return submit(approved)

    desk.venue.submit = submitted  # type: ignore[method-assign]


# --- nothing that lowers exposure waits -----------------------------------------------------------


@pytest.mark.parametrize("moment", ["before-the-order", "at-the-sale"])
def test_an_account_over_its_cap_is_sold_down_and_takes_orders_without_its_server(
    own: Server, desk: Desk, moment: str
) -> None:
    held = dict(desk.state.held())[BTC]
    began = time.monotonic()
    if moment == "before-the-order":
        own.kill()
    else:
        killed_at_the_first_sale(own, desk)
    tight = ordered(desk, Command.LIMITS, **{"limits.symbol_cap": "0.01"}).answer
    assert tight is not None
    assert tight.result is Result.DONE
    until(desk, lambda: in_refuge(desk))
    desk.run(0.5)
    assert len(sales(desk)) == 1
    assert dict(desk.state.held())[BTC] < held / 2

    # A bot sells the rest of it; its purchase is denied, with the reason.
    desk.bot.wants(Side.BUY, notional="1000")
    desk.flatten_wish()
    desk.run(1)
    assert len(sales(desk)) == 2
    assert time.monotonic() - began < SECONDS_S
    assert not desk.state.held()
    assert desk.verdicts(Side.SELL)[-1] == "approved"
    assert desk.verdicts(Side.BUY)[-1] == "denied"
    assert desk.state.trading_why.startswith("the ledger cannot be written: ")
    assert not [sent for sent in desk.venue.sent if sent.order.side is Side.BUY]

    # A person halts: answered, and durable here.
    halted = ordered(desk, Command.HALT).answer
    assert halted is not None
    assert (halted.result, halted.state) == (Result.DONE, "halted")
    assert halted.lines[-1].endswith("the emergency journal holds this until it can")
    noted = [note.payload for note in notes(desk.path)]
    assert "go on for " in desk.told[0]
    assert "Mend or start the server" in desk.told[0]

    own.start()
    until(desk, lambda: not in_refuge(desk))
    desk.run(1)
    assert notes(desk.path) == []
    assert verify(desk.path).is_sound
    entries = [entry.payload for entry in desk.keeper.ledger.read()]
    assert [entries.count(payload) for payload in noted] == [1] * len(noted)
    assert len(intents(desk.path)) == len(set(intents(desk.path)))
    fills = [each.fill.execution_id for each in recorded(desk.path, Filled)]
    assert len(fills) == len(set(fills))
    assert set(sales(desk)) <= set(intents(desk.path))
    assert {entry.epoch for entry in desk.keeper.ledger.read()} == {1, 2}
    assert [each.code for each in recorded(desk.path, Noted)].count(TAKEN) == 1
    assert desk.state.trading is TradingState.HALTED
    desk.agrees()


def test_a_server_that_comes_and_goes_leaves_one_whole_journal(own: Server, desk: Desk) -> None:
    for number in range(3):
        own.kill()
        part = dict(desk.state.held())[BTC] / 4
        desk.bot.wants(Side.SELL, qty=f"{part:.9f}")
        until(desk, lambda: in_refuge(desk))
        until(desk, lambda wanted=number + 1: len(sales(desk)) == wanted)  # type: ignore[misc]
        own.start()
        until(desk, lambda: not in_refuge(desk))
        desk.run(0.5)
        assert verify(desk.path).is_sound
    desk.agrees()
    assert len(intents(desk.path)) == len(set(intents(desk.path)))


def test_a_session_that_is_ended_costs_a_halt_and_nothing_else(own: Server, desk: Desk) -> None:
    with psycopg.connect(own.address(), autocommit=True) as line:
        line.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    until(desk, lambda: in_refuge(desk))
    until(desk, lambda: not in_refuge(desk))
    assert desk.state.trading is TradingState.HALTED
    done = ordered(desk, Command.RESUME).answer
    assert done is not None
    assert done.result is Result.DONE
    desk.run(0.5)
    desk.agrees()
    assert verify(desk.path).is_sound


# --- the owner dies as well -----------------------------------------------------------------------

OWNER = """
import sys, time
from pathlib import Path
from tests.contract import desk_in_trouble
from tests.contract.test_ledger_away import Served, in_refuge, sales, until
from tests.contract.desk_in_trouble import Desk

desk_in_trouble.written = lambda path, order_id: ""
desk = Desk(Path(sys.argv[1]), disk=Served(sys.argv[2]))
desk.hold()
print("holding", flush=True)
sys.stdin.readline()
desk.flatten_wish()
until(desk, lambda: in_refuge(desk) and not desk.state.held())
desk.run(0.5)
print(*sales(desk), flush=True)
time.sleep(600)
"""


@pytest.fixture
def orphaned(own: Server, tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Return the ledger of an owner that sold in its refuge and was killed, and its sales."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), fresh_database(own.address())],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holding\n"
        own.kill()
        process.stdin.write("\n")
        process.stdin.flush()
        sold = process.stdout.readline().split()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    assert len(sold) == 1
    yield tmp_path / "ledger.sqlite", sold
    own.stop()
    own.start()


def test_the_successor_of_an_owner_that_was_killed_takes_the_refuge_over(
    own: Server, orphaned: tuple[Path, list[str]]
) -> None:
    path, sold = orphaned
    noted = [note.payload for note in notes(path)]
    own.start()
    with open_ledger(path) as ledger:
        assert ledger.taken == len(noted)
        entries = [entry.payload for entry in ledger.read()]
        assert [entries.count(payload) for payload in noted] == [1] * len(noted)
    assert notes(path) == []
    assert verify(path).is_sound
    assert set(sold) <= set(intents(path))
    assert recorded(path, StateChanged)[-1].after == "halted"
    assert left_at(path) is None
    assert beside(path, MIRROR).exists()
    to_file(path)
    assert not beside(path, MIRROR).exists()
    assert verify(path).is_sound
    with SqliteLedger(path) as file:
        assert file.taken == 0
        assert file.head == ledger.head


def test_a_refuge_is_taken_over_before_its_ledger_is_moved(
    own: Server, orphaned: tuple[Path, list[str]]
) -> None:
    path, _ = orphaned
    own.start()
    with pytest.raises(LedgerError, match="records of the emergency journal wait to be taken over"):
        to_file(path)
    open_ledger(path).close()
    to_file(path)


def test_a_second_opening_takes_nothing_twice(
    own: Server, orphaned: tuple[Path, list[str]]
) -> None:
    path, _ = orphaned
    own.start()
    open_ledger(path).close()
    with open_ledger(path) as again:
        assert again.taken == 0


def test_an_owner_that_is_killed_may_go_on_in_its_refuge(
    own: Server, orphaned: tuple[Path, list[str]]
) -> None:
    path, _ = orphaned
    before = [note.payload for note in notes(path)]
    refuge = Refuge(path, 1, "the server is away")
    assert refuge.lapsed == ""
    assert [entry.payload for entry in refuge.read()][-len(before) :] == before
    refuge.close()


# --- somebody else takes over ---------------------------------------------------------------------


def rival_of(desk: Desk, reign: Reign | None = None) -> PostgresLedger:
    """Open the ledger of an account from another place, as another machine would."""
    address = home_of(desk.path)
    assert address is not None
    path = desk.folder.parent / f"{desk.folder.name}-rival" / "ledger.sqlite"
    return PostgresLedger(address, path, reign=reign)


def test_who_was_replaced_meanwhile_ends_and_its_notes_stay_out_of_the_books(
    own: Server, desk: Desk
) -> None:
    own.kill()
    desk.flatten_wish()
    until(desk, lambda: in_refuge(desk) and not desk.state.held())
    noted = len(notes(desk.path))
    own.start()
    with rival_of(desk) as rival:
        rival.commit([Noted(at_ns=1, code="c", text="the rival goes on")])
        with pytest.raises(LedgerLocked):
            until(desk, lambda: False)
    sent = len(desk.venue.sent)
    desk.stop()
    desk.disk = Served(str(home_of(desk.path).url))  # type: ignore[union-attr]
    desk.start()
    assert len(desk.venue.sent) == sent
    assert notes(desk.path) == []
    (left,) = [each for each in recorded(desk.path, Noted) if each.code == LEFT_ASIDE]
    assert left.text.startswith(f"{noted} records of emergency journal ")
    (kept,) = desk.folder.glob("ledger.sqlite.emergency-*")
    assert kept.name in left.text
    assert "somebody else wrote the ledger meanwhile" in "".join(desk.told)
    assert verify(desk.path).is_sound
    assert desk.halt.is_set
    # What it did at the venue is found there: nothing is held any more, here and there.
    desk.run(1)
    assert {each.key: each.qty for each in desk.venue.positions()} == {}
    assert not desk.state.held()
    assert desk.state.trading is TradingState.HALTED


def test_who_takes_over_waits_for_as_long_as_was_promised(own: Server, desk: Desk) -> None:
    address = home_of(desk.path)
    assert address is not None
    own.kill()
    until(desk, lambda: in_refuge(desk))
    own.start()
    told: list[str] = []
    with psycopg.connect(address.url, autocommit=True) as line:
        line.execute("UPDATE sl_main.promise SET refuge_ms = 700")
    began = time.monotonic()
    with rival_of(desk, Reign(5.0, told.append, under_way_s=0.5)):
        assert 1.2 <= time.monotonic() - began < LONG_S
    assert "ran this account last and did not end in order" in told[0]
    assert "nothing is sent from here for 1.2 s" in told[0]
    began = time.monotonic()
    with rival_of(desk, Reign(5.0, told.append, under_way_s=60.0)):
        assert time.monotonic() - began < 30.0  # It is the same place.
    assert len(told) == 1


def test_after_an_owner_that_ended_in_order_nobody_waits(own: Server, desk: Desk) -> None:
    desk.keeper.close()
    told: list[str] = []
    with rival_of(desk, Reign(5.0, told.append)):
        assert told == []


# --- a lease ends ---------------------------------------------------------------------------------


def test_after_its_lease_nothing_leaves_any_more(own: Server, tmp_path: Path) -> None:
    desk = desk_on(own, tmp_path, refuge_s=2.0)
    try:
        own.kill()
        until(desk, lambda: in_refuge(desk))
        refuge = desk.keeper.ledger
        time.sleep(2.0)
        assert "the lock at the server was seen last more than 2 s ago" in refuge.lapsed
        desk.flatten_wish()
        with pytest.raises(LedgerError, match="Nothing leaves any more; what rests at the broker"):
            desk.run(1)
        assert sales(desk) == []
        assert [each.order.role for each in desk.venue.orders(is_open=True)] == [Role.STOP]
        desk.stop()
        with pytest.raises(LedgerError, match="the server does not answer"):
            desk.start()
    finally:
        desk.stop()
        own.stop()
        own.start()


def test_without_a_refuge_everything_waits_for_the_server(own: Server, tmp_path: Path) -> None:
    desk = desk_on(own, tmp_path, refuge_s=0.0)
    try:
        own.kill()
        desk.flatten_wish()
        with pytest.raises(LedgerError, match="the server does not answer"):
            desk.run(1)
        assert sales(desk) == []
        assert desk.halt.is_set
    finally:
        desk.stop()
        own.stop()
        own.start()


def open_ledger(path: Path) -> PostgresLedger:
    address = home_of(path)
    assert address is not None
    return PostgresLedger(address, path, reign=Reign(600.0))
