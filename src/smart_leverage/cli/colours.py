"""The same lines with colour: signs and words say everything already, colour repeats it."""

from collections.abc import Iterable, Sequence
from typing import Literal

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


def console_of(*, has_colour: bool = True) -> Console:
    """Return the terminal with our colours, or without any."""
    return Console(highlight=False, theme=_THEME, no_color=not has_colour)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, their signs coloured."""
    console, signs = console_of(), _Signs()
    for line in lines:
        text = Text(line)
        signs.highlight(text)
        console.print(text)


def with_signs(lines: Iterable[str]) -> Text:
    """Return lines as one text, their signs coloured; it is never wrapped."""
    text = Text("\n".join(lines), no_wrap=True, end="")
    _Signs().highlight(text)
    return text


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, has_colour: bool
) -> None:
    """Print a table that fits the terminal; long cells go on in the next line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold underline")
    for place, column in enumerate(columns, start=1):
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, no_wrap=place < len(columns))
    signs = _Signs()
    for row in rows:
        cells = [Text(cell) for cell in row]
        for cell in cells:
            signs.highlight(cell)
        table.add_row(*cells)
    console_of(has_colour=has_colour).print(table)
