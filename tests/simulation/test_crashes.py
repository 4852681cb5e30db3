"""The process ends at some commit, before or after it, and the next one goes on."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import chain

import pytest

from smart_leverage.brokers.sim import SimBroker, SimConfig, Start
from smart_leverage.domain.clock import MINUTE_NS, ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.records import Record
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.feed import Instant, instants
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.recovery import recover
from smart_leverage.settings import Settings
from smart_leverage.strategies.overbuyer import Overbuyer
from smart_leverage.wiring import Beginning, engine_config, opening

BTC, ETH = Key("crypto:BTC/USD"), Key("crypto:ETH/USD")
REGISTRY, CONFIG = Registry.builtin(), engine_config(Settings())
SERIES = generate(SyntheticMarket(seed=11, first_day=date(2024, 3, 4), days=1))
KEYS = [each.key for each in SERIES]
FIRST = {each.key: Decimal(repr(each.opens[0])) for each in SERIES}
HELD = tuple(Start(key, qty, FIRST[key]) for key, qty in ((BTC, Decimal(1)), (ETH, Decimal(8))))


class Killed(Exception):
    """Nothing after this happened in the process that raised it."""


class Mortal(SqliteLedger):
    """A ledger whose process dies at a commit: before anything was written, or just after."""

    dies_at = 0
    is_after = False
    commits = 0

    def commit(self, records: Sequence[Record]) -> Head:
        self.commits += 1
        if self.commits == self.dies_at and not self.is_after:
            raise Killed
        head = super().commit(records)
        if self.commits == self.dies_at:
            raise Killed
        return head


class House:
    """What survives a crash: the venue, the ledger, and how far the market has come."""

    def __init__(self) -> None:
        self.ledger = Mortal.in_memory()
        self.venue = SimBroker(REGISTRY, config=SimConfig(cash=Decimal(20_000), positions=HELD))
        self.clock = ManualClock(SERIES[0].starts[0])
        self.market = instants(SERIES)
        self.bot = Overbuyer(KEYS)
        self.driver = self.open()

    def open(self) -> BarDriver:
        trader = recover(CONFIG, self.ledger, self.venue, self.clock)
        if trader.engine.state.opened is None:
            start = Beginning(Decimal(20_000), HELD)
            at_ns = self.clock.now_ns()
            trader.offer(opening(Settings(), at_ns, start, REGISTRY, KEYS))
            trader.flush()
        return BarDriver(trader, self.venue, self.clock, bots=[self.bot], may_shrink=True)

    def run(self) -> None:
        """Go through the market; die when the ledger says so, start again, and finish."""
        for instant in self.market:
            try:
                self.driver.step(instant)
            except Killed:
                self.driver = self.open()
                self._finish(instant)
        self.driver.trader.reconcile()
        self.driver.trader.flush()

    def _finish(self, instant: Instant) -> None:
        """Let the venue go on with an instant in which nobody of ours was there."""
        if instant.opens:
            self.venue.print_opens(instant.at_ns, instant.opens)
            self.venue.fill_opens(instant.at_ns)


def commits_of_a_whole_run() -> int:
    house = House()
    house.run()
    return house.ledger.commits


WHOLE = commits_of_a_whole_run()
CHOSEN = sorted({*range(2, 24), *range(24, WHOLE, max(WHOLE // 12, 1))})


@pytest.mark.parametrize("is_after", [False, True], ids=["before-it-is-written", "after-it"])
@pytest.mark.parametrize("commit", CHOSEN)
def test_the_next_process_goes_on(commit: int, is_after: bool) -> None:
    house = House()
    house.ledger.dies_at, house.ledger.is_after = commit, is_after
    house.run()
    assert house.ledger.commits > commit  # it died, and somebody went on
    agree(house)


def test_it_goes_on_after_dying_again_and_again() -> None:
    house = House()
    house.ledger.dies_at, house.ledger.is_after = 3, True
    for instant in chain(house.market):
        try:
            house.driver.step(instant)
        except Killed:
            house.ledger.dies_at += 5
            house.ledger.is_after = not house.ledger.is_after
            house.driver = house.open()
    house.ledger.dies_at = 0
    house.clock.move_to(house.clock.now_ns() + 5 * MINUTE_NS)
    for _ in range(3):
        house.driver.trader.reconcile()
    agree(house)


def agree(house: House) -> None:
    """Books and venue tell the same, and no order was sent twice."""
    state, venue = house.driver.trader.engine.state, house.venue
    assert dict(state.held()) == {each.key: each.qty for each in venue.positions()}
    assert state.book.cash == venue.account().cash
    assert state.trading_why != "books and broker differ"
    unknown = [one for one in state.orders.by_id.values() if one.state is OrderState.UNKNOWN]
    assert len(unknown) <= 1  # one that never arrived may still wait for its horizon
    theirs = {each.order.client_order_id for each in venue.orders(is_open=True)}
    ours = {name for name, one in state.orders.by_id.items() if one.state is not OrderState.UNKNOWN}
    assert theirs == ours
    names = [each.order.client_order_id for each in venue.orders()]
    assert len(names) == len(set(names))
