"""The same lines with colour: signs and words say everything already, colour repeats it."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from smart_leverage.cli.screen import Column

_THEME = Theme(
    {
        "sign.ok": "#56B4E9",
        "sign.near": "#F0B429",
        "sign.hit": "#FF6B5E",
        "sign.muted": "dim",
        "sign.strong": "bold",
    }
)
"""The colours of the screens: each pair stays apart for every kind of colour-blindness."""


class _Signs(RegexHighlighter):
    base_style = "sign."
    highlights = (
        r"(?P<ok>● ?[A-Z]*|\bapproved\b)",
        r"(?P<near>▲ ?[A-Z]*|\bcut\b)",
        r"(?P<hit>■ ?[A-Z]*|\bdenied\b|\brejected\b)",
        r"(?P<muted>\[[a-z_.]+\]$|░+)",
        r"(?P<strong>\b[0-3] (EMERGENCY|LEARNING|STABLE|PROFITABLE)\b)",
    )


def _console(*, has_colour: bool = True) -> Console:
    return Console(highlight=False, theme=_THEME, no_color=not has_colour)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, their signs coloured."""
    console, signs = _console(), _Signs()
    for line in lines:
        text = Text(line.rstrip())
        signs.highlight(text)
        console.print(text)


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, has_colour: bool
) -> None:
    """Print a table that fits the terminal; long cells go on in the next line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number,
        )
    signs = _Signs()
    for row in rows:
        cells = [Text(cell) for cell in row]
        for cell in cells:
            signs.highlight(cell)
        table.add_row(*cells)
    _console(has_colour=has_colour).print(table)
