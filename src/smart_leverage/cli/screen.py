"""Where results and notes go, and in which form: plain when piped, coloured on a terminal."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

GAP = "  "
NARROW = 100
"""Fewer columns than this, and tables show what matters most."""


class Column(NamedTuple):
    """A column of a table; numbers stand to the right."""

    title: str
    is_number: bool = False


class Screen:
    """What one command writes to: results on stdout, everything else on stderr."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        is_quiet: bool = False,
        is_verbose: bool = False,
        is_plain: bool = False,
    ) -> None:
        self.as_json = as_json
        self.is_quiet = is_quiet
        self.is_verbose = is_verbose
        self.is_terminal = sys.stdout.isatty()
        self.is_plain = is_plain or not self.is_terminal or bool(os.environ.get("NO_COLOR"))

    @property
    def width(self) -> int:
        """Columns that there are."""
        return shutil.get_terminal_size().columns

    @property
    def is_narrow(self) -> bool:
        """Whether what is nice to have should be left out."""
        return self.width < NARROW

    def say(self, *lines: str) -> None:
        """Write lines of the result."""
        shown = [*_wrapped(lines, self.width)] if self.is_terminal else [*map(str.rstrip, lines)]
        if self.is_plain:
            sys.stdout.write("".join(f"{line}\n" for line in shown))
            return
        from smart_leverage.cli.colours import print_lines

        print_lines(shown)

    def record(self, fields: Mapping[str, Any]) -> None:
        """Write one object of the result as a line of JSON."""
        import json

        from smart_leverage.runtime.plain import plain

        sys.stdout.write(f"{json.dumps(plain(fields), ensure_ascii=False, allow_nan=False)}\n")

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Write a table: aligned text, or on a terminal one that wraps inside its cells."""
        rows = [list(row) for row in rows]
        if self.is_terminal:
            from smart_leverage.cli.colours import print_table

            print_table(columns, rows, has_colour=not self.is_plain)
            return
        self.say(*aligned(columns, rows))

    def note(self, text: str) -> None:
        """Tell something beside the result, unless asked to be quiet."""
        if not self.is_quiet:
            sys.stderr.write(f"{text}\n")

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Return what a long duty calls with the number done and the number of all."""
        from smart_leverage.cli.progress import Progress

        return Progress(what, sys.stderr, is_quiet=self.is_quiet).show


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """Yield lines that fit; the rest of a long one goes on below it, further to the right."""
    import textwrap

    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        yield from textwrap.wrap(
            line.rstrip(), width, subsequent_indent=indent, break_on_hyphens=False
        ) or [""]


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines of text; the last column is as long as it likes."""
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    return [
        GAP.join(
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in (titles, *rows)
    ]
