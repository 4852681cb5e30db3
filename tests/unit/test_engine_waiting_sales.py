"""A sale that waited for a stop to end: when it leaves, it sells what its bot holds by then."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, KO, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Order, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import OrderMoved
from smart_leverage.engine import releasing
from smart_leverage.engine.core import Core, blockers
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Wished
from smart_leverage.engine.tracked import Tracked

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


def test_of_many_sales_that_wait_for_the_same_one_asks_and_all_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred that wait for a hundred would be ten thousand looks at each fill."""
    asked: list[str] = []

    def counting(core: Core, order: Order) -> list[Tracked]:
        asked.append(order.client_order_id)
        return blockers(core, order)

    monkeypatch.setattr(releasing, "blockers", counting)
    desk = Desk()
    stop = desk.hold(KO, "10")
    for _ in range(5):
        desk.sell(KO, "2")
    asked.clear()
    desk.fill(stop, "54", "1")
    assert len(asked) == 1
    assert sold(desk) == []
    desk.end(stop)
    assert [one.qty for one in sold(desk)] == [D(1), D(2), D(2), D(2), D(2)]
    assert not desk.engine.waiting


def sell_at(desk: Desk, qty: str, price: str) -> None:
    wish = OrderWish(
        at_ns=desk.now_ns,
        key=KO,
        side=Side.SELL,
        source="bot",
        id=f"wish-{len(desk.events)}",
        qty=D(qty),
        type=OrderType.LIMIT,
        limit_price=D(price),
        time_in_force=TimeInForce.DAY,
    )
    assert desk.feed(Wished(at_ns=desk.now_ns, wish=wish, bot="bot")).decisions[0].given == D(qty)


def test_a_sale_at_a_price_of_its_own_does_not_wait_with_those_at_the_market() -> None:
    """A purchase is in the way only of those that would trade with it."""
    desk = Desk()
    stop = desk.hold(KO, "10")
    desk.buy(KO, "1")
    desk.sell(KO, "2")
    sell_at(desk, "3", "70")
    desk.sell(KO, "1")
    sell_at(desk, "4", "70")
    assert sold(desk) == []
    desk.end(stop)
    assert [one.qty for one in sold(desk)] == [D(3), D(4)]
    (bought,) = [one for one in desk.sent if one.side is Side.BUY and one.key == KO][-1:]
    desk.end(bought)
    assert [one.qty for one in sold(desk)] == [D(3), D(4), D(2), D(1)]
