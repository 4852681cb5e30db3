"""Plans, whatever prices, fills and refusals come: none outlives its deadline, none oversells."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.desk import AAPL, BTC, ETH, TQQQ, D, Desk

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.orders import Order, Role, Side
from smart_leverage.domain.records import PlanMoved
from smart_leverage.engine.events import Command, Verdict

HELD = {BTC: "0.8", ETH: "8", AAPL: "100", TQQQ: "200"}
ENDED = ("reached", "partial", "failed")


class Step(NamedTuple):
    """Time passes, prices move, perhaps somebody wants something, and the venue reacts."""

    minutes: int
    factor: float
    reactions: tuple[str, ...]
    command: Command | None
    restarts: bool
    part: str = ""


STEPS = st.builds(
    Step,
    minutes=st.sampled_from((1, 7, 31, 45, 121, 400, 1440)),
    factor=st.sampled_from((0.7, 0.93, 0.99, 1.0, 1.02, 1.3)),
    reactions=st.lists(
        st.sampled_from(("fill", "part", "rest", "refuse", "silence", "expire")),
        min_size=1,
        max_size=3,
    ).map(tuple),
    command=st.sampled_from(
        (None, None, None, None, Command.REBALANCE, Command.FLATTEN, Command.CLOSE)
    ),
    restarts=st.sampled_from((False, False, False, True)),
    part=st.sampled_from(("crypto", "leveraged", *(key.partition(":")[2] for key in HELD))),
)


def react(desk: Desk, reactions: tuple[str, ...]) -> None:
    """Let each order that leaves meet the next reaction; what is refused is not tried again."""
    for number in range(40):
        for name in list(desk.cancelled):
            tracked = desk.state.orders.by_id.get(name)
            if tracked is not None:
                desk.end(tracked.order)
        if not desk.sent:
            return
        order = desk.pop()
        is_stop = order.role is Role.STOP
        answer(desk, order, "rest" if is_stop else reactions[number % len(reactions)])


def answer(desk: Desk, order: Order, how: str) -> None:
    if how == "refuse":
        desk.answer(order, Verdict.REFUSED)
    elif how == "silence":
        desk.answer(order, Verdict.UNKNOWN)
    else:
        desk.answer(order, Verdict.ACCEPTED)
    part = (order.qty / 2).quantize(D("0.0001"))
    if how == "fill" or (how == "part" and not part):
        desk.fill(order, desk.price[order.key])
    elif how == "part":
        desk.fill(order, desk.price[order.key], f"{part}")
    elif how == "expire":
        desk.end(order, "expired")


def play(desk: Desk, step: Step) -> None:
    desk.wait(step.minutes * 60)
    if step.restarts:
        desk.sent.clear()
        desk.cancelled.clear()
        desk.restart()
    if step.command is Command.CLOSE:
        desk.close(step.part)
    elif step.command is not None:
        desk.order(step.command)
    changed = {key: f"{desk.price[key] * D(repr(step.factor)):.2f}" for key in HELD}
    desk.prices(changed)
    react(desk, step.reactions)


def moves(desk: Desk) -> list[PlanMoved]:
    return [each for each in desk.records if isinstance(each, PlanMoved)]


@given(st.integers(-20_000, 150_000), st.lists(STEPS, min_size=1, max_size=12))
@settings(max_examples=150)
def test_no_plan_outlives_its_deadline_and_none_sells_what_is_not_held(
    cash: int, steps: list[Step]
) -> None:
    desk = Desk(holdings=HELD, cash=cash)
    react(desk, ("rest",))
    for step in steps:
        play(desk, step)
        plan = desk.state.plan
        assert plan is None or plan.deadline_ns >= desk.now_ns
        for key in HELD:
            assert desk.state.orders.selling(key) <= desk.state.book.qty(key)
        orders = desk.state.orders.by_id.values()
        assert {each.order.side for each in orders} <= {Side.SELL}


@given(st.lists(STEPS, min_size=1, max_size=12))
@settings(max_examples=100)
def test_plans_follow_each_other_one_by_one_and_never_in_a_loop(steps: list[Step]) -> None:
    desk = Desk(holdings=HELD, cash=20_000)
    react(desk, ("rest",))
    for step in steps:
        play(desk, step)
    running, starts = "", []
    for each in moves(desk):
        if each.status == "started":
            assert not running
            running = each.plan_id
            starts.append(each)
            assert each.deadline_ns - each.at_ns >= 30 * MINUTE_NS
        assert each.plan_id == running
        assert each.status != "late" or each.stage == 1
        if each.status in ENDED:
            assert bool(each.why) == (each.status != "reached")
            running = ""
    assert len({(each.group, each.at_ns) for each in starts}) == len(starts)


@given(st.integers(1, 60), st.sampled_from(("refuse", "rest", "silence", "expire")))
@settings(max_examples=25)
def test_where_nothing_sells_plans_begin_no_faster_than_their_deadlines(
    minutes: int, how: str
) -> None:
    desk = Desk(holdings=HELD, cash=20_000)
    react(desk, (how,))
    for _ in range(30):
        play(desk, Step(minutes, 1.0, (how,), None, restarts=False))
    plans = [each for each in moves(desk) if each.status == "started"]
    assert len(plans) <= 1 + minutes  # the shortest deadline is half an hour away
    assert all(each.status != "reached" for each in moves(desk))
