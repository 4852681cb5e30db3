"""What every broker must do, asked of each form.

A form is a function that opens an account and hands out a `Desk`: the broker under test, and the
venue behind it whose market can be moved. In the first three forms both are one: in memory, in a
file, in a process of its own. The adapters to real brokers talk over the broker's own wire to a
venue that plays it.

Not every broker can do everything. What a test needs beyond what all of them must do stands above
it; it is asked of every form that has it, and no form may lack what its capabilities promise.
"""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from tests.contract import alpaca_venue as alpaca
from tests.contract import ccxt_venue as exchange

from smart_leverage.brokers.alpaca import AlpacaBroker
from smart_leverage.brokers.base import Broker
from smart_leverage.brokers.budget import Unbounded
from smart_leverage.brokers.ccxt import CcxtBroker
from smart_leverage.brokers.sim import (
    Change,
    Mode,
    Server,
    SimBroker,
    SimBrokerClient,
    SimConfig,
    Start,
)
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import DAY_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import BadData, ConfigError, Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    FINAL_STATUSES,
    Approved,
    BrokerOrder,
    Order,
    OrderClass,
    OrderType,
    Side,
    TimeInForce,
    TradeUpdate,
)
from smart_leverage.domain.registry import Registry

D = Decimal
AAPL, BTC, ETH = Key("us_equity:AAPL"), Key("crypto:BTC/USD"), Key("crypto:ETH/USD")
BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT
TRAILING = OrderType.TRAILING_STOP
DAY, GTC, IOC = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC
BRACKET, OCO = OrderClass.BRACKET, OrderClass.OCO


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS


MONDAY = at("2026-08-03T14:00+00:00")
"""Half an hour into the session of shares, which ends at 20:00 UTC."""

SUCCESSORS = {
    "": {"new", "accepted", "held"},
    "accepted": {"new", "canceled", "expired", "rejected"},
    "new": {"partially_filled", "filled", "canceled", "expired", "replaced", "rejected"},
    "partially_filled": {"partially_filled", "filled", "canceled", "expired", "replaced"},
    "held": {"new", "canceled", "replaced"},
}
"""Which status may follow which, as the stream tells it; the last five words are final."""


class Venue(Broker, Protocol):
    """A broker whose market is moved from here, and which shows its books."""

    def close_bars(self, at_ns: int, bars: Sequence[tuple[Key, Bar]]) -> None: ...
    def print_opens(self, at_ns: int, opens: Sequence[tuple[Key, float]]) -> None: ...
    def fill_opens(self, at_ns: int) -> None: ...
    def on_quote(self, at_ns: int, key: Key, bid: float, ask: float) -> None: ...
    def advance(self, at_ns: int) -> None: ...
    def deposit(self, at_ns: int, amount: Decimal, reference: str = "") -> None: ...
    def split(self, at_ns: int, key: Key, factor: Decimal, reference: str) -> None: ...
    def changes(self, after: int = 0) -> Sequence[Change]: ...


class Can(StrEnum):
    """What not every broker can do, or does in ways of its own."""

    SHARES = "trades shares"
    GROUPS = "makes the exits of an order itself"
    TRAILING = "has trailing stops"
    STEPS = "puts one order in the place of another in one step"
    FOREVER = "takes a name once and never again"
    CODES = "refuses with the codes, words and figures of the first broker"
    DIRECT = "is the venue itself: counts its messages, lives by the time it is told"


class Desk(NamedTuple):
    """A broker, and the venue that stands behind it."""

    broker: Broker
    venue: Venue
    can: frozenset[Can] = frozenset(Can)

    def updates(self, after: int = 0) -> Sequence[TradeUpdate]:
        """Return what was told once all that happened was, which takes an adapter a moment."""
        until = time.monotonic() + 20.0
        while Can.DIRECT not in self.can and not self._has_heard():
            assert time.monotonic() < until, "not everything was told"
            time.sleep(0.01)
        return self.broker.updates(after)

    def _has_heard(self) -> bool:
        told = {each.broker_order.order.client_order_id: each for each in self.broker.updates(0)}
        stands = {name: (one.broker_order.filled_qty, one.broker_order.is_open)
                  for name, one in told.items()}  # fmt: skip
        return all(
            stands.get(each.order.client_order_id) == (each.filled_qty, each.is_open)
            for each in self.venue.orders()
            if each.status != "held"
        )

    def send(self, name: str, key: Key, side: Side, qty: str, **more: Any) -> BrokerOrder:
        words: dict[str, Any] = {
            word: D(value) if word.endswith(("price", "profit", "loss", "limit")) else value
            for word, value in ({"time_in_force": GTC} | more).items()
        }
        order = Order(client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), **words)
        return self.broker.submit(Approved(order, "test"))

    def status(self, name: str) -> str:
        order = self.broker.order(name)
        assert order is not None
        return order.status

    def events(self, name: str = "") -> list[str]:
        return [
            update.event
            for update in self.updates()
            if not name or update.broker_order.order.client_order_id == name
        ]

    def legs(self, name: str) -> dict[OrderType, BrokerOrder]:
        """Return the exits of an order, by their type."""
        parent = self.broker.order(name)
        assert parent is not None
        found = [each for each in self.broker.orders() if each.parent_id == parent.broker_order_id]
        return {each.order.type: each for each in found}

    def held(self, key: Key) -> Decimal:
        return sum((each.qty for each in self.broker.positions() if each.key == key), D(0))


Form = Callable[[SimConfig, Path], AbstractContextManager[Desk]]


@contextmanager
def in_memory(config: SimConfig, folder: Path) -> Iterator[Desk]:
    with SimBroker(Registry.builtin(), config=config) as broker:
        yield Desk(broker, broker)


@contextmanager
def in_file(config: SimConfig, folder: Path) -> Iterator[Desk]:
    with SimBroker(Registry.builtin(), config=config, path=folder / "venue.db") as broker:
        yield Desk(broker, broker)


@contextmanager
def in_process(config: SimConfig, folder: Path) -> Iterator[Desk]:
    """Serve a file from a process of its own; the file is begun here, since it says everything."""
    file, path = folder / "venue.db", folder / "s"
    SimBroker(Registry.builtin(), config=config, path=file).close()
    words = [sys.executable, "-m", "smart_leverage.brokers.sim", str(path), "--file", str(file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == f"ready {path}\n"
            with SimBrokerClient(path) as client:
                yield Desk(client, client)
        finally:
            os.kill(server.pid, signal.SIGKILL)


@contextmanager
def beside(config: SimConfig, folder: Path) -> Iterator[Desk]:
    """Serve a venue from a thread: quicker, where it is not the venue that is tried."""
    path = folder / "s"
    server = Server(SimBroker(Registry.builtin(), config=config), path)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        with SimBrokerClient(path) as client:
            yield Desk(client, client)
    finally:
        server.stop()


FORMS: dict[str, Form] = {"memory": in_memory, "file": in_file, "process": in_process}


def now_ns() -> int:
    return MONDAY + 60 * SECOND_NS


def behind(desk: Desk) -> SimBrokerClient:
    assert isinstance(desk.venue, SimBrokerClient)
    return desk.venue


@contextmanager
def over_alpaca(config: SimConfig, folder: Path) -> Iterator[Desk]:
    """Speak to the venue as to the first broker, over its protocol."""
    with (
        beside(config, folder) as desk,
        alpaca.alpaca_venue(behind(desk)) as venue,
        AlpacaBroker(
            venue.hosts, alpaca.KEYS, alpaca.REGISTRY, folder, Unbounded(), now_ns
        ) as broker,
    ):
        broker.updates(0)
        while not broker._hearing.is_up:  # until then lists are read, which skip what is over
            broker.updates(0)
            time.sleep(0.01)
        yield Desk(broker, desk.venue, CAN["alpaca"])


@contextmanager
def over_ccxt(config: SimConfig, folder: Path) -> Iterator[Desk]:
    """Speak to the venue as to an exchange, through ccxt."""
    with (
        beside(config, folder) as desk,
        exchange.ccxt_venue(behind(desk)) as venue,
        CcxtBroker(
            venue.options(), exchange.KEYS, Registry.builtin(), folder, Unbounded(), now_ns
        ) as broker,
    ):
        broker._watching._clock = lambda: 100.0 * time.monotonic()  # looks more often
        yield Desk(broker, desk.venue, CAN["ccxt"])


EVERY_FORM = FORMS | {"alpaca": over_alpaca, "ccxt": over_ccxt}
CAN = {name: frozenset(Can) for name in FORMS} | {
    "alpaca": frozenset(Can) - {Can.DIRECT, Can.GROUPS},
    "ccxt": frozenset[Can](),
}
"""What a form is asked: the adapter's own tests ask what a wire says of groups of orders."""


def asks(*can: Can) -> Callable[[Any], Any]:
    """Mark a test as one for forms that can do this."""

    def marked(test: Any) -> Any:
        test.asks = frozenset(can)
        return test

    return marked


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "form" in metafunc.fixturenames:
        asked: frozenset[Can] = getattr(metafunc.function, "asks", frozenset())
        forms = [name for name in EVERY_FORM if asked <= CAN[name]]
        metafunc.parametrize("form", forms, indirect=True)


@pytest.fixture
def form(request: pytest.FixtureRequest) -> Form:
    return EVERY_FORM[request.param]


@pytest.fixture
def desk(form: Form, tmp_path: Path) -> Iterator[Desk]:
    """A venue that lives on quotes; the account holds ten shares and an ether beside its cash."""
    config = SimConfig(
        mode=Mode.LIVE,
        opened_at_ns=MONDAY,
        partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(190)), Start(ETH, D(1), D(2000))),
    )
    with form(config, tmp_path) as desk:
        desk.venue.on_quote(MONDAY, AAPL, 199.98, 200.02)
        desk.venue.on_quote(MONDAY, BTC, 49_990.0, 50_010.0)
        yield desk


@pytest.fixture
def bars(form: Form, tmp_path: Path) -> Iterator[Desk]:
    """A venue that lives on bars, after the first open of each symbol."""
    with form(SimConfig(opened_at_ns=MONDAY), tmp_path) as desk:
        desk.venue.print_opens(MONDAY, [(AAPL, 200.0), (BTC, 50_000.0)])
        desk.venue.fill_opens(MONDAY)
        yield desk


# -- orders ---------------------------------------------------------------------------------------


def test_an_order_is_answered_listed_told_and_filled(desk: Desk) -> None:
    answer = desk.send("a", BTC, BUY, "0.3")
    assert answer.status in {"pending_new", "new"}
    assert (answer.filled_qty, answer.filled_avg_price) == (D(0), None)
    listed = desk.broker.order("a")
    assert listed is not None
    assert (listed.status, listed.broker_order_id) == ("new", answer.broker_order_id)
    assert [each.order.client_order_id for each in desk.broker.orders(is_open=True)] == ["a"]

    desk.venue.on_quote(MONDAY + SECOND_NS, BTC, 49_990.0, 50_020.0)
    filled = desk.broker.order("a")
    assert filled is not None
    assert (filled.status, filled.filled_qty, filled.filled_avg_price) == (
        "filled",
        D("0.3"),
        D(50_020),
    )
    assert not desk.broker.orders(is_open=True)
    assert [each.order.client_order_id for each in desk.broker.orders(is_open=False)] == ["a"]
    last = desk.updates()[-1]
    assert (last.event, last.at_ns, last.broker_order) == ("fill", MONDAY + SECOND_NS, filled)
    assert last.fill is not None
    assert (last.fill.qty, last.fill.price, last.fill.side) == (D("0.3"), D(50_020), BUY)
    assert last.fill.client_order_id == "a"
    assert desk.held(BTC) == D("0.3") * D("0.9975")


@asks(Can.SHARES)
def test_a_share_is_bought_and_held(desk: Desk) -> None:
    desk.send("a", AAPL, BUY, "3", time_in_force=DAY)
    desk.venue.on_quote(MONDAY + SECOND_NS, AAPL, 200.0, 200.03)
    last = desk.updates()[-1]
    assert (last.event, last.at_ns) == ("fill", MONDAY + SECOND_NS)
    assert last.broker_order.status == "filled"
    assert last.fill is not None
    assert (last.fill.qty, last.fill.price, last.fill.fee) == (D(3), D("200.03"), D(0))
    assert desk.held(AAPL) == 13


def test_an_unknown_order_is_none_and_not_an_error(desk: Desk) -> None:
    assert desk.broker.order("nobody's") is None


@asks(Can.DIRECT)
def test_a_venue_that_lives_by_the_time_it_is_told_has_no_clock(desk: Desk) -> None:
    assert desk.broker.clock_ns() is None


def test_orders_are_listed_oldest_first_and_after_a_time(desk: Desk) -> None:
    for number in range(3):
        desk.venue.advance(MONDAY + number * SECOND_NS)
        desk.send(f"o{number}", BTC, BUY, "0.1", type=LIMIT, limit_price="40000")
    desk.broker.cancel("o1")

    def names(**which: Any) -> list[str]:
        return [each.order.client_order_id for each in desk.broker.orders(**which)]

    assert names() == ["o0", "o1", "o2"]
    assert names(is_open=True) == ["o0", "o2"]
    assert names(is_open=False) == ["o1"]
    assert names(after_ns=MONDAY) == ["o1", "o2"]
    assert names(is_open=True, after_ns=MONDAY + SECOND_NS) == ["o2"]


@asks(Can.DIRECT)
def test_the_stream_has_no_gaps_and_can_be_read_from_anywhere(desk: Desk) -> None:
    for number in range(8):
        desk.send(f"o{number}", AAPL, BUY, "1", type=LIMIT, limit_price="150")
        desk.broker.cancel(f"o{number}")
    told = desk.broker.updates(0)
    assert [each.sequence for each in told] == list(range(1, 17))
    assert list(desk.broker.updates(5)) == list(told[5:])
    assert list(desk.broker.updates(16)) == []


def test_a_canceled_order_is_final_at_once_and_only_once(desk: Desk) -> None:
    desk.send("a", BTC, BUY, "0.1", type=LIMIT, limit_price="40000")
    assert desk.events("a") == ["new"]
    desk.broker.cancel("a")
    assert desk.status("a") == "canceled"
    assert desk.events("a") == ["new", "canceled"]
    with pytest.raises(Refused, match='already in "canceled" state') as refusal:
        desk.broker.cancel("a")
    assert refusal.value.broker_code == 42210000
    with pytest.raises(Refused, match="order not found for b") as refusal:
        desk.broker.cancel("b")
    assert refusal.value.broker_code == 40410000
    assert desk.events("a") == ["new", "canceled"]


@asks(Can.SHARES)
def test_an_order_sent_while_its_session_is_closed_waits_for_the_next(desk: Desk) -> None:
    desk.venue.advance(at("2026-08-03T21:00+00:00"))
    assert desk.send("share", AAPL, BUY, "1", time_in_force=DAY).status == "accepted"
    assert desk.send("coin", BTC, BUY, "0.01").status == "pending_new"
    desk.venue.on_quote(at("2026-08-04T13:29:59+00:00"), AAPL, 199.0, 199.1)
    assert desk.status("share") == "accepted"
    desk.venue.on_quote(at("2026-08-04T13:30+00:00"), AAPL, 201.0, 201.1)
    assert desk.status("share") == "filled"
    assert desk.events("share") == ["accepted", "new", "fill"]


@asks(Can.SHARES)
def test_a_day_order_expires_at_the_close_and_a_patient_one_after_ninety_days(desk: Desk) -> None:
    desk.send("day", AAPL, BUY, "1", type=LIMIT, limit_price="150", time_in_force=DAY)
    desk.send("gtc", AAPL, BUY, "1", type=LIMIT, limit_price="150")
    desk.venue.advance(at("2026-08-03T20:00+00:00") - 1)
    assert (desk.status("day"), desk.status("gtc")) == ("new", "new")
    desk.venue.advance(at("2026-08-03T20:00+00:00"))
    assert (desk.status("day"), desk.status("gtc")) == ("expired", "new")
    desk.venue.advance(MONDAY + 90 * DAY_NS - 1)
    assert desk.status("gtc") == "new"
    desk.venue.advance(MONDAY + 90 * DAY_NS)
    assert desk.status("gtc") == "expired"


# -- refusals -------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[dict[str, Any], int, str, dict[str, str]]] = {
    "buying power": (
        {"key": AAPL, "side": BUY, "qty": "2000"},
        40310000,
        "insufficient buying power",
        {"cost_basis": "400040"},
    ),
    "coins are paid in cash": (
        {"key": BTC, "side": BUY, "qty": "3"},
        40310000,
        "insufficient balance for USD (requested: 150030, available: 100000)",
        {"available": "100000", "symbol": "USD"},
    ),
    "quantity": (
        {"key": AAPL, "side": SELL, "qty": "11"},
        40310000,
        "insufficient qty available for order (requested: 11, available: 10)",
        {"existing_qty": "10", "held_for_orders": "0", "symbol": "AAPL"},
    ),
    "coins": (
        {"key": ETH, "side": SELL, "qty": "1.000000001"},
        40310000,
        "insufficient balance for ETH (requested: 1.000000001, available: 1)",
        {"balance": "1", "symbol": "ETH"},
    ),
    "coins cannot be short": (
        {"key": BTC, "side": SELL, "qty": "1"},
        40310000,
        "insufficient balance for BTC (requested: 1, available: 0)",
        {},
    ),
    "short": (
        {"key": Key("us_equity:SPY"), "side": SELL, "qty": "1"},
        40310000,
        "account is not allowed to short",
        {},
    ),
    "smallest coin order": (
        {"key": BTC, "side": BUY, "qty": "0.0001"},
        40310000,
        "cost basis must be >= minimal amount of order 10",
        {"cost_basis": "5.001"},
    ),
    "unknown symbol": (
        {"key": Key("us_equity:NONE"), "side": BUY, "qty": "1"},
        42210000,
        'NONE" not found',
        {},
    ),
    "sub penny": (
        {"key": AAPL, "side": BUY, "qty": "1", "type": LIMIT, "limit_price": "150.001"},
        42210000,
        "sub-penny increment does not fulfill minimum pricing criteria",
        {},
    ),
    "fractions live a day": (
        {"key": AAPL, "side": BUY, "qty": "0.5", "time_in_force": GTC},
        42210000,
        "fractional orders must be DAY orders",
        {},
    ),
    "coins have no day": (
        {"key": BTC, "side": BUY, "qty": "0.01", "time_in_force": DAY},
        42210000,
        "invalid crypto time_in_force",
        {},
    ),
    "nothing": ({"key": AAPL, "side": BUY, "qty": "0"}, 40010001, "qty must be > 0", {}),
    "nan": ({"key": AAPL, "side": BUY, "qty": "NaN"}, 40010001, "qty", {}),
}
"""Orders by what is wrong with them: words, code, message and facts of the refusal."""


@asks(Can.SHARES, Can.CODES)
def test_a_refused_order_does_not_exist(desk: Desk) -> None:
    before = (desk.broker.account(), desk.broker.positions(), desk.updates())
    for wrong, (words, code, message, facts) in REFUSED.items():
        with pytest.raises(Refused) as refusal:
            desk.send("a", **words)
        assert refusal.value.broker_code == code, wrong
        assert message in refusal.value.message, wrong
        assert facts.items() <= refusal.value.facts.items(), wrong
        assert desk.broker.order("a") is None, wrong
        assert (desk.broker.account(), desk.broker.positions(), desk.broker.updates(0)) == before
    desk.send("a", AAPL, BUY, "1")  # the name is still free


COINS_REFUSED: dict[str, dict[str, Any]] = {
    "paid in cash": {"key": BTC, "side": BUY, "qty": "3"},
    "paid in cash, with a limit": {
        "key": BTC, "side": BUY, "qty": "3", "type": LIMIT, "limit_price": "40000",
    },
    "more than there is": {"key": ETH, "side": SELL, "qty": "1.1"},
    "cannot be short": {"key": BTC, "side": SELL, "qty": "1"},
    "too small": {"key": BTC, "side": BUY, "qty": "0.0001"},
    "too small, with a limit": {
        "key": BTC, "side": BUY, "qty": "0.0001", "type": LIMIT, "limit_price": "40000",
    },
    "no such coin": {"key": Key("crypto:ZZQX/USD"), "side": BUY, "qty": "1"},
    "have no day": {"key": BTC, "side": BUY, "qty": "0.01", "time_in_force": DAY},
    "bring no exits": {
        "key": BTC, "side": BUY, "qty": "0.01", "order_class": BRACKET, "take_profit": "60000",
        "stop_loss": "40000",
    },
    "rest no plain stop": {
        "key": ETH, "side": SELL, "qty": "1", "type": STOP, "stop_price": "1500",
    },
    "a limit without a price": {"key": BTC, "side": BUY, "qty": "0.01", "type": LIMIT},
    "nothing": {"key": BTC, "side": BUY, "qty": "0"},
    "nan": {"key": BTC, "side": BUY, "qty": "NaN"},
}  # fmt: skip
"""Orders in coins that no venue takes, by what is wrong with them."""


@pytest.mark.parametrize("wrong", COINS_REFUSED)
def test_a_refused_order_in_coins_does_not_exist(desk: Desk, wrong: str) -> None:
    before = (desk.broker.account(), desk.broker.positions(), desk.updates())
    with pytest.raises(Refused) as refusal:
        desk.send("a", **COINS_REFUSED[wrong])
    assert refusal.value.broker_code // 100_000 in {400, 403, 422}
    assert desk.broker.order("a") is None
    assert (desk.broker.account(), desk.broker.positions(), desk.broker.updates(0)) == before
    desk.send("a", BTC, BUY, "0.1")  # the name is still free


def test_a_name_that_is_open_is_good_for_one_order(desk: Desk) -> None:
    desk.send("a", BTC, BUY, "0.1", type=LIMIT, limit_price="40000")
    with pytest.raises(Refused) as refusal:
        desk.send("a", BTC, BUY, "0.1", type=LIMIT, limit_price="40000")
    assert refusal.value.is_repeated_id
    assert len(desk.broker.orders()) == 1


@asks(Can.FOREVER)
def test_a_name_is_good_for_one_order_for_ever(desk: Desk) -> None:
    desk.send("a", AAPL, BUY, "1", type=LIMIT, limit_price="150")
    for _ in ("open", "final"):
        with pytest.raises(Refused, match="client_order_id must be unique") as refusal:
            desk.send("a", AAPL, BUY, "1", type=LIMIT, limit_price="150")
        assert refusal.value.broker_code == 40010001
        if desk.status("a") == "new":
            desk.broker.cancel("a")
    assert len(desk.broker.orders()) == 1


def test_a_resting_sale_holds_the_coins(desk: Desk) -> None:
    desk.send("a", ETH, SELL, "0.7", type=LIMIT, limit_price="2500")

    def free() -> Decimal:
        (coins,) = (each for each in desk.broker.positions() if each.key == ETH)
        assert coins.qty == 1
        return coins.qty_available

    assert free() == D("0.3")
    with pytest.raises(Refused, match="insufficient balance"):
        desk.send("b", ETH, SELL, "0.4")
    desk.broker.cancel("a")
    assert free() == 1


@asks(Can.SHARES, Can.CODES)
def test_a_resting_sale_holds_the_quantity(desk: Desk) -> None:
    resting = desk.send("a", AAPL, SELL, "7", type=LIMIT, limit_price="250")
    position = desk.broker.positions()[1]
    assert (position.key, position.qty, position.qty_available) == (AAPL, D(10), D(3))
    with pytest.raises(Refused, match=r"requested: 4, available: 3") as refusal:
        desk.send("b", AAPL, SELL, "4")
    assert refusal.value.facts["held_for_orders"] == "7"
    assert refusal.value.facts["related_orders"] == resting.broker_order_id
    desk.broker.cancel("a")
    assert desk.broker.positions()[1].qty_available == 10


@asks(Can.SHARES, Can.CODES)
def test_an_order_that_could_trade_with_our_own_is_refused(desk: Desk) -> None:
    desk.send("stop", AAPL, SELL, "10", type=STOP, stop_price="180")
    with pytest.raises(Refused, match="potential wash trade") as refusal:
        desk.send("a", AAPL, BUY, "1", type=LIMIT, limit_price="150")
    assert refusal.value.broker_code == 40310000
    assert refusal.value.facts["reject_reason"] == "opposite side market/stop order exists"


def test_a_resting_purchase_of_coins_holds_the_funds_until_it_ends(desk: Desk) -> None:
    before = desk.broker.account()
    desk.send("coin", BTC, BUY, "1", type=LIMIT, limit_price="40000")
    account = desk.broker.account()
    assert account.non_marginable_buying_power == 100_000 - 40_000
    assert (account.cash, account.equity) == (before.cash, before.equity)
    with pytest.raises(Refused, match="insufficient balance"):
        desk.send("more", BTC, BUY, "1.5", type=LIMIT, limit_price="40000.01")
    desk.broker.cancel("coin")
    assert desk.broker.account() == before


@asks(Can.SHARES, Can.CODES)
def test_a_resting_purchase_holds_the_funds_until_it_ends(desk: Desk) -> None:
    before = desk.broker.account()
    desk.send("coin", BTC, BUY, "1", type=LIMIT, limit_price="40000")
    assert desk.broker.account().non_marginable_buying_power == 100_000 - 40_000
    desk.send("share", AAPL, BUY, "100", type=LIMIT, limit_price="190")
    account = desk.broker.account()
    assert account.buying_power == before.buying_power - 4 * D("0.3") * 19_000
    assert account.cash == 100_000
    with pytest.raises(Refused, match="insufficient balance for USD"):
        desk.send("more", BTC, BUY, "1", type=LIMIT, limit_price="41000.01")
    desk.broker.cancel("coin")
    desk.broker.cancel("share")
    assert desk.broker.account() == before


# -- groups and changes ---------------------------------------------------------------------------


@asks(Can.SHARES, Can.GROUPS)
def test_a_bracket_protects_what_it_bought_and_one_exit_ends_the_other(desk: Desk) -> None:
    desk.send("a", AAPL, BUY, "5", order_class=BRACKET, take_profit="210", stop_loss="190")
    legs = desk.legs("a")
    assert {kind: leg.status for kind, leg in legs.items()} == {LIMIT: "held", STOP: "held"}
    desk.venue.on_quote(MONDAY + 1, AAPL, 200.0, 200.02)
    assert {kind: leg.status for kind, leg in desk.legs("a").items()} == {LIMIT: "new", STOP: "new"}
    assert desk.broker.positions()[1].qty_available == 10  # the five are held once, not twice
    desk.venue.on_quote(MONDAY + 2, AAPL, 188.5, 188.6)
    legs = desk.legs("a")
    assert (legs[STOP].status, legs[STOP].filled_avg_price) == ("filled", D("188.5"))
    assert legs[LIMIT].status == "canceled"
    assert desk.held(AAPL) == 10
    assert desk.events() == ["new", "fill", "new", "new", "fill", "canceled"]


@asks(Can.SHARES, Can.GROUPS)
def test_the_cancel_of_any_member_cancels_its_group(desk: Desk) -> None:
    for name, member in (("a", "a"), ("b", LIMIT), ("c", STOP)):
        desk.send(
            name,
            AAPL,
            BUY,
            "1",
            type=LIMIT,
            limit_price="150",
            order_class=BRACKET,
            take_profit="210",
            stop_loss="140",
        )
        legs = desk.legs(name)
        desk.broker.cancel(
            legs[member].order.client_order_id if isinstance(member, OrderType) else member
        )
        assert desk.status(name) == "canceled"
        assert {leg.status for leg in desk.legs(name).values()} == {"canceled"}


@asks(Can.SHARES, Can.GROUPS)
def test_two_exits_alone_hold_a_position_once(desk: Desk) -> None:
    desk.send(
        "a", AAPL, SELL, "10", type=LIMIT, order_class=OCO, take_profit="210", stop_loss="190"
    )
    (stop,) = desk.legs("a").values()
    assert (stop.status, stop.order.stop_price) == ("new", D(190))
    assert desk.broker.positions()[1].qty_available == 0
    desk.venue.on_quote(MONDAY + 1, AAPL, 211.0, 211.1)
    assert (desk.status("a"), desk.status(stop.order.client_order_id)) == ("filled", "canceled")
    assert desk.held(AAPL) == 0


def test_a_changed_order_comes_in_the_place_of_the_other(desk: Desk) -> None:
    first = desk.send("a", BTC, BUY, "0.5", type=LIMIT, limit_price="40000")
    second = desk.broker.replace("a", limit_price=D(41_000), new_client_order_id="b")
    assert second.replaces == first.broker_order_id
    assert (second.order.qty, second.order.limit_price) == (D("0.5"), D(41_000))
    old = desk.broker.order("a")
    assert old is not None
    assert old.status in {"replaced", "canceled"}
    assert old.replaced_by == second.broker_order_id
    assert [each.order.client_order_id for each in desk.broker.orders(is_open=True)] == ["b"]
    assert desk.broker.account().non_marginable_buying_power == 100_000 - D("0.5") * 41_000
    for name in ("a", "nobody's"):
        with pytest.raises(Refused):
            desk.broker.replace(name, limit_price=D(42_000))


def test_a_change_that_cannot_be_leaves_the_order_as_it_is(desk: Desk) -> None:
    desk.send("a", BTC, BUY, "0.5", type=LIMIT, limit_price="40000")
    before = (desk.broker.order("a"), desk.updates(), desk.broker.account())
    bad: list[dict[str, Any]] = [
        {"qty": D(0)}, {"qty": D("sNaN")}, {"qty": D("1e5000")}, {"qty": D("0.0001")},
        {"limit_price": D(0)}, {"stop_price": D(100)}, {"trail": D(1)},
    ]  # fmt: skip
    for change in bad:
        with pytest.raises(Refused):
            desk.broker.replace("a", **change)
        assert (desk.broker.order("a"), desk.updates(), desk.broker.account()) == before


@asks(Can.SHARES, Can.STEPS)
def test_a_replaced_order_leads_to_its_successor(desk: Desk) -> None:
    first = desk.send("a", AAPL, BUY, "5", type=LIMIT, limit_price="150")
    second = desk.venue.replace("a", limit_price=D(151), new_client_order_id="b")
    third = desk.venue.replace("b", qty=D(7))
    assert (second.replaces, third.replaces) == (first.broker_order_id, second.broker_order_id)
    old = desk.broker.order("a")
    assert old is not None
    assert (old.status, old.replaced_by) == ("replaced", second.broker_order_id)
    assert (third.order.qty, third.order.limit_price) == (D(7), D(151))
    assert desk.events() == ["new", "replaced", "new", "replaced", "new"]
    assert [each.broker_order_id for each in desk.broker.orders(is_open=True)] == [
        third.broker_order_id
    ]


@asks(Can.SHARES, Can.STEPS, Can.CODES)
def test_a_bad_replace_leaves_the_order_as_it_is(desk: Desk) -> None:
    desk.send("a", AAPL, BUY, "5", type=LIMIT, limit_price="150")
    before = (desk.broker.order("a"), desk.updates(), desk.broker.account())
    bad: list[tuple[dict[str, Any], str]] = [
        ({"limit_price": D("150.001")}, "sub-penny"),
        ({"qty": D("0")}, "qty"),
        ({"qty": D("2.5")}, "fractional"),
        ({"qty": D("sNaN")}, "qty"),
        ({"qty": D("1e5000")}, "qty"),
        ({"qty": D(5000)}, "insufficient buying power"),
        ({"stop_price": D(100)}, "must not have stop_price"),
        ({"limit_price": D(151), "new_client_order_id": "a"}, "must be unique"),
    ]
    for change, message in bad:
        with pytest.raises(Refused, match=message):
            desk.venue.replace("a", **change)
        assert (desk.broker.order("a"), desk.broker.updates(0), desk.broker.account()) == before


@asks(Can.TRAILING)
def test_a_trailing_stop_follows_the_best_price_and_holds_the_quantity(desk: Desk) -> None:
    answer = desk.send("a", AAPL, SELL, "6", type=TRAILING, trail_percent=D("1.5"))
    assert (answer.hwm, answer.order.stop_price, answer.order.trail_percent) == (
        D(200),
        D(197),
        D("1.5"),
    )
    assert [each.qty_available for each in desk.broker.positions() if each.key == AAPL] == [4]
    for second, bid in enumerate((201.0, 204.4, 203.0, 201.4), 1):
        desk.venue.on_quote(MONDAY + second, AAPL, bid, bid + 0.02)
    listed = desk.broker.order("a")
    assert listed is not None
    assert (listed.hwm, listed.order.stop_price) == (D("204.4"), D("201.33"))
    assert listed == desk.broker.orders(is_open=True)[0]
    assert desk.events() == ["new"]  # where it stands is to be asked for
    desk.venue.on_quote(MONDAY + 5, AAPL, 201.3, 201.32)
    update = desk.updates()[-1]
    assert (update.event, update.broker_order.hwm) == ("fill", D("204.4"))
    assert update.fill is not None
    assert (update.fill.price, update.fill.qty) == (D("201.3"), D(6))


@asks(Can.TRAILING)
def test_a_trailing_stop_gets_another_distance_from_the_same_best_price(desk: Desk) -> None:
    desk.send("a", AAPL, SELL, "6", type=TRAILING, trail_price="5")
    desk.venue.on_quote(MONDAY + 1, AAPL, 210.0, 210.1)
    desk.venue.on_quote(MONDAY + 2, AAPL, 207.0, 207.1)
    wider = desk.venue.replace("a", trail=D(8), new_client_order_id="b")
    assert (wider.order.trail_price, wider.order.stop_price, wider.hwm) == (D(8), D(202), D(210))
    with pytest.raises(Refused, match="stop price must be less than current price"):
        desk.venue.replace("b", trail=D(2))
    fewer = desk.venue.replace("b", qty=D(4), new_client_order_id="c")
    assert (fewer.order.qty, fewer.order.stop_price, fewer.hwm) == (D(4), D(202), D(210))
    desk.venue.on_quote(MONDAY + 3, AAPL, 202.0, 202.1)
    assert desk.status("c") == "filled"


@asks(Can.TRAILING)
def test_a_trailing_stop_that_cannot_be_is_refused(desk: Desk) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({}, "require either"),
        ({"trail_price": "1", "trail_percent": D(1)}, "require either"),
        ({"trail_price": "1.005"}, "sub-penny"),
        ({"trail_price": "200"}, "leaves no stop price"),
        ({"trail_percent": D(100)}, "leaves no stop price|must be < 100"),
        ({"trail_percent": D("sNaN")}, "trail must be > 0|is no number"),
        ({"trail_price": "1", "stop_price": "190"}, "must not have stop_price"),
        ({"trail_price": "1", "time_in_force": IOC}, "invalid time_in_force"),
        ({"trail_price": "1", "qty": "1.5", "time_in_force": DAY}, "trailing_stop"),
        ({"trail_price": "1", "key": ETH, "qty": "1"}, "invalid order type for crypto"),
        ({"trail_price": "1", "order_class": OrderClass.OTO, "take_profit": "220"}, "be simple"),
        ({"trail_price": "1", "qty": "11"}, "insufficient qty"),
        ({"type": STOP, "stop_price": "190", "trail_price": "1"}, "must not have trail_price"),
    ]
    for more, message in bad:
        words = {"key": AAPL, "qty": "5", "type": TRAILING} | more
        with pytest.raises(Refused, match=message):
            desk.send("a", side=SELL, **words)
        assert desk.broker.order("a") is None


@asks(Can.TRAILING)
def test_a_trailing_stop_is_exempt_from_the_rule_on_wash_trades(desk: Desk) -> None:
    desk.send("buy", AAPL, BUY, "1", type=LIMIT, limit_price="150")
    desk.send("a", AAPL, SELL, "5", type=TRAILING, trail_price="5")
    desk.send("another", AAPL, BUY, "1", type=LIMIT, limit_price="151")
    assert [desk.status(name) for name in ("buy", "a", "another")] == ["new"] * 3


# -- money ----------------------------------------------------------------------------------------


def test_a_coin_fee_is_taken_from_what_is_received(desk: Desk) -> None:
    desk.send("buy", BTC, BUY, "0.1")
    desk.venue.on_quote(MONDAY + SECOND_NS, BTC, 49_990.0, 50_000.0)
    bought = desk.broker.order("buy")
    assert bought is not None
    assert bought.filled_qty == D("0.1")
    assert desk.held(BTC) == D("0.09975")
    assert desk.broker.account().cash == 95_000
    with pytest.raises(Refused, match="insufficient balance"):
        desk.send("all", BTC, SELL, "0.1")
    desk.send("sell", BTC, SELL, "0.09975")
    desk.venue.on_quote(MONDAY + 2 * SECOND_NS, BTC, 50_000.0, 50_010.0)
    assert desk.held(BTC) == 0
    assert desk.broker.account().cash == 95_000 + D("4987.5") * D("0.9975")
    fees = [each.fill for each in desk.updates() if each.fill]
    if Can.CODES not in desk.can:  # others tell the fees of executions in rows of their own
        assert [(fill.fee, fill.fee_asset) for fill in fees] == [
            (D("0.00025"), "BTC"),
            (D("12.46875"), "USD"),
        ]
    rows = desk.venue.activities()
    assert [(row.type, row.qty, row.net_amount) for row in rows] == [
        ("CFEE", D("-0.00025"), 0),
        ("CFEE", None, D("-12.46875")),
    ]


@asks(Can.DIRECT)
def test_every_movement_is_entered_and_adds_up(desk: Desk) -> None:
    desk.venue.deposit(MONDAY, D("2500.5"), "wire-1")
    desk.send("a", BTC, BUY, "0.5")
    desk.venue.on_quote(MONDAY + 1, BTC, 49_990.0, 50_000.0)
    desk.venue.deposit(MONDAY + 1, D("-500.5"), "wire-2")
    balance = {"USD": D(0), AAPL: D(0), ETH: D(0), BTC: D(0)}
    for number, change in enumerate(desk.venue.changes(), 1):
        balance[change.asset] += change.amount
        assert (change.number, change.balance) == (number, balance[change.asset])
    assert balance["USD"] == desk.broker.account().cash == 77_000
    assert {each.key: each.qty for each in desk.broker.positions()} == {
        key: balance[key] for key in (BTC, ETH, AAPL)
    }
    assert [each.cause for each in desk.venue.changes(after=3)] == [
        "flow",
        "fill",
        "fill",
        "fee",
        "flow",
    ]


@asks(Can.DIRECT)
def test_a_named_flow_is_booked_once(desk: Desk) -> None:
    for _ in range(3):
        desk.venue.deposit(MONDAY, D(1000), "wire-1")
    assert desk.broker.account().cash == 101_000
    with pytest.raises(Refused, match="insufficient balance for USD"):
        desk.venue.deposit(MONDAY, D("-101000.01"))
    for amount in ("NaN", "0", "Infinity", "1e300", "1e-300", f"1.{'1' * 300}"):
        with pytest.raises(Refused, match="amount"):
            desk.venue.deposit(MONDAY, D(amount))
    assert desk.broker.account().cash == 101_000


@asks(Can.DIRECT)
@pytest.mark.parametrize(("factor", "units"), [("2", D(20)), ("0.5", D(5)), ("1.5", D(15))])
def test_a_split_changes_units_and_price_once_and_ends_the_orders(
    desk: Desk, factor: str, units: Decimal
) -> None:
    desk.send("stop", AAPL, SELL, "10", type=OrderType.STOP, stop_price="150")
    equity = desk.broker.account().equity
    for _ in range(2):
        desk.venue.split(MONDAY + 1, AAPL, D(factor), "split-1")
    position = next(each for each in desk.broker.positions() if each.key == AAPL)
    assert (position.qty, position.qty_available) == (units, units)
    assert abs(position.qty * position.price - 2_000) < D("0.001")
    assert abs(desk.broker.account().equity - equity) < D("0.001")
    assert desk.status("stop") == "canceled"
    told = [each for each in desk.broker.activities() if each.type == "SPLIT"]
    assert [(each.key, each.qty, each.reference) for each in told] == [
        (AAPL, units - 10, "split-1")
    ]
    with pytest.raises(Refused, match="factor"):
        desk.venue.split(MONDAY + 2, AAPL, D(0), "split-2")


@asks(Can.DIRECT)
def test_equity_is_cash_and_what_is_held_at_last_prices(desk: Desk) -> None:
    account = desk.broker.account()
    assert account.equity == 100_000 + 10 * 200 + 2000
    assert (account.multiplier, account.is_blocked) == (4, False)
    assert account.at_ns == MONDAY
    assert [(each.key, each.price, each.avg_entry_price) for each in desk.broker.positions()] == [
        (ETH, D(2000), D(2000)),
        (AAPL, D(200), D(190)),
    ]


# -- the market -----------------------------------------------------------------------------------


BAD_QUOTES = {
    "nan bid": (math.nan, 200.0),
    "nan ask": (200.0, math.nan),
    "zero": (0.0, 200.0),
    "negative": (-1.0, 200.0),
    "infinite": (200.0, math.inf),
    "crossed": (200.1, 200.0),
}


@asks(Can.DIRECT)
def test_a_quote_that_cannot_be_is_refused_and_changes_nothing(desk: Desk) -> None:
    desk.send("a", AAPL, BUY, "1")
    before = (desk.broker.account(), desk.broker.updates(0))
    for wrong, (bid, ask) in BAD_QUOTES.items():
        with pytest.raises(BadData):
            desk.venue.on_quote(MONDAY + 1, AAPL, bid, ask)
        assert (desk.broker.account(), desk.broker.updates(0)) == before, wrong
    desk.venue.on_quote(MONDAY, AAPL, 200.0, 200.0)  # time did not move either
    assert desk.status("a") == "filled"


@asks(Can.DIRECT)
def test_time_does_not_go_back_and_strangers_have_no_price(desk: Desk) -> None:
    desk.venue.advance(MONDAY + 5)
    for late in (MONDAY + 4, 2**63):
        with pytest.raises(BadData):
            desk.venue.on_quote(late, AAPL, 200.0, 200.1)
        with pytest.raises(BadData):
            desk.venue.advance(late)
    with pytest.raises(BadData, match="us_equity:NONE"):
        desk.venue.on_quote(MONDAY + 5, Key("us_equity:NONE"), 200.0, 200.1)
    with pytest.raises(ConfigError, match="live"):
        desk.venue.print_opens(MONDAY + 5, [(AAPL, 200.0)])
    assert desk.broker.account().at_ns == MONDAY + 5


def bar_of(start: int, end: int, prices: tuple[float, float, float, float]) -> Bar:
    return Bar(start, end, prices[0], prices[1], prices[2], prices[3], 0.0)


GOOD = (200.0, 201.0, 199.0, 200.0)
BAD_BARS = {
    "nan open": (0, 0, (math.nan, 201.0, 199.0, 200.0)),
    "nan high": (0, 0, (200.0, math.nan, 199.0, 200.0)),
    "nan low": (0, 0, (200.0, 201.0, math.nan, 200.0)),
    "nan close": (0, 0, (200.0, 201.0, 199.0, math.nan)),
    "zero": (0, 0, (0.0, 201.0, 0.0, 200.0)),
    "infinite": (0, 0, (200.0, math.inf, 199.0, 200.0)),
    "crossed": (0, 0, (200.0, 199.0, 201.0, 200.0)),
    "open outside": (0, 0, (202.0, 201.0, 199.0, 200.0)),
    "close outside": (0, 0, (200.0, 201.0, 199.0, 198.0)),
    "not over yet": (0, MINUTE_NS, GOOD),
    "over before": (0, -MINUTE_NS, GOOD),
    "no length": (5 * MINUTE_NS, 0, GOOD),
}
"""Bars by what is wrong with them: shift of the start, shift of the end, prices."""


@asks(Can.DIRECT)
@pytest.mark.parametrize("is_watched", [False, True], ids=["quiet", "with-an-order"])
def test_a_bar_that_cannot_be_is_refused_and_changes_nothing(bars: Desk, is_watched: bool) -> None:
    if is_watched:
        bars.send("a", AAPL, BUY, "1", type=LIMIT, limit_price="199.5")
    start, end = MONDAY, MONDAY + 5 * MINUTE_NS
    coin = Bar(start, end, 50_000.0, 50_100.0, 49_900.0, 50_050.0, 0.0)
    share = bar_of(start, end, GOOD)
    before = (bars.broker.account(), bars.broker.updates(0))
    for wrong, (start_shift, end_shift, prices) in BAD_BARS.items():
        bad = bar_of(start + start_shift, end + end_shift, prices)
        with pytest.raises(BadData):
            bars.venue.close_bars(end, [(BTC, coin), (AAPL, bad)])
        assert (bars.broker.account(), bars.broker.updates(0)) == before, wrong
    with pytest.raises(BadData, match="once"):
        bars.venue.close_bars(end, [(BTC, coin), (BTC, coin)])
    bars.venue.close_bars(end, [(BTC, coin), (AAPL, share)])
    assert bars.events() == (["new", "fill"] if is_watched else [])
    overlapping = bar_of(end - 1, end + MINUTE_NS, GOOD)
    with pytest.raises(BadData, match="starts at"):
        bars.venue.close_bars(end + MINUTE_NS, [(AAPL, overlapping)])


@asks(Can.DIRECT)
def test_an_open_that_cannot_be_is_refused_and_changes_nothing(bars: Desk) -> None:
    bars.send("a", AAPL, BUY, "1")
    for price in (math.nan, 0.0, -1.0, math.inf):
        with pytest.raises(BadData):
            bars.venue.print_opens(MONDAY + 1, [(BTC, 51_000.0), (AAPL, price)])
    with pytest.raises(BadData):
        bars.venue.print_opens(MONDAY - 1, [(AAPL, 200.0)])
    assert bars.broker.account().at_ns == MONDAY
    with pytest.raises(ConfigError, match="bar"):
        bars.venue.on_quote(MONDAY, AAPL, 200.0, 200.1)
    assert bars.events() == ["new"]


@asks(Can.DIRECT)
def test_market_calls_may_be_repeated(bars: Desk) -> None:
    bars.send("a", AAPL, BUY, "1")
    bars.send("b", AAPL, BUY, "1", type=LIMIT, limit_price="198")
    end = MONDAY + 5 * MINUTE_NS
    for _ in range(3):
        bars.venue.close_bars(end, [(AAPL, Bar(MONDAY, end, 200.0, 201.0, 198.5, 200.0, 0.0))])
    for _ in range(3):
        bars.venue.print_opens(end, [(AAPL, 200.0)])
    for _ in range(3):
        bars.venue.fill_opens(end)
    assert bars.events() == ["new", "new", "fill"]
    assert bars.held(AAPL) == 1
    assert bars.broker.positions()[0].avg_entry_price == D("200.04")


@asks(Can.DIRECT)
def test_a_bar_run_ends_in_the_same_account_in_every_form(bars: Desk) -> None:
    """The figures are those of the rules: opens ± 0.02 % for shares, stops at the worse price."""
    bars.send("a", AAPL, BUY, "10", type=LIMIT, limit_price="202", time_in_force=IOC)
    end = MONDAY + 5 * MINUTE_NS
    bars.venue.close_bars(end, [(AAPL, Bar(MONDAY, end, 200.0, 201.0, 199.0, 201.0, 0.0))])
    bars.venue.print_opens(end, [(AAPL, 201.5)])
    bars.venue.fill_opens(end)
    bars.send("s", AAPL, SELL, "10", type=STOP, stop_price="199")
    start, end = end, end + 5 * MINUTE_NS
    bars.venue.close_bars(end, [(AAPL, Bar(start, end, 198.0, 199.0, 190.0, 195.0, 0.0))])
    fills = [each.fill for each in bars.broker.updates(0) if each.fill]
    assert [(fill.price, fill.at_ns) for fill in fills] == [
        (D("201.55"), start),
        (D("197.96"), end),
    ]
    assert bars.broker.account().cash == 100_000 + 10 * (D("197.96") - D("201.55"))


# -- what the stream says -------------------------------------------------------------------------


@asks(Can.DIRECT, Can.GROUPS)
def test_no_order_takes_a_step_that_its_state_does_not_know(desk: Desk) -> None:
    """One day of every kind of order; the table above is the venue's state machine."""
    desk.send("m", AAPL, BUY, "2", time_in_force=DAY)
    desk.send("i", BTC, BUY, "0.1", type=LIMIT, limit_price="40000", time_in_force=IOC)
    desk.send("l", BTC, BUY, "0.1", type=LIMIT, limit_price="49000")
    desk.venue.on_quote(MONDAY + 1, AAPL, 200.0, 200.1)
    desk.venue.on_quote(MONDAY + 1, BTC, 50_000.0, 50_010.0)
    desk.venue.replace("l", limit_price=D(48_000), new_client_order_id="l2")
    desk.send("b", AAPL, BUY, "4", order_class=BRACKET, take_profit="220", stop_loss="180")
    desk.venue.on_quote(MONDAY + 2, AAPL, 200.0, 200.1)
    stop = desk.legs("b")[STOP].order.client_order_id
    desk.venue.replace(stop, stop_price=D(185))
    desk.venue.on_quote(MONDAY + 3, AAPL, 184.0, 184.1)
    desk.send("d", AAPL, SELL, "1", type=LIMIT, limit_price="300", time_in_force=DAY)
    desk.venue.advance(at("2026-08-03T20:30+00:00"))
    desk.send("w", AAPL, SELL, "1", time_in_force=DAY)
    desk.venue.on_quote(at("2026-08-04T13:30+00:00"), AAPL, 190.0, 190.1)
    desk.broker.cancel("l2")

    seen: dict[str, str] = {}
    for update in desk.broker.updates(0):
        order = update.broker_order
        before = seen.get(order.broker_order_id, "held" if order.parent_id else "")
        assert order.status in SUCCESSORS[before] | (
            {before} if update.event == "restated" else set()
        )
        assert update.event in {"fill", "partial_fill", "restated", order.status}
        seen[order.broker_order_id] = order.status
    assert set(seen.values()) <= FINAL_STATUSES
    assert {desk.status(name): name for name in "milbdw"} == {
        "filled": "w",
        "canceled": "i",
        "replaced": "l",
        "expired": "d",
    }
    assert desk.held(AAPL) == 11


@pytest.fixture
def crumbs(form: Form, tmp_path: Path) -> Iterator[Desk]:
    """A venue that fills in parts."""
    config = SimConfig(mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.9, seed=7)
    with form(config, tmp_path) as desk:
        desk.venue.on_quote(MONDAY, BTC, 49_990.0, 50_010.0)
        yield desk


def test_each_part_is_told_once_and_they_add_up(crumbs: Desk) -> None:
    """Whoever tells, and whether it does so at once: nothing twice, nothing missing, in order."""
    crumbs.send("whole", BTC, BUY, "0.5")
    crumbs.send("part", BTC, BUY, "0.5", type=LIMIT, limit_price="50015")
    crumbs.send("rests", BTC, BUY, "0.1", type=LIMIT, limit_price="40000")
    second = 0
    while crumbs.status("whole") != "filled":
        second += 1
        at_ns = MONDAY + second * SECOND_NS
        crumbs.venue.on_quote(at_ns, BTC, 49_990.0, 50_010.0 if second < 3 else 50_020.0)
        if second % 3 == 0:
            crumbs.updates()
    assert second > 3
    crumbs.broker.cancel("part")
    crumbs.broker.cancel("rests")
    told = crumbs.updates()
    sequences = [each.sequence for each in told]
    assert sequences == sorted(set(sequences))
    assert list(crumbs.broker.updates(sequences[1])) == list(told[2:])
    for name in ("whole", "part", "rests"):
        order = crumbs.broker.order(name)
        assert order is not None
        own = [each for each in told if each.broker_order.order.client_order_id == name]
        fills = [each.fill for each in own if each.fill]
        assert len({fill.execution_id for fill in fills}) == len(fills)
        assert sum((fill.qty for fill in fills), D(0)) == order.filled_qty
        filled = [each.broker_order.filled_qty for each in own]
        assert filled == sorted(filled)
        assert [each.broker_order.is_open for each in own].count(False) == 1
        assert own[-1].broker_order.status == order.status
    whole, part = crumbs.broker.order("whole"), crumbs.broker.order("part")
    assert whole is not None
    assert part is not None
    assert (whole.status, part.status) == ("filled", "canceled")
    assert 0 < part.filled_qty < D("0.5")
    bought = whole.filled_qty + part.filled_qty
    assert abs(crumbs.held(BTC) - bought * D("0.9975")) < D("1e-6")


def test_a_form_can_do_what_its_broker_promises(desk: Desk) -> None:
    """And is asked for it: no test is left out for a form whose capabilities say more."""
    says = desk.broker.capabilities
    assert says.has_shares == (Can.SHARES in desk.can)
    assert says.has_trailing_stops == (Can.TRAILING in desk.can)
    assert says.replaces_at_once == (Can.STEPS in desk.can)
    assert says.rejects_repeated_ids == (Can.FOREVER in desk.can)
    assert says.has_groups >= (Can.GROUPS in desk.can)
    assert says.lends == (desk.broker.account().multiplier > 1)
    assert not says.has_coin_stops
    assert says.fee_from_received
