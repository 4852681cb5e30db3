"""Every refusal of the simulated venue, with the venue's code and its words."""

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


BRACKET, OCO, OTO = OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO
FNGU = Key("us_equity:FNGU")
"""A note that is not traded in fractions."""

MALFORMED, FORBIDDEN, INADMISSIBLE = 40010001, 40310000, 42210000


def refused(broker: SimBroker, *words: Any, **more: Any) -> Refused:
    """Return the refusal, having seen that it changed nothing."""
    before = (broker.account(), broker.orders(), broker.updates(0), broker.changes())
    with pytest.raises(Refused) as refusal:
        send(broker, *words, **more)
    assert (broker.account(), broker.orders(), broker.updates(0), broker.changes()) == before
    return refusal.value


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        pytest.param((BUY, "1"), {"type": LIMIT}, "limit orders require limit_price", id="limit"),
        pytest.param((BUY, "1"), {"type": STOP}, "stop orders require stop_price", id="stop"),
        pytest.param(
            (BUY, "1"),
            {"type": STOP_LIMIT, "stop_price": "210"},
            "stop_limit orders require limit_price",
            id="stop-limit",
        ),
        pytest.param(
            (BUY, "1"),
            {"limit_price": "190"},
            "market orders must not have limit_price",
            id="market-with-a-limit",
        ),
        pytest.param(
            (BUY, "1"),
            {"type": LIMIT, "limit_price": "190", "stop_price": "180"},
            "limit orders must not have stop_price",
            id="limit-with-a-stop",
        ),
        pytest.param(
            (BUY, "1"),
            {"stop_loss": "190"},
            "simple orders must not have take_profit or stop_loss",
            id="simple-with-an-exit",
        ),
        pytest.param((BUY, "-1"), {}, "qty must be > 0", id="negative"),
        pytest.param((BUY, "Infinity"), {}, "qty must be > 0", id="infinite"),
        pytest.param((BUY, "1e15"), {}, "qty must be > 0", id="absurd"),
        pytest.param((BUY, "1e-400000000"), {}, "qty must be > 0", id="absurdly-fine"),
        pytest.param((BUY, "1e-10", BTC), {}, "qty must be > 0", id="less-than-a-step"),
        pytest.param(
            (BUY, "1"), {"type": LIMIT, "limit_price": "NaN"}, "limit_price must be > 0", id="nan"
        ),
        pytest.param(
            (BUY, "1"), {"type": LIMIT, "limit_price": "0"}, "limit_price must be > 0", id="zero"
        ),
        pytest.param(
            (BUY, "1"),
            {"order_class": BRACKET, "take_profit": "210"},
            "bracket orders require take_profit and stop_loss",
            id="bracket-with-one-exit",
        ),
        pytest.param(
            (SELL, "1"),
            {"order_class": OCO, "type": LIMIT, "take_profit": "210"},
            "oco orders require take_profit and stop_loss",
            id="oco-with-one-exit",
        ),
        pytest.param(
            (BUY, "1"),
            {"order_class": OTO, "take_profit": "210", "stop_loss": "190"},
            "oto orders require either take_profit or stop_loss",
            id="oto-with-both",
        ),
        pytest.param(
            (BUY, "1"),
            {"order_class": OTO, "take_profit": "210", "stop_loss_limit": "190"},
            "stop_loss.limit_price requires stop_loss.stop_price",
            id="limit-of-no-stop",
        ),
        pytest.param(
            (SELL, "0.5", BTC),
            {"type": STOP, "stop_price": "40000"},
            "invalid order type for crypto order",
            id="coins-have-no-stop",
        ),
    ],
)
def test_malformed(words: tuple[Any, ...], more: dict[str, Any], message: str) -> None:
    refusal = refused(venue(), "a", *words, **more)
    assert (refusal.broker_code, refusal.message) == (MALFORMED, message)


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        pytest.param(
            (BUY, "1"),
            {"order_class": BRACKET, "take_profit": "189", "stop_loss": "190"},
            "take_profit.limit_price must be on the profitable side of stop_loss.stop_price",
            id="exits-crossed",
        ),
        pytest.param(
            (BUY, "1"),
            {"order_class": BRACKET, "take_profit": "210", "stop_loss": "200"},
            "stop_loss.stop_price must be <= base_price - 0.01",
            id="stop-at-the-price",
        ),
        pytest.param(
            (BUY, "1"),
            {
                "type": LIMIT,
                "limit_price": "190",
                "order_class": BRACKET,
                "take_profit": "210",
                "stop_loss": "190",
            },
            "stop_loss.stop_price must be <= base_price - 0.01",
            id="stop-at-the-limit",
        ),
        pytest.param(
            (SELL, "1"),
            {"type": STOP, "stop_price": "200"},
            "stop price must be less than current price",
            id="stop-above-the-price",
        ),
        pytest.param(
            (BUY, "1"),
            {"type": STOP, "stop_price": "200"},
            "stop price must be greater than current price",
            id="buy-stop-below-the-price",
        ),
        pytest.param((BUY, "0.5"), {}, "fractional orders must be DAY orders", id="fraction-gtc"),
        pytest.param(
            (BUY, "1.5"),
            {
                "time_in_force": DAY,
                "order_class": BRACKET,
                "take_profit": "210",
                "stop_loss": "190",
            },
            "fractional orders must be simple orders",
            id="fraction-in-a-bracket",
        ),
        pytest.param(
            (BUY, "0.5", FNGU),
            {"time_in_force": DAY},
            'asset "FNGU" is not fractionable',
            id="not-fractionable",
        ),
        pytest.param(
            (BUY, "0.0000000001"),
            {"time_in_force": DAY},
            "qty increment must be at least 0.000000001",
            id="tenth-decimal",
        ),
        pytest.param(
            (SELL, "0.5", SPY),
            {"time_in_force": DAY},
            "fractional orders cannot be sold short",
            id="fraction-short",
        ),
        pytest.param(
            (BUY, "1"),
            {"type": STOP, "stop_price": "210", "time_in_force": IOC},
            "invalid time_in_force for this order type",
            id="stop-at-once",
        ),
        pytest.param(
            (BUY, "0.01", BTC),
            {"order_class": BRACKET, "take_profit": "60000", "stop_loss": "40000"},
            "crypto orders must be simple orders",
            id="coins-in-a-bracket",
        ),
        pytest.param(
            (BUY, "0.01", BTC),
            {"time_in_force": DAY},
            "invalid crypto time_in_force",
            id="coins-for-a-day",
        ),
        pytest.param(
            (BUY, "1", FNGU), {}, 'asset "FNGU" has no price yet', id="no-price-to-reserve-at"
        ),
    ],
)
def test_inadmissible(words: tuple[Any, ...], more: dict[str, Any], message: str) -> None:
    refusal = refused(venue(), "a", *words, **more)
    assert (refusal.broker_code, refusal.message) == (INADMISSIBLE, message)


@pytest.mark.parametrize(
    ("key", "price", "is_fine"),
    [
        pytest.param(AAPL, "190.01", True, id="a-cent"),
        pytest.param(AAPL, "190.010", True, id="a-cent-in-more-digits"),
        pytest.param(AAPL, "190.001", False, id="less-than-a-cent"),
        pytest.param(AAPL, "0.9999", True, id="four-decimals-below-a-dollar"),
        pytest.param(AAPL, "0.99999", False, id="five-decimals"),
        pytest.param(BTC, "49000.01", True, id="coin-tick"),
        pytest.param(BTC, "49000.001", False, id="less-than-a-coin-tick"),
        pytest.param(AAPL, "1" + "0" * 9 + "." + "0" * 80 + "1", False, id="absurd"),
    ],
)
def test_prices_stand_on_ticks(key: Key, price: str, is_fine: bool) -> None:
    broker = venue()
    words = ("a", BUY, "1", key)
    if is_fine:
        answer = send(broker, *words, type=LIMIT, limit_price=price)
        assert str(answer.order.limit_price) == str(D(price).normalize())
    else:
        assert "sub-penny" in refused(broker, *words, type=LIMIT, limit_price=price).message


def test_a_refusal_of_the_very_first_call_leaves_a_venue_that_works() -> None:
    with SimBroker(Registry.builtin()) as broker:
        with pytest.raises(Refused):
            broker.cancel("a")
        assert broker.account().cash == 100_000


def test_more_decimals_of_coins_than_there_are_steps_are_cut_silently() -> None:
    answer = send(venue(), "a", BUY, "0.0123456789999", BTC)
    assert answer.order.qty == D("0.012345678")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("", "client_order_id is required", id="empty"),
        pytest.param("x" * 129, "client_order_id must be no more than 128 characters", id="long"),
        pytest.param("\ud800", "client_order_id must be printable", id="half-a-character"),
        pytest.param("a\n", "client_order_id must be printable", id="line-feed"),
    ],
)
def test_names_can_be_written_everywhere(name: str, message: str) -> None:
    refusal = refused(venue(), name, BUY)
    assert (refusal.broker_code, refusal.message) == (MALFORMED, message)
    assert send(venue(), "ü" * 128, BUY).status == "pending_new"


def test_the_smallest_notional_binds_coins_and_fractions_when_bought() -> None:
    broker = venue(positions=(Start(AAPL, D("0.001"), D(200)), Start(BTC, D("0.0001"), D(50_000))))
    broker.on_quote(MONDAY, SPY, 0.5, 0.5)
    least = "cost basis must be >= minimal amount of order"
    for words, cost in (
        (("a", BUY, "0.000199", BTC), "9.95"),
        (("a", BUY, "0.0049"), "0.98"),
        (("a", BUY, "1.5", SPY), "0.75"),
    ):
        refusal = refused(broker, *words, time_in_force=GTC if BTC in words else DAY)
        assert refusal.message.startswith(least)
        assert (refusal.broker_code, refusal.facts["cost_basis"]) == (FORBIDDEN, cost)
    send(broker, "whole", BUY, "1", SPY)
    send(broker, "coin", BUY, "0.0002", BTC)
    send(broker, "share", BUY, "0.005", time_in_force=DAY)
    broker.on_quote(MONDAY, BTC, 50_000.0, 50_000.0)
    broker.on_quote(MONDAY, AAPL, 200.0, 200.0)
    send(broker, "dust", SELL, "0.0001", BTC)
    send(broker, "dust share", SELL, "0.001", time_in_force=DAY)


def test_a_coin_order_has_a_largest_notional() -> None:
    broker = venue(cash=D(10) ** 6)
    refusal = refused(broker, "a", BUY, "4.0001", BTC)
    assert refusal.message == "cost basis must be <= maximal amount of order 200000"
    send(broker, "b", BUY, "4", BTC, type=LIMIT, limit_price="50000")


@pytest.mark.parametrize(
    ("resting", "words", "more", "kind"),
    [
        pytest.param({"stop_price": "150"}, (BUY,), {}, "market/stop", id="market-against-stop"),
        pytest.param(
            {"stop_price": "150"},
            (BUY,),
            {"type": LIMIT, "limit_price": "10"},
            "market/stop",
            id="far-limit-against-stop",
        ),
        pytest.param(
            {"stop_price": "150", "limit_price": "140"},
            (BUY,),
            {"type": LIMIT, "limit_price": "139.99"},
            None,
            id="limit-below-stop-limit",
        ),
        pytest.param(
            {"stop_price": "150", "limit_price": "140"},
            (BUY,),
            {"type": LIMIT, "limit_price": "140"},
            "limit",
            id="limit-meets-stop-limit",
        ),
        pytest.param({"limit_price": "250"}, (BUY,), {}, "market/stop", id="market-against-limit"),
        pytest.param(
            {"limit_price": "250"},
            (BUY,),
            {"type": LIMIT, "limit_price": "249.99"},
            None,
            id="limits-apart",
        ),
        pytest.param(
            {"limit_price": "250"},
            (BUY,),
            {"type": STOP, "stop_price": "210"},
            "market/stop",
            id="buy-stop-against-limit",
        ),
        pytest.param({"limit_price": "250"}, (SELL, "1"), {}, None, id="same-side"),
        pytest.param({"limit_price": "250"}, (BUY, "1", SPY), {}, None, id="another-symbol"),
    ],
)
def test_wash_trades(
    resting: dict[str, Any], words: tuple[Any, ...], more: dict[str, Any], kind: str | None
) -> None:
    broker = venue()
    types = {1: STOP if "stop_price" in resting else LIMIT, 2: STOP_LIMIT}
    send(broker, "resting", SELL, "5", type=types[len(resting)], **resting)
    if kind is None:
        send(broker, "a", *words, **more)
        return
    refusal = refused(broker, "a", *words, **more)
    assert refusal.broker_code == FORBIDDEN
    assert refusal.message == "potential wash trade detected. use complex orders"
    assert refusal.facts["reject_reason"] == f"opposite side {kind} order exists"


def test_coins_know_wash_trades_too() -> None:
    broker = venue()
    send(broker, "s", SELL, "1", BTC, type=STOP_LIMIT, stop_price="45000", limit_price="44000")
    assert "wash" in refused(broker, "a", BUY, "0.01", BTC).message
    send(broker, "b", BUY, "0.01", BTC, type=LIMIT, limit_price="43999")


def test_exits_of_a_group_are_no_wash_trade() -> None:
    broker = venue()
    send(broker, "oco", SELL, type=LIMIT, order_class=OCO, take_profit="210", stop_loss="190")
    send(broker, "a", BUY, "1")


@pytest.mark.parametrize(
    ("words", "more", "code", "message"),
    [
        pytest.param((SELL, "11"), {}, FORBIDDEN, "insufficient qty available", id="across-zero"),
        pytest.param((SELL, "1", SPY), {}, None, "", id="short"),
        pytest.param((SELL, "1", BTC), {}, None, "", id="all-of-a-coin"),
        pytest.param(
            (SELL, "1", Key("crypto:ETH/USD")),
            {},
            FORBIDDEN,
            "insufficient balance for ETH",
            id="short-coin",
        ),
        pytest.param(
            (SELL, "1", SPY),
            {"order_class": OCO, "type": LIMIT, "take_profit": "600", "stop_loss": "400"},
            FORBIDDEN,
            "oco orders require an existing position",
            id="exits-of-nothing",
        ),
        pytest.param((SELL, "900", SPY), {}, FORBIDDEN, "insufficient buying power", id="too-much"),
    ],
)
def test_where_shorts_are_allowed(
    words: tuple[Any, ...], more: dict[str, Any], code: int | None, message: str
) -> None:
    broker = venue(is_short_allowed=True)
    if code is None:
        send(broker, "a", *words, **more)
        return
    refusal = refused(broker, "a", *words, **more)
    assert (refusal.broker_code, message in refusal.message) == (code, True)


def test_a_short_can_be_covered_and_not_turned_around() -> None:
    broker = venue(is_short_allowed=True)
    send(broker, "short", SELL, "10", SPY)
    broker.on_quote(MONDAY, SPY, 500.0, 500.0)
    assert broker.positions()[-1].qty == -10
    assert broker.positions()[-1].qty_available == -10
    refusal = refused(broker, "cover", BUY, "11", SPY)
    assert "requested: 11, available: 10" in refusal.message
    send(broker, "cover", BUY, "10", SPY, type=LIMIT, limit_price="450")
    assert broker.positions()[-1].qty_available == 0
    broker.on_quote(MONDAY, SPY, 449.0, 450.0)
    assert [each.key for each in broker.positions()] == [BTC, AAPL]
    assert broker.account().cash == 100_000 + 10 * 50
