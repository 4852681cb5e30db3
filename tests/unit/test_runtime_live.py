"""The driver in real time, with a clock that is moved by hand and the venue in this process."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs
from tests.simulation.faults import TrueTime

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, SECOND_NS
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import PositionSnapshot, Side
from smart_leverage.domain.records import Decided, Noted, OrderMoved, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Wished
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.quotes import Quote, QuotePath
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.runtime.control import Control
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.live import LiveDriver, Pace
from smart_leverage.runtime.operator import Operator
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.steady import steady_clock
from smart_leverage.settings import Settings
from smart_leverage.strategies.overbuyer import Overbuyer
from smart_leverage.wiring import Beginning, engine_config, opening
from smart_leverage.wiring.limits import contradicted

MARKET = SyntheticMarket(seed=2, first_day=date(2024, 3, 4), days=1, step_s=60)
SERIES = generate(MARKET)
KEYS = [each.key for each in SERIES]
START_NS = SERIES[0].starts[0]


class Venue(SimBroker):
    """The simulated venue, silent when told to be."""

    is_silent = False

    def positions(self) -> list[PositionSnapshot]:
        if self.is_silent:
            raise BrokerDown("no answer")
        return list(super().positions())

    def on_quote(self, at_ns: int, key: Key, bid: float, ask: float) -> None:
        if self.is_silent:
            raise BrokerDown("no answer")
        super().on_quote(at_ns, key, bid, ask)


class House:
    """One account in real time that is not real."""

    def __init__(self, folder: Path) -> None:
        config = SimConfig(mode=Mode.LIVE, cash=Decimal(100_000), partial_probability=0.0)
        self.venue = Venue(Registry.builtin(), config=config)
        self.ledger = SqliteLedger.in_memory()
        self.time = TrueTime(START_NS)
        self.heard: list[Record] = []
        self.halt = HaltFile(folder)
        self.why = ""
        self.control = Control(folder, lambda: None)
        self.begin()

    def begin(self) -> None:
        """Open the account, or go on with it in another process."""
        self.clock = steady_clock(self.time, self.ledger, self.venue)
        trader = recover(
            engine_config(Settings()), self.ledger, self.venue, self.clock, self.heard.append,
            self.held_back,
        )  # fmt: skip
        if trader.engine.state.opened is None:
            start = Beginning(Decimal(100_000))
            trader.offer(opening(Settings(), START_NS, start, Registry.builtin(), KEYS))
        self.driver = LiveDriver(
            trader,
            self.venue,
            self.clock,
            QuotePath(SERIES),
            market=self.venue,
            bots=[Overbuyer(KEYS)],
            may_shrink=True,
            pace=Pace(step_s=10.0, reconcile_every_s=60.0),
            operator=Operator(self.control, self.halt, contradicted),
            pause=self.pass_time,
        )

    def held_back(self) -> str:
        return "halted" if self.halt.is_set else self.why

    def pass_time(self, seconds: float) -> None:
        self.time.true_ns += int(seconds * SECOND_NS)

    def run(self, minutes: float) -> None:
        until_ns = self.time.true_ns + int(minutes * 60 * SECOND_NS)
        self.driver.run(lambda: self.time.true_ns >= until_ns)

    def verdicts(self) -> list[str]:
        return [each.verdict for each in self.heard if isinstance(each, Decided)]

    def notes(self) -> list[str]:
        return [each.code for each in self.heard if isinstance(each, Noted)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_bot_buys_at_bar_ends_and_books_and_venue_agree(house: House) -> None:
    house.run(60)
    assert "approved" in house.verdicts()
    state = house.driver.trader.engine.state
    assert dict(state.held()) == {each.key: each.qty for each in house.venue.positions()}
    assert state.book.cash == house.venue.account().cash
    assert state.stops  # every position has its stop at the venue


def test_what_was_filled_after_the_last_look_is_booked_before_the_end(house: House) -> None:
    house.run(60)
    stop = next(each.order for each in house.venue.orders(is_open=True) if each.order.stop_price)
    key, level = stop.key, float(stop.stop_price or 0)
    # Its stop is met, and nobody looks any more.
    house.venue.on_quotes(house.time.true_ns, [(key, level, level)])
    assert key not in {each.key for each in house.venue.positions()}
    assert key in dict(house.driver.trader.engine.state.held())
    house.driver.finish()
    state = house.driver.trader.engine.state
    assert key not in dict(state.held())
    assert state.book.cash == house.venue.account().cash
    assert not house.driver.trader.scribe.unwritten  # type: ignore[attr-defined]


def test_a_broker_that_is_silent_at_the_end_does_not_keep_it_from_ending(house: House) -> None:
    house.run(1)
    house.venue.updates = lambda after, limit=None: (_ for _ in ()).throw(BrokerDown("gone"))  # type: ignore[method-assign]
    house.driver.finish()
    assert house.driver.is_lost


def test_a_run_ends_with_the_market(house: House) -> None:
    house.time.true_ns = SERIES[0].ends[-1] - 5 * SECOND_NS
    house.driver.run(lambda: False)
    assert house.clock.now_ns() >= house.driver.quotes.until_ns


def test_while_the_broker_is_silent_nothing_is_added_and_afterwards_lists_are_compared(
    house: House,
) -> None:
    house.run(1)
    house.venue.is_silent = True
    house.run(2)
    engine = house.driver.trader.engine
    assert house.driver.is_lost
    assert not engine.is_ready
    assert house.notes() == ["broker.lost"]  # told once, not at every step
    house.venue.is_silent = False
    house.run(1)
    assert engine.is_ready
    assert not house.driver.is_lost


class Hanging(QuotePath):
    """A source that tells what it told once, again and again, as of now."""

    is_hanging = False
    told: Sequence[Quote] = ()

    def at(self, at_ns: int) -> list[Quote]:
        if not self.is_hanging or not self.told:
            self.told = super().at(at_ns)
        return [structs.replace(each, at_ns=at_ns) for each in self.told]


def test_a_source_that_hangs_with_a_stamp_that_moves_carries_no_increase_and_every_exit(
    house: House,
) -> None:
    source = house.driver.quotes = Hanging(SERIES)
    house.run(60)
    engine = house.driver.trader.engine
    held = dict(engine.state.held())
    assert held
    source.is_hanging = True
    still_s = Settings().execution.price_still_max_s
    house.run(still_s / 60 + 1)
    house.heard.clear()
    house.run(120)
    buys = [each for each in house.heard if isinstance(each, Decided) and each.side == "buy"]
    assert {(each.verdict, each.reason) for each in buys} == {("denied", "no_price")}
    key, qty = next(iter(held.items()))
    now_ns = house.clock.now_ns()
    wish = OrderWish(at_ns=now_ns, key=key, side=Side.SELL, source="bot", id="out", qty=qty)
    (sold,) = house.driver.trader.offer(Wished(at_ns=now_ns, wish=wish, bot="overbuyer"))
    assert sold.verdict == "approved"
    source.is_hanging = False
    house.heard.clear()
    house.run(120)
    assert "approved" in house.verdicts()


def test_a_halt_file_stops_the_bot_and_stays(house: House) -> None:
    house.halt.set("ann", "outage")
    house.run(60)
    verdicts = house.verdicts()
    assert verdicts
    assert set(verdicts) == {"denied"}
    assert house.driver.trader.engine.state.trading.name == "HALTED"
    assert house.venue.orders() == []


def test_an_increase_that_was_decided_does_not_leave_after_the_halt(house: House) -> None:
    """The file appears between the decision and the first byte."""
    trader, commit = house.driver.trader, house.ledger.commit

    def halting(records: list[Record]) -> object:
        head = commit(records)
        if any(type(each).__name__ == "Intended" for each in records):
            house.halt.set("ann", "now")
        return head

    house.ledger.commit = halting  # type: ignore[method-assign, assignment]
    house.run(30)
    assert house.halt.is_set
    assert house.venue.orders() == []
    assert not trader.engine.state.orders.by_id


def test_what_is_held_back_is_not_sent_and_says_why(house: House) -> None:
    house.why = "the disk of the ledger is almost full"
    house.run(30)
    assert "approved" in house.verdicts()  # the policy had nothing against it
    assert house.venue.orders() == []
    ended = [each for each in house.heard if isinstance(each, OrderMoved)]
    assert ended
    assert all("almost full" in each.reason for each in ended)


@pytest.mark.parametrize("jump_ns", [DAY_NS, -HOUR_NS], ids=["a-day-ahead", "an-hour-back"])
def test_while_the_clock_is_wrong_nothing_is_added_and_no_day_begins(
    house: House, jump_ns: int
) -> None:
    house.run(60)
    state = house.driver.trader.engine.state
    day, began_ns = state.day_label, house.clock.now_ns()
    house.time.offset_ns = jump_ns
    house.heard.clear()
    house.run(60)
    assert house.notes() == ["clock.jumped"]
    reasons = {each.reason for each in house.heard if isinstance(each, Decided)}
    assert reasons == {"clock"}
    assert state.day_label == day
    assert house.clock.now_ns() == began_ns + HOUR_NS  # what has passed, and nothing else

    house.time.offset_ns = 0
    house.heard.clear()
    house.run(60)
    assert house.notes() == ["clock.settled"]
    assert "clock" not in {each.reason for each in house.heard if isinstance(each, Decided)}


def test_a_process_that_begins_by_a_clock_before_the_journal_waits_for_it(house: House) -> None:
    house.run(60)
    house.time.offset_ns = -HOUR_NS // 2
    house.begin()
    house.heard.clear()
    house.run(29)
    assert house.notes() == ["clock.jumped"]
    assert set(house.verdicts()) == {"denied"}
    house.heard.clear()
    house.run(10)
    assert house.notes() == ["clock.settled"]
    assert "clock" not in {each.reason for each in house.heard if isinstance(each, Decided)}


def test_a_sleep_of_hours_is_a_long_gap_and_nothing_else(house: House) -> None:
    house.run(60)
    house.time.true_ns += 8 * HOUR_NS
    house.heard.clear()
    house.run(60)
    assert house.notes() == []
    assert "clock" not in {each.reason for each in house.heard if isinstance(each, Decided)}
