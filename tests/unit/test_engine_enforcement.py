"""The ladder of enforcement: what is forwarded, sold and told on each step, and who may move it."""

import pytest
from tests.simulation.desk import BTC, DOGE, ETH, KO, SPY, D, Desk

from smart_leverage.domain.enforcement import Enforcement
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    EnforcementChanged,
    Noted,
    PlanMoved,
    RampMoved,
)
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command
from smart_leverage.policy.reasons import TradingState

HOUR, DAY = 3_600, 86_400
BELOW_ALL = ("observe", "warn", "entries")
FORWARDING = ("observe", "warn")


def step(desk: Desk) -> str:
    return desk.state.rollout.step.word


def notes(desk: Desk, code: str) -> list[str]:
    return [r.text for r in desk.records if isinstance(r, Noted) and r.code == code]


def foreseen(desk: Desk) -> list[tuple[str, str]]:
    return [
        (r.key, r.reason)
        for r in desk.records
        if isinstance(r, Decided) and r.source == "house" and r.verdict in ("observed", "warned")
    ]


def sold_by_house(desk: Desk) -> list[str]:
    return [order.key for order in desk.sent if order.role.is_house]


# -- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "verdict"), [("observe", "observed"), ("warn", "warned")])
def test_below_entries_an_order_over_a_cap_leaves_as_asked(word: str, verdict: str) -> None:
    desk = Desk(enforcement=word)
    one = desk.buy(KO, "200")  # $12,000 of $100,000, cap 10 %
    assert (one.verdict, one.reason, one.given) == (verdict, "cap_symbol", D(200))
    assert one.allowed < 200
    assert one.bound == D("0.1")
    assert one.figures["given if enforced"] == "0"
    assert desk.pop(Role.BOT).qty == D(200)


def test_what_fits_is_approved_on_every_step() -> None:
    for word in (*BELOW_ALL, "all"):
        assert Desk(enforcement=word).buy(KO, "100").verdict == "approved"


def test_from_entries_on_the_same_order_is_denied() -> None:
    for word in ("entries", "all"):
        desk = Desk(enforcement=word)
        assert desk.buy(KO, "200").verdict == "denied"
        assert desk.sent == []


def test_a_bot_that_may_shrink_is_told_what_it_would_have_got() -> None:
    one = Desk(enforcement="observe").buy(KO, "200", may_shrink=True)
    assert one.given == D(200)
    assert 0 < D(one.figures["given if enforced"]) == one.allowed


@pytest.mark.parametrize("word", FORWARDING)
def test_what_is_no_policy_holds_on_every_step(word: str) -> None:
    desk = Desk(enforcement=word)
    assert desk.sell(KO, "1").verdict == "denied"  # not held
    desk.seat("narrow", symbols=BTC)
    assert desk.buy(KO, "1", bot="narrow").verdict == "denied"  # what a token may
    desk.order(Command.HALT)
    assert desk.buy(KO, "200").reason == "halted"  # what a person ordered
    desk.wait(HOUR)
    stale = Desk(enforcement=word)
    stale.wait(HOUR)
    assert stale.buy(KO, "200").verdict == "denied"  # nobody knows what it costs


def test_a_signal_is_sized_by_the_policy_on_every_step() -> None:
    assert Desk(enforcement="observe").signal(KO).given == Desk().signal(KO).given


def test_forwarded_orders_are_not_cancelled_when_prices_move() -> None:
    desk = Desk(enforcement="observe")
    desk.buy(KO, "200")
    desk.take(Role.BOT)
    desk.wait()
    desk.prices({KO: "61"})
    assert desk.cancelled == []


# -- losses ---------------------------------------------------------------------------------------


def trip(desk: Desk, price: str) -> None:
    desk.wait(60)
    desk.prices({KO: price})
    desk.wait(60)
    desk.prices({KO: price})


@pytest.mark.parametrize("word", FORWARDING)
def test_breakers_are_journalled_only_below_entries(word: str) -> None:
    desk = Desk(holdings={KO: "800"}, cash=52_000, enforcement=word)
    trip(desk, "48")  # 9.6 % lost
    assert {r.breaker for r in desk.records if isinstance(r, BreakerMoved)} >= {"day", "month"}
    assert desk.state.trading is TradingState.ACTIVE
    assert desk.state.plan is None
    assert sold_by_house(desk) == []
    one = desk.buy(SPY, "1")
    assert (one.reason, one.given) == ("breaker_month", D(1))


def test_a_month_trip_at_entries_halts_and_sells_nothing() -> None:
    desk = Desk(holdings={KO: "800"}, cash=52_000, enforcement="entries")
    trip(desk, "48")
    assert desk.state.trading is TradingState.HALTED
    assert desk.state.plan is None
    assert sold_by_house(desk) == []
    assert desk.buy(SPY, "1").verdict == "denied"


@pytest.mark.parametrize("word", BELOW_ALL)
def test_an_asset_lock_is_told_and_nothing_is_sold(word: str) -> None:
    desk = Desk(holdings={BTC: "0.5"}, cash=75_000, enforcement=word)
    desk.wait(60)
    desk.prices({BTC: "45000"})
    desk.wait(60)
    desk.prices({BTC: "45000"})
    assert any(isinstance(r, AssetLocked) for r in desk.records)
    assert (BTC, "asset_locked") in foreseen(desk)
    assert sold_by_house(desk) == []
    denied = desk.buy(BTC, "0.001")
    assert (denied.given > 0) == (word in FORWARDING)


# -- sales of the house ---------------------------------------------------------------------------


@pytest.mark.parametrize("word", BELOW_ALL)
def test_below_all_the_house_sells_nothing_and_tells_once_a_day_what_it_would(word: str) -> None:
    desk = Desk(holdings={BTC: "1", ETH: "4"}, cash=40_000, enforcement=word)
    for _ in range(5):
        desk.wait(60)
        desk.prices()
    assert not any(isinstance(r, PlanMoved) for r in desk.records)
    assert sold_by_house(desk) == []
    first = foreseen(desk)
    assert {key for key, _ in first} == {BTC, ETH}
    assert len(first) == len(set(first))
    desk.wait(DAY)
    desk.prices()
    desk.prices()
    assert len(foreseen(desk)) == 2 * len(first)


@pytest.mark.parametrize("word", BELOW_ALL)
def test_what_a_person_orders_is_sold_on_every_step(word: str) -> None:
    desk = Desk(holdings={BTC: "1"}, cash=50_000, enforcement=word)
    desk.order(Command.FLATTEN)
    desk.wait(60)
    desk.prices()
    assert sold_by_house(desk) == [BTC]


def test_a_position_through_its_stop_is_told_and_kept_below_all() -> None:
    desk = Desk(holdings={KO: "100"}, cash=94_000, enforcement="entries")
    assert desk.state.stops == {}
    desk.wait(60)
    desk.prices({KO: "50"})
    desk.wait(60)
    desk.prices({KO: "50"})
    assert (KO, "stop_hit") in foreseen(desk)
    assert sold_by_house(desk) == []


# -- moving ---------------------------------------------------------------------------------------


def test_a_step_needs_an_admin_and_a_reason() -> None:
    desk = Desk(enforcement="observe")
    desk.step("all", is_admin=False)
    desk.step("all", reason=" ")
    desk.step("everything")
    assert step(desk) == "observe"
    assert len(notes(desk, "enforcement.refused")) == 3


def test_a_step_up_is_in_force_at_once_and_stops_follow() -> None:
    desk = Desk(holdings={KO: "100"}, cash=94_000, enforcement="observe")
    desk.buy(SPY, "120")
    resting = desk.take(Role.BOT)
    desk.step("all")
    assert step(desk) == "all"
    assert desk.cancelled == [resting.client_order_id]  # it does not fit under the rule
    desk.wait(60)
    desk.prices()
    assert sold_by_house(desk) == [KO]
    assert desk.pop(Role.STOP).side is Side.SELL


def test_a_step_down_waits_a_day_and_takes_the_stops_along() -> None:
    desk = Desk(holdings={KO: "100"}, cash=94_000)
    stop = desk.state.stops[KO]
    desk.step("observe")
    assert step(desk) == "all"
    desk.wait(23 * HOUR)
    desk.prices()
    assert step(desk) == "all"
    desk.wait(2 * HOUR)
    desk.prices()
    desk.prices()
    assert step(desk) == "observe"
    assert stop in desk.cancelled


def test_a_step_down_is_refused_in_need_and_waits_for_it_to_end() -> None:
    desk = Desk()
    desk.order(Command.REDUCE)
    desk.step("entries")
    assert "the account is reducing" in notes(desk, "enforcement.refused")[0]
    desk = Desk()
    desk.step("entries")
    desk.order(Command.HALT)
    desk.wait(2 * DAY)
    desk.prices()
    assert step(desk) == "all"


def test_ordering_the_step_in_force_withdraws_what_is_pending() -> None:
    desk = Desk()
    desk.step("observe")
    desk.step("all")
    assert desk.state.rollout.pending is None
    desk.wait(2 * DAY)
    desk.prices()
    assert step(desk) == "all"


def test_a_restart_keeps_step_pending_and_ramp() -> None:
    desk = Desk(enforcement="entries", config=EngineConfig(ramp_start=D("0.2"), ramp_days=4))
    desk.step("observe")
    desk.restart(EngineConfig(ramp_start=D(1)))
    assert step(desk) == "entries"
    assert desk.state.rollout.pending is not None
    assert desk.engine.caps.gross == D("0.2")  # another file makes them whole no sooner


def test_an_account_of_an_older_ledger_is_enforced_in_full() -> None:
    assert Desk(enforcement="whatever").state.rollout.step is Enforcement.ALL


# -- the ramp -------------------------------------------------------------------------------------


def ramped() -> Desk:
    return Desk(config=EngineConfig(ramp_start=D("0.2"), ramp_days=4))


def next_day(desk: Desk) -> None:
    desk.wait(DAY)
    desk.prices()
    desk.prices()


def test_caps_begin_small_and_grow_by_the_risk_day() -> None:
    desk = ramped()
    factors = []
    for _ in range(6):
        factors.append(desk.engine.caps.gross)
        next_day(desk)
    assert factors == [D("0.2"), D("0.4"), D("0.6"), D("0.8"), D(1), D(1)]
    assert [r.day for r in desk.records if isinstance(r, RampMoved)] == [0, 1, 2, 3, 4]


def test_small_caps_bind_increases_exactly_and_sell_nothing() -> None:
    desk = Desk(holdings={KO: "160"}, cash=90_400,
                config=EngineConfig(ramp_start=D("0.2"), ramp_days=4))  # fmt: skip
    one = desk.buy(SPY, "30")
    assert (one.verdict, one.bound) == ("denied", D("0.100"))
    assert desk.buy(SPY, "1").verdict == "approved"
    next_day(desk)
    assert not any(isinstance(r, PlanMoved) for r in desk.records)  # KO is 9.6 %, cap 10 %


def test_a_day_in_need_does_not_count() -> None:
    desk = ramped()
    desk.order(Command.REDUCE)
    next_day(desk)
    assert desk.engine.caps.gross == D("0.2")


def test_a_step_up_begins_the_ramp_anew() -> None:
    config = EngineConfig(ramp_start=D("0.5"), ramp_days=1)
    desk = Desk(enforcement="observe", config=config)
    assert desk.engine.caps.gross == D(1)
    desk.step("entries")
    assert desk.engine.caps.gross == D("0.5")
    next_day(desk)
    assert desk.engine.caps.gross == D(1)
    desk.step("all")
    assert desk.engine.caps.gross == D("0.5")
    assert [r.after for r in desk.records if isinstance(r, EnforcementChanged)] == [
        "entries", "all",
    ]  # fmt: skip


# -- consent --------------------------------------------------------------------------------------

ASKS = EngineConfig(adopted_consent=False)


def test_adopted_positions_wait_for_consent_and_nothing_is_added_meanwhile() -> None:
    desk = Desk(holdings={BTC: "1"}, cash=50_000, config=ASKS)
    desk.wait(60)
    desk.prices()
    assert sold_by_house(desk) == []
    assert BTC in {key for key, _ in foreseen(desk)}
    assert len(notes(desk, "plan.consent")) == 1
    assert desk.buy(KO, "1").reason == "deleveraging"
    desk.order(Command.CONSENT)
    desk.wait(60)
    desk.prices()
    assert desk.state.plan is not None
    assert BTC in sold_by_house(desk)


def test_what_a_bot_bought_needs_no_consent() -> None:
    desk = Desk(cash=100_000, config=ASKS)
    desk.buy(DOGE, "90000")
    desk.fill(desk.take(Role.BOT), "0.1")
    assert desk.state.stops.keys() == {DOGE}


def test_a_consent_is_given_once_and_kept() -> None:
    desk = Desk(holdings={BTC: "1"}, cash=50_000, config=ASKS)
    desk.order(Command.CONSENT)
    desk.order(Command.CONSENT)
    desk.restart()
    assert desk.state.rollout.is_consented
    assert not Desk().order(Command.CONSENT).records  # a simulated account is not asked
