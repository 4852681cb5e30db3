"""Brackets, linked exits and replaced orders: what lives and dies together."""

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


def bracket(broker: SimBroker, name: str = "a", qty: str = "10", **more: Any) -> BrokerOrder:
    words = {"order_class": BRACKET, "take_profit": "210", "stop_loss": "190"} | more
    return send(broker, name, BUY, qty, **words)


def oco(broker: SimBroker, qty: str = "10") -> None:
    send(broker, "a", SELL, qty, type=LIMIT, order_class=OCO, take_profit="210", stop_loss="190")


def leg(broker: SimBroker, kind: OrderType, name: str = "a") -> BrokerOrder:
    """Return the youngest exit of a type that belongs to the order of this name."""
    parent = broker.order(name)
    assert parent is not None
    legs = [each for each in broker.orders() if each.parent_id == parent.broker_order_id]
    return [each for each in legs if each.order.type is kind][-1]


def quote(broker: SimBroker, price: float) -> None:
    broker.on_quote(broker.now_ns + 1, AAPL, price, price)


def events(broker: SimBroker) -> list[str]:
    return [each.event for each in broker.updates(0)]


def shares(broker: SimBroker) -> Decimal:
    return sum((each.qty for each in broker.positions() if each.key == AAPL), D(0))


@pytest.mark.parametrize(
    ("price", "sold", "gone"),
    [pytest.param(211.0, LIMIT, STOP, id="target"), pytest.param(189.0, STOP, LIMIT, id="stop")],
)
def test_one_exit_ends_the_other(price: float, sold: OrderType, gone: OrderType) -> None:
    with venue() as broker:
        bracket(broker)
        quote(broker, 200.0)
        quote(broker, price)
        assert leg(broker, sold).status == "filled"
        assert leg(broker, sold).filled_avg_price == D(repr(price))
        assert leg(broker, gone).status == "canceled"
        assert shares(broker) == 10
        assert not broker.orders(is_open=True)


def test_exits_wait_until_the_entry_is_complete() -> None:
    with venue(partial_probability=1.0) as broker:
        bracket(broker, qty="1000")
        quote(broker, 200.0)
        assert seen(broker, "a")[0] == "partially_filled"
        quote(broker, 180.0)  # the stop would be reached, and does not work yet
        assert (leg(broker, LIMIT).status, leg(broker, STOP).status) == ("held", "held")
        assert events(broker) == ["new", "partial_fill", "partial_fill"]


def test_an_exit_that_sells_in_part_shrinks_the_other() -> None:
    held = (Start(AAPL, D(1000), D(200)),)
    with venue(partial_probability=1.0, positions=held) as broker:
        oco(broker, "1000")
        quote(broker, 210.0)
        target = broker.order("a")
        assert target is not None
        assert target.status == "partially_filled"
        stop = leg(broker, STOP)
        assert (stop.status, stop.order.qty) == ("new", 1000 - target.filled_qty)
        assert events(broker) == ["new", "new", "partial_fill", "restated"]
        assert broker.positions()[0].qty_available == 0
        while broker.orders(is_open=True):
            quote(broker, 185.0)
        assert shares(broker) == 0


@pytest.mark.parametrize("member", ["entry", LIMIT, STOP])
def test_a_cancel_takes_the_group_along(member: str | OrderType) -> None:
    with venue() as broker:
        bracket(broker, type=LIMIT, limit_price="195")
        name = leg(broker, member).order.client_order_id if isinstance(member, OrderType) else "a"
        broker.cancel(name)
        assert {each.status for each in broker.orders()} == {"canceled"}
        assert events(broker) == ["new", "canceled", "canceled", "canceled"]


def test_the_cancel_of_one_exit_leaves_the_position_without_the_other() -> None:
    with venue() as broker:
        bracket(broker)
        quote(broker, 200.0)
        broker.cancel(leg(broker, LIMIT).order.client_order_id)
        assert leg(broker, STOP).status == "canceled"
        assert seen(broker, "a")[0] == "filled"
        assert broker.positions()[1].qty_available == shares(broker) == 20


def test_held_exits_go_with_an_entry_that_expires() -> None:
    with venue() as broker:
        bracket(broker, type=LIMIT, limit_price="195", time_in_force=DAY)
        broker.advance(at("2026-08-03T20:00+00:00"))
        assert seen(broker, "a")[0] == "expired"
        assert (leg(broker, LIMIT).status, leg(broker, STOP).status) == ("canceled", "canceled")


def test_held_exits_go_with_an_entry_that_was_replaced_and_expires() -> None:
    """The successor is younger than its exits, and they may not expire before it."""
    with venue() as broker:
        bracket(broker, type=LIMIT, limit_price="195", time_in_force=DAY)
        broker.replace("a", limit_price=D(196), new_client_order_id="b")
        broker.advance(at("2026-08-03T20:00+00:00"))
        assert seen(broker, "b")[0] == "expired"
        assert leg(broker, LIMIT, "b").status == leg(broker, STOP, "b").status == "canceled"
        assert "expired" in events(broker)[-3:]


def test_exits_last_as_long_as_the_entry_that_they_belong_to_now() -> None:
    with venue() as broker:
        bracket(broker, type=LIMIT, limit_price="195")
        broker.advance(MONDAY + 60 * 86_400 * SECOND_NS)
        broker.replace("a", limit_price=D(196), new_client_order_id="b")
        broker.advance(at("2026-11-02T15:00+00:00"))  # 91 days later, in a session
        quote(broker, 196.0)
        broker.advance(broker.now_ns + 1)
        assert leg(broker, STOP, "b").status == "new"


def test_held_exits_go_with_an_entry_that_is_rejected() -> None:
    with venue(cash=D(2000), multiplier=1, positions=()) as broker:
        bracket(broker)
        broker.on_quote(MONDAY + 1, AAPL, 300.0, 300.0)
        assert [each.status for each in broker.orders()] == ["rejected", "canceled", "canceled"]


@pytest.mark.parametrize(
    ("more", "kind", "price"),
    [
        pytest.param({"take_profit": "210"}, LIMIT, 210.0, id="target"),
        pytest.param({"stop_loss": "190"}, STOP, 190.0, id="stop"),
        pytest.param(
            {"stop_loss": "190", "stop_loss_limit": "185"}, STOP_LIMIT, 189.0, id="stop-limit"
        ),
    ],
)
def test_one_order_may_trigger_one_other(
    more: dict[str, Any], kind: OrderType, price: float
) -> None:
    with venue() as broker:
        send(broker, "a", BUY, order_class=OTO, **more)
        assert leg(broker, kind).status == "held"
        quote(broker, 200.0)
        assert leg(broker, kind).status == "new"
        quote(broker, price)
        assert leg(broker, kind).filled_avg_price == D(repr(price))


def test_exits_of_a_short_position_buy_it_back() -> None:
    with venue(is_short_allowed=True, positions=()) as broker:
        send(broker, "a", SELL, order_class=BRACKET, take_profit="190", stop_loss="210")
        quote(broker, 200.0)
        assert shares(broker) == -10
        quote(broker, 211.0)
        stop = leg(broker, STOP)
        assert (stop.order.side, stop.filled_avg_price) == (BUY, D(211))
        assert shares(broker) == 0


def test_a_stop_of_a_short_bracket_is_bounded_like_any_buy_stop() -> None:
    """210 × 1.025 = 215.25; beyond that it rests, and the short stays open."""
    with venue(is_short_allowed=True, positions=()) as broker:
        send(broker, "a", SELL, order_class=BRACKET, take_profit="190", stop_loss="210")
        quote(broker, 200.0)
        quote(broker, 230.0)
        assert (leg(broker, STOP).status, shares(broker)) == ("new", D(-10))


def test_what_was_sold_meanwhile_is_not_sold_again() -> None:
    """A sale in the middle of a partial entry is fine; the exits then find less than they hold."""
    with venue(partial_probability=1.0, positions=()) as broker:
        bracket(broker, qty="1000", type=LIMIT, limit_price="200")
        quote(broker, 200.0)
        bought = shares(broker)
        send(broker, "early", SELL, str(bought), type=LIMIT, limit_price="201")
        while leg(broker, STOP).status == "held":
            quote(broker, 200.0)
        while seen(broker, "early")[0] != "filled":
            quote(broker, 201.0)
        while broker.orders(is_open=True):
            quote(broker, 185.0)
            assert shares(broker) >= 0
        assert shares(broker) == 0
        assert leg(broker, STOP).status == leg(broker, LIMIT).status == "canceled"
        assert broker.updates(0)[-2].reason == "nothing is left to close"


# -- replacing ------------------------------------------------------------------------------------


def test_a_chain_of_replacements_keeps_its_links() -> None:
    with venue() as broker:
        send(broker, "o0", BUY, type=LIMIT, limit_price="150")
        for number in range(5):
            broker.replace(
                f"o{number}", limit_price=D(151 + number), new_client_order_id=f"o{number + 1}"
            )
        chain = broker.orders()
        assert [each.status for each in chain] == ["replaced"] * 5 + ["new"]
        ids = [each.broker_order_id for each in chain]
        assert [each.replaces for each in chain] == [None, *ids[:-1]]
        assert [each.replaced_by for each in chain] == [*ids[1:], None]
        assert len(set(ids)) == 6
        with pytest.raises(Refused, match='already in "replaced" state'):
            broker.replace("o2", limit_price=D(160))


def test_a_replaced_order_keeps_what_it_got_and_its_successor_trades_the_rest() -> None:
    with venue(partial_probability=1.0, cash=D(10) ** 6) as broker:
        send(broker, "a", BUY, "1000", type=LIMIT, limit_price="200")
        quote(broker, 200.0)
        got = shares(broker) - 10
        second = broker.replace("a", qty=D(1200), limit_price=D(205))
        assert second.order.qty == 1200 - got
        old = broker.order("a")
        assert old is not None
        assert (old.status, old.filled_qty) == ("replaced", got)
        while broker.orders(is_open=True):
            quote(broker, 204.0)
        assert shares(broker) == 1210
        with pytest.raises(Refused, match="already in"):
            broker.replace("a", qty=D(1300))


def test_the_funds_of_the_replaced_order_are_free_for_its_successor() -> None:
    with venue(multiplier=1, cash=D(2000), positions=()) as broker:
        send(broker, "a", BUY, "10", type=LIMIT, limit_price="190")
        broker.replace("a", limit_price=D(200), new_client_order_id="b")
        with pytest.raises(Refused, match="insufficient buying power"):
            broker.replace("b", limit_price=D("200.01"))
        assert seen(broker, "b")[0] == "new"


def test_the_quantity_of_the_replaced_order_is_free_for_its_successor() -> None:
    with venue() as broker:
        send(broker, "a", SELL, "6", type=LIMIT, limit_price="250")
        broker.replace("a", qty=D(10), new_client_order_id="b")
        assert broker.positions()[1].qty_available == 0
        with pytest.raises(Refused, match="requested: 11, available: 10"):
            broker.replace("b", qty=D(11))


@pytest.mark.parametrize("kind", [LIMIT, STOP])
def test_the_price_of_a_working_exit_can_be_moved(kind: OrderType) -> None:
    """Its sibling holds the same shares, and is no reason to refuse."""
    with venue() as broker:
        bracket(broker)
        quote(broker, 200.0)
        name, price = leg(broker, kind).order.client_order_id, D(205) if kind is LIMIT else D(195)
        if kind is LIMIT:
            moved = broker.replace(name, limit_price=price)
        else:
            moved = broker.replace(name, stop_price=price)
        assert (moved.status, moved.parent_id) == ("pending_new", leg(broker, LIMIT).parent_id)
        assert broker.positions()[1].qty_available == 10
        quote(broker, float(price))
        assert leg(broker, kind).status == "filled"
        assert leg(broker, STOP if kind is LIMIT else LIMIT).status == "canceled"
        assert shares(broker) == 10


def test_both_exits_alone_can_be_moved() -> None:
    with venue() as broker:
        oco(broker)
        broker.replace(leg(broker, STOP).order.client_order_id, stop_price=D(195))
        broker.replace("a", limit_price=D(205), new_client_order_id="b")
        with pytest.raises(Refused, match="profitable side"):
            broker.replace("b", limit_price=D(194))
        quote(broker, 194.0)
        assert (seen(broker, "b")[0], shares(broker)) == ("canceled", D(0))


def test_a_held_exit_can_be_moved_before_it_works() -> None:
    with venue() as broker:
        bracket(broker, type=LIMIT, limit_price="198")
        name = leg(broker, STOP).order.client_order_id
        moved = broker.replace(name, stop_price=D(196), new_client_order_id="s")
        assert moved.status == "held"
        quote(broker, 198.0)
        quote(broker, 196.0)
        assert seen(broker, "s") == ("filled", D(196))


def test_the_exits_follow_an_entry_that_changes_its_quantity() -> None:
    with venue() as broker:
        bracket(broker, type=LIMIT, limit_price="195")
        broker.replace("a", qty=D(4), new_client_order_id="b")
        assert leg(broker, STOP, "b").order.qty == leg(broker, LIMIT, "b").order.qty == 4
        quote(broker, 195.0)
        quote(broker, 190.0)
        assert shares(broker) == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"qty": D(5)}, "qty of take_profit and stop_loss", id="quantity-of-an-exit"),
        pytest.param({"stop_price": D(201)}, "less than current price", id="stop-over-price"),
        pytest.param({"limit_price": D(180)}, "must not have limit_price", id="limit-for-a-stop"),
    ],
)
def test_what_cannot_be_changed_about_an_exit(change: dict[str, Any], message: str) -> None:
    with venue() as broker:
        bracket(broker)
        quote(broker, 200.0)
        before = broker.orders()
        with pytest.raises(Refused, match=message):
            broker.replace(leg(broker, STOP).order.client_order_id, **change)
        assert broker.orders() == before


def test_orders_that_can_never_be_replaced() -> None:
    with venue() as broker:
        send(
            broker, "oto", BUY, "1", type=LIMIT, limit_price="195", order_class=OTO, stop_loss="190"
        )
        send(broker, "part", BUY, "0.5", type=LIMIT, limit_price="190", time_in_force=DAY)
        cases: list[tuple[str, dict[str, Any], str]] = [
            ("oto", {"limit_price": D(196)}, "oto orders cannot be replaced"),
            ("part", {"qty": D(1)}, "qty of fractional orders"),
            ("none", {"qty": D(1)}, "order not found for none"),
        ]
        for name, change, message in cases:
            with pytest.raises(Refused, match=message):
                broker.replace(name, **change)
        broker.replace("part", limit_price=D(191))
