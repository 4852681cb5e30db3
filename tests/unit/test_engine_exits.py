"""Exits that came with an order: what they reserve, alone, in part, and when they are changed."""

from typing import Any

import msgspec
import pytest
from tests.simulation.desk import AAPL, KO, D, Desk

from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import (
    BrokerOrder,
    Order,
    OrderClass,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
    TradeUpdate,
)
from smart_leverage.domain.records import Decided
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Answered, Command, Updated, Verdict, Wished

GTC = TimeInForce.GTC
BRACKET: dict[str, Any] = {
    "order_class": OrderClass.BRACKET,
    "take_profit": D(66),
    "stop_loss": D(57),
    "time_in_force": GTC,
}
OCO: dict[str, Any] = BRACKET | {
    "order_class": OrderClass.OCO,
    "type": OrderType.LIMIT,
    "limit_price": D(66),
}


def wish(desk: Desk, side: Side, qty: str, bot: str = "bot", **terms: Any) -> Decided:
    order = OrderWish(
        at_ns=desk.now_ns, key=KO, side=side, source=bot, id=f"w{len(desk.events)}", qty=D(qty),
        **terms,
    )  # fmt: skip
    return desk.feed(Wished(at_ns=desk.now_ns, wish=order, bot=bot)).decisions[0]


def legs_of(desk: Desk, entry: Order) -> list[BrokerOrder]:
    """Return the exits that a venue makes for an entry: held back until that has filled."""
    found = []
    for name, kind, price in (
        ("target", OrderType.LIMIT, {"limit_price": entry.take_profit}),
        ("stop", OrderType.STOP, {"stop_price": entry.stop_loss}),
    ):
        order = Order(
            client_order_id=f"venue-{name}",
            bot="",
            key=entry.key,
            side=Side.SELL,
            qty=entry.qty,
            type=kind,
            time_in_force=entry.time_in_force,
            order_class=entry.order_class,
            **price,  # type: ignore[arg-type]
        )
        view = desk.view(order, "held")
        found.append(msgspec.structs.replace(view, parent_id=f"b-{entry.client_order_id}"))
    return found


def entered(desk: Desk, qty: str = "100") -> tuple[Order, Order]:
    """Return target and stop of a bracket whose entry has filled."""
    assert wish(desk, Side.BUY, qty, **BRACKET).given == D(qty)
    entry = desk.pop()
    legs = legs_of(desk, entry)
    answer = msgspec.structs.replace(desk.view(entry, "new"), legs=tuple(legs))
    desk.feed(
        Answered(
            at_ns=desk.now_ns,
            client_order_id=entry.client_order_id,
            verdict=Verdict.ACCEPTED,
            broker_order=answer,
        )
    )
    desk.fill(entry, "60")
    for leg in legs:
        tell(desk, msgspec.structs.replace(leg, status="new"), "new")
    return legs[0].order, legs[1].order


def tell(desk: Desk, broker_order: BrokerOrder, event: str) -> None:
    update = TradeUpdate(
        sequence=len(desk.events), event=event, broker_order=broker_order, at_ns=desk.now_ns
    )
    desk.feed(Updated(at_ns=desk.now_ns, update=update))


def selling(desk: Desk) -> int:
    return int(desk.state.orders.selling(KO))


def test_exits_of_a_filled_entry_hold_its_quantity_once() -> None:
    desk = Desk()
    entered(desk)
    assert selling(desk) == 100
    assert not desk.sent  # and no stop of the house beside them


def test_what_one_exit_has_filled_the_other_cannot_fill_any_more() -> None:
    """The venue takes it off the other one: what is left is there for whom it belongs to."""
    desk = Desk()
    target, _ = entered(desk, "60")
    desk.fill(target, "66", "40")
    assert selling(desk) == 20
    desk.buy(KO, "50", bot="other")
    desk.fill(desk.take(), "60")
    assert wish(desk, Side.SELL, "50", "other").given == 50


def test_an_exit_that_is_listed_with_less_is_no_news_of_a_fill() -> None:
    """A list may know of a fill that the stream has not told yet: until then both count whole."""
    desk = Desk()
    target, stop = entered(desk, "60")
    less = msgspec.structs.replace(stop, qty=D(20))
    tell(desk, desk.view(less, "new"), "restated")
    assert selling(desk) == 60
    desk.fill(target, "66", "40")
    assert selling(desk) == 20


@pytest.mark.parametrize("is_told", [True, False])
def test_a_changed_exit_stays_one_of_its_pair(is_told: bool) -> None:
    desk = Desk()
    _, stop = entered(desk)
    assert desk.change(stop, stop="58").verdict == "approved"
    assert selling(desk) == 100
    desk.take_change()
    if is_told:
        desk.end(stop, "replaced")
    assert selling(desk) == 100
    desk.restart()
    assert selling(desk) == 100


@pytest.mark.parametrize("is_lost", [False, True], ids=["on-its-way", "of-unknown-outcome"])
def test_a_change_of_a_held_exit_reserves_nothing(is_lost: bool) -> None:
    desk = Desk()
    assert wish(desk, Side.BUY, "100", **BRACKET).given == 100
    entry = desk.pop()
    legs = legs_of(desk, entry)
    answer = msgspec.structs.replace(desk.view(entry, "new"), legs=tuple(legs))
    name = entry.client_order_id
    desk.feed(
        Answered(
            at_ns=desk.now_ns, client_order_id=name, verdict=Verdict.ACCEPTED, broker_order=answer
        )
    )
    assert desk.change(legs[1].order, stop="58").verdict == "approved"
    assert selling(desk) == 0
    if is_lost:
        desk.answer(desk.changes.pop(0).approved.order, Verdict.UNKNOWN, "no answer")
        assert selling(desk) == 0
    desk.fill(entry, "60")
    assert selling(desk) == 100


def test_a_changed_entry_keeps_its_exits() -> None:
    desk = Desk()
    assert wish(desk, Side.BUY, "100", **BRACKET, type=OrderType.LIMIT, limit_price=D(59)).given
    entry = desk.pop()
    legs = legs_of(desk, entry)
    answer = msgspec.structs.replace(desk.view(entry, "new"), legs=tuple(legs))
    name = entry.client_order_id
    desk.feed(
        Answered(
            at_ns=desk.now_ns, client_order_id=name, verdict=Verdict.ACCEPTED, broker_order=answer
        )
    )
    assert desk.change(entry, limit="60.1").verdict == "approved"
    new = desk.take_change()
    assert (new.order_class, new.stop_loss) == (OrderClass.BRACKET, D(57))
    desk.end(entry, "replaced")
    assert selling(desk) == 0
    desk.fill(new, "60")
    assert selling(desk) == 100
    assert not desk.sent


def test_exits_count_from_the_fill_on_even_if_the_venue_has_not_named_them_yet() -> None:
    """The answer got lost: the exits are known from the stream only, after the entry's fill."""
    desk = Desk()
    assert wish(desk, Side.BUY, "100", **BRACKET).given == 100
    entry = desk.pop()
    desk.answer(entry, Verdict.UNKNOWN)
    tell(desk, desk.view(entry, "new"), "new")
    desk.fill(entry, "60")
    assert selling(desk) == 100
    assert not desk.sent
    assert wish(desk, Side.SELL, "1").reason == "not_held"
    assert Engine(desk.config, desk.records).state.orders.selling(KO) == 100


def test_exits_that_were_never_seen_reserve_nothing_once_the_lists_were_compared() -> None:
    desk = Desk()
    assert wish(desk, Side.BUY, "100", **BRACKET).given == 100
    entry = desk.take()
    desk.fill(entry, "60")
    desk.reconcile()
    assert selling(desk) == 0
    assert [(one.role, one.qty) for one in desk.sent] == [(Role.STOP, D(100))]


def test_an_entry_that_ends_early_leaves_its_part_to_the_house() -> None:
    desk = Desk()
    assert wish(desk, Side.BUY, "100", **BRACKET).given == 100
    entry = desk.take()
    desk.fill(entry, "60", "30")
    desk.end(entry)
    assert selling(desk) == 0
    assert [(one.role, one.qty) for one in desk.sent] == [(Role.STOP, D(30))]


def test_the_house_sells_all_of_it_and_the_exits_go_first() -> None:
    desk = Desk()
    target, stop = entered(desk)
    desk.order(Command.FLATTEN)
    desk.prices()
    assert target.client_order_id in desk.cancelled
    assert not desk.sent
    desk.end(target)
    desk.end(stop)
    assert [(one.role, one.qty) for one in desk.sent] == [(Role.FLATTEN, D(100))]


def test_somebody_elses_sale_is_seen_beside_exits() -> None:
    """What is missing at the broker is not taken for what our own exits may have sold, twice."""
    desk = Desk()
    entered(desk)
    desk.reconcile(positions={KO: D(0)})
    assert desk.engine._core.missing.get(KO, 0) == 0  # the pair may have sold all of it
    desk.buy(AAPL, "10")


def test_a_pair_for_a_holding_is_one_sale() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    assert wish(desk, Side.SELL, "100", **OCO).given == 100
    desk.end(stop)
    target = desk.take(Role.BOT)
    assert (target.limit_price, target.stop_loss) == (D(66), D(57))
    assert selling(desk) == 100
    leg = msgspec.structs.replace(
        legs_of(desk, target)[1], status="new", parent_id=f"b-{target.client_order_id}"
    )
    tell(desk, leg, "new")
    assert selling(desk) == 100
    desk.fill(target, "66")
    desk.end(leg.order)
    assert selling(desk) == 0
    known = desk.state.orders.find(leg.order.client_order_id)
    assert known is not None
    assert known.state is OrderState.CANCELED
