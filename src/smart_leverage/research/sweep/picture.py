"""What a sweep found, as pictures: a map of two numbers, all numbers side by side, and the front.

The pictures are SVG made here, like those of the report; they need no script and no library.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from smart_leverage.research.sweep import svg
from smart_leverage.research.sweep.objectives import Objective, front
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Axis, Floats
from smart_leverage.research.sweep.tables import losses_of, objectives_in, ranked

Ints = npt.NDArray[np.int64]

BINS = 16
"""So many columns or rows a map has where a number may take any value."""

LINES_MAX = 2_000
DOTS_MAX = 5_000
_BOX = svg.Box()


class _Drawn(NamedTuple):
    """What all pictures are made of: points, objectives, and how good each set is from 0 to 1."""

    plan: Plan
    points: Floats
    values: Floats
    losses: Floats
    merit: Floats

    @property
    def first(self) -> Objective:
        """The objective that colours are made of."""
        return self.plan.objectives[0]

    @property
    def best(self) -> int:
        """The row of the best set."""
        return int(ranked(self.losses)[0])


def pictures(plan: Plan, table: pl.DataFrame) -> dict[str, str]:
    """Return the pictures of a result by name, each a whole file of SVG.

    `map` has the two numbers that matter most, `parallel` all of them, `curve` the only one, and
    `front` the first two objectives. Empty where no set is known.
    """
    points = table.select(axis.key for axis in plan.space.axes).to_numpy().astype(np.float64)
    values = objectives_in(plan, table)
    broken = values < [each.breaks_below for each in plan.objectives]
    if not broken[:, 0].all():  # what breaks a bound would take all colours for itself
        values = np.where(broken, np.nan, values)
    losses = losses_of(plan, values)
    if not np.isfinite(losses[:, 0]).any():
        return {}
    drawn = _Drawn(plan, points, values, losses, _merit(losses[:, 0]))
    found = {}
    if len(plan.space.axes) == 1:
        found["curve"] = _curve(drawn)
    else:
        found["map"] = _map(drawn)
        found["parallel"] = _parallel(drawn)
    if len(plan.objectives) > 1 and np.isfinite(losses).all(axis=1).any():
        found["front"] = _front(drawn)
    return found


def spread(plan: Plan, table: pl.DataFrame, best: int, count: int | None = None) -> Floats:
    """Return the first objective of the sets nearest to the best one, known ones only.

    A best set among good ones is a plateau; one among bad ones is luck.

    Args:
        plan: The plan.
        table: The result.
        best: A row of it.
        count: How many neighbours; two for each axis when None.

    Returns:
        (n,), n at most `count`.
    """
    points = table.select(axis.key for axis in plan.space.axes).to_numpy().astype(np.float64)
    places = np.stack(
        [_ranks(axis, points[:, place]) for place, axis in enumerate(plan.space.axes)], axis=1
    )
    distance = np.abs(places - places[best]).sum(axis=1)
    distance[best] = math.inf
    near = np.argsort(distance, kind="stable")[: count or 2 * len(plan.space.axes)]
    values = objectives_in(plan, table)[near, 0]
    known: Floats = values[np.isfinite(values) & np.isfinite(distance[near])]
    return known


def _ranks(axis: Axis, values: Floats) -> Floats:
    """Return places on an axis in steps of it: neighbours in a list are one apart."""
    if axis.values:
        return np.searchsorted(np.sort(axis.values), values).astype(np.float64)
    low, high = axis.low, axis.high
    if axis.is_log:
        low, high, values = math.log(low), math.log(high), np.log(values)
    return (values - low) / (high - low) * BINS


def _merit(losses: Floats) -> Floats:
    """Return how good each set is, 1.0 for the best; NaN for one that is not known."""
    known = losses[np.isfinite(losses)]
    width = known.max() - known.min()
    with np.errstate(invalid="ignore"):
        found = (known.max() - losses) / width if width else np.ones(len(losses))
    return np.where(np.isfinite(losses), found, np.nan)


# -- a map of two numbers -------------------------------------------------------------------------


def _map(of: _Drawn) -> str:
    x, y = _heaviest(of)
    across, up = _bins(of, x), _bins(of, y)
    width = (_BOX.right - _BOX.left) / len(across.labels)
    height = (_BOX.bottom - _BOX.top) / len(up.labels)
    cells = []
    for column in range(len(across.labels)):
        for row in range(len(up.labels)):
            inside = np.flatnonzero((across.place == column) & (up.place == row))
            corner = _BOX.left + column * width, _BOX.bottom - (row + 1) * height
            cells.append(_cell(of, inside, corner, (width, height)))
    column, row = across.place[of.best], up.place[of.best]
    corner = _BOX.left + column * width, _BOX.bottom - (row + 1) * height
    cells.append(svg.rect(*corner, width, height, 'class="best"'))
    axes = of.plan.space.axes
    others = "" if len(axes) == 2 else ", best over all others"
    known = of.values[np.isfinite(of.losses[:, 0]), 0]
    worst, best = (known.min(), known.max())[:: 1 if of.first.is_more_better else -1]
    return svg.page(
        f"{of.first.name} by {axes[x].key} and {axes[y].key}",
        f"{of.first.says}{others}; the best cell is outlined",
        [
            *cells,
            *_labels_x(across, width),
            *_labels_y(up, height),
            svg.text((_BOX.left + _BOX.right) / 2, _BOX.bottom + 44, axes[x].key, anchor="middle"),
            svg.text(24, _BOX.top - 12, axes[y].key),
            *svg.legend(_BOX, svg.short(worst), svg.short(best)),
        ],
    )


def _cell(of: _Drawn, inside: Ints, corner: tuple[float, float], size: tuple[float, float]) -> str:
    known = [each for each in inside if np.isfinite(of.losses[each, 0])]
    if not known:
        return svg.rect(*corner, *size, 'class="none"', "not known, or breaks the bound")
    best = min(known, key=lambda each: of.losses[each, 0])
    title = f"set {best + 1}: {of.first.name} {svg.short(of.values[best, 0])}"
    if len(inside) > 1:
        title += f", best of {len(inside)}"
    return svg.rect(*corner, *size, f'fill="{svg.colour(of.merit[best])}"', title)


def _heaviest(of: _Drawn) -> tuple[int, int]:
    """Return the two axes along which the merit differs most, in their order."""
    spreads = []
    for place in range(len(of.plan.space.axes)):
        bins = _bins(of, place).place
        means = [
            np.nanmean(of.merit[bins == each])
            for each in np.unique(bins)
            if np.isfinite(of.merit[bins == each]).any()
        ]
        spreads.append(max(means) - min(means))
    first, second = sorted(np.argsort(spreads, kind="stable")[::-1][:2])
    return int(first), int(second)


class _Bins(NamedTuple):
    place: Ints
    labels: list[str]


def _bins(of: _Drawn, place: int) -> _Bins:
    axis, values = of.plan.space.axes[place], of.points[:, place]
    if axis.values and len(axis.values) <= 4 * BINS:
        known = np.sort(axis.values)
        return _Bins(np.searchsorted(known, values), [svg.short(each) for each in known])
    ranks = _ranks(axis, values)
    ranks = ranks if not axis.values else ranks / len(axis.values) * BINS
    edges = [axis.low + (axis.high - axis.low) * (each + 0.5) / BINS for each in range(BINS)]
    if axis.is_log:
        ratio = axis.high / axis.low
        edges = [axis.low * ratio ** ((each + 0.5) / BINS) for each in range(BINS)]
    return _Bins(np.minimum(ranks.astype(np.int64), BINS - 1), [svg.short(each) for each in edges])


def _labels_x(bins: _Bins, width: float) -> Iterator[str]:
    every = math.ceil(48 / width)
    for place in range(0, len(bins.labels), every):
        x = _BOX.left + (place + 0.5) * width
        yield svg.text(x, _BOX.bottom + 20, bins.labels[place], css="soft", anchor="middle")


def _labels_y(bins: _Bins, height: float) -> Iterator[str]:
    every = math.ceil(18 / height)
    for place in range(0, len(bins.labels), every):
        y = _BOX.bottom - (place + 0.5) * height + 4
        yield svg.text(_BOX.left - 8, y, bins.labels[place], css="soft", anchor="end")


# -- all numbers side by side ---------------------------------------------------------------------


def _parallel(of: _Drawn) -> str:
    axes = of.plan.space.axes
    known_ones = np.flatnonzero(np.isfinite(of.values).any(axis=0))
    names = [axis.key for axis in axes] + [of.plan.objectives[each].name for each in known_ones]
    columns = np.concatenate([of.points, of.values[:, known_ones]], axis=1)
    logs = [axis.is_log for axis in axes] + [False] * len(known_ones)
    step = (svg.WIDTH - 160) / (len(names) - 1)
    spans = []
    for place, is_log in enumerate(logs):
        if is_log:
            columns[:, place] = np.log(columns[:, place])
        known = columns[np.isfinite(columns[:, place]), place]
        spans.append(_BOX.y(known.min(), known.max()))
    order = [each for each in np.argsort(-of.losses[:, 0]) if np.isfinite(columns[each]).all()]
    kept = order[:: max(1, math.ceil(len(order) / LINES_MAX))]
    if order and kept[-1] != order[-1]:
        kept.append(order[-1])  # the best one is never thinned away
    parts = [
        svg.path(
            [(80 + at * step, span.at(columns[each, at])) for at, span in enumerate(spans)],
            f'class="path" stroke="{svg.colour(of.merit[each])}"'
            + (' style="stroke-width:3;stroke-opacity:1"' if each == of.best else ""),
        )
        for each in kept
    ]
    for place, (name, span, is_log) in enumerate(zip(names, spans, logs, strict=True)):
        parts += _pole(80 + place * step, name, span, is_log=is_log, is_low=place % 2 == 1)
    return svg.page(
        f"{of.first.name} by all numbers",
        f"{of.first.says}; a line is a set, bright is better, the best thick",
        parts,
    )


def _pole(x: float, name: str, span: svg.Span, *, is_log: bool, is_low: bool) -> list[str]:
    low, high = span.scale.low, span.scale.high
    if is_log:
        low, high = math.exp(low), math.exp(high)
    return [
        svg.path([(x, span.begin), (x, span.end)], 'class="line"'),
        svg.text(x, span.begin - 6, svg.short(high), css="soft", anchor="middle"),
        svg.text(x, span.end + 16, svg.short(low), css="soft", anchor="middle"),
        svg.text(x, span.end + (52 if is_low else 34), name, anchor="middle", size=12),
    ]


# -- one number, and two objectives ---------------------------------------------------------------


def _curve(of: _Drawn) -> str:
    axis = of.plan.space.axes[0]
    return _scatter(
        of,
        np.stack([of.points[:, 0], of.values[:, 0]], axis=1),
        (axis.key, of.first.name),
        (f"{of.first.name} by {axis.key}", of.first.says),
        [of.best],
    )


def _front(of: _Drawn) -> str:
    first, second = of.plan.objectives[:2]
    beaten = front(of.losses[:, :2])
    order = [each for each in np.argsort(of.values[:, 0], kind="stable") if beaten[each]]
    ways = ", ".join(
        f"{each.name}: {'more' if each.is_more_better else 'less'} is better"
        for each in (first, second)
    )
    return _scatter(
        of,
        of.values[:, :2],
        (first.name, second.name),
        (f"{first.name} against {second.name}", f"{ways}; on the line nothing is better in both"),
        order,
    )


def _scatter(
    of: _Drawn,
    places: Floats,
    names: tuple[str, str],
    titles: tuple[str, str],
    marked: list[int],
) -> str:
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    spans = []
    for column, make in ((0, _BOX.x), (1, _BOX.y)):
        values = places[known, column]
        air = (values.max() - values.min()) * 0.04
        spans.append(make(values.min() - air, values.max() + air))
    shown = known[:: max(1, math.ceil(len(known) / DOTS_MAX))]
    dots = [
        f'<circle cx="{spans[0].at(places[each, 0]):g}" cy="{spans[1].at(places[each, 1]):g}" '
        f'r="3" class="dot"><title>set {each + 1}</title></circle>'
        for each in shown
    ]
    line = [(spans[0].at(places[each, 0]), spans[1].at(places[each, 1])) for each in marked]
    rings = [f'<circle cx="{x:g}" cy="{y:g}" r="5" class="front"/>' for x, y in line]
    return svg.page(
        *titles,
        [
            *dots,
            *([svg.path(line, 'class="front"')] if len(line) > 1 else []),
            *rings,
            *svg.axis_x(_BOX, spans[0], names[0]),
            *svg.axis_y(_BOX, spans[1], names[1]),
        ],
    )
