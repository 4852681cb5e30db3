"""Limits that change: tighter at once, looser only by an admin, after a delay and in no need."""

import pytest
from tests.simulation.desk import AAPL, BTC, ETH, KO, D, Desk

from smart_leverage.domain.limits import CONFIGURATION
from smart_leverage.domain.records import LimitChanged, Marked, Noted, PlanMoved, TierGranted
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.limits import PLACES, laid_over, limits_of
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.tier import Tier
from smart_leverage.settings import Settings

HOUR = 3_600
DAY = 24 * HOUR


def config(**groups: float) -> EngineConfig:
    """Return a configuration in which caps of the groups differ."""
    return EngineConfig(policy=CLASSIC._replace(groups=CLASSIC.groups._replace(**groups)))


def in_force(desk: Desk, name: str = "limits.symbol_cap") -> str:
    return desk.state.limits.in_force[name]


def pending(desk: Desk) -> dict[str, str]:
    return {name: each.after for name, each in desk.state.limits.pending.items()}


def refusals(desk: Desk) -> list[str]:
    return [r.text for r in desk.records if isinstance(r, Noted) and r.code == "limit.refused"]


def changes(desk: Desk) -> list[LimitChanged]:
    return [r for r in desk.records if isinstance(r, LimitChanged)]


# -- the table ------------------------------------------------------------------------------------


def test_every_limit_has_a_place_in_the_engines_configuration_and_a_key_in_the_settings() -> None:
    tree = Settings().model_dump()
    tree["intraday"]["plan"] = "on"  # while it is off its numbers are not kept
    kept = Settings.model_validate(tree).policy_text()
    assert all(f"{name} = " in kept for name in PLACES)
    assert limits_of(laid_over(EngineConfig(), limits_of(config(symbol=0.07)))) == limits_of(
        config(symbol=0.07)
    )


def test_an_account_that_opens_with_the_policy_it_tells_of_has_no_change() -> None:
    assert changes(Desk()) == []


def test_limits_that_the_policy_text_does_not_tell_are_journalled_at_the_opening() -> None:
    (told,) = changes(Desk(config=config(symbol=0.2)))
    assert (told.name, told.before, told.after) == ("limits.symbol_cap", "", "0.2")


# -- tightening -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tighter", "looser"),
    [
        ("limits.gross_cap", "0.9", "1.1"),
        ("limits.symbol_cap", "0.05", "0.2"),
        ("limits.symbol_cap_broad", "0.4", "0.6"),
        ("limits.loss_limit_daily", "0.02", "0.04"),
        ("limits.loss_limit_daily_asset", "0.01", "0.03"),
        ("limits.loss_limit_monthly", "0.06", "0.1"),
        ("tiers.learning.crypto_cap", "0.2", "0.3"),
        ("tiers.emergency.total_cap", "0.2", "0.3"),
        ("tiers.ceiling", "stable", ""),
        ("tiers.win_rate_stable", "0.5", "0.4"),
        ("tiers.win_rate_profitable", "0.7", "0.5"),
        ("tiers.trades_min", "30", "10"),
        ("tiers.month_return_emergency", "-0.03", "-0.08"),
        ("risk.loosen_after_hours", "48", "1"),
    ],
)
def test_which_way_is_tighter(name: str, tighter: str, looser: str) -> None:
    desk = Desk()
    if looser:
        (told,) = desk.limit(f"{name}={looser}", is_admin=True)
        assert (told.is_looser, told.effective_ns > told.at_ns) == (True, True)
    (told,) = desk.limit(f"{name}={tighter}")
    assert (told.is_looser, told.effective_ns, told.who) == (False, told.at_ns, "ann")
    assert in_force(desk, name) == tighter
    assert limits_of(desk.engine._core.config)[name] == tighter


def test_a_tighter_cap_denies_the_next_order_and_cancels_what_no_longer_fits() -> None:
    desk = Desk()
    assert desk.buy(AAPL, "40").given == D(40)
    order = desk.take()
    desk.limit("limits.symbol_cap=0.05")
    assert desk.cancelled == [order.client_order_id]
    desk.end(order)
    assert desk.buy(AAPL, "40").reason == "cap_symbol"
    assert desk.buy(AAPL, "24").given == D(24)


def test_a_tighter_cap_sells_down_what_is_over_it() -> None:
    desk = Desk(holdings={BTC: "0.16", ETH: "3.2"}, cash=84_000)
    desk.limit("tiers.learning.crypto_cap=0.1", "tiers.emergency.crypto_cap=0.1")
    desk.wait()
    desk.prices()
    assert [(r.status, r.group) for r in desk.records if isinstance(r, PlanMoved)] == [
        ("started", "crypto")
    ]


def test_a_tighter_loss_limit_trips_at_the_next_price() -> None:
    desk = Desk(holdings={KO: "400"}, cash=76_000)
    desk.prices({KO: "55"})  # 2 %
    assert not desk.state.breakers.is_day_tripped
    desk.limit("limits.loss_limit_daily=0.015")
    desk.prices()
    assert desk.state.breakers.is_day_tripped


def test_a_lower_ceiling_takes_a_tier_away() -> None:
    desk = Desk(config=EngineConfig(tier_ceiling=Tier.STABLE))
    desk.limit("tiers.ceiling=emergency")
    desk.wait()
    desk.prices()
    (fallen,) = [r for r in desk.records if isinstance(r, TierGranted)]
    assert (fallen.before, fallen.after, fallen.why) == ("LEARNING", "EMERGENCY", "fall")


def test_a_restart_keeps_what_was_tightened_whatever_the_same_file_says() -> None:
    desk = Desk()
    desk.limit("limits.symbol_cap=0.05")
    desk.restart()
    desk.wait(2 * DAY)
    desk.prices()
    assert (in_force(desk), len(changes(desk))) == ("0.05", 1)
    assert desk.buy(AAPL, "40").reason == "cap_symbol"


# -- loosening ------------------------------------------------------------------------------------


def test_loosening_comes_into_force_after_the_delay_and_not_before() -> None:
    desk = Desk()
    (told,) = desk.limit("limits.symbol_cap=0.2", is_admin=True)
    assert told.effective_ns - told.at_ns == DAY * 10**9
    desk.wait(DAY - 1)
    desk.prices()
    assert desk.buy(AAPL, "80").reason == "cap_symbol"
    desk.wait(1)
    desk.prices()
    last = changes(desk)[-1]
    assert (last.before, last.after, last.effective_ns) == ("0.1", "0.2", desk.now_ns)
    assert (last.who, last.reason, pending(desk)) == ("ann", "because", {})
    assert desk.buy(AAPL, "80").given == D(80)


def test_loosening_without_the_token_is_refused_and_recorded() -> None:
    desk = Desk()
    assert desk.limit("limits.symbol_cap=0.2", "limits.gross_cap=0.5") == []
    assert refusals(desk) == [
        "nothing changed for ann: limits.symbol_cap would be looser, which needs the admin token"
    ]
    assert in_force(desk, "limits.gross_cap") == "1.0"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("halted", "the account is halted"),
        ("reducing", "the account is reducing"),
        ("day", "the loss limit of the day is tripped"),
        ("month", "the loss limit of the month is tripped"),
        ("emergency", "the emergency month is tripped"),
        ("plan", "a deleveraging plan is running"),
        ("not-ready", "books and broker were not compared yet"),
    ],
)
def test_loosening_is_refused_in_need_and_tightening_is_not(what: str, why: str) -> None:
    desk = Desk(holdings={KO: "900" if what == "plan" else "160"}, cash=91_000)
    need(desk, what)
    assert desk.limit("limits.symbol_cap=0.5", is_admin=True) == []
    assert refusals(desk) == [
        f"nothing changed for ann: limits.symbol_cap would be looser, and {why}"
    ]
    assert len(desk.limit("limits.symbol_cap=0.09")) == 1


def need(desk: Desk, what: str) -> None:
    if what in ("halted", "reducing"):
        desk.order(Command.HALT if what == "halted" else Command.REDUCE)
    elif what == "plan":
        desk.wait()
        desk.prices()
        assert desk.state.plan is not None
    elif what == "not-ready":
        desk.engine._core.is_ready = False
    else:
        name = {
            "day": "limits.loss_limit_daily",
            "month": "limits.loss_limit_monthly",
            "emergency": "tiers.month_return_emergency",
        }[what]
        desk.limit(f"{name}={'-0.01' if what == 'emergency' else '0.01'}")
        desk.prices({KO: "52"})  # 1.3 %


def test_what_is_pending_waits_while_the_account_is_halted_and_goes_on_afterwards() -> None:
    desk = Desk()
    desk.limit("limits.symbol_cap=0.2", is_admin=True)
    desk.order(Command.HALT)
    desk.wait(2 * DAY)
    desk.prices()
    assert in_force(desk) == "0.1"
    desk.order(Command.RESUME)
    desk.prices()
    assert in_force(desk) == "0.2"


def test_what_would_come_into_force_at_the_price_that_trips_does_not() -> None:
    desk = Desk(holdings={KO: "160"}, cash=90_400)
    desk.limit("limits.loss_limit_daily=0.05", is_admin=True)
    desk.wait(DAY)
    desk.prices({KO: "40"})  # 3.2 %
    assert desk.state.breakers.is_day_tripped
    assert in_force(desk, "limits.loss_limit_daily") == "0.03"


def test_setting_the_value_in_force_withdraws_what_is_pending() -> None:
    desk = Desk()
    desk.limit("limits.symbol_cap=0.2", is_admin=True)
    (told,) = desk.limit("limits.symbol_cap=0.1")
    assert (told.before, told.after, pending(desk)) == ("0.1", "0.1", {})
    desk.wait(2 * DAY)
    desk.prices()
    assert in_force(desk) == "0.1"


def test_asking_again_changes_nothing_and_another_value_waits_anew() -> None:
    desk = Desk()
    desk.limit("limits.symbol_cap=0.2", is_admin=True)
    desk.wait(HOUR)
    assert desk.limit("limits.symbol_cap=0.20", is_admin=True) == []
    (told,) = desk.limit("limits.symbol_cap=0.15", is_admin=True)
    assert told.effective_ns == desk.now_ns + DAY * 10**9
    assert pending(desk) == {"limits.symbol_cap": "0.15"}


def test_a_shorter_delay_waits_for_the_longer_one() -> None:
    desk = Desk()
    told = desk.limit("risk.loosen_after_hours=1", "limits.symbol_cap=0.2", is_admin=True)
    assert {each.effective_ns - each.at_ns for each in told} == {DAY * 10**9}
    desk.wait(DAY)
    desk.prices()
    (told_later,) = desk.limit("limits.symbol_cap=0.3", is_admin=True)
    assert told_later.effective_ns - told_later.at_ns == HOUR * 10**9


def test_a_longer_delay_holds_for_what_is_loosened_with_it() -> None:
    desk = Desk()
    told = desk.limit("limits.symbol_cap=0.2", "risk.loosen_after_hours=48", is_admin=True)
    assert told[-1].effective_ns - told[-1].at_ns == 2 * DAY * 10**9


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("limits.symbol_cap", "nan"),
        ("limits.symbol_cap", "-inf"),
        ("limits.symbol_cap", ""),
        ("limits.symbol_cap", "1E+999999"),
        ("tiers.trades_min", "20.5"),
        ("tiers.ceiling", "highest"),
        ("sizing.base_share", "0.01"),
        ("limits", "0.01"),
    ],
)
def test_what_is_no_value_changes_nothing(name: str, text: str) -> None:
    desk = Desk()
    assert desk.limit(f"{name}={text}", is_admin=True) == []
    assert refusals(desk) == [
        f"nothing changed for ann: {name} is no limit or cannot have this value"
    ]


def test_a_change_needs_a_reason_and_a_name() -> None:
    desk = Desk()
    assert desk.limit("limits.symbol_cap=0.05", reason=" ") == []
    assert desk.limit() == []
    assert [each.rpartition(": ")[2] for each in refusals(desk)] == [
        "a change of a limit needs a reason",
        "no limit was named",
    ]


# -- the configuration ----------------------------------------------------------------------------


def test_another_configuration_is_no_way_around_the_delay() -> None:
    desk = Desk()
    desk.restart(config(symbol=0.3, gross=0.9)._replace(loosen_after_hours=1))
    assert {each.name: each.who for each in changes(desk)} == dict.fromkeys(
        ("risk.loosen_after_hours", "limits.gross_cap", "limits.symbol_cap"), CONFIGURATION
    )
    assert in_force(desk, "limits.gross_cap") == "0.9"
    desk.wait(DAY - 1)
    desk.prices()
    assert desk.buy(AAPL, "80").reason == "cap_symbol"
    desk.wait(1)
    desk.prices()
    assert desk.buy(AAPL, "80").given == D(80)


def test_restarting_again_neither_shortens_nor_repeats_the_wait() -> None:
    desk = Desk()
    for _ in range(4):
        desk.restart(config(symbol=0.3))
        desk.wait(HOUR)
    assert len(changes(desk)) == 1
    assert changes(desk)[0].effective_ns == desk.now_ns + (DAY - 4 * HOUR) * 10**9


def test_a_configuration_that_is_put_back_withdraws_what_it_had_asked_for() -> None:
    desk = Desk()
    desk.restart(config(symbol=0.3))
    desk.restart(EngineConfig())
    assert (in_force(desk), pending(desk)) == ("0.1", {})
    desk.wait(2 * DAY)
    desk.prices()
    assert in_force(desk) == "0.1"


def test_a_configuration_that_follows_what_was_set_is_noted_as_such() -> None:
    desk = Desk()
    desk.limit("limits.symbol_cap=0.05")
    desk.restart(config(symbol=0.05))
    assert desk.state.limits.configured["limits.symbol_cap"] == "0.05"
    desk.restart(EngineConfig())
    assert (in_force(desk), pending(desk)) == ("0.05", {"limits.symbol_cap": "0.1"})


# -- what a change would lead to ------------------------------------------------------------------


def test_the_courses_of_a_change_are_now_and_after_each_delay() -> None:
    desk = Desk()
    desk.limit("limits.symbol_cap=0.2", is_admin=True)
    desk.wait()
    desk.limit("limits.gross_cap=1.5", is_admin=True)
    asked = {"limits.symbol_cap_broad": "0.6", "limits.loss_limit_daily": "0.01"}
    names = ("limits.symbol_cap", "limits.gross_cap", *asked)
    courses = [[each[name] for name in names] for each in desk.state.limits.courses(asked)]
    assert courses == [
        ["0.1", "1.0", "0.5", "0.01"],
        ["0.2", "1.0", "0.5", "0.01"],
        ["0.2", "1.5", "0.5", "0.01"],
        ["0.2", "1.5", "0.6", "0.01"],
    ]


def test_nothing_that_may_come_holds_up_a_tightening() -> None:
    desk = Desk()
    desk.limit("limits.loss_limit_daily=0.07", is_admin=True)
    asked = {"limits.loss_limit_monthly": "0.05"}
    (course,) = desk.state.limits.courses(asked)
    assert course["limits.loss_limit_monthly"] == "0.05"
    assert course["limits.loss_limit_daily"] == "0.03"


def test_a_changed_cap_is_in_the_next_mark_however_young_the_last_is() -> None:
    desk = Desk()
    marks = len(desk.of(Marked))
    desk.wait(1)
    desk.prices()
    assert len(desk.of(Marked)) == marks
    desk.feed(
        Commanded(
            at_ns=desk.now_ns,
            command=Command.LIMITS,
            who="ann",
            reason="smaller",
            changes=(("tiers.learning.crypto_cap", "0.1"), ("tiers.emergency.crypto_cap", "0.1")),
        )
    )
    desk.prices()
    last = desk.of(Marked)[-1]
    assert isinstance(last, Marked)
    assert (len(desk.of(Marked)), last.crypto_cap) == (marks + 1, D("0.1"))
