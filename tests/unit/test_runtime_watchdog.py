"""An account that stands still, or has lost a part, is halted by itself and not by who looks."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.desk_in_trouble import SERIES, Desk, Market, last_state

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import SystemClock
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Answered, Outcome, Verdict
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.market.quotes import QuotePath
from smart_leverage.runtime.carrying import Lanes, Messenger
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.pulse import Pulse
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.runtime.watchdog import HELD_UP_S, PartDied, Watchdog
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, Traders, in_real_time, opening
from smart_leverage.wiring.accounts import Running
from smart_leverage.wiring.serving import served
from smart_leverage.wiring.venues import Venue

BTC = SERIES[0].key


class Time:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Watched:
    """A watchdog that is asked to look, second by second."""

    def __init__(self, folder: Path) -> None:
        self.time, self.pulse, self.halt = Time(), Pulse(Meter()), HaltFile(folder)
        self.told: list[str] = []
        self.ends = 0
        self.dog = Watchdog(
            self.pulse, self.halt, self.told.append, now_s=self.time, end=self._ended
        )
        self.dog.look()

    def _ended(self) -> None:
        self.ends += 1

    def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.time.now_s += 1.0
            self.dog.look()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def await_that(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 10.0
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.005)


# -- a loop that is held up -----------------------------------------------------------------------


def test_a_round_that_does_not_end_halts_after_half_a_minute(watched: Watched) -> None:
    watched.pulse.goes_round = True
    watched.pulse.beat(is_lost=False)
    watched.pass_s(1 + int(HELD_UP_S) - 1)
    assert not watched.halt.is_set
    watched.pass_s(1)
    assert watched.halt.read() == ("watchdog", "the account has not gone round for 30 s")
    watched.pass_s(100)
    assert len(watched.told) == 1


def test_a_first_round_that_does_not_end_halts_as_well(watched: Watched) -> None:
    watched.pulse.goes_round = True
    watched.pass_s(int(HELD_UP_S))
    assert watched.halt.is_set


def test_who_goes_round_or_has_ended_is_left_alone(watched: Watched) -> None:
    watched.pulse.goes_round = True
    for _ in range(10):
        watched.pulse.beat(is_lost=False)
        watched.pass_s(20)
    watched.pulse.goes_round = False
    watched.pass_s(1_000)
    assert not watched.halt.is_set
    assert watched.told == []


def test_a_machine_that_was_suspended_did_not_hang(watched: Watched) -> None:
    watched.pulse.goes_round = True
    watched.pass_s(20)
    watched.time.now_s += 8 * 3_600.0
    watched.dog.look()
    assert not watched.halt.is_set
    watched.pass_s(8)
    assert watched.halt.is_set


def test_a_halt_that_stands_keeps_its_reason(watched: Watched) -> None:
    watched.halt.set("ann", "looking at it")
    watched.pulse.goes_round = True
    watched.pass_s(int(HELD_UP_S))
    assert watched.halt.read() == ("ann", "looking at it")
    assert len(watched.told) == 1


class Blocked(Desk):
    """An account whose broker can keep an answer for itself."""

    def begin_to_hang(self) -> threading.Event:
        go_on, ask = threading.Event(), self.venue.updates

        def updates(after: int, limit: int | None = None) -> object:
            go_on.wait(30.0)
            return ask(after, limit)

        self.venue.updates = updates  # type: ignore[method-assign, assignment]
        return go_on


def test_while_the_loop_hangs_nothing_that_adds_leaves_and_afterwards_it_is_halted(
    tmp_path: Path,
) -> None:
    desk = Blocked(tmp_path, Market(tuple(SERIES)))
    desk.hold()
    pulse = desk.driver.pulse
    go_on = desk.begin_to_hang()
    dog = Watchdog(pulse, desk.halt, desk.told.append, every_s=0.01, held_up_s=0.1)
    with dog.awake():
        desk.driver.watchdog = dog
        loop = threading.Thread(target=desk.run, args=(1,))
        loop.start()
        await_that(lambda: desk.halt.is_set)
        # What was decided before and waits in a lane is held back by the file, a sale is not.
        messenger = Messenger(desk.venue, desk.held_back)
        held, sold = (messenger.submit(order(side)) for side in (Side.BUY, Side.SELL))
        assert isinstance(held, Answered)
        assert (held.verdict, "halted" in held.reason) == (Verdict.NOT_SENT, True)
        assert isinstance(sold, Answered)
        assert sold.verdict is not Verdict.NOT_SENT
        go_on.set()
        loop.join(30.0)
    assert not loop.is_alive()
    assert last_state(desk.path) == "halted"
    assert "has not gone round for" in desk.state.trading_why
    desk.stop()


def order(side: Side) -> Approved:
    name, qty = f"while-it-hangs-{side}", Decimal("0.001")
    made = Order(client_order_id=name, bot="bot", key=BTC, side=side, qty=qty)
    return Approved(made, "d1")


# -- a part that has died -------------------------------------------------------------------------


def test_a_part_that_died_is_seen_at_the_second_look_and_ends_whoever_goes_round(
    watched: Watched,
) -> None:
    thread = threading.Thread(target=lambda: None, name="lane-rising")
    thread.start()
    thread.join()
    with watched.dog.over(lambda: (thread,)):
        watched.pass_s(1)
        watched.dog.assure()
        watched.pass_s(1)
        with pytest.raises(PartDied, match="lane-rising"):
            watched.dog.assure()
    assert watched.halt.read() == ("watchdog", "a part of the account has died: lane-rising")


def test_a_part_that_was_told_to_end_is_none_that_died(watched: Watched) -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    parts = [thread]
    with watched.dog.over(lambda: parts):
        watched.pass_s(1)
        parts.clear()
        watched.pass_s(60)
    watched.dog.assure()
    assert not watched.halt.is_set


def test_who_has_lost_a_part_and_cannot_end_by_itself_is_ended(watched: Watched) -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    with watched.dog.over(lambda: (thread,)):
        watched.pass_s(11)
        assert (watched.halt.is_set, watched.ends) == (True, 0)
        watched.pass_s(1)
        assert watched.ends == 1


class Deadly(SimBroker):
    """A venue whose answer ends the thread that asked, as nothing that is caught does."""

    is_deadly = False

    def submit(self, approved: Approved) -> BrokerOrder:
        if self.is_deadly:
            raise SystemExit
        return super().submit(approved)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_lane_that_dies_ends_the_account_halted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Market(tuple(SERIES)))
    lanes = Lanes(Office(lambda: None, Shelf()))
    deadly = Deadly(Registry.builtin())
    deadly.is_deadly = True
    dog = Watchdog(desk.driver.pulse, desk.halt, desk.told.append, every_s=0.01)
    with dog.awake(), dog.over(lanes.threads):
        desk.driver.watchdog = dog
        desk.run(1)
        outcome = Outcome()
        outcome.sends.append(order(Side.BUY))
        lanes.carry(Messenger(deadly, lambda: ""), outcome)
        await_that(lambda: desk.halt.is_set)
        with pytest.raises(PartDied, match="lane-rising"):
            desk.run(1)
    lanes.close()
    desk.stop()
    again = desk.twin()
    again.start()
    again.run(1)
    assert last_state(again.path) == "halted"
    again.stop()


# -- the account as it runs -----------------------------------------------------------------------


@contextmanager
def behind(settings: Settings) -> Iterator[Venue]:
    """Yield a venue of this process."""
    keys = [each.key for each in SERIES]
    registry, start = Registry.builtin(), Beginning(Decimal(100_000))
    with SimBroker(registry, config=SimConfig(mode=Mode.LIVE, cash=start.cash)) as broker:
        yield Venue(
            broker=broker,
            quotes=QuotePath(SERIES),
            market=broker,
            begin=lambda at_ns: opening(settings, at_ns, start, registry, keys),
            last_close=lambda key: None,
        )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    settings = Settings()
    with (
        in_real_time(
            tmp_path, settings, behind(settings), Traders(), clock=SystemClock()
        ) as account,
        served(tmp_path, settings, account.driver, account.venue.last_close),
    ):
        yield account


@pytest.fixture
def strangers() -> set[threading.Thread]:
    """Return the threads that other tests have left behind, before an account runs."""
    return {one for one in threading.enumerate() if one is not threading.main_thread()}


def test_every_thread_that_an_account_needs_is_watched(
    strangers: set[threading.Thread], running: Running
) -> None:
    dog, ledger = running.driver.watchdog, running.driver.trader.ledger
    assert dog is not None
    assert isinstance(ledger, WritingLedger)
    names = sorted(one.name for one in dog.threads())
    lanes = ["lane-falling"] * 4 + ["lane-news"] + ["lane-rising"] * 4
    assert names == ["control", "http", *lanes, "ledger-writer", "market"]
    found = set(threading.enumerate()) - strangers
    mine = {one.name for one in found if not one.name.startswith("Thread-")}
    assert mine - set(names) == {"MainThread", "watchdog"}
