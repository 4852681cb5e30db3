"""Exits: whatever is held may be sold, in every state, and never more than that."""

from collections.abc import Callable

import pytest
from tests.simulation.desk import AAPL, BTC, DOGE, KO, SOL, SPY, D, Desk

from smart_leverage.domain.orders import (
    HOUSE,
    Order,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
)
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Verdict


def halt(desk: Desk) -> None:
    desk.order(Command.HALT)
    assert desk.state.trading.name == "HALTED"


def reduce(desk: Desk) -> None:
    desk.order(Command.REDUCE)
    assert desk.state.trading.name == "REDUCING"


def trip(desk: Desk) -> None:
    desk.prices({SPY: "440"})
    assert desk.state.breakers.is_day_tripped


def lose_sight(desk: Desk) -> None:
    desk.wait(100_000)


def see_nonsense(desk: Desk) -> None:
    desk.print_one(BTC, "NaN")
    desk.print_one(BTC, "1")


def differ(desk: Desk) -> None:
    desk.reconcile(cash=D(1))
    assert desk.state.trading.name == "REDUCING"


@pytest.mark.parametrize("happen", [halt, reduce, trip, lose_sight, see_nonsense, differ])
def test_an_exit_passes_whatever_has_happened(happen: Callable[[Desk], None]) -> None:
    desk = Desk(holdings={SPY: "60"}, cash=70_000)
    stop = desk.hold(BTC, "0.1")
    happen(desk)

    decided = desk.sell(BTC, "0.1")
    desk.end(stop)

    assert (decided.verdict, decided.given) == ("approved", D("0.1"))
    sale = next(order for order in desk.sent if order.key == BTC and order.bot == "bot")
    assert (sale.side, sale.qty, sale.type) == (Side.SELL, D("0.1"), OrderType.MARKET)
    assert sale.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize("happen", [halt, reduce, trip, differ])
def test_the_same_states_deny_an_increase(happen: Callable[[Desk], None]) -> None:
    desk = Desk(holdings={SPY: "60"}, cash=70_000)
    happen(desk)
    assert desk.buy(SOL, "1").verdict == "denied"


def test_a_position_without_any_price_can_be_left() -> None:
    desk = Desk()
    desk.hold(DOGE, "10000")
    desk.engine._core.ladder._seen.clear()
    assert desk.sell(DOGE, "10000").given == 10_000


def test_a_bot_sells_what_it_holds_and_not_more() -> None:
    desk = Desk()
    desk.hold(AAPL, "10")

    decided = desk.sell(AAPL, "11")

    assert (decided.verdict, decided.reason) == ("denied", "not_held")
    assert (decided.bound, decided.would_be, decided.allowed) == (D(10), D(11), D(10))
    assert desk.sell(AAPL, "11", may_shrink=True).given == 10


def test_a_bot_does_not_sell_what_another_holds() -> None:
    desk = Desk()
    desk.hold(AAPL, "10", bot="one")
    assert desk.sell(AAPL, "1", bot="two").verdict == "denied"


def test_what_is_being_sold_is_not_sold_again() -> None:
    desk = Desk()
    desk.hold(AAPL, "10")
    assert desk.sell(AAPL, "7").given == 7
    second = desk.sell(AAPL, "7")
    assert (second.verdict, second.allowed) == ("denied", D(3))
    assert desk.sell(AAPL, "3").given == 3


def test_a_bot_that_sells_twice_does_not_sell_what_another_holds() -> None:
    desk = Desk()
    desk.hold(AAPL, "10", bot="one")
    desk.buy(AAPL, "10", bot="two")
    desk.end(next(o for o in [desk.state.live_stop(AAPL)] if o is not None).order)
    desk.fill(desk.take(), "200")

    first, second = desk.sell(AAPL, "10", bot="one"), desk.sell(AAPL, "10", bot="one")

    assert [first.given, second.given] == [10, 0]
    assert desk.sell(AAPL, "10", bot="two").given == 10


@pytest.mark.parametrize("qty", ["0.0333333331", "0.05", "0.099999999", "0.1", "0.000000002"])
def test_any_part_of_a_coin_can_be_sold_whatever_the_lot(qty: str) -> None:
    desk = Desk()
    desk.hold(BTC, "0.1")
    decided = desk.sell(BTC, qty)
    assert decided.verdict == "approved"
    assert abs(decided.given - D(qty)) < D("0.000000001")


def test_a_signal_to_sell_leaves_the_whole_position() -> None:
    desk = Desk()
    desk.signal(BTC)
    bought = desk.take()
    desk.fill(bought, "50000")
    assert desk.signal(BTC, Side.SELL).given == bought.qty


def test_an_exit_waits_for_the_stop_in_its_way_and_the_rest_is_protected_again() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")

    desk.sell(BTC, "0.04")
    assert (desk.sent, desk.cancelled) == ([], [stop.client_order_id])
    desk.end(stop)

    sale, rest = desk.take(), desk.take()
    assert (sale.role, sale.qty) == (Role.BOT, D("0.04"))
    assert (rest.role, rest.qty, rest.stop_price) == (Role.STOP, D("0.06"), stop.stop_price)


def test_an_exit_cancels_the_buys_of_its_symbol_first() -> None:
    desk = Desk()
    stop = desk.hold(KO, "50")
    desk.buy(KO, "10")
    desk.end(stop)
    more = desk.take()

    desk.sell(KO, "50")
    assert desk.cancelled == [more.client_order_id]
    assert not desk.sent
    desk.end(more)

    assert desk.take().side is Side.SELL


def test_a_sale_that_the_stop_overtook_is_not_sent() -> None:
    desk = Desk()
    stop = desk.hold(KO, "50")
    desk.sell(KO, "50")

    desk.fill(stop, "57")

    assert not desk.sent
    assert desk.state.book.qty(KO) == 0
    assert not desk.state.orders.by_id


def test_a_refused_sale_is_protected_again() -> None:
    desk = Desk()
    stop = desk.hold(KO, "50")
    desk.sell(KO, "50")
    desk.end(stop)

    desk.answer(desk.pop(), Verdict.REFUSED, "not now")

    assert desk.take(Role.STOP).qty == 50


def test_flatten_sells_everything_and_the_dust_with_it() -> None:
    desk = Desk(holdings={BTC: "0.050000004", AAPL: "10.00004"})
    desk.order(Command.FLATTEN)
    desk.prices()
    for key in (BTC, AAPL):
        stop = desk.state.live_stop(key)
        assert stop is not None
        desk.end(stop.order)
    for sale in list(desk.sent):
        assert (sale.bot, sale.role) == (HOUSE, Role.FLATTEN)
        desk.fill(desk.take(), desk.price[sale.key])
    desk.prices()
    assert desk.state.plan is None
    assert desk.state.trading.name == "HALTED"


def test_dust_that_a_bot_left_does_not_keep_a_flatten_from_its_end() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    desk.sell(BTC, "0.09999995")
    desk.end(stop)
    desk.fill(desk.take(), "50000")
    assert 0 < desk.state.book.qty(BTC) < desk.state.instruments[BTC].lot

    desk.order(Command.FLATTEN)
    desk.prices()
    for order in list(desk.sent):
        desk.fill(desk.take(), desk.price[order.key])
    desk.prices()

    assert desk.state.plan is None
    assert desk.state.trading.name == "HALTED"


# -- what waited, and what ended before its fills ------------------------------------------------


def state_of(desk: Desk, order: Order) -> OrderState:
    tracked = desk.state.orders.find(order.client_order_id)
    assert tracked is not None
    return tracked.state


def test_an_order_that_waited_is_absent_only_a_horizon_after_it_left() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    assert desk.sell(BTC, "0.1").given == D("0.1")
    desk.wait(100)  # as long as the venue takes to let the stop go
    desk.end(stop)
    sale = desk.pop()
    desk.answer(sale, Verdict.UNKNOWN)
    for _ in range(3):
        desk.wait(10)
        desk.look_up(sale)
    assert state_of(desk, sale) is OrderState.UNKNOWN
    desk.wait(120)
    desk.look_up(sale)
    assert state_of(desk, sale) is OrderState.ABSENT


def test_a_request_that_queued_for_its_turn_is_absent_only_a_horizon_after_its_attempt_ended() -> (
    None
):
    desk = Desk(config=EngineConfig(may_resend=False))
    assert desk.buy(BTC, "0.1").given == D("0.1")
    order = desk.pop()
    desk.wait(121)  # as long as others before it wait for a broker that does not answer
    desk.answer(order, Verdict.UNKNOWN)
    for _ in range(3):
        desk.wait(30)
        desk.look_up(order)
    assert state_of(desk, order) is OrderState.UNKNOWN  # it left a minute and a half ago
    desk.wait(30)
    desk.look_up(order)
    assert state_of(desk, order) is OrderState.ABSENT


def test_what_is_cancelled_while_it_queues_is_not_absent_before_its_request_was_answered() -> None:
    desk = Desk()
    assert desk.buy(BTC, "0.1").given == D("0.1")
    order = desk.pop()
    desk.order(Command.HALT)  # its cancel waits for the answer to the order itself
    for _ in range(5):
        desk.wait(60)
        desk.look_up(order)
    assert state_of(desk, order) is OrderState.PENDING_CANCEL
    desk.answer(order, Verdict.NOT_SENT, "halted")
    assert state_of(desk, order) is OrderState.CANCELED


def test_an_order_that_was_over_before_its_last_fill_ends_with_that_fill() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    assert desk.sell(BTC, "0.1").given == D("0.1")
    desk.end(stop)
    sale = desk.take()
    desk.look_up(sale, "canceled", "0.025")
    assert desk.sell(BTC, "0.1").given == 0  # it may have sold all of it, as far as we know
    desk.fill(sale, "60000", "0.025")
    assert state_of(desk, sale) is OrderState.CANCELED
    assert desk.sell(BTC, "0.075").given == D("0.075")
