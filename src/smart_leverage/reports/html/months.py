"""Months of every year as a heat map: a number in each cell, colour only repeats it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from smart_leverage.reports.citing import signed
from smart_leverage.reports.curve import simple_months
from smart_leverage.reports.html.parts import Cell
from smart_leverage.reports.html.scene import Scene

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS = (0.005, 0.02, 0.05)
"""Edges of the shades, fractions; a change below the first stays white."""


class Heat(NamedTuple):
    """One map: rows are years, the last cell of each is the year."""

    caption: str
    years: Sequence[tuple[str, Sequence[Cell]]]


def month_maps(scene: Scene) -> list[Heat]:
    """Return the compounded map and the simple one."""
    compounded = {month.label: month.change for month in scene.curve.months}
    simple = simple_months(scene.curve)
    return [
        Heat(
            "Compounded: NAV at the month's end over NAV before it; the year multiplies its months",
            _years(compounded, is_simple=False),
        ),
        Heat(
            "Simple: the sum of the month's daily returns; the year adds its months",
            _years(simple, is_simple=True),
        ),
    ]


def _years(months: Mapping[str, float], *, is_simple: bool) -> list[tuple[str, list[Cell]]]:
    rows = []
    for year in sorted({label[:4] for label in months}):
        changes = [months.get(f"{year}-{number:02d}") for number in range(1, 13)]
        known = [change for change in changes if change is not None]
        total = sum(known) if is_simple else _product(known)
        rows.append((year, [*map(heat_cell, changes), heat_cell(total)]))
    return rows


def _product(changes: Sequence[float]) -> float:
    value = 1.0
    for change in changes:
        value *= 1.0 + change
    return value - 1.0


def heat_cell(change: float | None) -> Cell:
    """Return a cell with its shade: "up-2" is a gain of at least 2 %, "down-2" such a loss."""
    if change is None:
        return Cell("", "none")
    shade = sum(abs(change) >= edge for edge in _STEPS)
    side = "up" if change > 0 else "down"
    return Cell(signed(change, 1).removesuffix(" %"), f"{side}-{shade}" if shade else "flat")
