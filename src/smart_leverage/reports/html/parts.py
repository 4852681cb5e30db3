"""Tables and charts as the page's template takes them."""

from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.reports.html.plot import AxisTick, Band, Key, Panel


class Cell(NamedTuple):
    """A cell with a look: `css` names it, `bar` is a bar's length in per cent of the widest."""

    text: str
    css: str = ""
    bar: float | None = None


class Head(NamedTuple):
    """A column's title; numbers stand to the right, `wraps` may break."""

    text: str
    is_number: bool = False
    wraps: bool = False


class Table(NamedTuple):
    """A table: `empty` stands in place of rows, `more` says what was left out.

    `source` names the journal entries it is made from; `note` is what else is to be known.
    """

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell | str]]
    source: str = ""
    empty: str = "none"
    more: str = ""
    note: str = ""


class Lane(NamedTuple):
    """One row of a timeline."""

    name: str
    bands: list[Band]


class Chart(NamedTuple):
    """A picture with its sentence, its source, and the table that says the same."""

    id: str
    title: str
    caption: str
    source: str
    panels: list[Panel]
    keys: list[Key]
    x_ticks: list[AxisTick]
    x_title: str
    table: Table
    lanes: list[Lane] = []  # noqa: RUF012 - a named tuple's default, never changed
    note: str = ""


def left_out(shown: int, count: int, how: str) -> str:
    """Return what a shortened table says below itself; nothing when everything is there."""
    return "" if shown >= count else f"{shown:,} of {count:,} rows shown; {how}"
