"""Exposure is earned: it falls at once, rises slowly, and the journal says by which cap."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, ETH, SOL, SPY, Desk

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.orders import Role
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    ExposureMoved,
    LimitChanged,
    StateChanged,
)
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command
from smart_leverage.engine.judging import DAY_LOSS
from smart_leverage.policy.reasons import TradingState
from smart_leverage.settings import load
from smart_leverage.wiring.policy import policy_of

D = Decimal
STEADY = policy_of(load(None, {"SMART_LEVERAGE_POLICY__PRESET": "steady"}).settings)
CONFIG = EngineConfig(policy=STEADY)
QUIET_LIMITS = STEADY.limits._replace(
    loss_limit_daily=0.9, loss_limit_daily_asset=0.9, loss_limit_monthly=0.95
)
CALM = STEADY._replace(
    limits=QUIET_LIMITS,
    rolling=STEADY.rolling._replace(drawdown_limit=0.9, loss_limit_sleeve=0.9),
    thresholds=STEADY.thresholds._replace(month_return_emergency=-0.99),
)
"""Nothing trips, so that what is seen is the caps alone."""


def moves(desk: Desk, sleeve: str = "crypto") -> list[ExposureMoved]:
    return [
        each for each in desk.records if isinstance(each, ExposureMoved) and (each.sleeve == sleeve)
    ]


def calm(spy: str = "100") -> Desk:
    """Return an account whose equity moves with one broad fund, half of it."""
    return Desk(cash=50_000, holdings={SPY: spy}, config=EngineConfig(policy=CALM))


def worth(desk: Desk, equity: int) -> None:
    """Print the price at which the account is worth so much; the first one is no lone jump."""
    price = D(equity - 50_000) / 100
    for _ in range(2):
        desk.wait(61)
        desk.prices({SPY: str(price)})


def test_at_the_opening_every_cap_is_told_and_the_smallest_binds() -> None:
    first = moves(calm())[0]
    assert first.after == D("0.25")
    assert first.binding == "hard"
    assert first.caps == {
        "hard": "0.25", "drawdown": "0.28", "tail": "", "kelly": "", "volatility": "",
        "evidence": "0.25",
    }  # fmt: skip


def test_it_falls_at_once_with_the_distance_to_the_floor() -> None:
    desk = calm()
    worth(desk, 98_000)  # 4 times (1 - 0.93 / 0.98), in whole hundredths
    assert moves(desk)[-1].after == D("0.2")
    assert moves(desk)[-1].binding == "drawdown"
    assert desk.engine.caps.crypto == D("0.2")
    worth(desk, 92_000)
    assert desk.engine.caps.crypto == 0
    assert desk.engine.caps.leveraged == 0


def test_it_rises_only_where_that_is_worth_its_trades() -> None:
    desk = calm()
    worth(desk, 98_000)
    worth(desk, 98_500)  # 0.22 would be allowed, which is not a tenth more than 0.20
    assert desk.engine.caps.crypto == D("0.2")
    worth(desk, 98_800)
    assert desk.engine.caps.crypto == D("0.23")


def test_nothing_rises_while_the_account_is_reducing() -> None:
    desk = calm()
    worth(desk, 95_000)
    desk.order(Command.REDUCE)
    worth(desk, 99_900)
    assert desk.engine.caps.crypto == D("0.08")
    desk.order(Command.RESUME)
    desk.wait(61)
    desk.prices()
    assert desk.engine.caps.crypto == D("0.25")


def test_a_purchase_above_it_is_denied_with_the_bound_that_is_in_force() -> None:
    desk = calm()
    worth(desk, 98_000)
    denied = desk.buy(BTC, "0.45")
    assert (denied.verdict, denied.reason, denied.bound) == ("denied", "cap_symbol", D("0.1"))
    desk = calm()
    worth(desk, 94_000)
    denied = desk.buy(BTC, "0.1")
    assert (denied.reason, denied.bound) == ("cap_crypto", D("0.04"))


def test_what_is_held_above_it_is_sold_down() -> None:
    desk = Desk(
        cash=30_000, holdings={SPY: "100", BTC: "0.2", ETH: "4"}, config=EngineConfig(policy=CALM)
    )
    for _ in range(2):
        desk.wait(61)
        desk.prices({SPY: "420"})  # 92,000 of 100,000
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "crypto"
    assert desk.cancelled  # the stops make way for the sales


def test_a_new_process_goes_on_with_what_was_in_force() -> None:
    desk = calm()
    worth(desk, 98_000)
    worth(desk, 98_500)
    assert Engine(desk.config, desk.records).caps.crypto == D("0.2")


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss() -> None:
    desk = calm()
    worth(desk, 98_000)
    desk.flow("-40000")
    desk.wait(61)
    desk.prices()
    assert desk.engine.caps.crypto == D("0.2")
    desk.flow("400000")
    desk.wait(61)
    desk.prices()
    assert desk.engine.caps.crypto == D("0.2")


def test_the_peak_is_forgotten_after_a_year() -> None:
    desk = calm()
    worth(desk, 94_000)
    assert desk.engine.caps.crypto == D("0.04")
    desk.now_ns += 364 * DAY_NS
    desk.prices()
    assert desk.engine.caps.crypto == D("0.04")
    desk.now_ns += 2 * DAY_NS
    desk.prices()
    assert desk.engine.caps.crypto == D("0.25")


def test_an_account_that_is_switched_over_while_it_is_halted_keeps_the_caps_of_its_tier() -> None:
    desk = Desk(cash=50_000, holdings={SPY: "100"})
    desk.order(Command.HALT)
    desk.restart(EngineConfig(policy=CALM))
    desk.wait(61)
    desk.prices()
    assert desk.engine.caps.crypto == D("0.25")


# -- what trips -----------------------------------------------------------------------------------


def trips(desk: Desk) -> list[str]:
    return [
        each.breaker for each in desk.records if isinstance(each, BreakerMoved) and each.is_tripped
    ]


def test_midnight_disarms_nothing() -> None:
    desk = Desk(cash=50_000, holdings={SPY: "100"}, config=CONFIG)
    worth(desk, 96_500)
    assert trips(desk) == ["day"]
    desk.now_ns += 14 * 3600 * SECOND_NS  # past midnight in New York, within 24 hours
    desk.prices()
    assert trips(desk) == ["day", "day"]
    assert desk.state.trading_why == DAY_LOSS
    desk.now_ns += 24 * 3600 * SECOND_NS
    desk.prices()
    assert not desk.state.breakers.is_day_tripped
    assert desk.state.trading is TradingState.ACTIVE


def test_a_drawdown_beyond_its_limit_sells_everything_and_needs_a_person() -> None:
    desk = Desk(cash=50_000, holdings={SPY: "100"}, config=CONFIG)
    for equity in (97_500, 95_200, 93_000, 91_900):
        worth(desk, equity)
        desk.now_ns += DAY_NS
    assert "drawdown" in trips(desk)
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "flatten"
    assert desk.buy(BTC, "0.01").reason in ("breaker_drawdown", "halted")


def test_a_resume_counts_the_drawdown_from_anew() -> None:
    desk = Desk(cash=50_000, holdings={SPY: "100"}, config=CONFIG)
    for equity in (97_500, 95_200, 93_000, 91_900):
        worth(desk, equity)
        desk.now_ns += DAY_NS
    desk.reconcile()
    stop = next(
        one.order for one in desk.state.orders.by_id.values() if one.order.role is Role.STOP
    )
    desk.end(stop)
    desk.fill(desk.take(), desk.price[SPY])
    desk.prices()
    assert desk.state.trading_why == "limit of the drawdown"
    assert desk.engine.caps.crypto == 0
    desk.now_ns += 2 * DAY_NS
    desk.prices()
    desk.order(Command.RESUME)
    assert not desk.state.breakers.is_drawdown_tripped
    desk.wait(61)
    desk.prices()
    assert desk.state.trading is TradingState.ACTIVE
    assert desk.engine.caps.crypto == D("0.25")


def test_all_coins_are_closed_for_the_day_once_they_have_lost_their_share_together() -> None:
    policy = STEADY._replace(
        limits=QUIET_LIMITS, rolling=STEADY.rolling._replace(drawdown_limit=0.9)
    )
    desk = Desk(
        cash=80_000,
        holdings={BTC: "0.16", ETH: "3.2"},
        config=EngineConfig(policy=policy),
    )
    for _ in range(2):
        desk.wait(61)
        desk.prices({BTC: "43500", ETH: "2175"})  # 13 % of 16,000: 2,080 of 96,000
    locked = {each.key for each in desk.records if isinstance(each, AssetLocked)}
    assert {BTC, ETH, SOL} <= locked
    assert SPY not in locked
    assert desk.buy(SOL, "1").reason == "asset_locked"


# -- switches are limits --------------------------------------------------------------------------


def test_a_cap_is_switched_on_at_once_and_off_only_after_a_day() -> None:
    desk = Desk(cash=50_000, holdings={SPY: "100"}, config=EngineConfig())
    changes = desk.limit("exposure.drawdown_cap=on")
    assert [each.is_looser for each in changes] == [False]
    desk.wait(61)
    desk.prices()
    assert desk.engine.caps.crypto == D("0.25")
    worth(desk, 98_000)
    assert desk.engine.caps.crypto == D("0.2")
    off = desk.limit("exposure.drawdown_cap=off", is_admin=True)
    assert [(each.is_looser, each.effective_ns - each.at_ns) for each in off] == [(True, DAY_NS)]
    assert desk.engine.caps.crypto == D("0.2")
    desk.now_ns += DAY_NS + SECOND_NS
    desk.prices()
    desk.wait(61)
    desk.prices()
    assert any(isinstance(each, LimitChanged) and each.after == "off" for each in desk.records)
    assert desk.engine.caps.crypto == D("0.25")


@pytest.mark.parametrize("command", [Command.HALT, Command.REDUCE])
def test_every_fall_is_obeyed_in_every_trading_state(command: Command) -> None:
    desk = calm()
    desk.order(command)
    worth(desk, 95_000)
    assert desk.engine.caps.crypto == D("0.08")
    assert any(isinstance(each, StateChanged) for each in desk.records)
