"""The table of a drill on a terminal while it is played: the last results, and what comes next."""

from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from smart_leverage.cli.colours import console_of, with_signs
from smart_leverage.cli.drill import Showing, cells

if TYPE_CHECKING:
    from smart_leverage.drill.attempt import Attempt
    from smart_leverage.drill.running import Result

ROOM = 6
"""Lines of a terminal that are kept free of results."""


class LiveTable(Showing):
    """Draws anew whenever an attempt begins or ends; the whole table comes when all are over."""

    def __init__(self, total: int, *, has_colour: bool) -> None:
        super().__init__(lambda line: None, total)
        self._console = console_of(has_colour=has_colour)
        self._rows: list[list[str]] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("starting", total=total)
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            transient=True,
            refresh_per_second=4,
        )

    def __enter__(self) -> "LiveTable":
        self._live.start()
        return self

    def __exit__(self, *left: object) -> None:
        self._live.stop()

    def begin(self, attempt: "Attempt") -> None:
        """Show what is played next."""
        self._progress.update(self._task, description=attempt.name)

    def end(self, result: "Result") -> None:
        """Show what became of it."""
        self._rows.append(cells(result))
        self._progress.advance(self._task)

    def _draw(self) -> Group:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for place in range(2):
            widest = max((len(row[place]) for row in self._rows), default=0)
            table.add_column(no_wrap=True, min_width=widest)
        table.add_column(no_wrap=True, overflow="ellipsis")
        last = self._rows[-max(self._console.height - ROOM, 1) :]
        for verdict, name, _, _, why in list(last):
            table.add_row(with_signs([verdict]), Text(name), Text(why))
        return Group(table, self._progress)
