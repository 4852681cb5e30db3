"""Pictures of a comparison: growth, how far under water, and growth against drawdown."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.sentences import percent
from smart_leverage.reports.citing import clipped, counted, signed
from smart_leverage.reports.html.parts import Chart
from smart_leverage.reports.html.plot import (
    WIDTH,
    AxisTick,
    Key,
    Panel,
    Path,
    Scale,
    dots,
    drawn,
    line,
    padded,
)
from smart_leverage.reports.local import LocalTime
from smart_leverage.research.compare.results import Compared
from smart_leverage.research.compare.tables import points_table, windows_table
from smart_leverage.research.kernel.results import Floats

POINTS_MAX = 1_000
HUES = 6
"""So many colours are told apart; the next lines are dashed."""
LINES_MAX = 2 * HUES
_FINE = 10_000


class Axis(NamedTuple):
    """The time axis that the curves share."""

    zone: LocalTime
    x: Scale
    start_ns: int
    end_ns: int


def axis_of(result: Compared) -> Axis:
    """Return the axis from the first mark to the last."""
    at = result.courses[0].at
    start_ns, end_ns = int(at[0]), max(int(at[-1]), int(at[0]) + 1)
    x = Scale(start_ns, end_ns, units=WIDTH, flips=False)
    return Axis(LocalTime(result.contest.timezone), x, start_ns, end_ns)


def hue(place: int) -> str:
    """Return the look of a policy's line."""
    return f"hue-{place % HUES}{' dashed' if place >= HUES else ''}"


def growth_chart(result: Compared, axis: Axis) -> Chart:
    """Return equity of all policies and how far each lay under water."""
    shown = range(min(len(result.names), LINES_MAX))
    ticks = axis.zone.ticks(axis.start_ns, axis.end_ns)
    return Chart(
        id="growth",
        title="Growth and drawdown",
        caption=(
            "Equity over that of the first day that counts, on a scale on which equal distances "
            "are equal growth; below it, how far each account lay under its best mark so far."
        ),
        source=f"{counted(len(result.courses[0].at), 'mark')} of each account",
        panels=[_growth(result, axis, shown), _underwater(result, axis, shown)],
        keys=_keys(result, shown),
        x_ticks=[
            AxisTick(axis.x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ],
        x_title=f"time in {axis.zone.name}",
        table=windows_table(result),
        note=_left_out(result),
    )


def _keys(result: Compared, shown: Sequence[int]) -> list[Key]:
    return [Key(f"line {hue(place)}", clipped(result.names[place], 40)) for place in shown]


def _left_out(result: Compared) -> str:
    count = len(result.names) - LINES_MAX
    return f"{count} more are left out of the picture, not of the tables." if count > 0 else ""


def _growth(result: Compared, axis: Axis, shown: Sequence[int]) -> Panel:
    multiples = [result.courses[place].equity / result.courses[place].start for place in shown]
    curves = [
        drawn(result.courses[place].at.tolist(), np.log(each).tolist(), POINTS_MAX)
        for place, each in zip(shown, multiples, strict=True)
    ]
    values = [0.0, *(value for curve in curves for value in curve.values)]
    y = padded(min(values), max(values))
    start = y.units(0.0)
    return Panel(
        title="Growth",
        unit="equity over that of the first day, logarithmic",
        height=320,
        paths=[
            Path("start", line([(0, start), (WIDTH, start)])),
            *(
                Path(hue(place), line(curve.points(axis.x, y)))
                for place, curve in zip(shown, curves, strict=True)
            ),
        ],
        ticks=[AxisTick(y.percent(math.log(each)), f"{each:g}×") for each in _multiples(y)],
        zero=None,
        bands=[],
        marks=[],
        series=[
            curve._replace(values=[math.exp(value) for value in curve.values]).series(
                clipped(result.names[place], 40), "number", hue(place), _FINE
            )
            for place, curve in zip(shown, curves, strict=True)
        ],
    )


def _multiples(y: Scale) -> list[float]:
    """Return round multiples inside of a scale of logarithms, eight at most."""
    low, high = math.exp(y.low), math.exp(y.high)
    found = [each for each in Scale(low, high).round_values(6) if each > 0.0]
    return [each for each in found if low <= each <= high]


def _underwater(result: Compared, axis: Axis, shown: Sequence[int]) -> Panel:
    depths = [_depths(result.courses[place].equity) for place in shown]
    curves = [
        drawn(result.courses[place].at.tolist(), each.tolist(), POINTS_MAX)
        for place, each in zip(shown, depths, strict=True)
    ]
    deepest = min(float(each.min()) for each in depths)
    y = Scale(min(deepest * 1.1, -0.001), 0.0)
    return Panel(
        title="Underwater",
        unit="% below the best mark so far",
        height=220,
        paths=[
            Path(hue(place), line(curve.points(axis.x, y)))
            for place, curve in zip(shown, curves, strict=True)
        ],
        ticks=y.ticks(lambda value: percent(value, 0)),
        zero=0.0,
        bands=[],
        marks=[],
        series=[
            curve.series(clipped(result.names[place], 40), "fraction", hue(place), _FINE * 100)
            for place, curve in zip(shown, curves, strict=True)
        ],
    )


def _depths(equity: Floats) -> Floats:
    return np.asarray(equity / np.maximum.accumulate(equity) - 1.0)


# -- growth against drawdown ----------------------------------------------------------------------


class Point(NamedTuple):
    """A policy in the plane: middle and ends of growth a year and of drawdown."""

    growth: tuple[float, float, float]
    fall: tuple[float, float, float]


def point_of(result: Compared, place: int) -> Point:
    """Return where a policy lies; without a whole year its deepest fall stands alone."""
    growth, of = result.judged.growth[place], result.figures[place]
    fall = (of.fall_low, of.fall_middle, of.fall_high)
    if not of.years:
        fall = (of.drawdown,) * 3
    return Point((growth.lower, growth.value, growth.upper), fall)


def plane_chart(result: Compared) -> Chart:
    """Return growth a year against the drawdown of a year, with how far each is known."""
    shown = range(min(len(result.names), LINES_MAX))
    points = [point_of(result, place) for place in shown]
    x = _horizontal([value for each in points for value in each.growth])
    y = Scale(0.0, max(value for each in points for value in each.fall) * 1.1 or 0.01)
    level = percent(result.judged.level, 0)
    return Chart(
        id="plane",
        title="Growth against drawdown",
        caption=(
            f"Across: growth a year with its {level} interval. Up: the middle drawdown of "
            "12-month stretches, and where nine tenths of them lie. Accounts rise and fall on the "
            "same days, so lines that overlap may still be told apart; the pairs below say it."
        ),
        source=f"{result.judged.days:,} days; {result.figures[0].years:,} overlapping stretches",
        panels=[_plane(points, shown, x, y)],
        keys=_keys(result, shown),
        x_ticks=x.ticks(lambda value: signed(value, 0), 6),
        x_title="growth a year",
        table=points_table(result),
    )


def _horizontal(values: Sequence[float]) -> Scale:
    low, high = min(*values, 0.0), max(*values, 0.0)
    air = (high - low) * 0.04 or 0.01
    return Scale(low - air, high + air, units=WIDTH, flips=False)


def _plane(points: Sequence[Point], shown: Sequence[int], x: Scale, y: Scale) -> Panel:
    paths = []
    for place, each in zip(shown, points, strict=True):
        (left, middle, right) = (x.units(value) for value in each.growth)
        (low, height, high) = (y.units(value) for value in each.fall)
        cross = f"M{left} {height}H{right}M{middle} {low}V{high}"
        paths += [Path(hue(place), cross), Path(f"dots {hue(place)}", dots([(middle, height)]))]
    return Panel(
        title="Drawdown of a year",
        unit="% below the best mark",
        height=380,
        paths=[Path("start", f"M{x.units(0.0)} 0V1000"), *paths],
        ticks=y.ticks(lambda value: percent(value, 0)),
        zero=None,
        bands=[],
        marks=[],
        series=[],
    )
