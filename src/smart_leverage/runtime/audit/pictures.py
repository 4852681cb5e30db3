"""Pictures of an audit: money with and without the policy, and exposure against its caps."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.sentences import money, percent
from smart_leverage.reports.citing import counted, signed
from smart_leverage.reports.html.parts import Cell, Chart, Head, Table
from smart_leverage.reports.html.plot import (
    WIDTH,
    AxisTick,
    Curve,
    Key,
    Panel,
    Path,
    Scale,
    area,
    drawn,
    line,
    padded,
    stepped,
    steps,
)
from smart_leverage.reports.local import LocalTime
from smart_leverage.research.verify.words import share
from smart_leverage.runtime.audit.auditing import Audit, Replay
from smart_leverage.runtime.counterfactual import Course

POINTS = 1_200
QUIET = 0.5
"""Where nothing moves for more than this share of the time at the end, it is not drawn."""
CENTS, FINE = 100, 1_000_000
AIR = 1.1
HEIGHTS = {"crypto": 190, "leveraged": 140, "gross": 140}
TITLES = {"crypto": "Crypto", "leveraged": "Crypto and leveraged funds", "gross": "All positions"}
WITHOUT, WITH = "without the policy", "with it"


class Axis(NamedTuple):
    """The time axis that all pictures share; `is_cut` says that a quiet end is not drawn."""

    zone: LocalTime
    x: Scale
    start_ns: int
    end_ns: int
    is_cut: bool = False

    @property
    def ticks(self) -> list[AxisTick]:
        """Labels; every second one is left out where the page is narrow."""
        ticks = self.zone.ticks(self.start_ns, self.end_ns)
        return [
            AxisTick(self.x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ]

    @property
    def title(self) -> str:
        """What the axis shows."""
        return f"time in {self.zone.name}"

    @property
    def note(self) -> str:
        """What of the time is not drawn."""
        return "Afterwards nothing moved; that time is not drawn." if self.is_cut else ""

    def curve(self, times: Sequence[int], values: Sequence[float]) -> Curve:
        """Return what of a series is drawn."""
        count = bisect_right(times, self.end_ns)
        return drawn(times[:count], values[:count], POINTS)


class Line(NamedTuple):
    """A curve of money: its name, how it looks, and its points."""

    name: str
    css: str
    times: list[int]
    values: list[float]


def axis_of(of: Audit) -> Axis:
    """Return the axis from the first instant of anything that is drawn to the last that moves."""
    lines = _lines(of)
    times = [at_ns for each in lines for at_ns in (each.times[0], each.times[-1])]
    start_ns, end_ns = (min(times), max(times)) if times else of.span
    moved_ns = max((_moved_until(each) for each in lines), default=end_ns)
    is_cut = moved_ns > start_ns and moved_ns - start_ns < QUIET * (end_ns - start_ns)
    if is_cut:
        end_ns = moved_ns + (moved_ns - start_ns) // 20
    end_ns = max(end_ns, start_ns + 1)
    x = Scale(start_ns, end_ns, units=WIDTH, flips=False)
    return Axis(LocalTime(of.asked.timezone), x, start_ns, end_ns, is_cut)


def _moved_until(line: Line) -> int:
    last = line.values[-1]
    place = next((at for at in reversed(range(len(line.values))) if line.values[at] != last), -1)
    return line.times[min(place + 1, len(line.times) - 1)]


# -- money ----------------------------------------------------------------------------------------


def equity_chart(of: Audit, axis: Axis) -> Chart | None:
    """Return what the account was worth, with and without the policy; None where nobody knows."""
    lines = _lines(of)
    if not lines:
        return None
    panels = [_money(each, axis) for each in _panels(of, lines)]
    panels.append(_underwater([each for each in lines if each.css != "start"], axis))
    points = sum(len(each.times) for each in lines)
    return Chart(
        id="equity",
        title="Equity and drawdown",
        caption=_caption(of),
        source=f"{counted(points, 'point')}; {_origin(of)}",
        panels=panels,
        keys=[Key(f"line {each.css}", each.name) for each in lines],
        x_ticks=axis.ticks,
        x_title=axis.title,
        table=_courses_table(of),
        note=axis.note,
    )


def _origin(of: Audit) -> str:
    origin = "equity in the files" if of.is_recorded else ""
    replay = "replays of the orders at a simulated venue" if of.replay is not None else ""
    return " and ".join(each for each in (origin, replay) if each)


def _lines(of: Audit) -> list[Line]:
    found = []
    if of.replay is not None:
        compared = of.replay.compared
        found += [_of_course(WITHOUT, "main", compared.alone)]
        found += [_of_course(WITH, "other", compared.governed)]
    if of.is_recorded and of.worths is not None:
        points = of.worths.points
        css = "main" if of.replay is None else "mean"
        found.append(Line("as recorded", css, [at for at, _ in points], _floats(points)))
    return found


def _of_course(name: str, css: str, course: Course) -> Line:
    return Line(name, css, [at_ns for at_ns, _ in course.equity], _floats(course.equity))


def _floats(points: Sequence[tuple[int, Decimal]]) -> list[float]:
    return [float(worth) for _, worth in points]


def _panels(of: Audit, lines: list[Line]) -> list[list[Line]]:
    """Return which curves share a frame: deposits move the record and not the replays."""
    if not of.gathered.flows or len(lines) < 3:
        return [lines]
    return [lines[:2], lines[2:]]


def _money(lines: list[Line], axis: Axis) -> Panel:
    curves = [axis.curve(each.times, each.values) for each in lines]
    every = [value for each in curves for value in each.values]
    y = padded(min(every), max(every), above=0.12)
    paths = [
        Path(each.css, line(curve.points(axis.x, y)))
        for each, curve in zip(lines, curves, strict=True)
    ]
    return Panel(
        title="Equity" if lines[0].name == WITHOUT else "Equity as recorded",
        unit="US dollars",
        height=250,
        paths=paths[::-1],
        ticks=y.ticks(_dollars),
        zero=y.percent(0.0) if y.low < 0.0 < y.high else None,
        bands=[],
        marks=[],
        series=[
            curve.series(each.name, "money", each.css, CENTS)
            for each, curve in zip(lines, curves, strict=True)
        ],
    )


def _underwater(lines: list[Line], axis: Axis) -> Panel:
    kept = [each for each in lines if each.name in (WITHOUT, WITH)] or lines
    curves = [
        axis.curve(each.times, depths)
        for each, depths in ((each, _depths(each.values)) for each in kept)
    ]
    low = min(value for each in curves for value in each.values)
    y = Scale(min(low * 1.15, -0.0005), 0.0)
    points = [each.points(axis.x, y) for each in curves]
    paths = [Path("fall-area", area(points[0], 0)), Path("fall", line(points[0]))]
    paths += [Path("other", line(each)) for each in points[1:]]
    looks = ["fall", "other"]
    return Panel(
        title="Below the best so far",
        unit="% of it; solid without the policy, dashed with it" if len(kept) > 1 else "% of it",
        height=130,
        paths=paths,
        ticks=y.ticks(_share, 3),
        zero=0.0,
        bands=[],
        marks=[],
        series=[
            curve.series(each.name, "fraction", css, FINE)
            for each, curve, css in zip(kept, curves, looks, strict=False)
        ],
    )


def _depths(values: Sequence[float]) -> list[float]:
    found, best = [], values[0]
    for value in values:
        best = max(best, value)
        found.append(value / best - 1.0 if best > 0.0 else 0.0)
    return found


def _dollars(value: float) -> str:
    return money(Decimal(repr(value)), 0 if abs(value) >= 100 else 2)


def _share(value: float) -> str:
    places = next((each for each in range(3) if abs(round(value, each + 2) - value) < 1e-9), 3)
    return percent(value, places)


def _caption(of: Audit) -> str:
    if of.replay is None:
        return "What the account was worth, as its own record says."
    return (
        "The same orders, twice, at one set of prices: straight to the venue, and through the "
        "policy. Where both lines are one, nothing was held back."
    )


def courses(of: Audit) -> list[list[Cell | str]]:
    """Return a row for each course: equity at first and at the end, change and drawdown."""
    rows: list[list[Cell | str]] = []
    if of.is_recorded and of.worths is not None:
        worths = of.worths
        rows.append(
            [
                "as recorded",
                money(worths.points[0][1]),
                money(worths.points[-1][1]),
                signed(worths.change),
                share(worths.drawdown, 2),
            ]
        )
    if of.replay is None:
        return rows
    alone, governed = of.replay.compared.alone, of.replay.compared.governed
    rows += [_course(WITHOUT, alone), _course(WITH, governed)]
    more = governed.replayed.equity_last - alone.replayed.equity_last
    deeper = governed.drawdown - alone.drawdown
    rows.append(["with it, less without", "", money(more), "", percent(deeper, 2)])
    return rows


def _course(name: str, course: Course) -> list[Cell | str]:
    first, last = course.replayed.equity_first, course.replayed.equity_last
    change = float(last / first) - 1.0 if first > 0 else 0.0
    return [name, money(first), money(last), signed(change), percent(course.drawdown, 2)]


def _courses_table(of: Audit) -> Table:
    return Table(
        caption="Money and drawdown, with and without the policy",
        heads=[
            Head(""),
            Head("equity at first", is_number=True),
            Head("at the end", is_number=True),
            Head("return", is_number=True),
            Head("deepest drawdown", is_number=True),
        ],
        rows=courses(of),
    )


def money_table(of: Audit) -> Table:
    """Return money and drawdown with and without the policy."""
    return _courses_table(of)._replace(source=_origin(of))


# -- exposure -------------------------------------------------------------------------------------


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
        ticks=y.ticks(_share, 3),
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
