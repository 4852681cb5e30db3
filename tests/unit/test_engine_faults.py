"""Faults that would let exposure rise or lose count of money, one by one and by hand."""

from decimal import Decimal
from typing import Never

import msgspec
import pytest
from tests.simulation.desk import BTC, ETH, KO, SPY, TQQQ, D, Desk

import smart_leverage.engine.buying as buying
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import (
    BrokerOrder,
    Order,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
)
from smart_leverage.domain.records import Noted, Record
from smart_leverage.engine.events import Reconciled, Verdict, Wished

HOUR_S = 3_600.0


def state_of(desk: Desk, order: Order) -> OrderState:
    tracked = desk.state.orders.find(order.client_order_id)
    assert tracked is not None
    return tracked.state


def room(desk: Desk) -> Decimal:
    """Return what the account could become, crypto alone."""
    return desk.engine._core.worst().crypto


@pytest.mark.parametrize("status", ["stopped", "calculated", "accepted_for_bidding", "🤷", ""])
def test_a_status_that_nobody_knows_counts_as_open(status: str) -> None:
    desk = Desk()
    assert desk.buy(BTC, "0.1").given == D("0.1")
    order, reserved = desk.take(), room(desk)
    desk.end(order, status)
    assert state_of(desk, order) is OrderState.OPEN
    assert room(desk) == reserved


def test_an_order_that_waits_to_be_cancelled_for_a_day_stays_reserved() -> None:
    desk = Desk()
    assert desk.buy(BTC, "0.1").given == D("0.1")
    order, reserved = desk.take(), room(desk)
    for _ in range(24):
        desk.end(order, "pending_cancel")
        desk.look_up(order, "pending_cancel")
        desk.wait(HOUR_S)
        desk.prices()
    assert state_of(desk, order) is OrderState.PENDING_CANCEL
    assert room(desk) >= reserved
    desk.fill(order, "50000")  # it filled after all
    assert desk.state.book.qty(BTC) == D("0.1")


@pytest.mark.parametrize("status", ["pending_cancel", "suspended"])
def test_an_order_that_neither_trades_nor_ends_is_reported_once(status: str) -> None:
    desk = Desk()
    assert desk.buy(BTC, "0.1").given == D("0.1")
    order, reserved = desk.take(), room(desk)
    told = []
    for _ in range(40):
        desk.wait(60)
        desk.prices()
        desk.feed(stated(desk, desk.view(order, status)))
        told.append(len([each for each in desk.records if stalls(each)]))
    assert told[:10] == [0] * 10
    assert told[-1] == 1
    assert room(desk) >= reserved or status == "suspended"
    desk.end(order)
    desk.feed(stated(desk))
    assert desk.engine._core.stalled == {}


def stalls(record: Record) -> bool:
    return isinstance(record, Noted) and record.code == "order.stalled"


def stated(desk: Desk, *orders: BrokerOrder) -> Reconciled:
    """Return that the broker agrees with the books and lists these orders as open."""
    desk.reconcile()
    event = desk.events[-1]
    assert isinstance(event, Reconciled)
    return msgspec.structs.replace(event, orders=orders)


def test_three_purchases_of_unknown_outcome_are_enough() -> None:
    desk = Desk()
    given = [desk.buy(BTC, "0.002")]
    for _ in range(5):
        while desk.sent:
            desk.answer(desk.pop(), Verdict.UNKNOWN)
        given.append(desk.buy(BTC, "0.002"))
    assert [each.given > 0 for each in given] == [True] * 3 + [False] * 3
    assert given[-1].reason == "not_ready"
    unknown = sorted(desk.state.orders.unknown)
    assert len(unknown) == 3
    lost = desk.state.orders.by_id[unknown[0]].order
    desk.look_up(lost, "canceled")  # the broker says what became of one
    assert desk.buy(BTC, "0.002").given > 0


def test_a_fill_beyond_the_quantity_is_booked_and_counted() -> None:
    desk = Desk()
    assert desk.buy(BTC, "0.1").given == D("0.1")
    order = desk.take()
    desk.fill(order, "50000")
    desk.fill(order, "50000", "0.05")  # the broker gave more than was asked for
    assert desk.state.book.qty(BTC) == D("0.15")
    assert desk.state.book.cash == 100_000 - 7_500
    assert desk.buy(BTC, "0.06").given == 0  # ten percent of the account is held with it
    assert desk.sell(BTC, "0.15").given == D("0.15")


def test_while_prices_stop_nothing_is_added_and_exits_pass() -> None:
    desk = Desk()
    desk.hold(BTC, "0.1")
    desk.wait(61)
    for key in (BTC, ETH, KO, SPY, TQQQ):
        denied = desk.buy(key, "0.01" if key.startswith("crypto") else "1")
        assert (denied.given, denied.reason) == (D(0), "no_price")
    assert desk.sell(BTC, "0.1").given == D("0.1")


@pytest.mark.parametrize("tick", ["15", "0.03", "100000", "49999999"])
def test_one_false_tick_trips_nothing_and_sells_nothing(tick: str) -> None:
    desk = Desk()
    desk.hold(BTC, "0.1")
    before = len(desk.records)
    desk.print_one(BTC, tick)
    assert not any(desk.state.breakers)
    assert [each for each in desk.sent if each.role is not Role.STOP] == []
    assert not desk.state.locks
    assert not desk.state.plan
    denied = desk.buy(BTC, "0.01")
    assert (denied.given, denied.reason) == (D(0), "no_price")
    desk.print_one(BTC, "50000")
    assert desk.buy(BTC, "0.01").given == D("0.01")
    assert len(desk.records) > before


def test_a_check_that_breaks_lets_nothing_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> Never:
        raise ZeroDivisionError("the check broke")

    desk = Desk()
    desk.hold(BTC, "0.1")
    monkeypatch.setattr(buying, "prove", broken)
    with pytest.raises(ZeroDivisionError):
        desk.buy(ETH, "1")
    assert desk.sent == []
    assert not desk.state.orders.buys()
    assert desk.sell(BTC, "0.1").given == D("0.1")  # whoever leaves is not asked for proof


def test_unknown_purchases_use_up_their_caps_and_no_more_leave() -> None:
    desk = Desk()
    given = []
    for _ in range(20):
        given.append(desk.buy(BTC, "0.03").given)
        if given[-1]:
            desk.answer(desk.pop(), Verdict.UNKNOWN)
    assert 0 < sum(given) * 50_000 <= 10_000  # a tenth of the account in one symbol
    assert given[-1] == 0
    assert room(desk) <= 10_000


def test_the_price_of_a_position_counts_once_ours_has_grown_old_and_not_before() -> None:
    desk = Desk()
    desk.hold(BTC, "0.1")
    desk.price[BTC] = D(51_000)  # the broker states it, and nobody has printed it
    desk.reconcile()
    assert desk.engine.price(BTC) == 50_000
    desk.wait(61)
    desk.reconcile()
    assert desk.engine.price(BTC) == 51_000
    denied = desk.buy(BTC, "0.01")
    assert (denied.given, denied.reason) == (D(0), "no_price")  # it values, and carries nothing


def test_all_that_bots_let_rest_gives_way_to_the_house() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    for number, qty in enumerate(("0.04", "0.06")):
        wish = OrderWish(
            at_ns=desk.now_ns, key=BTC, side=Side.SELL, source="bot", id=f"rests-{number}",
            qty=D(qty), type=OrderType.LIMIT, limit_price=D(55_000 + number),
            time_in_force=TimeInForce.GTC,
        )  # fmt: skip
        assert desk.feed(Wished(at_ns=desk.now_ns, wish=wish, bot="bot")).decisions[0].given
    desk.end(stop)
    core = desk.engine._core
    assert core.sellable(BTC) == 0
    assert core.reachable(BTC) == D("0.1")


def test_a_bot_sees_its_holding_at_the_present_price() -> None:
    desk = Desk()
    desk.hold(BTC, "0.1")
    desk.prices({BTC: "52000"})
    held = desk.engine.holding("bot", BTC)
    assert held is not None
    assert held.price == 52_000
