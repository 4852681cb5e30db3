"""A sale that waited for a stop to end: when it leaves, it sells what its bot holds by then."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, KO, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Role, Side
from smart_leverage.domain.records import OrderMoved
from smart_leverage.engine.engine import Engine

D = Decimal


def both_hold(desk: Desk, key: Key, qty: str) -> Order:
    """Let two bots hold as much of an instrument; return the stop that protects all of it."""
    first = desk.hold(key, qty, bot="a")
    desk.buy(key, qty, bot="b")
    desk.end(first)
    desk.fill(desk.take(Role.BOT), desk.price[key])
    return desk.take(Role.STOP)


def sold(desk: Desk) -> list[Order]:
    return [one for one in desk.sent if one.role is Role.BOT and one.side is Side.SELL]


def ended(desk: Desk) -> list[str]:
    moves = [one for one in desk.of(OrderMoved) if isinstance(one, OrderMoved)]
    return [one.reason for one in moves if one.state.value == "canceled" and not one.status]


@pytest.mark.parametrize(
    ("key", "qty", "traded", "left"),
    [
        pytest.param(KO, "10", "6", "7", id="shares"),
        pytest.param(BTC, "0.02", "0.006", "0.017", id="coins"),
    ],
)
def test_what_a_bot_sells_late_is_its_own(key: Key, qty: str, traded: str, left: str) -> None:
    """The stop of both sold a part before it ended; the other bot keeps what is left to it."""
    desk = Desk()
    stop = both_hold(desk, key, qty)
    decided = desk.sell(key, qty, bot="a")
    assert (decided.given, sold(desk)) == (D(qty), [])
    desk.fill(stop, desk.price[key], traded)
    desk.end(stop)
    (sale,) = sold(desk)
    assert (sale.bot, sale.qty) == ("a", D(left))
    assert ended(desk)[-1] == f"the stop or the house sold of it first: {left} of {qty} leave"
    again = Engine(desk.config, desk.records)
    assert again.state.orders.selling(key, "a") == D(left)
    other = desk.state.book.bot_qty("b", key)
    desk.fill(sale, desk.price[key])
    assert desk.state.book.bot_qty("a", key) == 0
    assert desk.state.book.bot_qty("b", key) == other == D(left)


def test_a_sale_of_a_part_that_is_still_held_leaves_whole() -> None:
    desk = Desk()
    stop = both_hold(desk, KO, "10")
    desk.sell(KO, "5", bot="a")
    desk.fill(stop, "60", "6")
    desk.end(stop)
    assert [one.qty for one in sold(desk)] == [D(5)]
    assert not any("leave" in why for why in ended(desk))


def test_two_sales_of_one_bot_sell_no_more_than_it_holds() -> None:
    desk = Desk()
    stop = both_hold(desk, KO, "10")
    desk.sell(KO, "6", bot="a")
    desk.sell(KO, "4", bot="a")
    desk.fill(stop, "60", "8")  # four of each
    desk.end(stop)
    assert [one.qty for one in sold(desk)] == [D(2), D(4)]
    assert desk.state.orders.selling(KO, "a") == desk.state.book.bot_qty("a", KO) == 6


def test_what_the_stop_left_is_sold_and_what_it_did_not_leave_is_not() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    desk.sell(KO, "10")
    desk.fill(stop, "54", "3")
    desk.end(stop)
    assert [one.qty for one in sold(desk)] == [D(7)]
    gone = Desk()
    stop = gone.hold(KO, "10")
    gone.sell(KO, "10")
    gone.fill(stop, "54")
    assert sold(gone) == []
    assert ended(gone)[-1] == "stopped first: the position is smaller now"
