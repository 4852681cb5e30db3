"""A whole account at an exchange through ccxt: books and exchange agree, whatever gets lost."""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conftest import quick_and_long
from tests.contract.ccxt_venue import KEYS, Venue, ccxt_venue
from tests.contract.test_broker_alpaca import cut_before, half, lost, saying
from tests.contract.test_broker_ccxt import DELETE, LOOK, OPEN, POST, TRADES
from tests.contract.test_broker_contract import BTC, MONDAY, beside

from smart_leverage.brokers.budget import Unbounded
from smart_leverage.brokers.ccxt import CcxtBroker
from smart_leverage.brokers.ccxt.watching import ALL_EVERY_S
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import SECOND_NS, ManualClock
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, OrderState, Side, TimeInForce
from smart_leverage.domain.records import Intended, Noted, decode
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import IncomeArrived, Prices, Rung, Wished
from smart_leverage.engine.tracked import Tracked
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.activities import event_of
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
FASTER = 100.0
"""So many times more often an exchange is looked at here."""

CONFIG = engine_config(Settings())


class Account:
    """One account whose broker is an exchange; its purchases are limits that trade at once."""

    def __init__(self, venue: Venue, behind: SimBrokerClient, folder: Path) -> None:
        self.venue, self.behind, self.folder = venue, behind, folder
        self.ledger, self.clock = SqliteLedger.in_memory(), ManualClock(MONDAY)
        self.broker = self._opened()
        can = self.broker.capabilities
        config = CONFIG._replace(
            may_resend=can.rejects_repeated_ids, lists_lag=can.lists_lag,
            sale_has_minimum=not can.sells_any_size,
        )  # fmt: skip
        self.trader = Trader(Engine(config), self.ledger, self.broker, self.clock)
        start = Beginning(cash=D(100_000))
        bitcoin = self.broker.instrument(BTC, D(50_000))
        assert bitcoin is not None
        registry = Registry.builtin().with_instrument(bitcoin)
        self.trader.offer(opening(Settings(), MONDAY, start, registry, [BTC]))
        self.price()
        self.trader.reconcile()
        self.trader.flush()

    def _opened(self) -> CcxtBroker:
        broker = CcxtBroker(
            self.venue.options(), KEYS, Registry.builtin(), self.folder, Unbounded(),
            self.clock.now_ns,
        )  # fmt: skip
        broker._watching._clock = lambda: FASTER * time.monotonic()  # looks more often
        return broker

    def restart(self) -> None:
        """Start anew until that succeeds; whoever was there before is never asked again."""
        del self.trader
        while not hasattr(self, "trader"):
            self.broker.close()
            self.broker = self._opened()
            with suppress(BrokerDown):
                self.trader = recover(CONFIG, self.ledger, self.broker, self.clock)
        self.price()

    def price(self) -> None:
        self.clock.move_to(self.clock.now_ns() + SECOND_NS)
        now = self.clock.now_ns()
        self.behind.on_quote(now, BTC, 49_990.0, 50_010.0)
        self.trader.offer(Prices(at_ns=now, prints=((BTC, D(50_000)),), rung=Rung.QUOTE))

    def price_only(self) -> None:
        """Move the exchange's market where the account does not hear of it."""
        self.clock.move_to(self.clock.now_ns() + SECOND_NS)
        self.behind.on_quote(self.clock.now_ns(), BTC, 49_990.0, 50_010.0)

    def wish(self, qty: str, side: Side) -> None:
        """Ask for an order, whatever becomes of it."""
        self.clock.move_to(self.clock.now_ns() + SECOND_NS)
        now = self.clock.now_ns()
        wish = OrderWish(at_ns=now, key=BTC, side=side, source="bot", id=f"w{now}", qty=D(qty))
        self.trader.offer(Wished(at_ns=now, wish=wish, bot="bot"))

    def order(self, qty: str, side: Side = Side.BUY, limit: str = "") -> Tracked | None:
        self.clock.move_to(self.clock.now_ns() + SECOND_NS)
        now = self.clock.now_ns()
        wish = OrderWish(
            at_ns=now, key=BTC, side=side, source="bot", id=f"w{now}", qty=D(qty),
            limit_price=D(limit) if limit else None,
        )  # fmt: skip
        (decided,) = self.trader.offer(Wished(at_ns=now, wish=wish, bot="bot"))
        assert decided.verdict == "approved", decided
        orders = self.trader.engine.state.orders.by_id.values()
        return next((one for one in orders if one.order.bot == "bot"), None)

    def settle(self) -> None:
        """Go on until nothing is unknown and nothing that ended is still waited for."""
        until = time.monotonic() + 20.0
        while True:
            self.price()
            try:
                self.trader.reconcile()
            except BrokerDown:
                continue
            finally:
                assert time.monotonic() < until
            states = {one.state for one in self.trader.engine.state.orders.by_id.values()}
            if states <= {OrderState.OPEN} and self._is_equal() and not self.buys(is_open=True):
                return

    def held(self) -> dict[str, Decimal]:
        return dict(self.trader.engine.state.held())

    def buys(self, **which: Any) -> list[BrokerOrder]:
        """Return purchases that the exchange has; what is sold there may be the house's stop."""
        orders = self.behind.orders(**which)
        return [each for each in orders if each.order.side is Side.BUY]

    def bought(self) -> Decimal:
        """Return the coins that were received, each part's fee off it."""
        fills = [each.fill for each in self.behind.updates(0) if each.fill]
        return sum((fill.qty - fill.fee for fill in fills if fill.side is Side.BUY), D(0))

    def _is_equal(self) -> bool:
        return self.held() == {each.key: each.qty for each in self.behind.positions()}

    def agrees(self) -> None:
        self.settle()
        assert self.held() == {each.key: each.qty for each in self.behind.positions()}
        assert abs(self.trader.engine.valuation().cash - self.behind.account().cash) < D("0.01")
        codes = [each.code for each in self.records(Noted)]
        assert "reconcile.difference" not in codes
        assert "order.external" not in codes

    def records(self, kind: type[Any]) -> list[Any]:
        every = [decode(entry.payload) for entry in self.ledger.read()]
        return [each for each in every if isinstance(each, kind)]


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    config = SimConfig(mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.5, seed=5)
    with beside(config, tmp_path) as desk:
        assert isinstance(desk.venue, SimBrokerClient)
        desk.venue.on_quote(MONDAY, BTC, 49_990.0, 50_010.0)
        with ccxt_venue(desk.venue) as venue:
            one = Account(venue, desk.venue, tmp_path)
            yield one
            one.broker.close()


FAULTS = {
    "nothing": ("", None),
    "answer-lost": ("after", lost),
    "request-lost": ("before", cut_before),
    "busy": ("before", saying(503, b"busy")),
    "refused": ("before", saying(400, b'{"code": -2010, "msg": "not you"}')),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_books_and_exchange_agree_whatever_became_of_an_order(account: Account, fault: str) -> None:
    where, what = FAULTS[fault]
    if where:
        getattr(account.venue, where)[POST] = what
    time.sleep(ALL_EVERY_S / FASTER)  # so that whoever looks next looks at everything
    order = account.order("0.0123456789")
    if fault in ("answer-lost", "request-lost", "busy"):
        assert order is not None
        assert (order.state is OrderState.UNKNOWN) == (fault != "answer-lost")
        account.clock.move_to(account.clock.now_ns() + 300 * SECOND_NS)
    account.agrees()
    arrived = fault in ("nothing", "answer-lost")
    assert [each.order.qty for each in account.buys()] == [D("0.01234")] * arrived
    assert account.held() == ({BTC: account.bought()} if arrived else {})


@pytest.mark.parametrize("name", [OPEN, TRADES, LOOK])
def test_lists_that_fail_on_the_way_change_nothing_in_the_end(account: Account, name: str) -> None:
    account.venue.before[name] = saying(503, b"busy")
    try:
        account.order("0.02")
    except BrokerDown:
        account.venue.after[name] = lost
    account.agrees()
    assert account.held()


def test_a_sale_is_what_is_left_after_the_fee(account: Account) -> None:
    account.order("0.02")
    account.agrees()
    held = account.held()[BTC]
    assert held == account.bought()
    account.order("0.01", Side.SELL)
    account.agrees()
    assert account.held()[BTC] == held - D("0.01")


@pytest.mark.parametrize("moment", ["before-it-fills", "after-it-filled", "answer-lost"])
def test_a_restart_finds_everything_once(account: Account, moment: str) -> None:
    if moment == "answer-lost":
        account.venue.after[POST] = lost
    account.order("0.02")
    if moment == "after-it-filled":
        account.agrees()
    account.restart()
    account.agrees()
    account.restart()
    account.agrees()
    assert account.held() == {BTC: account.bought()}
    assert [each.order.qty for each in account.buys()] == [D("0.02")]


def test_what_somebody_else_buys_there_is_booked(account: Account) -> None:
    """In a market where nothing of ours is open the holding shows it, and it is looked for."""
    by_hand = Order(
        client_order_id="by-hand", bot="page", key=BTC, side=Side.BUY, qty=D("0.01"),
        time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    account.behind.submit(Approved(by_hand, "the exchange's page"))
    account.price()
    account.settle()
    assert account.held() == {BTC: account.bought()}
    assert "reconcile.difference" not in [each.code for each in account.records(Noted)]


def test_a_fee_in_a_third_coin_is_booked_although_fills_tell_theirs() -> None:
    fee = Activity(
        number=1, activity_id="f", at_ns=MONDAY, type="XFEE", net_amount=D(0),
        key=Key("crypto:BNB/USD"), qty=D("-0.001"),
    )  # fmt: skip
    booked = event_of(fee, MONDAY, tells_fees=True)
    assert isinstance(booked, IncomeArrived)
    assert (booked.key, booked.qty, booked.source) == ("crypto:BNB/USD", D("-0.001"), "fee")
    told = msgspec.structs.replace(fee, type="CFEE")
    assert event_of(told, MONDAY, tells_fees=True) is None


def test_what_is_too_small_to_be_sold_is_left_alone(account: Account) -> None:
    """The fee leaves less than a step behind; nobody goes on trying to sell or protect that."""
    account.order("0.0123")
    account.agrees()
    account.order(str(account.held()[BTC]), Side.SELL)
    account.agrees()
    dust = account.held()[BTC]
    assert 0 < dust < D("0.00001")
    before = len(account.records(Intended))
    for _ in range(5):
        account.price()
        account.trader.reconcile()
    assert len(account.records(Intended)) == before
    assert account.held() == {BTC: dust}


def test_an_instrument_has_the_exchanges_steps(account: Account) -> None:
    bitcoin = account.broker.instrument(BTC, D(1))
    assert bitcoin is not None
    known = Registry.builtin()[BTC]
    assert (bitcoin.tick, bitcoin.size_step, bitcoin.lot) == (D("0.01"), D("0.00001"), D("0.00001"))
    assert (bitcoin.notional_min, bitcoin.name) == (D(10), known.name)
    assert Registry.builtin().with_instrument(bitcoin)[BTC] == bitcoin
    assert account.broker.instrument(Key("crypto:ZZQX/USD"), D(1)) is None
    assert account.broker.instrument(Key("us_equity:AAPL"), D(1)) is None


ROUTES = (POST, DELETE, LOOK, OPEN, TRADES, "GET /api/v3/account", "GET /api/v3/ticker/price")
ANSWERS = (lost, half, saying(503, b"busy"), saying(200, b"{}"), saying(429, b"<html>"))


@pytest.mark.parametrize("seed", quick_and_long(range(12), range(3)))
def test_a_rough_day_ends_with_books_and_exchange_in_agreement(account: Account, seed: int) -> None:
    """Orders, restarts and prices by chance, with answers that get lost; then it is quiet."""
    chance = random.Random(seed)
    for _ in range(25):
        if chance.random() < 0.5:
            if chance.random() < 0.4:
                account.venue.before[chance.choice(ROUTES)] = cut_before
            else:
                account.venue.after[chance.choice(ROUTES)] = chance.choice(ANSWERS)
        try:
            _step(account, chance)
        except BrokerDown:
            account.price_only()
    account.venue.before.clear()
    account.venue.after.clear()
    account.clock.move_to(account.clock.now_ns() + 300 * SECOND_NS)
    account.settle()
    listed = [each.order.client_order_id for each in account.behind.orders()]
    assert len(set(listed)) == len(listed)
    assert not any("~" in name for name in listed)  # the exchange saw no name twice
    assert account.held() == {each.key: each.qty for each in account.behind.positions()}
    assert abs(account.trader.engine.valuation().cash - account.behind.account().cash) < D("0.01")


def _step(account: Account, chance: random.Random) -> None:
    what = chance.random()
    if what < 0.4:
        account.wish(f"{chance.uniform(0.001, 0.02):.6f}", Side.BUY)
    elif what < 0.6 and account.held():
        account.wish(f"{float(account.held()[BTC]) * chance.uniform(0.2, 1.0):.6f}", Side.SELL)
    elif what < 0.7:
        account.restart()
    elif what < 0.85:
        account.trader.reconcile()
    else:
        account.price()


def test_the_library_leaves_our_rounding_alone(account: Account) -> None:
    """ccxt sets how its thread rounds; ours is the engine's as well."""
    before = getcontext().copy()
    account.order("0.0123456789")
    account.agrees()
    after = getcontext()
    assert (after.rounding, after.traps) == (before.rounding, before.traps)
