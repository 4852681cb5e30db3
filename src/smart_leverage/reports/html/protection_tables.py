"""Tables of what protected the account: plans, trips, locks, resumes and stops."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from smart_leverage.domain.records import AssetLocked, BreakerMoved, PlanMoved, Resumed, Unprotected
from smart_leverage.domain.sentences import (
    BREAKERS,
    PLAN_STATUS,
    group_told,
    money,
    percent,
    plain,
    price,
)
from smart_leverage.domain.stamps import span
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import (
    cited,
    clipped,
    events,
    signed,
)
from smart_leverage.reports.html.parts import Cell, Head, Table, left_out
from smart_leverage.reports.html.scene import Scene
from smart_leverage.reports.measures import SYMBOL, Plan, Trip, plans, stopped, trips

LARGEST = 10
"""So many of the largest denied orders, and of the deepest falls, are shown."""


def plans_table(scene: Scene) -> Table:
    """Return every deleveraging plan, measured on positions."""
    found = plans(scene.story)
    rows = [_plan(scene, each) for each in found[-scene.bounds.rows :]]
    return Table(
        caption="Deleveraging plans",
        heads=[
            Head("started"),
            Head("plan"),
            Head("group"),
            Head("from", is_number=True),
            Head("to", is_number=True),
            Head("ceiling", is_number=True),
            Head("allowed", is_number=True),
            Head("took", is_number=True),
            Head("result"),
            Head("stages, and what was left", wraps=True),
            Head("source"),
        ],
        rows=rows,
        source=cited(scene.places(PlanMoved), "move of a plan", "moves of plans"),
        note=_measured(found),
        empty="no plan was needed",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def _measured(found: Sequence[Plan]) -> str:
    text = "exposures are measured on positions, % of equity"
    if any(each.group == SYMBOL for each in found):
        text += "; for one instrument from and to count all positions, the ceiling only that one"
    return text


def _plan(scene: Scene, each: Plan) -> tuple[Cell | str, ...]:
    took = "running" if each.end_ns is None else span(each.end_ns - each.start_ns)
    stages = [
        f"stage {number} after {span(at_ns - each.start_ns)} at {percent(exposure)}"
        for number, at_ns, exposure in _later_stages(each)
    ]
    if each.shortfall:
        stages.append(clipped(each.shortfall, 200))
    return (
        scene.zone.text(each.start_ns),
        clipped(each.plan_id, 16),
        clipped(group_told(each.group), 24),
        percent(each.first),
        percent(each.last),
        percent(each.ceiling),
        span(each.deadline_ns - each.start_ns),
        took,
        _result(each),
        "; ".join(stages),
        events(each.places),
    )


def _result(each: Plan) -> Cell:
    """Tell how it ended; only what was reached can have been reached in time."""
    result = PLAN_STATUS.get(each.status, clipped(each.status, 24))
    if each.status == "reached":
        return Cell(f"{result}, in time") if each.is_in_time else Cell(f"{result}, late", "near")
    return Cell(result, "" if each.is_in_time is None else "near")


def _later_stages(each: Plan) -> Iterator[tuple[int, int, Decimal]]:
    seen = {each.stages[0][0]}
    for number, at_ns, exposure in each.stages:
        if number not in seen:
            seen.add(number)
            yield number, at_ns, exposure


def breakers_table(scene: Scene) -> Table:
    """Return every trip with cause, value, limit and duration."""
    found = trips(scene.story)
    rows = [_trip(scene, each) for each in found[-scene.bounds.rows :]]
    return Table(
        caption="Breakers that tripped",
        heads=[
            Head("tripped"),
            Head("breaker"),
            Head("lost", is_number=True),
            Head("limit", is_number=True),
            Head("cleared"),
            Head("lasted", is_number=True),
            Head("what it did", wraps=True),
            Head("source"),
        ],
        rows=rows,
        source=cited(scene.places(BreakerMoved), "move of a breaker", "moves of breakers"),
        note="losses since the opening of the period, % of the opening equity",
        empty="no breaker tripped",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def _trip(scene: Scene, each: Trip) -> tuple[Cell | str, ...]:
    word = BREAKERS.get(each.breaker)
    is_open = each.end_ns is None
    end_ns = scene.end_ns if each.end_ns is None else each.end_ns
    return (
        scene.zone.text(each.start_ns),
        clipped(each.breaker, 24) if word is None else word.word,
        percent(each.value, 2),
        percent(each.limit, 2),
        Cell("■ still tripped", "hit") if is_open else scene.zone.text(end_ns),
        span(end_ns - each.start_ns),
        clipped(each.why) if word is None else word.line,
        f"event {each.seq:,}",
    )


def locks_table(scene: Scene) -> Table:
    """Return every asset lock."""
    places = scene.places(AssetLocked)
    pairs = list(zip(places, scene.story.locks, strict=True))
    rows = [
        (
            scene.zone.text(each.at_ns),
            clipped(symbol_of(each.key), 24),
            percent(each.loss, 2),
            percent(each.limit, 2),
            scene.zone.text(each.until_ns),
            span(each.until_ns - each.at_ns),
            f"event {seq:,}",
        )
        for seq, each in pairs[-scene.bounds.rows :]
    ]
    return Table(
        caption="Assets locked for a day",
        heads=[
            Head("locked"),
            Head("asset"),
            Head("lost", is_number=True),
            Head("limit", is_number=True),
            Head("until"),
            Head("lasted", is_number=True),
            Head("source"),
        ],
        rows=rows,
        source=events(places),
        note="% of the day's opening equity lost in one asset; it is sold and closed to buys",
        empty="no asset was locked",
        more=left_out(len(rows), len(pairs), "the latest ones are shown"),
    )


def resumes_table(scene: Scene) -> Table:
    """Return who lifted a halt, when and why."""
    pairs = list(zip(scene.places(Resumed), scene.story.resumes, strict=True))
    rows = [
        (
            scene.zone.text(each.at_ns),
            clipped(each.who, 32),
            clipped(each.reason, 120),
            money(each.equity),
            f"event {seq:,}",
        )
        for seq, each in pairs[-scene.bounds.rows :]
    ]
    return Table(
        caption="Halts that were lifted",
        heads=[
            Head("when"),
            Head("who"),
            Head("reason", wraps=True),
            Head("equity then", is_number=True),
            Head("source"),
        ],
        rows=rows,
        empty="none",
        more=left_out(len(rows), len(pairs), "the latest ones are shown"),
    )


def stops_table(scene: Scene) -> Table:
    """Return the executions of stops, with how far the fill was from the stop."""
    found = stopped(scene.story)
    rows: list[tuple[Cell | str, ...]] = []
    for each in found[-scene.bounds.rows :]:
        stop = each.order.stop_price
        gap = "" if not stop else signed(float(each.fill.price / stop) - 1.0)
        rows.append(
            (
                scene.zone.text(each.fill.at_ns),
                clipped(symbol_of(each.fill.key), 24),
                "stop" if each.order.role == "stop" else "sale in its place",
                plain(each.fill.qty),
                "" if stop is None else price(stop),
                price(each.fill.price),
                gap,
                f"event {each.seq:,}",
            )
        )
    return Table(
        caption="Stops that sold",
        heads=[
            Head("filled"),
            Head("instrument"),
            Head("by"),
            Head("quantity", is_number=True),
            Head("stop", is_number=True),
            Head("fill", is_number=True),
            Head("fill against stop", is_number=True),
            Head("source"),
        ],
        rows=rows,
        empty="no stop sold",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def unprotected_table(scene: Scene) -> Table:
    """Return per instrument how long a position was without a live stop."""
    spans: dict[str, list[int]] = {}
    for each in scene.story.unprotected:
        spans.setdefault(each.key, []).append(each.at_ns - each.since_ns)
    rows = [
        (clipped(symbol_of(key), 24), f"{len(each):,}", span(max(each)), span(sum(each)))
        for key, each in sorted(spans.items())
    ][: scene.bounds.rows]
    return Table(
        caption="Positions without a live stop",
        heads=[
            Head("instrument"),
            Head("times", is_number=True),
            Head("longest", is_number=True),
            Head("in all", is_number=True),
        ],
        rows=rows,
        source=cited(scene.places(Unprotected), "span"),
        empty="every position had its stop at all times that were recorded",
        more=left_out(len(rows), len(spans), "the first ones by name"),
    )
