"""How a plan ends: at its deadline, by what the positions say, and what goes on from there."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import pairwise

import pytest
from tests.simulation.desk import AAPL, BTC, ETH, KO, NOON, SOL, SPY, D, Desk, at

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import Filled, Noted, PlanMoved
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Verdict

COINS = {BTC: "0.6", ETH: "12", SOL: "230"}
"""Coins for $83,000 of $100,000, where 25 % are allowed."""


def wide(holdings: Mapping[Key, str], cash: int, now_ns: int = NOON) -> Desk:
    """An account without caps of single instruments, so that one group alone is over."""
    policy = EngineConfig().policy
    groups = policy.groups._replace(symbol=1.0, symbol_broad=1.0)
    config = EngineConfig(policy=policy._replace(groups=groups))
    return Desk(holdings=holdings, cash=cash, config=config, now_ns=now_ns)


def react(desk: Desk, how: str, only: Key | None = None) -> None:
    """Let stops come and go, and let every sale fill, rest, be refused or remain unanswered."""
    while desk.sent or desk.cancelled:
        for name in list(desk.cancelled):
            desk.end(desk.state.orders.by_id[name].order)
        for order in list(desk.sent):
            desk.sent.remove(order)
            if how == "refuse" and order.role is not Role.STOP:
                desk.answer(order, Verdict.REFUSED, "not now")
                continue
            is_silent = how == "silence" and order.role is not Role.STOP
            desk.answer(order, Verdict.UNKNOWN if is_silent else Verdict.ACCEPTED)
            if how == "fill" and order.role is not Role.STOP and only in (None, order.key):
                desk.fill(order, desk.price[order.key])


def pass_time(desk: Desk, minutes: int, how: str = "rest", *, step: int = 5) -> None:
    for _ in range(0, minutes, step):
        desk.wait(step * 60)
        desk.prices()
        react(desk, how)


def moves(desk: Desk) -> list[PlanMoved]:
    return [each for each in desk.records if isinstance(each, PlanMoved)]


def told(desk: Desk) -> list[tuple[str, str, int]]:
    return [(each.plan_id, each.status, each.stage) for each in moves(desk)]


def ended(desk: Desk, plan_id: str = "p1") -> PlanMoved:
    return next(
        each
        for each in moves(desk)
        if each.plan_id == plan_id and each.status in ("reached", "partial", "failed")
    )


def started(desk: Desk, plan_id: str) -> PlanMoved:
    return next(each for each in moves(desk) if (each.plan_id, each.status) == (plan_id, "started"))


def deleveraging() -> Desk:
    return wide(COINS, 17_000)


def flatten() -> Desk:
    desk = wide({BTC: "0.3", AAPL: "50"}, 75_000)
    desk.order(Command.FLATTEN)
    desk.prices()
    return desk


@pytest.mark.parametrize(
    ("begin", "first", "then", "status", "why"),
    [
        pytest.param(deleveraging, "fill", "fill", "reached", "", id="sold"),
        pytest.param(
            deleveraging, "fill", "rest", "partial",
            "10.5 % of equity above the cap of 25.0 % for crypto; "
            "not sold: BTC/USD (no buyer), ETH/USD (no buyer), SOL/USD (no buyer)",
            id="first-slice-only",
        ),
        pytest.param(
            deleveraging, "refuse", "refuse", "failed",
            "58.0 % of equity above the cap of 25.0 % for crypto; "
            "not sold: BTC/USD (refused), ETH/USD (refused), SOL/USD (refused)",
            id="refused",
        ),
        pytest.param(
            deleveraging, "silence", "silence", "failed",
            "58.0 % of equity above the cap of 25.0 % for crypto; not sold: "
            "BTC/USD (outcome unknown), ETH/USD (outcome unknown), SOL/USD (outcome unknown)",
            id="unanswered",
        ),
        pytest.param(flatten, "fill", "fill", "reached", "", id="flatten-sold"),
        pytest.param(
            flatten, "fill BTC", "rest", "partial",
            "10.0 % of equity is still held; not sold: AAPL (no buyer)",
            id="flatten-one-left",
        ),
        pytest.param(
            flatten, "refuse", "refuse", "failed",
            "25.0 % of equity is still held; not sold: BTC/USD (refused), AAPL (refused)",
            id="flatten-refused",
        ),
    ],
)  # fmt: skip
def test_a_plan_ends_by_what_the_positions_say(
    begin: Callable[[], Desk], first: str, then: str, status: str, why: str
) -> None:
    desk = begin()
    react(desk, first.partition(" ")[0], BTC if "BTC" in first else None)
    pass_time(desk, 125, then)
    end = ended(desk)
    assert (end.status, end.why) == (status, why)
    plan = desk.state.plan
    if status == "reached":
        assert plan is None
        return
    assert end.at_ns > end.deadline_ns >= end.at_ns - 5 * MINUTE_NS
    following = started(desk, "p2")
    words = {"partial": "ended in part", "failed": "ended without success"}[status]
    assert following.why == f"continues p1, which {words}"
    assert (following.at_ns, following.group) == (end.at_ns, end.group)
    assert following.stage == (0 if end.group == "flatten" else 3)
    assert plan is not None
    assert plan.plan_id == "p2"


def test_selling_does_not_pause_between_two_plans() -> None:
    desk = deleveraging()
    react(desk, "refuse")
    pass_time(desk, 120, "refuse")
    desk.wait(60)
    outcome = desk.prices()
    assert [(each.plan_id, each.status) for each in moves(desk)][-2:] == [
        ("p1", "failed"),
        ("p2", "started"),
    ]
    assert {each.key for each in outcome.decisions} == set(COINS)
    assert {each.figures["plan"] for each in outcome.decisions} == {"p2"}


def test_only_the_first_stage_is_told_late_and_only_once() -> None:
    desk = deleveraging()
    pass_time(desk, 180)
    assert told(desk)[:4] == [
        ("p1", "started", 1),
        ("p1", "late", 1),
        ("p1", "failed", 1),
        ("p2", "started", 3),
    ]
    late = moves(desk)[1]
    assert late.deadline_ns - started(desk, "p1").at_ns == 120 * MINUTE_NS
    assert [status for _, status, _ in told(desk)].count("late") == 1


def test_who_was_late_and_then_reaches_the_first_ceiling_keeps_the_last_deadline() -> None:
    desk = deleveraging()
    pass_time(desk, 35)
    due_ns = moves(desk)[-1].deadline_ns
    react(desk, "rest")
    for name in list(desk.state.orders.by_id):
        order = desk.state.orders.by_id[name].order
        if order.role is Role.TRIM:
            desk.fill(order, desk.price[order.key])
    pass_time(desk, 5)
    assert told(desk)[-1] == ("p1", "stage", 2)
    assert moves(desk)[-1].deadline_ns == due_ns


def test_inside_the_band_nothing_follows() -> None:
    desk = wide({BTC: "0.6"}, 70_000)
    pass_time(desk, 115)
    desk.flow("17700")  # 25.5 % of equity, and nothing was sold
    pass_time(desk, 10)
    assert (ended(desk).status, desk.state.plan) == ("failed", None)
    assert ended(desk).why.startswith("0.5 % of equity above the cap of 25.0 % for crypto")
    assert desk.state.short == ended(desk)


def test_money_that_brings_the_positions_inside_reaches_the_goal() -> None:
    desk = wide({BTC: "0.6"}, 70_000)
    pass_time(desk, 115)
    desk.flow("25000")
    pass_time(desk, 10)
    assert (ended(desk).status, ended(desk).why, desk.state.plan) == ("reached", "", None)
    assert desk.state.short is None


def test_another_group_beyond_its_band_is_followed_at_once() -> None:
    desk = Desk(holdings={BTC: "0.18", ETH: "3.5", SOL: "88", KO: "160"}, cash=63_850)
    desk.prices({SOL: "120"})
    assert started(desk, "p1").group == "crypto"
    react(desk, "fill")
    desk.wait(121 * 60)
    desk.prices({KO: "80"})
    assert (ended(desk).status, ended(desk).group) == ("reached", "crypto")
    following = started(desk, "p2")
    assert (following.group, following.stage) == ("symbol", 3)
    assert following.why == "follows p1: symbol over its cap"


# -- time that counts -----------------------------------------------------------------------------


def test_a_plan_over_a_night_has_its_deadline_in_the_morning() -> None:
    desk = Desk(holdings={AAPL: "60", BTC: "0.1"}, cash=83_000, now_ns=at("2024-03-05T20:30"))
    assert [(each.group, each.stage) for each in moves(desk)] == [("symbol", 2)]
    assert started(desk, "p1").deadline_ns == at("2024-03-06T16:00")
    react(desk, "rest")
    pass_time(desk, 19 * 60 + 30, step=30)
    assert [status for _, status, _ in told(desk)] == ["started"]
    pass_time(desk, 5)
    why = "2.0 % of equity above the cap of 10.0 % for AAPL; not sold: AAPL (no buyer)"
    assert (ended(desk).status, ended(desk).why) == ("failed", why)


def test_what_is_closed_for_days_gets_one_plan_and_no_loop() -> None:
    saturday = at("2024-03-09T15:00")
    desk = wide({BTC: "0.3", KO: "200"}, 73_000, saturday)
    desk.order(Command.FLATTEN)
    desk.prices()
    react(desk, "fill", BTC)
    pass_time(desk, 46 * 60, step=20)
    assert told(desk) == [("p1", "started", 0), ("p1", "partial", 0), ("p2", "started", 0)]
    assert ended(desk).why == "12.0 % of equity is still held; not sold: KO (market closed)"
    assert started(desk, "p2").deadline_ns == at("2024-03-11T15:30")


def test_a_venue_that_refuses_everything_gets_one_plan_per_deadline() -> None:
    desk = deleveraging()
    react(desk, "refuse")
    pass_time(desk, 10 * 60, "refuse", step=2)
    starts = [each for each in moves(desk) if each.status == "started"]
    assert [each.stage for each in starts] == [1] + [3] * (len(starts) - 1)
    assert len({each.at_ns for each in starts}) == len(starts)
    gaps = [(b.at_ns - a.at_ns) // MINUTE_NS for a, b in pairwise(starts)]
    assert gaps[0] >= 120
    assert min(gaps[1:]) >= 30


# -- restarts, people and states ------------------------------------------------------------------


def test_a_restart_resumes_a_plan_and_measures_from_its_start() -> None:
    desk = deleveraging()
    react(desk, "fill")
    pass_time(desk, 60)
    desk.restart()
    pass_time(desk, 65)
    assert (ended(desk).status, told(desk)[-1]) == ("partial", ("p2", "started", 3))
    before = desk.state.plan
    desk.restart()
    assert desk.state.plan == before
    pass_time(desk, 25)
    assert told(desk)[-1] == ("p2", "started", 3)


def test_a_plan_that_is_found_past_its_deadline_ends_at_the_first_price() -> None:
    desk = deleveraging()
    react(desk, "rest")
    desk.wait(5 * 3600)
    desk.restart()
    desk.prices()
    assert told(desk) == [
        ("p1", "started", 1),
        ("p1", "late", 1),
        ("p1", "failed", 1),
        ("p2", "started", 3),
    ]


def test_a_plan_that_gives_way_to_a_flatten_says_what_it_left() -> None:
    desk = deleveraging()
    desk.order(Command.FLATTEN)
    assert told(desk) == [("p1", "started", 1), ("p1", "failed", 1), ("p2", "started", 0)]
    assert ended(desk).why.startswith("58.0 % of equity above the cap of 25.0 % for crypto")


def test_a_flatten_that_falls_short_changes_no_state_and_no_resume_slips_between() -> None:
    desk = Desk(holdings={SPY: "100", AAPL: "40"}, cash=42_000)
    desk.prices({SPY: "405"})
    assert desk.state.trading.name == "REDUCING"
    pass_time(desk, 200, "refuse")
    assert ended(desk).group == "flatten"
    assert desk.state.trading.name == "REDUCING"
    desk.now_ns = at("2024-03-07T17:00")
    desk.prices()
    desk.order(Command.RESUME, "let go")
    notes = [each.text for each in desk.records if isinstance(each, Noted)]
    assert notes[-1] == "cannot resume: a deleveraging plan is still running"
    pass_time(desk, 10, "fill")
    assert desk.state.plan is None
    assert desk.state.trading.name == "HALTED"


def test_a_flatten_sells_also_when_the_equity_is_gone() -> None:
    desk = wide({KO: "1000"}, -55_000)
    desk.prices({KO: "54"})
    assert desk.engine.valuation().equity < 0
    react(desk, "rest")
    pass_time(desk, 125)
    first, second = moves(desk)[-2:]
    assert (first.group, first.status, second.status) == ("flatten", "failed", "started")
    assert first.why == "positions are still held; not sold: KO (no buyer)"


def test_nothing_is_bought_by_a_plan_and_no_more_is_sold_than_is_held() -> None:
    desk = deleveraging()
    before = dict(desk.state.held())
    pass_time(desk, 300, "fill")
    sold: dict[Key, Decimal] = {}
    for record in desk.records:
        if isinstance(record, Filled):
            assert record.fill.side is Side.SELL
            sold[record.fill.key] = sold.get(record.fill.key, D(0)) + record.fill.qty
    assert sold
    assert all(sold[key] <= before[key] for key in sold)
