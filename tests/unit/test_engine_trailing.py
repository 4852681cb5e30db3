"""Trailing stops of bots: sold as wished, known by the broker's word, and changed like the rest."""

from typing import Any

import pytest
from msgspec import structs
from tests.simulation.desk import AAPL, BTC, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Order, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Decided, Filled, Intended, OrderTrailed, Unprotected
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import LookedUp, Updated, Wished
from smart_leverage.engine.tracked import Tracked

GTC = TimeInForce.GTC

# AAPL costs 200; the desk's purchases of it are protected by a stop of the house.


def wish(desk: Desk, qty: str, key: Key = AAPL, side: Side = Side.SELL, **terms: Any) -> Decided:
    may_shrink = terms.pop("may_shrink", False)
    words: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_percent": D("1.5")}
    order = OrderWish(
        at_ns=desk.now_ns, key=key, side=side, source="bot", id=f"w{len(desk.events)}", qty=D(qty),
        **({"time_in_force": GTC} | words | terms),
    )  # fmt: skip
    event = Wished(at_ns=desk.now_ns, wish=order, bot="bot", may_shrink=may_shrink)
    return desk.feed(event).decisions[0]


def trailing(desk: Desk, qty: str = "10", **terms: Any) -> Order:
    """Hold ten shares, and return a trailing stop of so many that the broker has taken."""
    stop = desk.hold(AAPL, "10")
    assert wish(desk, qty, **terms).given == D(qty)
    desk.end(stop)
    return desk.take(Role.BOT)


def listed(desk: Desk, order: Order, hwm: str, stop: str) -> None:
    """Let the broker list an order where it stands."""
    there = structs.replace(order, stop_price=D(stop))
    shown = structs.replace(desk.view(there, "new"), hwm=D(hwm))
    desk.feed(
        LookedUp(at_ns=desk.now_ns, client_order_id=order.client_order_id, broker_order=shown)
    )


def known(desk: Desk, order: Order) -> Tracked:
    found = desk.state.orders.find(order.client_order_id)
    assert found is not None
    return found


# -- placing --------------------------------------------------------------------------------------


def test_it_leaves_as_wished_after_the_stop_of_the_house_and_beside_one_of_the_rest() -> None:
    desk = Desk()
    stop = desk.hold(AAPL, "10")
    assert wish(desk, "6").given == 6
    assert desk.cancelled == [stop.client_order_id]
    assert not desk.sent
    desk.end(stop)
    order, rest = desk.take(Role.BOT), desk.take(Role.STOP)
    assert (order.type, order.qty, order.time_in_force) == (OrderType.TRAILING_STOP, D(6), GTC)
    assert (order.trail_percent, order.trail_price, order.stop_price) == (D("1.5"), None, None)
    assert order.is_resting
    assert rest.qty == 4


@pytest.mark.parametrize(
    ("more", "why"),
    [
        pytest.param({"side": Side.BUY}, "its worst price cannot be known", id="to-buy"),
        pytest.param({"key": BTC}, "invalid order type for crypto", id="coin"),
        pytest.param({"qty": "1.5"}, "whole shares", id="part-of-a-share"),
        pytest.param({"trail_percent": None}, "trail do not go together", id="no-distance"),
        pytest.param({"trail_price": D(1)}, "trail do not go together", id="two-distances"),
        pytest.param({"trail_percent": D(100)}, "leaves no stop", id="all-of-it"),
        pytest.param({"trail_percent": None, "trail_price": D("0.00001")}, "less than one step",
                     id="finer-than-a-step"),
        pytest.param({"trail_percent": D("-1")}, "above zero", id="below-zero"),
        pytest.param({"stop_price": D(190)}, "stop do not go together", id="stop-of-its-own"),
        pytest.param({"time_in_force": TimeInForce.IOC}, "good till cancelled", id="at-once"),
        pytest.param({"type": OrderType.STOP, "stop_price": D(190)}, "trail do not go together",
                     id="trail-of-a-stop"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence(more: dict[str, Any], why: str) -> None:
    desk = Desk()
    desk.hold(AAPL, "10")
    decided = wish(desk, **({"qty": "5"} | more))
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert why in decided.figures["order"]
    assert not desk.sent


def test_of_a_part_that_is_held_only_whole_shares_are_given() -> None:
    desk = Desk()
    desk.hold(AAPL, "10.5")
    assert wish(desk, "12").verdict == "denied"
    assert wish(desk, "12", may_shrink=True).given == 10


def test_it_reserves_its_quantity_like_any_sale() -> None:
    desk = Desk()
    trailing(desk, "6")
    assert desk.state.orders.selling(AAPL) == 6
    assert desk.sell(AAPL, "5").reason == "not_held"


# -- protection -----------------------------------------------------------------------------------


def test_one_over_all_that_is_held_is_all_the_protection_there_is() -> None:
    desk = Desk()
    trailing(desk)
    for _ in range(4):
        desk.wait(desk.config.protect_within_s)
        desk.prices()
    assert not desk.sent
    assert desk.state.live_stop(AAPL) is None
    assert desk.of(Unprotected) == []


def test_it_gives_way_when_the_house_has_to_sell() -> None:
    desk = Desk()
    order = trailing(desk, trail_percent=D(20))
    for price in ("180", "180", "180"):  # below the stop that the house would have
        desk.print_one(AAPL, price)
    assert desk.cancelled == [order.client_order_id]
    desk.end(order)
    assert desk.take(Role.GUARD).qty == 10


def test_more_may_be_bought_beside_it() -> None:
    """The venue's rule on wash trades passes a trailing stop over: neither waits for the other."""
    desk = Desk()
    order = trailing(desk)
    assert desk.buy(AAPL, "5").given == 5
    bought = desk.take(Role.BOT)
    assert desk.cancelled == []
    desk.fill(bought, "200")
    assert desk.take(Role.STOP).qty == 5
    assert known(desk, order).remaining == 10


# -- where it stands ------------------------------------------------------------------------------


def test_the_brokers_word_is_journalled_and_what_comes_late_moves_nothing_back() -> None:
    desk = Desk()
    order = trailing(desk)
    for hwm, stop in (("200", "197"), ("204", "200.94"), ("204", "200.94"), ("202", "198.97")):
        listed(desk, order, hwm, stop)
    told = [each for each in desk.records if isinstance(each, OrderTrailed)]
    assert [(each.hwm, each.stop_price) for each in told] == [
        (D(200), D(197)),
        (D(204), D("200.94")),
    ]
    for state in (desk.state, Engine(desk.config, list(desk.records)).state):
        found = state.orders.by_id[order.client_order_id]
        assert (found.hwm, found.stop_price, found.order.stop_price) == (
            D(204),
            D("200.94"),
            None,
        )


def test_a_fill_comes_after_the_stop_that_it_met() -> None:
    desk = Desk()
    order = trailing(desk)
    desk.fill(order, "200", "1")  # its message is that of the other fill, with a best price
    filled = [each.update for each in desk.events if isinstance(each, Updated)][-1]
    fill = filled.fill
    assert fill is not None
    there = structs.replace(order, stop_price=D("200.94"))
    update = structs.replace(
        filled,
        sequence=filled.sequence + 1,
        broker_order=structs.replace(desk.view(there, "partially_filled", D(2)), hwm=D(204)),
        fill=structs.replace(fill, execution_id="another"),
    )
    kinds = [type(each) for each in desk.feed(Updated(at_ns=desk.now_ns, update=update)).records]
    assert kinds[:2] == [OrderTrailed, Filled]
    assert known(desk, order).stop_price == D("200.94")


# -- changing -------------------------------------------------------------------------------------


def test_another_trail_goes_to_the_broker_alone() -> None:
    desk = Desk()
    order = trailing(desk)
    listed(desk, order, "204", "200.94")
    assert desk.change(order, trail="2.5").verdict == "approved"
    listed(desk, order, "205", "201.92")  # it moves on while its change is on the way
    (change,) = desk.changes
    assert (change.replaces, change.trail, change.is_increase) == (
        order.client_order_id,
        D("2.5"),
        False,
    )
    assert (change.qty, change.limit_price, change.stop_price) == (None, None, None)
    after = desk.take_change()
    assert (after.trail_percent, after.trail_price, after.stop_price) == (D("2.5"), None, None)
    listed(desk, after, "205", "199.87")
    assert known(desk, after).stop_price == D("199.87")
    intents = [each.order for each in desk.records if isinstance(each, Intended)]
    assert intents[-1] == after


def test_a_trail_in_money_stays_one_in_money() -> None:
    desk = Desk()
    order = trailing(desk, trail_percent=None, trail_price=D(5))
    assert desk.change(order, "8", trail="4.005").given == 8
    (change,) = desk.changes
    assert (change.qty, change.trail) == (D(8), D(4))
    after = change.approved.order
    assert (after.trail_price, after.trail_percent) == (D(4), None)


def test_more_of_it_needs_what_is_held() -> None:
    desk = Desk()
    order = trailing(desk, "6")
    assert desk.change(order, "11").reason == "not_held"
    assert desk.change(order, "9").verdict == "approved"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"trail": "1.5"}, "nothing would be different", id="the-same"),
        pytest.param({"trail": "100"}, "leaves no stop", id="all-of-it"),
        pytest.param({"trail": "-1"}, "above zero", id="below-zero"),
        pytest.param({"stop": "195"}, "only its trail and its qty", id="stop"),
        pytest.param({"limit": "195"}, "only its trail and its qty", id="limit"),
        pytest.param({"qty": "3.5"}, "whole shares", id="part-of-a-share"),
    ],
)
def test_what_cannot_be_changed_says_why(change: dict[str, str], why: str) -> None:
    desk = Desk()
    decided = desk.change(trailing(desk), **change)
    assert decided.reason == "bad_input"
    assert why in decided.figures["change"]
    assert not desk.changes


def test_only_a_trailing_stop_has_a_trail() -> None:
    desk = Desk()
    assert desk.buy(AAPL, "5").given == 5
    decided = desk.change(desk.take(Role.BOT), trail="1")
    assert decided.figures["change"] == "only a trailing stop has a trail"
