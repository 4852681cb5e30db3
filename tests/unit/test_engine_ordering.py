"""In which form an order leaves, and what is wrong with one whatever the account may do."""

from typing import Any

import pytest
from tests.simulation.desk import AAPL, BTC, KO, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Order, OrderClass, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Decided, Intended
from smart_leverage.engine.events import Wished

LIMIT, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT
DAY, GTC, IOC = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC


def wish(desk: Desk, key: Key, side: Side, qty: str, **terms: Any) -> Decided:
    order = OrderWish(
        at_ns=desk.now_ns, key=key, side=side, source="bot", id=f"w{len(desk.events)}",
        qty=D(qty), **terms,
    )  # fmt: skip
    return desk.feed(Wished(at_ns=desk.now_ns, wish=order, bot="bot")).decisions[0]


def form(order: Order) -> tuple[str, str, str, str, bool]:
    return (
        order.type.value, order.time_in_force.value, f"{order.limit_price}", f"{order.stop_price}",
        order.is_resting,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "terms", "sent"),
    [
        pytest.param(KO, {}, ("limit", "day", "60.30", "None", False), id="share-at-market"),
        pytest.param(BTC, {}, ("limit", "ioc", "50250.00", "None", False), id="coin-at-market"),
        pytest.param(
            KO,
            {"type": LIMIT, "limit_price": D("59.999"), "time_in_force": GTC},
            ("limit", "gtc", "59.99", "None", True),
            id="limit",
        ),
        pytest.param(
            KO,
            {"type": LIMIT, "limit_price": D(90)},
            ("limit", "day", "60.30", "None", True),
            id="limit-beyond-the-collar",
        ),
        pytest.param(
            BTC,
            {"type": LIMIT, "limit_price": D(49_000), "time_in_force": IOC},
            ("limit", "ioc", "49000", "None", False),
            id="limit-at-once",
        ),
        pytest.param(
            KO,
            {"type": STOP, "stop_price": D(62), "time_in_force": GTC},
            ("stop_limit", "gtc", "62.31", "62", True),
            id="stop",
        ),
        pytest.param(
            KO,
            {"type": STOP_LIMIT, "stop_price": D(62), "limit_price": D(63)},
            ("stop_limit", "day", "63", "62", True),
            id="stop-limit",
        ),
    ],
)
def test_a_purchase_always_leaves_with_a_limit(
    key: Key, terms: dict[str, Any], sent: tuple[str, str, str, str, bool]
) -> None:
    desk = Desk()
    assert wish(desk, key, Side.BUY, "0.01" if key == BTC else "10", **terms).verdict == "approved"
    (order,) = desk.sent
    assert form(order) == sent


@pytest.mark.parametrize(
    ("terms", "sent"),
    [
        pytest.param({}, ("market", "day", "None", "None", False), id="market"),
        pytest.param(
            {"type": STOP, "stop_price": D(58), "time_in_force": GTC},
            ("stop", "gtc", "None", "58", True),
            id="stop",
        ),
        pytest.param(
            {"type": STOP_LIMIT, "stop_price": D(58), "limit_price": D(57)},
            ("stop_limit", "day", "57", "58", True),
            id="stop-limit",
        ),
    ],
)
def test_a_sale_leaves_as_it_is_wanted(
    terms: dict[str, Any], sent: tuple[str, str, str, str, bool]
) -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    desk.wait(10_000)  # no price is needed
    assert wish(desk, KO, Side.SELL, "10", **terms).verdict == "approved"
    desk.end(stop)
    assert form(desk.pop(Role.BOT)) == sent


EXITS = {"take_profit": D(66), "stop_loss": D(57)}


@pytest.mark.parametrize(
    ("key", "side", "qty", "terms", "why"),
    [
        pytest.param(
            BTC,
            Side.BUY,
            "0.01",
            {"order_class": OrderClass.BRACKET, "take_profit": D(60_000), "stop_loss": D(40_000)},
            "crypto orders must be simple orders",
            id="coin-with-exits",
        ),
        pytest.param(
            KO, Side.BUY, "1.5", {"order_class": OrderClass.BRACKET, **EXITS}, "whole shares",
            id="part-of-a-share",
        ),
        pytest.param(
            KO, Side.SELL, "1", {"order_class": OrderClass.BRACKET, **EXITS},
            "only a purchase brings", id="bracket-that-sells",
        ),
        pytest.param(
            KO, Side.BUY, "1",
            {"order_class": OrderClass.OCO, "type": LIMIT, "limit_price": D(66), **EXITS},
            "only a holding", id="oco-that-buys",
        ),
        pytest.param(KO, Side.BUY, "1", {"type": LIMIT}, "do not go together", id="no-limit"),
        pytest.param(
            KO, Side.SELL, "1", {"stop_price": D(50)}, "do not go together", id="stop-at-market"
        ),
        pytest.param(
            AAPL, Side.BUY, "1", {"type": LIMIT, "limit_price": D("0.00001")}, "less than one step",
            id="less-than-a-step",
        ),
    ],
)  # fmt: skip
def test_what_no_account_could_send_says_why(
    key: Key, side: Side, qty: str, terms: dict[str, Any], why: str
) -> None:
    desk = Desk()
    decided = wish(desk, key, side, qty, **terms)
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert why in decided.figures["order"]
    assert not desk.of(Intended)


def test_the_limit_of_a_stop_purchase_goes_where_its_stop_goes() -> None:
    """Left behind, it would be below the stop, and nothing could ever be bought."""
    desk = Desk()
    wish(desk, KO, Side.BUY, "10", type=STOP, stop_price=D(62), time_in_force=GTC)
    order = desk.take()
    assert desk.change(order, stop="64").verdict == "approved"
    (change,) = desk.changes
    assert (change.stop_price, change.limit_price) == (D("64.00"), D("64.32"))


def test_a_stop_purchase_is_not_moved_over_a_cap() -> None:
    desk = Desk()
    wish(desk, KO, Side.BUY, "150", type=STOP, stop_price=D(62), time_in_force=GTC)
    assert desk.change(desk.take(), stop="70").reason == "cap_symbol"
