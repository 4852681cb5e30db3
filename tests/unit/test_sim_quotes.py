"""The simulated venue on quotes: orders meet the far side of the book, some in parts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import SECOND_NS
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


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS


MONDAY = at("2026-08-03T14:00+00:00")


def venue(at_ns: int = MONDAY, **config: Any) -> SimBroker:
    """Return a venue on quotes that has seen one of each symbol, and holds some of two."""
    words: dict[str, Any] = {
        "positions": (Start(AAPL, D(10), D(200)), Start(BTC, D(1), D(50_000))),
        "partial_probability": 0.0,
        "mode": Mode.LIVE,
        "opened_at_ns": at_ns,
    } | config
    broker = SimBroker(Registry.builtin(), config=SimConfig(**words))
    for key, price in ((AAPL, 200.0), (SPY, 500.0), (BTC, 50_000.0)):
        broker.on_quote(at_ns, key, price, price)
    return broker


def order_of(name: str, side: Side, qty: str = "10", key: Key = AAPL, **more: Any) -> Order:
    words: dict[str, Any] = {
        word: D(value) if word.endswith(("price", "profit", "loss", "limit")) else value
        for word, value in ({"time_in_force": GTC} | more).items()
    }
    return Order(client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), **words)


def send(broker: SimBroker, *words: Any, **more: Any) -> BrokerOrder:
    return broker.submit(Approved(order_of(*words, **more), "test"))


def seen(broker: SimBroker, name: str) -> tuple[str, Decimal | None]:
    order = broker.order(name)
    assert order is not None
    return order.status, order.filled_avg_price


# -- at which price -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "words", "status", "price"),
    [
        pytest.param(BUY, {}, "filled", "200.1", id="market-buys-at-the-ask"),
        pytest.param(SELL, {}, "filled", "199.9", id="market-sells-at-the-bid"),
        pytest.param(BUY, {"limit_price": "200.1"}, "filled", "200.1", id="limit-at-the-ask"),
        pytest.param(BUY, {"limit_price": "200.09"}, "new", None, id="limit-inside-the-spread"),
        pytest.param(BUY, {"limit_price": "205"}, "filled", "200.1", id="limit-is-not-paid"),
        pytest.param(SELL, {"limit_price": "199.9"}, "filled", "199.9", id="sale-at-the-bid"),
        pytest.param(SELL, {"limit_price": "199.91"}, "new", None, id="sale-inside-the-spread"),
        pytest.param(SELL, {"stop_price": "199.95"}, "filled", "199.9", id="bid-reaches-a-stop"),
        pytest.param(SELL, {"stop_price": "199.89"}, "new", None, id="bid-above-a-stop"),
        pytest.param(BUY, {"stop_price": "200.1"}, "filled", "200.1", id="ask-reaches-a-stop"),
        pytest.param(BUY, {"stop_price": "200.11"}, "new", None, id="ask-below-a-stop"),
    ],
)
def test_orders_meet_the_far_side_of_the_next_quote(
    side: Side, words: dict[str, Any], status: str, price: str | None
) -> None:
    kind = {"limit_price": LIMIT, "stop_price": STOP}.get("".join(words), OrderType.MARKET)
    with venue() as broker:
        send(broker, "a", side, type=kind, **words)
        assert seen(broker, "a") == ("new", None)  # never inside `submit`
        broker.on_quote(MONDAY + 1, AAPL, 199.9, 200.1)
        assert seen(broker, "a") == (status, None if price is None else D(price))


def test_a_quote_of_another_symbol_moves_nothing() -> None:
    with venue() as broker:
        send(broker, "a", BUY)
        broker.on_quote(MONDAY + 1, SPY, 100.0, 100.1)
        assert seen(broker, "a") == ("new", None)


def test_an_order_that_comes_after_a_quote_meets_it_while_it_stands() -> None:
    with venue() as broker:
        broker.on_quote(MONDAY + 1, AAPL, 199.9, 200.1)
        send(broker, "a", BUY)
        send(broker, "b", BUY, type=LIMIT, limit_price="200")
        send(broker, "c", BUY, key=SPY)
        assert seen(broker, "a") == ("new", None)  # never inside `submit`
        broker.meet_newcomers(MONDAY + SECOND_NS)
        assert seen(broker, "a") == ("filled", D("200.1"))
        assert seen(broker, "b") == ("new", None)  # inside the spread
        assert seen(broker, "c") == ("filled", D(500))
        assert broker.now_ns == MONDAY + SECOND_NS


def test_a_quote_that_is_a_second_old_fills_nothing_more() -> None:
    with venue() as broker:
        send(broker, "a", BUY)
        broker.meet_newcomers(MONDAY + SECOND_NS + 1)
        assert seen(broker, "a") == ("new", None)
        broker.on_quote(MONDAY + 2 * SECOND_NS, AAPL, 199.9, 200.1)
        assert seen(broker, "a") == ("filled", D("200.1"))


def test_an_order_meets_a_quote_once() -> None:
    """What is left of one that was filled in part waits for the next quote."""
    with venue(partial_probability=1.0, seed=3) as broker:
        send(broker, "a", BUY, "1000")
        for number in range(1, 4):
            broker.meet_newcomers(MONDAY + number)
        (update,) = [each for each in broker.updates(0) if each.fill is not None]
        assert update.event == "partial_fill"
        broker.on_quote(MONDAY + 10, AAPL, 200.0, 200.0)
        broker.meet_newcomers(MONDAY + 11)
        assert len([each for each in broker.updates(0) if each.fill is not None]) == 2


def test_a_share_meets_no_standing_quote_once_its_session_is_over() -> None:
    friday = at("2026-08-07T19:59:59.5+00:00") + SECOND_NS // 2
    with venue(friday) as broker:
        send(broker, "a", BUY)
        send(broker, "b", BUY, "0.1", key=BTC)
        broker.meet_newcomers(at("2026-08-07T20:00+00:00"))
        assert seen(broker, "a")[0] == "new"
        assert seen(broker, "b")[0] == "filled"


def test_a_gap_through_a_stop_sells_at_the_worse_price() -> None:
    with venue() as broker:
        send(broker, "a", SELL, type=STOP, stop_price="195")
        broker.on_quote(MONDAY + 1, AAPL, 180.0, 180.1)
        assert seen(broker, "a") == ("filled", D(180))


def test_a_stop_limit_that_was_jumped_over_rests_at_its_limit() -> None:
    with venue() as broker:
        send(broker, "a", SELL, type=STOP_LIMIT, stop_price="195", limit_price="194")
        broker.on_quote(MONDAY + 1, AAPL, 180.0, 180.1)
        assert seen(broker, "a") == ("new", None)
        broker.on_quote(MONDAY + 2, AAPL, 193.99, 194.1)
        assert seen(broker, "a") == ("new", None)
        broker.on_quote(MONDAY + 3, AAPL, 196.0, 196.1)  # above the stop again: it was reached
        assert seen(broker, "a") == ("filled", D(196))


def test_an_immediate_order_sees_one_quote() -> None:
    with venue() as broker:
        send(broker, "a", BUY, type=LIMIT, limit_price="199", time_in_force=IOC)
        broker.on_quote(MONDAY + 1, AAPL, 199.9, 200.1)
        broker.on_quote(MONDAY + 2, AAPL, 198.0, 198.1)
        assert seen(broker, "a") == ("canceled", None)


def test_exits_that_a_quote_wakes_wait_for_the_next() -> None:
    with venue() as broker:
        send(
            broker,
            "a",
            BUY,
            "1",
            type=LIMIT,
            limit_price="205",
            order_class=OrderClass.OTO,
            take_profit="199",
        )
        broker.on_quote(MONDAY + 1, AAPL, 200.0, 200.1)
        assert [each.event for each in broker.updates(0)] == ["new", "fill", "new"]
        broker.on_quote(MONDAY + 2, AAPL, 200.0, 200.1)
        assert broker.updates(0)[-1].event == "fill"


def test_a_share_does_not_trade_outside_its_session_and_a_coin_does() -> None:
    with venue() as broker:
        send(broker, "stop", SELL, type=STOP, stop_price="195")
        send(broker, "coin", BUY, "0.01", BTC)
        broker.on_quote(at("2026-08-03T20:00+00:00"), AAPL, 150.0, 150.1)
        broker.on_quote(at("2026-08-03T20:00+00:00"), BTC, 50_000.0, 50_001.0)
        assert (seen(broker, "stop")[0], seen(broker, "coin")[0]) == ("new", "filled")
        broker.on_quote(at("2026-08-04T13:30+00:00"), AAPL, 150.0, 150.1)
        assert seen(broker, "stop") == ("filled", D(150))


# -- in parts -------------------------------------------------------------------------------------


def traded(seed: int, qty: str = "1000", key: Key = AAPL) -> list[Decimal]:
    with venue(seed=seed, partial_probability=0.7) as broker:
        send(broker, "a", BUY, qty, key, type=LIMIT, limit_price="201" if key == AAPL else "51000")
        for number in range(40):
            broker.on_quote(MONDAY + number, key, *((200, 200) if key == AAPL else (5e4, 5e4)))
        fills = [each.fill.qty for each in broker.updates(0) if each.fill]
        assert seen(broker, "a")[0] == "filled"
        assert sum(fills) == D(qty)
        events = [each.event for each in broker.updates(0)]
        assert events == ["new", *["partial_fill"] * (len(fills) - 1), "fill"]
        return fills


def test_fills_in_parts_add_up_and_depend_on_the_seed_alone() -> None:
    runs = {seed: traded(seed) for seed in range(8)}
    assert runs == {seed: traded(seed) for seed in range(8)}
    assert len({tuple(fills) for fills in runs.values()}) > 5
    assert max(map(len, runs.values())) > 2


def test_whole_shares_trade_in_whole_shares_and_coins_in_their_steps() -> None:
    assert all(qty == int(qty) for seed in range(8) for qty in traded(seed))
    coins = [qty for seed in range(8) for qty in traded(seed, "1.5", BTC)]
    assert any(qty != int(qty) for qty in coins)
    assert all(qty % D("1e-9") == 0 for qty in coins)


@pytest.mark.parametrize(("chance", "parts"), [(0.0, False), (1.0, True)])
def test_the_chance_of_a_part_is_that_of_the_configuration(chance: float, parts: bool) -> None:
    with venue(partial_probability=chance) as broker:
        send(broker, "a", BUY, "1000")
        broker.on_quote(MONDAY + 1, AAPL, 200.0, 200.0)
        assert (seen(broker, "a")[0] == "partially_filled") is parts


def test_what_an_immediate_order_got_in_part_it_keeps() -> None:
    with venue(partial_probability=1.0) as broker:
        send(broker, "a", BUY, "1000", time_in_force=IOC)
        broker.on_quote(MONDAY + 1, AAPL, 200.0, 200.0)
        order = broker.order("a")
        assert order is not None
        assert (order.status, 0 < order.filled_qty < 1000) == ("canceled", True)
        assert [each.event for each in broker.updates(0)] == ["new", "partial_fill", "canceled"]
        assert broker.positions()[1].qty == 10 + order.filled_qty


def test_a_stop_that_sold_in_part_goes_on_selling() -> None:
    with venue(partial_probability=1.0, positions=(Start(AAPL, D(1000), D(200)),)) as broker:
        send(broker, "a", SELL, "1000", type=STOP, stop_price="195")
        broker.on_quote(MONDAY + 1, AAPL, 190.0, 190.1)
        first = broker.order("a")
        broker.on_quote(MONDAY + 2, AAPL, 199.0, 199.1)
        second = broker.order("a")
        assert first is not None
        assert second is not None
        assert 0 < first.filled_qty < second.filled_qty


def test_a_purchase_that_cannot_be_paid_to_its_end_is_canceled_and_not_rejected() -> None:
    """The venue knows no way from partially filled to rejected."""
    with venue(partial_probability=1.0, cash=D(30_000), multiplier=1, positions=()) as broker:
        send(broker, "a", BUY, "100")
        broker.on_quote(MONDAY + 1, AAPL, 200.0, 200.0)
        broker.on_quote(MONDAY + 2, AAPL, 5000.0, 5000.0)
        assert seen(broker, "a")[0] == "canceled"
        assert broker.updates(0)[-1].reason == "insufficient buying power at the price met"
        assert broker.account().cash >= 0
