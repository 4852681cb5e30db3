"""Sessions of shares, coins around the clock, and when orders end by themselves."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Order,
    OrderType,
    Side,
    TimeInForce,
)
from smart_leverage.domain.registry import Registry

D = Decimal
AAPL, SPY, BTC = Key("us_equity:AAPL"), Key("us_equity:SPY"), Key("crypto:BTC/USD")
BUY, SELL = Side.BUY, Side.SELL
LIMIT = OrderType.LIMIT
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


def states(broker: SimBroker, name: str) -> list[str]:
    return [
        each.broker_order.status
        for each in broker.updates(0)
        if each.broker_order.order.client_order_id == name
    ]


@pytest.mark.parametrize(
    ("sent", "opens", "closes"),
    [
        pytest.param("2026-08-03T14:00", None, "2026-08-03T20:00", id="in-the-session"),
        pytest.param("2026-08-03T13:30", None, "2026-08-03T20:00", id="at-the-open"),
        pytest.param("2026-08-03T13:29", "2026-08-03T13:30", "2026-08-03T20:00", id="before-it"),
        pytest.param("2026-08-03T20:00", "2026-08-04T13:30", "2026-08-04T20:00", id="at-the-close"),
        pytest.param("2026-08-07T22:00", "2026-08-10T13:30", "2026-08-10T20:00", id="on-a-friday"),
        pytest.param("2026-11-26T15:00", "2026-11-27T14:30", "2026-11-27T18:00", id="thanksgiving"),
        pytest.param("2026-11-27T17:59", None, "2026-11-27T18:00", id="half-day"),
        pytest.param(
            "2026-11-27T18:00", "2026-11-30T14:30", "2026-11-30T21:00", id="half-day-over"
        ),
        pytest.param("2026-07-03T15:00", "2026-07-06T13:30", "2026-07-06T20:00", id="holiday"),
        pytest.param("2026-03-09T13:29", "2026-03-09T13:30", "2026-03-09T20:00", id="summer-time"),
    ],
)
def test_a_day_order_lives_in_one_session(sent: str, opens: str | None, closes: str) -> None:
    sent_ns, close_ns = at(sent + "+00:00"), at(closes + "+00:00")
    with venue(sent_ns) as broker:
        answer = send(broker, "a", BUY, type=LIMIT, limit_price="100", time_in_force=DAY)
        if opens is None:
            assert answer.status == "pending_new"
        else:
            open_ns = at(opens + "+00:00")
            assert answer.status == "accepted"
            broker.advance(open_ns - 1)
            assert states(broker, "a") == ["accepted"]
            broker.advance(open_ns)
            assert states(broker, "a") == ["accepted", "new"]
        broker.advance(close_ns - 1)
        assert states(broker, "a")[-1] == "new"
        broker.advance(close_ns)
        assert states(broker, "a")[-1] == "expired"
        assert broker.updates(0)[-1].at_ns == close_ns


def test_a_coin_order_never_waits() -> None:
    sunday = at("2026-08-02T03:00+00:00")
    with venue(sunday) as broker:
        assert send(broker, "a", BUY, "0.01", BTC).status == "pending_new"
        assert send(broker, "b", BUY, "0.01", BTC, time_in_force=IOC).status == "pending_new"
        broker.on_quote(sunday + 1, BTC, 50_000.0, 50_000.0)
        assert seen(broker, "a")[0] == seen(broker, "b")[0] == "filled"


def test_a_patient_order_rests_over_nights_and_weekends() -> None:
    with venue() as broker:
        send(broker, "a", BUY, type=LIMIT, limit_price="150")
        for day in range(1, 60):
            broker.advance(MONDAY + day * 86_400 * SECOND_NS)
        assert states(broker, "a") == ["new"]


def test_an_immediate_order_of_a_closed_session_waits_for_its_first_quote() -> None:
    night = at("2026-08-03T22:00+00:00")
    with venue(night) as broker:
        answer = send(broker, "a", BUY, type=LIMIT, limit_price="199", time_in_force=IOC)
        assert answer.status == "accepted"
        broker.on_quote(night + 1, AAPL, 190.0, 190.1)
        assert states(broker, "a") == ["accepted"]
        broker.on_quote(at("2026-08-04T13:30+00:00"), AAPL, 200.0, 200.1)
        assert states(broker, "a") == ["accepted", "new", "canceled"]


def test_an_order_that_waits_can_be_canceled_and_not_replaced() -> None:
    with venue(at("2026-08-03T22:00+00:00")) as broker:
        send(broker, "a", BUY, type=LIMIT, limit_price="150")
        with pytest.raises(Refused, match="isn't sent to exchange yet") as refusal:
            broker.replace("a", limit_price=D(151))
        assert refusal.value.broker_code == 40010001
        broker.cancel("a")
        assert states(broker, "a") == ["accepted", "canceled"]


def test_several_orders_end_in_the_order_they_were_sent() -> None:
    with venue() as broker:
        for name in "cab":
            send(broker, name, BUY, "1", type=LIMIT, limit_price="150", time_in_force=DAY)
        send(broker, "gtc", BUY, "1", type=LIMIT, limit_price="150")
        broker.advance(at("2026-08-05T00:00+00:00"))
        ended = [each for each in broker.updates(0) if each.event == "expired"]
        assert [each.broker_order.order.client_order_id for each in ended] == ["c", "a", "b"]


def test_funds_and_quantity_of_an_expired_order_are_free_again() -> None:
    with venue() as broker:
        before = broker.account()
        send(broker, "a", SELL, type=LIMIT, limit_price="250", time_in_force=DAY)
        send(broker, "b", BUY, "10", SPY, type=LIMIT, limit_price="400", time_in_force=DAY)
        broker.advance(at("2026-08-03T20:00+00:00"))
        after = broker.account()
        assert after.buying_power == before.buying_power
        assert broker.positions()[1].qty_available == 10
