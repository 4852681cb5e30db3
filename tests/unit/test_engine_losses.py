"""Loss limits: what trips, what that stops, how it ends, and what flows and people do to it."""

import pytest
from tests.simulation.desk import AAPL, BTC, ETH, KO, SOL, SPY, D, Desk, at

from smart_leverage.books.baselines import Period
from smart_leverage.domain.orders import OrderState, Role
from smart_leverage.domain.records import (
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    Noted,
    Resumed,
    StateChanged,
)
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, FlowArrived, Verdict


def invested(now: str = "2024-03-05T17:00") -> Desk:
    """An account of 100,000 with half of it in a broad fund: 1 % of the fund is 0.5 %."""
    return Desk(holdings={SPY: "100"}, cash=50_000, now_ns=at(now))


def test_the_day_trips_strictly_beyond_three_per_cent() -> None:
    desk = invested()
    desk.prices({SPY: "470"})  # exactly 3 %
    assert desk.state.trading.name == "ACTIVE"
    desk.prices({SPY: "469.99"})
    assert desk.state.trading.name == "REDUCING"
    moved = desk.of(BreakerMoved)[-1]
    assert isinstance(moved, BreakerMoved)
    assert (moved.breaker, moved.value, moved.limit) == ("day", D("0.03001000"), D("0.03"))


def test_a_trip_denies_increases_and_cancels_those_under_way() -> None:
    desk = invested()
    desk.buy(BTC, "0.1")
    order = desk.take()

    desk.prices({SPY: "465"})

    assert order.client_order_id in desk.cancelled
    assert desk.state.orders.by_id[order.client_order_id].state is OrderState.PENDING_CANCEL
    assert desk.buy(BTC, "0.01").reason == "breaker_day"
    assert desk.signal(ETH).reason == "breaker_day"


def test_a_profit_does_not_lift_a_trip() -> None:
    desk = invested()
    desk.prices({SPY: "465"})
    desk.prices({SPY: "520"})
    assert desk.buy(BTC, "0.01").reason == "breaker_day"


def test_nobody_lifts_a_day_trip() -> None:
    desk = invested()
    desk.prices({SPY: "465"})
    desk.order(Command.RESUME, "I know better")
    assert desk.state.trading.name == "REDUCING"
    assert any(isinstance(r, Noted) and "until midnight" in r.text for r in desk.records)


def test_midnight_in_new_york_lifts_it() -> None:
    desk = invested()
    desk.prices({SPY: "469"})
    desk.now_ns = at("2024-03-06T04:59:59")
    desk.prices()
    assert desk.buy(BTC, "0.01").reason == "breaker_day"
    desk.now_ns = at("2024-03-06T05:00")
    desk.prices()
    assert desk.state.trading.name == "ACTIVE"
    assert desk.buy(BTC, "0.01").verdict == "approved"


def test_a_day_opens_at_the_last_mark_before_it_and_once() -> None:
    desk = invested()
    desk.now_ns = at("2024-03-06T04:55")
    desk.prices({SPY: "490"})
    desk.now_ns = at("2024-03-06T05:05")
    desk.prices({SPY: "480"})
    desk.now_ns = at("2024-03-06T04:00")  # a clock that goes back
    desk.prices({SPY: "510"})
    opened = [r for r in desk.records if isinstance(r, BaselineSet) and r.period == "day"]
    assert [(each.label, each.equity) for each in opened] == [
        ("2024-03-05", D(100_000)),
        ("2024-03-06", D(99_000)),
    ]


@pytest.mark.parametrize(
    ("why", "act"),
    [
        pytest.param("a person", lambda desk: desk.order(Command.REDUCE), id="reduce"),
        pytest.param("the books", lambda desk: desk.reconcile(cash=D(1)), id="difference"),
        pytest.param("a person", lambda desk: desk.order(Command.HALT), id="halt"),
    ],
)
def test_what_else_stops_increases_on_a_tripped_day_outlives_the_day(why, act) -> None:
    desk = invested()
    desk.wait(61)
    desk.prices({SPY: "469"})
    act(desk)
    desk.now_ns = at("2024-03-06T05:00")
    desk.prices()
    assert not desk.state.breakers.is_day_tripped
    assert desk.buy(BTC, "0.01").verdict == "denied", f"{why} said no"


# -- the month ------------------------------------------------------------------------------------


def tripped_month() -> Desk:
    desk = invested()
    desk.prices({SPY: "419"})
    return desk


def sell_all(desk: Desk) -> None:
    desk.prices()
    for key in list(desk.state.book.keys):
        stop = desk.state.live_stop(key)
        if stop is not None:
            desk.end(stop.order)
    for order in list(desk.sent):
        desk.fill(desk.take(), desk.price[order.key])
    desk.prices()


def test_the_month_trips_beyond_eight_per_cent_and_flattens() -> None:
    desk = tripped_month()
    assert desk.state.breakers.is_month_tripped
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "flatten"
    assert desk.buy(BTC, "0.01").reason == "breaker_month"

    sell_all(desk)

    assert not desk.state.held()
    assert desk.state.trading.name == "HALTED"


def test_a_month_trip_outlives_midnight_and_the_month() -> None:
    desk = tripped_month()
    sell_all(desk)
    for moment in ("2024-03-06T05:00", "2024-04-01T04:00"):
        desk.now_ns = at(moment)
        desk.prices()
        assert desk.buy(BTC, "0.01").reason == "halted"


def test_a_resume_needs_a_reason_and_the_end_of_the_plan() -> None:
    desk = tripped_month()
    desk.order(Command.RESUME, "too early")
    assert desk.state.breakers.is_month_tripped
    sell_all(desk)
    desk.now_ns = at("2024-03-07T17:00")
    desk.prices()
    desk.order(Command.RESUME, "  ")
    assert desk.state.trading.name == "HALTED"

    desk.order(Command.RESUME, "the strategy was repaired")

    (resumed,) = desk.of(Resumed)
    assert isinstance(resumed, Resumed)
    assert (resumed.reason, resumed.equity) == ("the strategy was repaired", D(91_900))
    assert desk.state.opening(Period.MONTH) == 91_900
    assert not desk.state.breakers.is_month_tripped


def test_a_resume_does_not_lift_the_day_before_midnight() -> None:
    desk = tripped_month()
    sell_all(desk)
    desk.prices()
    assert desk.state.breakers.is_day_tripped
    desk.order(Command.RESUME, "the strategy was repaired")
    assert desk.state.trading.name == "REDUCING"
    assert desk.buy(BTC, "0.01").reason == "breaker_day"

    desk.now_ns = at("2024-03-08T05:00")
    desk.prices()

    assert desk.state.trading.name == "ACTIVE"
    assert desk.buy(BTC, "0.01").verdict == "approved"


def test_an_emergency_comes_and_goes_with_the_month() -> None:
    desk = invested()
    desk.prices({SPY: "449"})  # −5.1 %
    assert desk.state.breakers.is_emergency
    assert desk.state.tier.name == "EMERGENCY"
    desk.prices({SPY: "451"})
    assert not desk.state.breakers.is_emergency


# -- flows ----------------------------------------------------------------------------------------


def test_a_deposit_does_not_hide_a_loss() -> None:
    desk = invested()
    desk.prices({SPY: "480"})
    desk.wait(61)
    desk.prices()
    desk.flow("50000")
    desk.wait(61)
    desk.prices({SPY: "468"})  # 1,200 of 148,000 more, on top of 2 %
    assert not desk.state.breakers.is_day_tripped
    desk.prices({SPY: "460"})
    assert desk.state.breakers.is_day_tripped


@pytest.mark.parametrize("amount", ["-60000", "50000"])
def test_a_flow_before_the_first_price_is_no_return(amount: str) -> None:
    opened = invested().events[0]
    engine = Engine(EngineConfig())
    engine.process(opened)
    engine.process(FlowArrived(at_ns=opened.at_ns, amount=D(amount), source="bank"))
    assert engine.state.opening(Period.DAY) == 100_000 + D(amount)
    assert engine.state.opening(Period.MONTH) == 100_000 + D(amount)


def test_a_withdrawal_is_not_a_loss() -> None:
    desk = invested()
    desk.flow("-40000")
    desk.wait(61)
    desk.prices()
    assert desk.state.trading.name == "ACTIVE"


# -- one asset ------------------------------------------------------------------------------------


def holding_coins() -> Desk:
    return Desk(holdings={ETH: "4"}, cash=90_000)


def test_a_coin_that_cost_two_per_cent_of_the_account_is_closed_and_locked() -> None:
    desk = holding_coins()
    desk.buy(ETH, "0.1")
    desk.prices({ETH: "1999"})  # 4 × 501 is 2.004 % of 100,000

    (locked,) = desk.of(AssetLocked)
    assert isinstance(locked, AssetLocked)
    assert (locked.key, locked.loss, locked.until_ns) == (
        ETH,
        D("0.02004000"),
        at("2024-03-06T05:00"),
    )
    assert desk.buy(ETH, "0.01").reason == "asset_locked"
    assert desk.buy(SOL, "1").verdict == "approved"
    stop = desk.state.live_stop(ETH)
    assert stop is not None
    desk.end(stop.order)
    while not any(order.role is Role.GUARD for order in desk.sent):
        desk.end(next(one.order for one in desk.state.orders.buys()))
    assert desk.pop(Role.GUARD).qty == 4


def test_a_locked_coin_whose_sale_was_refused_is_sold_at_the_next_price() -> None:
    desk = holding_coins()
    desk.prices({ETH: "1999"})
    stop = desk.state.live_stop(ETH)
    assert stop is not None
    desk.end(stop.order)
    desk.answer(desk.pop(Role.GUARD), Verdict.REFUSED, "not now")

    desk.prices({ETH: "2001"})
    for order in [one.order for one in desk.state.orders.of(ETH) if one.order.role is Role.STOP]:
        desk.end(order)

    assert [order.qty for order in desk.sent if order.role is Role.GUARD] == [4]


def test_a_lock_ends_at_midnight() -> None:
    desk = holding_coins()
    desk.prices({ETH: "1999"})
    desk.now_ns = at("2024-03-06T05:00")
    desk.prices()
    assert desk.buy(ETH, "0.01").reason != "asset_locked"


def test_a_share_is_not_locked() -> None:
    desk = Desk(holdings={AAPL: "50"}, cash=90_000)
    desk.prices({AAPL: "155"})
    assert not desk.of(AssetLocked)
    assert desk.buy(AAPL, "1").reason != "asset_locked"


def test_a_coin_that_was_stopped_out_at_a_loss_is_locked_as_well() -> None:
    desk = holding_coins()
    stop = desk.state.live_stop(ETH)
    assert stop is not None
    desk.fill(stop.order, "1990")  # a gap: 4 × 510 are gone
    desk.prices({ETH: "2000"})
    assert desk.buy(ETH, "0.01").reason == "asset_locked"


def test_the_loss_of_a_coin_counts_from_the_last_price_of_the_day_before() -> None:
    desk = holding_coins()
    desk.now_ns = at("2024-03-06T04:59")
    desk.prices()
    desk.now_ns = at("2024-03-06T05:01")
    desk.prices({ETH: "1990"})
    assert desk.buy(ETH, "0.01").reason == "asset_locked"


# -- people and books -----------------------------------------------------------------------------


def test_a_halt_cancels_increases_and_leaves_stops() -> None:
    desk = invested()
    desk.buy(BTC, "0.1")
    order = desk.take()
    desk.order(Command.HALT, "holiday")
    assert desk.cancelled == [order.client_order_id]
    assert desk.state.live_stop(SPY) is not None
    changed = desk.of(StateChanged)[-1]
    assert isinstance(changed, StateChanged)
    assert (changed.after, changed.why, changed.who) == ("halted", "holiday", "admin")


def test_an_unexplained_difference_makes_the_account_reducing() -> None:
    desk = invested()
    desk.reconcile(positions={SPY: D(100), KO: D(5)})
    assert desk.state.trading.name == "REDUCING"
    noted = [r.text for r in desk.records if isinstance(r, Noted)]
    assert noted == ["us_equity:KO: broker 5, books 0"]


@pytest.mark.parametrize("cash", ["50000.01", "49999.99"])
def test_a_cent_of_cash_is_no_difference(cash: str) -> None:
    desk = invested()
    desk.reconcile(cash=D(cash))
    assert desk.state.trading.name == "ACTIVE"


def test_books_that_still_differ_cannot_be_resumed() -> None:
    desk = invested()
    desk.reconcile(cash=D(1))
    desk.order(Command.RESUME, "it will be fine")
    assert desk.state.trading.name == "REDUCING"
    desk.reconcile()
    desk.order(Command.RESUME, "the deposit has been booked")
    assert desk.state.trading.name == "ACTIVE"
