"""Exposure of each group against its moving cap, with the attempts that the cap turned away."""

from smart_leverage.domain.records import Decided, Marked
from smart_leverage.domain.sentences import percent, short
from smart_leverage.reports.citing import cited, counted
from smart_leverage.reports.html.money_charts import FINE, share
from smart_leverage.reports.html.parts import Chart, Head, Table
from smart_leverage.reports.html.plot import (
    Key,
    Mark,
    Panel,
    Path,
    Scale,
    area,
    drawn,
    line,
    stepped,
    steps,
)
from smart_leverage.reports.html.scene import Scene
from smart_leverage.reports.usage import Group

_ROOM = 1.1
"""Air above the highest exposure or cap."""

_COLUMNS, _ROW = 250, 6.0
"""Denied attempts of one stretch of time and height, per cent of the frame, share a cross."""

_HEIGHTS = {"crypto": 200, "leveraged": 150, "gross": 130}
_KEYS = [
    Key("line main", "exposure"),
    Key("line cap", "cap in force"),
    Key("use cross", "denied attempts, at the exposure they would have made"),
]
_WORDS = {"crypto": "Crypto", "leveraged": "Crypto and leveraged", "gross": "All positions"}


def exposure_chart(scene: Scene) -> Chart:
    """Return one panel per group over a common time."""
    panels = [_panel(scene, group) for group in scene.groups if group.times]
    return Chart(
        id="exposure",
        title="Exposure and its caps",
        caption=_caption(scene),
        source=cited(scene.places(Marked), "mark"),
        panels=panels,
        keys=_KEYS if panels else [],
        x_ticks=scene.x_ticks,
        x_title=scene.x_title,
        table=_table(scene),
        note=_note(scene),
    )


def _panel(scene: Scene, group: Group) -> Panel:
    highest = max([*group.exposures, *group.caps], default=0.0)
    y = Scale(min(*group.exposures, 0.0, 0.0), max(highest, 0.01) * _ROOM)
    paths, series = [], []
    if group.times:
        own = drawn(group.times, group.exposures, scene.bounds.points)
        points = own.points(scene.x, y)
        paths += [Path("main-area", area(points, y.units(0.0))), Path("main", line(points))]
        series.append(own.series("exposure", "fraction", "main", FINE))
    if group.caps:
        cap = stepped(group.times, group.caps, scene.bounds.points)
        paths.append(Path("cap", steps(cap.points(scene.x, y), scene.x.units(scene.end_ns))))
        series.append(cap.series("cap", "fraction", "cap", FINE, is_step=True))
    return Panel(
        title=_WORDS[group.name],
        unit="% of equity",
        height=_HEIGHTS[group.name],
        paths=paths,
        ticks=y.ticks(share, 3),
        zero=y.percent(0.0),
        bands=[],
        marks=_crosses(scene, group, y),
        series=series,
    )


def _crosses(scene: Scene, group: Group, y: Scale) -> list[Mark]:
    """Return crosses where the group's cap denied; those beyond the frame stand at its top."""
    reason = f"cap_{group.name}"
    cells: dict[tuple[int, int], list[float]] = {}
    for _, each in scene.denials:
        if each.reason != reason or each.unit != "fraction":
            continue
        height = min(max(y.percent(float(each.would_be)), 2.5), 97.5)
        cell = round(scene.x.percent(each.at_ns) / 100 * _COLUMNS), round(height / _ROW)
        cells.setdefault(cell, []).append(height)
    found = [
        Mark(
            "cross",
            column * 100 / _COLUMNS,
            round(sum(heights) / len(heights), 1),
            counted(len(heights), "denied attempt"),
        )
        for (column, _), heights in sorted(cells.items())
    ]
    step = -(-len(found) // scene.bounds.marks) or 1
    return found[::step]


def _share_of_time(fraction: float | None) -> str:
    return "not known" if fraction is None else percent(fraction)


def _caption(scene: Scene) -> str:
    crypto = scene.groups[0]
    if crypto.mean is None or crypto.near is None or crypto.above is None:
        return "How much was exposed is not known: no time passed between two marks."
    return (
        f"Crypto was at or above 90 % of its cap for {percent(crypto.near)} of the time and above "
        f"the cap for {percent(crypto.above)}; on average it was {percent(crypto.mean)} of equity."
    )


def _note(scene: Scene) -> str:
    reasons = {f"cap_{group.name}" for group in scene.groups}
    places = [seq for seq, each in scene.denials if each.reason in reasons]
    text = (
        "A cap bounds orders, not prices: above it means that prices moved there, or that a plan "
        "had not yet sold down. "
    )
    attempts = cited(places, "denial by these caps", "denials by these caps").capitalize()
    return f"{text}{attempts}. Caps: from each mark; {short('cap_gross')}: from the policy."


def _table(scene: Scene) -> Table:
    counts = {line.name: line.decisions for line in scene.by_reason}
    rows = [
        (
            _WORDS[group.name],
            _share_of_time(group.mean),
            _share_of_time(max(group.exposures, default=None)),
            _range(group.caps),
            _share_of_time(group.near),
            _share_of_time(group.above),
            f"{group.breaches:,}" if group.caps else "not known",
            f"{counts.get(f'cap_{group.name}', 0):,}",
        )
        for group in scene.groups
    ]
    titles = (
        "mean exposure",
        "highest",
        "cap in force",
        "time at ≥ 90 % of the cap",
        "time above the cap",
        "times it went above",
        "orders denied by it",
    )
    places = len(scene.places(Decided))
    return Table(
        caption="Exposure by group, weighted by time",
        heads=[Head("group"), *(Head(title, is_number=True) for title in titles)],
        rows=rows,
        source=f"{cited(scene.places(Marked), 'mark')}; {counted(places, 'decision')}",
    )


def _range(caps: list[float]) -> str:
    if not caps:
        return "not known"
    low, high = share(min(caps)), share(max(caps))
    return low if low == high else f"{low} to {high}"
