"""The exposure of each class with and without the policy, against the caps it would have had."""

from bisect import bisect_right
from collections.abc import Sequence

from smart_leverage.domain.sentences import percent
from smart_leverage.reports.html.money_charts import FINE, share
from smart_leverage.reports.html.parts import Chart, Head, Table
from smart_leverage.reports.html.plot import (
    Curve,
    Key,
    Panel,
    Path,
    Scale,
    area,
    line,
    stepped,
    steps,
)
from smart_leverage.runtime.audit.auditing import Replay
from smart_leverage.runtime.audit.axis import POINTS, WITH, WITHOUT, Axis
from smart_leverage.runtime.counterfactual import Course

AIR = 1.1
HEIGHTS = {"crypto": 190, "leveraged": 140, "gross": 140}
TITLES = {"crypto": "Crypto", "leveraged": "Crypto and leveraged funds", "gross": "All positions"}


def exposure_chart(replay: Replay, axis: Axis) -> Chart:
    """Return the exposure of each group that was ever held, against the cap of the moment."""
    peaks = replay.compared.alone.replayed.peaks
    names = [name for name in HEIGHTS if name in peaks and peaks[name].share > 0]
    if "leveraged" in names and "crypto" in names and _is_same(replay):
        names.remove("leveraged")
    return Chart(
        id="exposure",
        title="Exposure by class, and what would have been allowed",
        caption=(
            "The step line is the cap of the tier that the record would have earned by then. A cap "
            "bounds orders, not prices; above it the policy sells down."
        ),
        source="replays of the orders at a simulated venue; caps from the governed account's own "
        "ledger",
        panels=[_exposure(replay, axis, name) for name in names],
        keys=[
            Key("line main", WITHOUT),
            Key("line other", WITH),
            Key("line cap", "allowed"),
        ],
        x_ticks=axis.ticks,
        x_title=axis.title,
        table=_exposure_table(replay),
        note=" ".join(
            each
            for each in (
                axis.note,
                "Only crypto was leveraged, so one picture shows both." if _only(names) else "",
            )
            if each
        ),
    )


def _only(names: Sequence[str]) -> bool:
    return "crypto" in names and "leveraged" not in names


def _is_same(replay: Replay) -> bool:
    return all(each.crypto == each.leveraged for each in replay.compared.alone.shares)


def _exposure(replay: Replay, axis: Axis, name: str) -> Panel:
    alone, governed = (
        _shares(course, name, axis) for course in (replay.compared.alone, replay.compared.governed)
    )
    caps = next((each for each in replay.groups if each.name == name and each.caps), None)
    highest = max([*alone.values, *governed.values, *(caps.caps if caps else [])])
    y = Scale(0.0, max(highest, 0.01) * AIR)
    points = alone.points(axis.x, y)
    paths = [
        Path("main-area", area(points, y.units(0.0))),
        Path("main", line(points)),
        Path("other", line(governed.points(axis.x, y))),
    ]
    series = [
        alone.series(WITHOUT, "fraction", "main", FINE),
        governed.series(WITH, "fraction", "other", FINE),
    ]
    if caps is not None:
        count = bisect_right(caps.times, axis.end_ns)
        cap = stepped(caps.times[:count], caps.caps[:count], POINTS)
        paths.append(Path("cap", steps(cap.points(axis.x, y), axis.x.units(axis.end_ns))))
        series.append(cap.series("allowed", "fraction", "cap", FINE, is_step=True))
    return Panel(
        title=TITLES[name],
        unit="% of equity",
        height=HEIGHTS[name],
        paths=paths,
        ticks=y.ticks(share, 3),
        zero=y.percent(0.0),
        bands=[],
        marks=[],
        series=series,
    )


def _shares(course: Course, name: str, axis: Axis) -> Curve:
    times = [at_ns for at_ns, _ in course.equity]
    return axis.curve(times, [float(getattr(each, name)) for each in course.shares])


def _exposure_table(replay: Replay) -> Table:
    alone, governed = (
        course.replayed.peaks for course in (replay.compared.alone, replay.compared.governed)
    )
    rows = [
        [
            TITLES[name],
            percent(alone[name].share),
            percent(alone[name].cap),
            percent(governed[name].share),
            percent(governed[name].cap),
        ]
        for name in HEIGHTS
        if name in alone and name in governed
    ]
    return Table(
        caption="Largest exposure, as a share of equity",
        heads=[
            Head("group"),
            *(
                Head(title, is_number=True)
                for title in (WITHOUT, "allowed without a record", WITH, "allowed then")
            ),
        ],
        rows=rows,
        note=(
            "With the policy the largest exposure may lie above the cap where it was held at "
            "first or a price rose: then it is sold down, and nothing is added."
        ),
    )
