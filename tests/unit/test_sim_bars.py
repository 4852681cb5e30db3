"""The simulated venue on bars: who trades when, and at which price."""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import msgspec
import pytest

from smart_leverage.brokers.sim import SimBroker, SimConfig, Start
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Order,
    OrderClass,
    OrderType,
    Side,
    TimeInForce,
)
from smart_leverage.domain.registry import Registry

D = Decimal
AAPL, SPY, BTC = Key("us_equity:AAPL"), Key("us_equity:SPY"), Key("crypto:BTC/USD")
BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT
DAY, GTC, IOC = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC
STEP = 5 * MINUTE_NS


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS


MONDAY = at("2026-08-03T14:00+00:00")


class Pit:
    """A venue with ten shares of each of two stocks and a coin, moved bar by bar."""

    def __init__(self, at_ns: int = MONDAY, **config: Any) -> None:
        held = (Start(AAPL, D(10), D(200)), Start(SPY, D(10), D(200)), Start(BTC, D(1), D(50_000)))
        self.at_ns = at_ns
        self.broker = SimBroker(
            Registry.builtin(),
            config=SimConfig(opened_at_ns=at_ns, positions=held, **config),
        )

    def open(self, price: float, *keys: Key) -> None:
        self.broker.print_opens(self.at_ns, [(key, price) for key in keys or (AAPL,)])
        self.broker.fill_opens(self.at_ns)

    def bar(
        self,
        first: float,
        high: float,
        low: float,
        close: float,
        key: Key = AAPL,
        step: int = STEP,
    ) -> None:
        start, self.at_ns = self.at_ns, self.at_ns + step
        bar = Bar(start, self.at_ns, first, high, low, close, 0.0)
        self.broker.close_bars(self.at_ns, [(key, bar)])

    def send(self, name: str, side: Side, qty: str = "10", key: Key = AAPL, **more: Any) -> None:
        words: dict[str, Any] = {
            word: D(value) if word.endswith(("price", "profit", "loss", "limit")) else value
            for word, value in ({"time_in_force": GTC} | more).items()
        }
        order = Order(client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), **words)
        self.broker.submit(Approved(order, "test"))

    def order(self, name: str) -> BrokerOrder:
        order = self.broker.order(name)
        assert order is not None
        return order

    def seen(self, name: str) -> tuple[str, Decimal | None]:
        order = self.order(name)
        return order.status, order.filled_avg_price

    def leg(self, name: str, kind: OrderType) -> tuple[str, Decimal | None]:
        parent = self.order(name).broker_order_id
        found = [each for each in self.broker.orders() if each.parent_id == parent]
        (leg,) = [each for each in found if each.order.type is kind]
        return leg.status, leg.filled_avg_price


@pytest.fixture
def pit() -> Pit:
    pit = Pit()
    pit.open(200.0, AAPL, SPY)
    return pit


# -- openings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "words", "status", "price"),
    [
        pytest.param(BUY, {}, "filled", "202.05", id="market-buy-pays-the-costs"),
        pytest.param(SELL, {}, "filled", "201.95", id="market-sale-pays-them-too"),
        pytest.param(BUY, {"limit_price": "202.05"}, "filled", "202.05", id="limit-just-enough"),
        pytest.param(BUY, {"limit_price": "202.04"}, "new", None, id="limit-above-the-open-only"),
        pytest.param(BUY, {"limit_price": "210"}, "filled", "202.05", id="limit-is-not-paid"),
        pytest.param(SELL, {"limit_price": "201.95"}, "filled", "201.95", id="sale-just-enough"),
        pytest.param(SELL, {"limit_price": "201.96"}, "new", None, id="sale-asks-too-much"),
    ],
)
@pytest.mark.parametrize("lasts", [DAY, GTC, IOC])
def test_at_an_opening_orders_trade_at_open_and_costs_or_not_at_all(
    pit: Pit, side: Side, words: dict[str, Any], status: str, price: str | None, lasts: TimeInForce
) -> None:
    kind = LIMIT if words else OrderType.MARKET
    pit.bar(200.0, 203.0, 199.0, 202.0)
    pit.send("a", side, type=kind, time_in_force=lasts, **words)
    pit.open(202.0)
    if status == "new" and lasts is IOC:
        status = "canceled"
    assert pit.seen("a") == (status, None if price is None else D(price))


def test_a_market_order_waits_for_the_next_opening_of_its_own_symbol(pit: Pit) -> None:
    pit.send("a", BUY)
    pit.send("i", BUY, time_in_force=IOC)
    pit.bar(200.0, 205.0, 195.0, 201.0)
    pit.open(200.0, SPY)
    assert (pit.order("a").status, pit.order("i").status) == ("new", "new")
    pit.open(201.0, AAPL)
    assert (pit.order("a").status, pit.order("i").status) == ("filled", "filled")


def test_nothing_trades_between_the_print_and_the_fill(pit: Pit) -> None:
    pit.send("a", BUY, type=LIMIT, limit_price="201", time_in_force=IOC)
    pit.send("b", BUY, type=LIMIT, limit_price="201", time_in_force=IOC)
    pit.broker.print_opens(MONDAY + 1, [(AAPL, 200.0)])
    assert pit.order("a").status == "new"
    assert pit.broker.positions()[1].price == D(200)
    pit.broker.cancel("a")
    pit.send("late", BUY, time_in_force=IOC)
    pit.broker.fill_opens(MONDAY + 1)
    statuses = [pit.order(name).status for name in ("a", "b", "late")]
    assert statuses == ["canceled", "filled", "new"]


def test_an_order_for_one_opening_sees_one_only(pit: Pit) -> None:
    pit.bar(200.0, 201.0, 199.0, 200.0)
    pit.send("a", BUY, type=LIMIT, limit_price="200.5", time_in_force=IOC)
    pit.open(205.0)
    pit.bar(205.0, 205.0, 190.0, 190.0)
    pit.open(190.0)
    assert pit.seen("a") == ("canceled", None)
    assert pit.broker.updates(0)[-1].reason == "not filled at once"


def test_orders_trade_in_the_order_of_the_registry_and_not_of_the_call() -> None:
    pit = Pit()
    for name, key in (("s", SPY), ("b", BTC), ("a", AAPL)):
        pit.broker.print_opens(MONDAY, [(key, 200.0)])
        pit.send(name, BUY, "1", key=key)
    pit.at_ns += 1
    pit.open(200.0, SPY, BTC, AAPL)
    filled = [each for each in pit.broker.updates(0) if each.event == "fill"]
    assert [each.broker_order.order.client_order_id for each in filled] == ["b", "a", "s"]


# -- inside a bar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "bar", "status", "price"),
    [
        pytest.param(
            {"stop_price": "195"}, (200, 201, 195.01, 198), "new", None, id="stop-not-reached"
        ),
        pytest.param(
            {"stop_price": "195"}, (200, 201, 195, 198), "filled", "194.96", id="stop-touched"
        ),
        pytest.param(
            {"stop_price": "195"}, (190, 199, 185, 198), "filled", "189.96", id="gap-through-stop"
        ),
        pytest.param(
            {"stop_price": "195", "limit_price": "194.9"},
            (200, 201, 190, 198),
            "filled",
            "194.96",
            id="stop-limit-in-a-slow-fall",
        ),
        pytest.param(
            {"stop_price": "195", "limit_price": "194"},
            (190, 196, 189, 192),
            "new",
            None,
            id="gap-through-stop-limit",
        ),
        pytest.param(
            {"limit_price": "205"}, (200, 205, 199, 201), "new", None, id="target-touched"
        ),
        pytest.param(
            {"limit_price": "205"}, (200, 206, 199, 201), "filled", "205", id="target-passed"
        ),
        pytest.param(
            {"limit_price": "205"}, (210, 212, 209, 211), "filled", "209.95", id="gap-over-target"
        ),
    ],
)
def test_a_resting_sale_meets_the_range_of_a_bar(
    pit: Pit, words: dict[str, Any], bar: tuple[float, ...], status: str, price: str | None
) -> None:
    kind = STOP_LIMIT if len(words) == 2 else STOP if "stop_price" in words else LIMIT
    pit.send("a", SELL, type=kind, **words)
    first, high, low, close = bar
    pit.bar(first, high, low, close)
    assert pit.seen("a") == (status, None if price is None else D(price))


def test_a_stop_limit_that_was_jumped_over_rests_at_its_limit(pit: Pit) -> None:
    pit.send("a", SELL, type=STOP_LIMIT, stop_price="195", limit_price="194")
    pit.bar(190.0, 196.0, 189.0, 192.0)
    pit.open(192.0)
    pit.bar(192.0, 194.5, 191.0, 193.0)
    assert pit.seen("a") == ("filled", D(194))


def test_a_buy_stop_is_bounded_by_the_venue(pit: Pit) -> None:
    """From 50 up its limit is 2.5 % above the stop: 210 × 1.025 = 215.25."""
    pit.send("slow", BUY, "1", type=STOP, stop_price="210")
    pit.send("fast", BUY, "1", key=SPY, type=STOP, stop_price="210")
    pit.bar(200.0, 211.0, 200.0, 210.5)
    assert pit.seen("slow") == ("filled", D("210.05"))
    pit.at_ns -= STEP
    pit.bar(216.0, 220.0, 215.9, 219.0, key=SPY)
    assert pit.seen("fast") == ("new", None)
    pit.open(219.0, SPY)
    pit.bar(219.0, 220.0, 215.0, 216.0, key=SPY)
    assert pit.seen("fast") == ("filled", D("215.25"))


def test_the_stop_comes_before_the_target_in_one_bar(pit: Pit) -> None:
    pit.send("a", SELL, type=LIMIT, order_class=OrderClass.OCO, take_profit="205", stop_loss="195")
    pit.bar(204.0, 210.0, 194.0, 209.0)
    assert pit.leg("a", STOP) == ("filled", D("194.96"))
    assert pit.seen("a") == ("canceled", None)


def test_an_order_sees_nothing_of_what_happened_before_it(pit: Pit) -> None:
    """It was sent in the middle of the bar, whose low may have been before."""
    pit.broker.advance(MONDAY + 3 * MINUTE_NS)
    pit.send("limit", BUY, "1", type=LIMIT, limit_price="195")
    pit.send("stop", SELL, "1", key=SPY, type=STOP, stop_price="195")
    pit.bar(200.0, 201.0, 190.0, 199.0)
    assert pit.order("limit").status == "new"
    pit.at_ns = MONDAY
    pit.bar(200.0, 201.0, 190.0, 194.0, key=SPY)
    assert pit.seen("stop") == ("filled", D("193.96"))  # its close came after, for certain


@pytest.mark.parametrize(
    ("close", "stop", "target"),
    [
        pytest.param(197.0, ("new", None), ("new", None), id="between"),
        pytest.param(194.0, ("filled", D("193.96")), ("canceled", None), id="below-the-stop"),
        pytest.param(206.0, ("canceled", None), ("filled", D("205.95")), id="over-the-target"),
    ],
)
def test_exits_that_wake_inside_a_bar_meet_its_close(
    pit: Pit, close: float, stop: tuple[str, Any], target: tuple[str, Any]
) -> None:
    pit.send(
        "a",
        BUY,
        type=LIMIT,
        limit_price="198",
        order_class=OrderClass.BRACKET,
        take_profit="205",
        stop_loss="195",
    )
    pit.bar(200.0, 207.0, 190.0, close)
    assert pit.seen("a") == ("filled", D(198))
    assert (pit.leg("a", STOP), pit.leg("a", LIMIT)) == (stop, target)


def test_a_limit_waits_for_the_far_side_of_the_book_and_pays_as_a_maker(pit: Pit) -> None:
    pit.open(50_000.0, BTC)
    pit.send("a", BUY, "0.1", key=BTC, type=LIMIT, limit_price="49000")
    pit.bar(50_000.0, 50_000.0, 48_990.0, 50_000.0, key=BTC)
    assert pit.order("a").status == "new"  # 48,990 × 1.0005 is above the limit
    pit.bar(50_000.0, 50_000.0, 48_970.0, 50_000.0, key=BTC)
    assert pit.seen("a") == ("filled", D(49_000))
    fill = pit.broker.updates(0)[-1].fill
    assert fill is not None
    assert (fill.fee, fill.fee_asset) == (D("0.00015"), "BTC")


# -- sessions and ends ----------------------------------------------------------------------------


def test_a_bar_outside_the_session_trades_no_shares(pit: Pit) -> None:
    pit.send("a", SELL, type=STOP, stop_price="195")
    pit.send("m", BUY, key=SPY)
    pit.at_ns = at("2026-08-03T20:00+00:00")
    pit.open(180.0, AAPL, SPY)
    pit.bar(180.0, 190.0, 170.0, 185.0)
    assert (pit.order("a").status, pit.order("m").status) == ("new", "new")
    pit.at_ns = at("2026-08-04T13:00+00:00")
    pit.bar(188.0, 190.0, 170.0, 185.0, step=HOUR_NS)  # the session begins in the middle of it
    assert pit.seen("a") == ("filled", D("187.96"))


def test_an_order_sees_no_bar_that_began_after_its_end(pit: Pit) -> None:
    """Also when nobody told the venue in between that its time was up."""
    pit.send("a", BUY, type=LIMIT, limit_price="195", time_in_force=DAY)
    pit.at_ns = at("2026-08-04T13:30+00:00")
    pit.bar(190.0, 191.0, 189.0, 190.0)
    assert pit.seen("a") == ("expired", None)


def test_the_last_bar_of_a_session_still_counts(pit: Pit) -> None:
    pit.send("a", BUY, type=LIMIT, limit_price="195", time_in_force=DAY)
    pit.at_ns = at("2026-08-03T19:55+00:00")
    pit.bar(196.0, 196.0, 190.0, 191.0)
    assert pit.seen("a") == ("filled", D(195))


def test_an_opening_that_comes_too_late_finds_the_order_gone(pit: Pit) -> None:
    pit.send("a", BUY, type=LIMIT, limit_price="195", time_in_force=DAY)
    pit.broker.print_opens(MONDAY + 1, [(AAPL, 190.0)])
    pit.broker.fill_opens(at("2026-08-03T20:00+00:00"))
    assert pit.seen("a") == ("expired", None)


def test_bars_never_fill_in_parts() -> None:
    pit = Pit(partial_probability=1.0)
    pit.open(200.0)
    for number in range(5):
        pit.bar(200.0, 201.0, 199.0, 200.0)
        pit.send(str(number), BUY, "7")
        pit.open(200.0)
        assert pit.order(str(number)).filled_qty == 7


def test_a_purchase_beyond_the_funds_at_its_opening_is_rejected() -> None:
    pit = Pit(multiplier=1, cash=D(2100))
    pit.open(200.0)
    pit.send("a", BUY)
    pit.bar(200.0, 220.0, 200.0, 220.0)
    pit.open(220.0)
    assert pit.order("a").status == "rejected"
    last = pit.broker.updates(0)[-1]
    assert (last.event, last.reason) == (
        "rejected",
        "insufficient buying power at the price met",
    )
    assert pit.broker.account().cash == 2100


@pytest.mark.parametrize("price", [0.00001234, 0.5, 0.99985, 33.333, 200.0, 65_432.1, 1e9])
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("key", [AAPL, BTC, Key("crypto:SHIB/USD")])
def test_no_rounding_ever_passes_a_limit(key: Key, side: Side, price: float) -> None:
    """Limits of one tick to either side of the price that the costs lead to."""
    direction, rate = (1 if side is BUY else -1), (0.0002 if key == AAPL else 0.001)
    paid = D(repr(price * (1 + direction * rate)))
    tick = Registry.builtin()[key].tick_at(paid)
    rounding = ROUND_CEILING if side is BUY else ROUND_FLOOR
    for steps in (-1, 0, 1):
        limit = ((paid / tick).to_integral_value(rounding) + direction * steps) * tick
        if limit <= 0:
            continue
        held = (Start(key, D(10) ** 8, D(1)),)
        config = SimConfig(opened_at_ns=MONDAY, cash=D(10) ** 14, positions=held)
        config = msgspec.structs.replace(config, coin_order_notional_max=D(10) ** 14)
        broker = SimBroker(Registry.builtin(), config=config)
        broker.print_opens(MONDAY, [(key, price)])
        broker.fill_opens(MONDAY)
        order = Order(
            client_order_id="a",
            bot="bot",
            key=key,
            side=side,
            qty=D(1) if price > 10 else D(10) ** 7,
            type=LIMIT,
            limit_price=limit,
            time_in_force=IOC,
        )
        broker.submit(Approved(order, "test"))
        broker.print_opens(MONDAY + 1, [(key, price)])
        broker.fill_opens(MONDAY + 1)
        answer = broker.order("a")
        assert answer is not None
        is_fine = tick * 10**15 > paid  # a float can tell one tick from the next
        if is_fine:
            assert answer.status == ("canceled" if steps < 0 else "filled")
        fill = broker.updates(0)[-1].fill
        assert fill is None or direction * fill.price <= direction * limit
