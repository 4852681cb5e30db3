"""Earned and granted tiers, and how what is over its cap comes back inside."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, DOGE, ETH, KO, SOL, SPY, TQQQ, D, Desk, at

from smart_leverage.domain.orders import Order, Role
from smart_leverage.domain.records import PlanMoved, TierGranted
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command
from smart_leverage.policy.tier import Tier


def trade(desk: Desk, count: int, *, wins: bool) -> None:
    """Close round trips of ten shares, each a dollar better or worse."""
    for _ in range(count):
        stop = desk.hold(KO, "10")
        desk.sell(KO, "10")
        desk.end(stop)
        desk.fill(desk.take(), "61" if wins else "59")


def moves(desk: Desk) -> list[tuple[str, str]]:
    return [(r.before, r.after) for r in desk.records if isinstance(r, TierGranted)]


def next_day(desk: Desk, number: int) -> None:
    desk.now_ns = at(f"2024-03-{5 + number:02}T17:00")
    desk.prices()


def test_nineteen_trades_are_no_record() -> None:
    desk = Desk()
    trade(desk, 19, wins=True)
    desk.prices()
    assert desk.state.tier.name == "LEARNING"
    trade(desk, 1, wins=True)
    desk.prices()
    assert desk.state.tier.name == "STABLE"


def test_a_tier_rises_one_step_a_day() -> None:
    desk = Desk()
    trade(desk, 20, wins=True)
    for _ in range(3):
        desk.wait()
        desk.prices()
    assert desk.state.tier.name == "STABLE"
    next_day(desk, 1)
    assert desk.state.tier.name == "PROFITABLE"
    assert moves(desk) == [("LEARNING", "STABLE"), ("STABLE", "PROFITABLE")]


def test_a_tier_rises_to_its_ceiling_and_no_further() -> None:
    desk = Desk(config=EngineConfig(tier_ceiling=Tier.STABLE))
    trade(desk, 20, wins=True)
    for number in range(4):
        next_day(desk, number)
    assert desk.state.tier.name == "STABLE"


def test_a_tier_falls_at_once_and_all_the_way() -> None:
    desk = Desk(holdings={SPY: "90"}, cash=55_000)
    trade(desk, 20, wins=True)
    next_day(desk, 0)
    next_day(desk, 1)
    assert desk.state.tier.name == "PROFITABLE"
    desk.prices({SPY: "440"})  # 5.4 % of 100,200
    assert desk.state.tier.name == "EMERGENCY"


def test_nothing_rises_while_a_breaker_is_tripped() -> None:
    desk = Desk(holdings={SPY: "90"}, cash=55_000)
    trade(desk, 20, wins=True)
    desk.prices({SPY: "462"})  # 3.4 % down, but 0.2 % of trades up
    assert desk.state.breakers.is_day_tripped
    desk.prices({SPY: "500"})
    assert desk.state.tier.name == "LEARNING"


def test_nothing_rises_while_a_person_wants_less() -> None:
    desk = Desk()
    trade(desk, 20, wins=True)
    desk.order(Command.REDUCE)
    next_day(desk, 1)
    assert desk.state.tier.name == "LEARNING"


def test_a_rise_names_its_evidence() -> None:
    desk = Desk()
    trade(desk, 10, wins=False)
    trade(desk, 10, wins=True)
    desk.prices()
    (granted,) = [r for r in desk.records if isinstance(r, TierGranted)]
    assert (granted.wins, granted.closed, granted.win_rate) == (10, 20, "0.500000")
    assert (granted.earned, granted.why) == ("STABLE", "rise")


def test_forty_five_and_sixty_per_cent_belong_to_the_better_tier() -> None:
    desk = Desk()
    trade(desk, 11, wins=False)
    trade(desk, 9, wins=True)
    desk.prices()
    assert desk.state.tier.name == "STABLE"


# -- plans ----------------------------------------------------------------------------------------


def over(cash: int = 17_000) -> Desk:
    """An account of 100,000 with 83 % of coins in eight symbols' worth of three."""
    return Desk(holdings={BTC: "0.6", ETH: "12", SOL: "230"}, cash=cash)


def exposure(desk: Desk) -> Decimal:
    valuation = desk.engine.valuation()
    return valuation.crypto / valuation.equity


def sell_plan(desk: Desk) -> list[Order]:
    """Let the venue confirm what stands in the way and fill every sale of the plan."""
    desk.prices()
    for order_id in list(desk.cancelled):
        desk.end(desk.state.orders.by_id[order_id].order)
    sales = [order for order in desk.sent if order.role is not Role.STOP]
    for sale in sales:
        desk.take(sale.role)
        desk.fill(sale, desk.price[sale.key])
    while desk.sent:
        desk.take()
    return sales


def plans(desk: Desk) -> list[tuple[str, str, int]]:
    return [(r.status, r.group, r.stage) for r in desk.records if isinstance(r, PlanMoved)]


def test_a_plan_goes_to_forty_per_cent_at_once_and_to_the_cap_in_slices() -> None:
    # The symbol cap is wide here, so that only the group is over.
    desk = wide()
    assert plans(desk) == [("started", "crypto", 1)]
    plan = desk.of(PlanMoved)[0]
    assert isinstance(plan, PlanMoved)
    assert (plan.deadline_ns - plan.at_ns) / 60e9 == 30

    seen = []
    for minutes in (0, 15, 15, 15, 15):
        desk.wait(minutes * 60)
        sell_plan(desk)
        seen.append(round(float(exposure(desk)), 3))
    # From 40 % × 0.98 to 25 % × 0.98 in four slices, a quarter of an hour apart.
    assert seen == pytest.approx([0.355, 0.319, 0.282, 0.245, 0.245], abs=0.002)
    desk.prices()
    assert ("stage", "crypto", 2) in plans(desk)
    assert plans(desk)[-1][0] == "reached"


def wide() -> Desk:
    policy = EngineConfig().policy
    groups = policy.groups._replace(symbol=1.0, symbol_broad=1.0)
    config = EngineConfig(policy=policy._replace(groups=groups))
    return Desk(holdings={BTC: "0.6", ETH: "12", SOL: "230"}, cash=17_000, config=config)


def test_a_plan_freezes_the_entries_of_its_class_and_no_others() -> None:
    desk = wide()
    assert desk.buy(DOGE, "1000").reason == "deleveraging"
    assert desk.buy(KO, "10").verdict == "approved"


def test_a_plan_sells_pro_rata_and_counts_what_is_being_sold() -> None:
    desk = wide()
    sales = sell_plan(desk)
    held = {BTC: D("0.6"), ETH: D(12), SOL: D(230)}
    shares = [float(sale.qty / held[sale.key]) for sale in sales]
    assert shares == pytest.approx([shares[0]] * 3, abs=1e-4)
    desk.prices()
    desk.prices()
    assert not desk.sent


def test_a_plan_that_is_late_says_so_once() -> None:
    desk = wide()
    for _ in range(3):
        desk.wait(31 * 60)
        desk.prices()
    assert [status for status, _, _ in plans(desk)].count("late") == 1


def test_a_plan_that_is_late_goes_on() -> None:
    desk = wide()
    desk.wait(31 * 60)
    desk.prices()
    assert plans(desk)[-1][0] == "late"
    assert desk.state.plan is not None
    assert desk.buy(DOGE, "1000").reason == "deleveraging"


def test_a_plan_never_buys() -> None:
    desk = wide()
    sell_plan(desk)
    desk.prices({BTC: "30000"})
    assert all(order.role is not Role.SIGNAL for order in desk.sent)
    assert {order.side.value for order in desk.sent} <= {"sell"}


def test_inside_the_band_nothing_is_sold() -> None:
    desk = Desk(holdings={BTC: "0.19", ETH: "3.9", SOL: "60"}, cash=75_000)
    desk.prices({SOL: "110"})
    assert 0.25 < exposure(desk) < 0.2625
    assert not plans(desk)


def test_beyond_the_band_it_is_trimmed_to_a_little_inside_the_cap() -> None:
    desk = Desk(holdings={BTC: "0.19", ETH: "3.9", SOL: "60"}, cash=75_000)
    desk.prices({SOL: "125"})
    assert exposure(desk) > D("0.2625")
    sell_plan(desk)
    assert exposure(desk) == pytest.approx(Decimal("0.245"), abs=Decimal("0.0005"))


def test_one_symbol_beyond_its_band_is_trimmed_alone() -> None:
    desk = Desk(holdings={BTC: "0.19", ETH: "2"}, cash=85_500)
    desk.prices({BTC: "58000"})
    (sale,) = sell_plan(desk)
    assert sale.key == BTC
    valuation = desk.engine.valuation()
    share = desk.state.book.qty(BTC) * 58_000 / valuation.equity
    assert share == pytest.approx(D("0.098"), abs=D("0.0005"))


def test_a_trim_of_shares_is_rounded_toward_less_exposure() -> None:
    desk = Desk(holdings={KO: "181"}, cash=89_140)
    (sale,) = sell_plan(desk)
    assert sale.qty == 18  # 10.86 % is 17.66 shares more than 9.8 %


def test_a_part_of_a_share_that_is_over_its_band_is_sold() -> None:
    desk = Desk(holdings={SPY: "0.25"}, cash=75)
    (sale,) = sell_plan(desk)
    assert sale.qty == D("0.25")


def test_a_second_group_just_beyond_its_band_does_not_stall_a_plan() -> None:
    """Crypto begins the plan; leveraged stands between 1.05 and 1.055 of its cap."""
    policy = EngineConfig().policy
    groups = policy.groups._replace(symbol=1.0)
    config = EngineConfig(policy=policy._replace(groups=groups))
    desk = Desk(holdings={BTC: "0.53", TQQQ: "246"}, cash=61_200, config=config)
    assert plans(desk)[0] == ("started", "crypto", 2)
    # Once crypto is at 24.5 %, leveraged is at 36.8 %, which is 1.0514 of its cap.
    for _ in range(6):
        sell_plan(desk)
        desk.wait(15 * 60)
    assert plans(desk)[-1][0] == "reached"
    valuation = desk.engine.valuation()
    assert valuation.leveraged / valuation.equity <= D("0.35")


def test_a_tier_that_falls_starts_a_plan() -> None:
    desk = Desk(holdings={BTC: "0.15", ETH: "2.9", SOL: "90", SPY: "80"}, cash=36_250)
    assert not plans(desk)
    desk.prices({SPY: "435"})
    assert desk.state.tier.name == "EMERGENCY"
    assert plans(desk) == [("started", "crypto", 2)]
