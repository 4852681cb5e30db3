"""Going inside every cap at once: without stages and band, never by buying, over a restart too."""

import pytest
from tests.simulation.desk import AAPL, BTC, DOGE, ETH, KO, SOL, SPY, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Role, Side
from smart_leverage.domain.records import Decided, Noted, PlanMoved
from smart_leverage.engine.events import Command

JUST_OVER = {BTC: "0.17", ETH: "3.4", SOL: "85"}
"""Coins for $25,500 of $100,000 where 25 % are allowed: over the cap and inside the band."""
FAR_OVER = {**JUST_OVER, DOGE: "85000"}
"""Coins for 34 %, which a plan sells down in slices."""


def desk_with(holdings: dict[Key, str], cash: int) -> Desk:
    desk = Desk(holdings=holdings, cash=cash)
    desk.wait()
    desk.prices()
    return desk


def rebalanced(desk: Desk) -> list[Order]:
    """Order it, let prices be printed, and return the sales that leave once the stops are gone."""
    desk.order(Command.REBALANCE, "before the news")
    desk.wait(1)
    desk.prices()
    return trims(desk)


def trims(desk: Desk) -> list[Order]:
    """Let the stops in the way end, and return the sales that then leave."""
    for name in list(desk.cancelled):
        desk.end(desk.state.orders.by_id[name].order)
    return [desk.take(Role.TRIM) for each in list(desk.sent) if each.role is Role.TRIM]


def moves(desk: Desk) -> list[tuple[str, str, int]]:
    return [(r.status, r.group, r.stage) for r in desk.records if isinstance(r, PlanMoved)]


def notes(desk: Desk) -> list[str]:
    return [r.text for r in desk.records if isinstance(r, Noted) and r.code == "plan.idle"]


def share(desk: Desk, kind: str) -> float:
    valuation = desk.engine.valuation()
    return float(getattr(valuation, kind) / valuation.equity)


def fill_all(desk: Desk, sales: list[Order]) -> None:
    for sale in sales:
        desk.fill(sale, desk.price[sale.key])
    desk.prices()


def test_what_is_over_its_cap_and_inside_the_band_is_sold_to_just_inside() -> None:
    desk = desk_with(JUST_OVER, 74_500)
    assert moves(desk) == []
    sales = rebalanced(desk)
    assert {(sale.key, sale.side) for sale in sales} == {(key, Side.SELL) for key in JUST_OVER}
    fill_all(desk, sales)
    assert moves(desk) == [("started", "crypto", 3), ("reached", "crypto", 3)]
    assert share(desk, "crypto") == pytest.approx(0.245, abs=1e-5)


def test_it_says_who_wanted_it_and_why_each_thing_was_sold() -> None:
    desk = desk_with({**JUST_OVER, AAPL: "52"}, 64_100)
    assert len(rebalanced(desk)) == 4
    (started,) = [r for r in desk.records if isinstance(r, PlanMoved)]
    assert started.why == "rebalance by admin: before the news"
    sold = {r.key: (r.reason, r.bound) for r in desk.records if isinstance(r, Decided)}
    assert sold == {
        **dict.fromkeys(JUST_OVER, ("cap_crypto", D("0.245000"))),
        AAPL: ("cap_symbol", D("0.098000")),
    }


def test_nothing_above_a_cap_is_said_and_nothing_is_sent() -> None:
    desk = desk_with({BTC: "0.2", SPY: "40"}, 70_000)
    assert rebalanced(desk) == []
    assert notes(desk) == ["nothing is above its cap, so nothing is sold"]
    assert moves(desk) == []


def test_a_running_plan_is_hastened_to_its_last_stage() -> None:
    desk = desk_with(FAR_OVER, 66_000)
    fill_all(desk, trims(desk))
    before = desk.state.plan
    assert before is not None
    assert before.stage < 3
    assert share(desk, "crypto") > 0.30
    rest = rebalanced(desk)
    plan = desk.state.plan
    assert plan is not None
    assert (plan.plan_id, plan.stage) == (before.plan_id, 3)
    assert plan.deadline_ns <= before.deadline_ns
    fill_all(desk, rest)
    assert desk.state.plan is None
    assert share(desk, "crypto") <= 0.25


def test_a_second_rebalance_and_one_in_a_flatten_change_nothing() -> None:
    desk = desk_with(JUST_OVER, 74_500)
    rebalanced(desk)
    desk.order(Command.REBALANCE)
    desk.order(Command.FLATTEN)
    desk.order(Command.REBALANCE)
    assert notes(desk) == [
        "plan p1 is selling as fast as it can already",
        "plan p2 is selling as fast as it can already",
    ]


@pytest.mark.parametrize("command", [Command.HALT, Command.REDUCE])
def test_it_works_in_every_trading_state(command: Command) -> None:
    desk = desk_with(JUST_OVER, 74_500)
    desk.order(command)
    state = desk.state.trading
    fill_all(desk, rebalanced(desk))
    assert desk.state.plan is None
    assert desk.state.trading is state


def test_purchases_under_way_are_cancelled_and_none_follow_while_it_runs() -> None:
    desk = desk_with(JUST_OVER, 74_500)
    assert desk.buy(KO, "10").given == D(10)
    order = desk.take()
    desk.order(Command.REBALANCE)
    assert order.client_order_id in desk.cancelled
    assert desk.buy(SPY, "1").reason == "deleveraging"


def test_a_restart_goes_on_with_it() -> None:
    desk = desk_with(JUST_OVER, 74_500)
    desk.order(Command.REBALANCE)
    desk.restart()
    desk.wait(1)
    desk.prices()
    fill_all(desk, trims(desk))
    assert moves(desk)[-1][0] == "reached"
    assert share(desk, "crypto") <= 0.245


def test_its_end_is_measured_on_positions_and_a_price_that_runs_away_is_followed() -> None:
    desk = desk_with(JUST_OVER, 74_500)
    sales = rebalanced(desk)
    late = [sale for sale in sales if sale.key != SOL]
    fill_all(desk, [sale for sale in sales if sale.key == SOL])
    assert moves(desk)[-1][0] == "started"
    desk.wait()
    desk.prices({BTC: "60000"})
    more = trims(desk)
    assert BTC in {sale.key for sale in more}
    fill_all(desk, [*late, *more])
    assert moves(desk)[-1][0] == "reached"
    assert share(desk, "crypto") <= 0.25
