"""Plans, trips and stops from start to end, as the journal tells them."""

from decimal import Decimal

import pytest

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.records import (
    AccountOpened,
    BreakerMoved,
    Marked,
    PlanMoved,
    Record,
    Resumed,
)
from smart_leverage.reports.measures import Plan, Trip, plans, trips
from smart_leverage.reports.story import Story

D = Decimal
OPENED = AccountOpened(
    at_ns=0,
    account="small",
    mode="sim",
    cash=D(1000),
    risk_timezone="UTC",
    preset="classic",
    policy="",
    policy_hash="abc",
    enforcement="all",
    version="0.1.0",
)


def move(
    minutes: int, status: str, exposure: str, *, stage: int = 1, group: str = "crypto"
) -> PlanMoved:
    return PlanMoved(
        at_ns=minutes * MINUTE_NS,
        plan_id="p1",
        status=status,
        group=group,
        stage=stage,
        ceiling=D("0.245"),
        exposure=D(exposure),
        deadline_ns=(30 if stage == 1 else 120) * MINUTE_NS,
        why="over its cap",
    )


def trip(minutes: int, breaker: str, *, is_tripped: bool = True) -> BreakerMoved:
    return BreakerMoved(
        at_ns=minutes,
        breaker=breaker,
        is_tripped=is_tripped,
        value=D("0.031"),
        limit=D("0.03"),
        why="loss over the limit",
    )


def told(*records: Record) -> Story:
    story = Story()
    for record in (OPENED, *records):
        story.apply(record)
    return story


def only_plan(*records: Record) -> Plan:
    (plan,) = plans(told(*records))
    return plan


def test_a_plan_is_told_from_its_start_to_its_end() -> None:
    plan = only_plan(
        move(0, "started", "0.825"),
        move(5, "stage", "0.38", stage=2),
        move(90, "reached", "0.24", stage=2),
    )
    assert (plan.first, plan.last, plan.status) == (D("0.825"), D("0.24"), "reached")
    assert (plan.start_ns, plan.end_ns, plan.deadline_ns) == (0, 90 * MINUTE_NS, 120 * MINUTE_NS)
    assert [(stage, at_ns // MINUTE_NS) for stage, at_ns, _ in plan.stages] == [
        (1, 0),
        (2, 5),
        (2, 90),
    ]
    assert plan.is_in_time is True
    assert plan.places == (2, 3, 4)


@pytest.mark.parametrize(
    ("moves", "is_in_time"),
    [
        pytest.param([move(0, "started", "0.8")], None, id="running"),
        pytest.param([move(0, "started", "0.8"), move(31, "late", "0.5")], False, id="late"),
        pytest.param([move(0, "started", "0.8"), move(31, "reached", "0.2")], False, id="too-late"),
        pytest.param([move(0, "started", "0.8"), move(30, "reached", "0.2")], True, id="just"),
        pytest.param([move(0, "started", "0.8"), move(9, "failed", "0.8")], True, id="gave-up"),
    ],
)
def test_a_plan_is_held_to_its_deadline(moves: list[PlanMoved], is_in_time: bool | None) -> None:
    assert only_plan(*moves).is_in_time is is_in_time


def test_a_plan_that_fell_short_tells_what_it_left() -> None:
    started, short = move(0, "started", "0.8"), move(121, "partial", "0.4", stage=2)
    plan = only_plan(started, short)
    assert (plan.status, plan.shortfall, plan.end_ns) == ("partial", short.why, short.at_ns)
    assert plan.is_in_time is False
    assert only_plan(started).shortfall == ""
    assert only_plan(started, move(60, "reached", "0.2")).shortfall == ""


def test_a_sale_of_everything_begins_at_what_was_held() -> None:
    mark = Marked(
        at_ns=0,
        equity=D(1000),
        cash=D(0),
        crypto=D(180),
        leveraged=D(180),
        gross=D(180),
        crypto_cap=D("0.25"),
        leveraged_cap=D("0.35"),
    )
    started = move(1, "started", "1", stage=0, group="flatten")
    assert only_plan(mark, started).first == D("0.18")
    assert only_plan(started).first == 1  # without a mark there is nothing better to tell


def test_a_trip_lasts_until_it_is_cleared() -> None:
    found = trips(told(trip(1, "day"), trip(2, "emergency"), trip(5, "day", is_tripped=False)))
    assert [(each.breaker, each.start_ns, each.end_ns, each.seq) for each in found] == [
        ("day", 1, 5, 2),
        ("emergency", 2, None, 3),
    ]


def test_whoever_resumes_clears_every_trip() -> None:
    resumed = Resumed(at_ns=7, who="me", reason="a new month", equity=D(900))
    found = trips(told(trip(1, "month"), trip(2, "day"), resumed, trip(9, "day")))
    assert [(each.breaker, each.end_ns) for each in found] == [
        ("month", 7),
        ("day", 7),
        ("day", None),
    ]


def test_a_trip_that_is_told_twice_is_one() -> None:
    found = trips(told(trip(1, "day"), trip(3, "day"), trip(5, "day", is_tripped=False)))
    assert found == [
        Trip("day", "loss over the limit", D("0.031"), D("0.03"), start_ns=1, end_ns=5, seq=2)
    ]


def test_what_is_cleared_without_a_trip_is_none() -> None:
    assert trips(told(trip(1, "day", is_tripped=False))) == []
