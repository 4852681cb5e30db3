"""Writes the report of a run that has just ended, with the bars it was made of."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.cli.places import LEDGER
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.reports.inputs import Comparison, DataFile

REPORT = "report.html"


def write_run_report(
    screen: Screen,
    folder: Path,
    series: Sequence["BarSeries"],
    comparison: "Comparison | None" = None,
) -> Path:
    """Write `report.html` into the folder of a run and return where it is."""
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.reports.html import write_report

    screen.note("writing the report")
    with Reader.open(folder / LEDGER) as reader:
        return write_report(
            reader,
            folder / REPORT,
            command=shlex.join(["smart-leverage", *sys.argv[1:]]),
            data=files_of(series),
            baseline=comparison,
        )


def files_of(series: Sequence["BarSeries"]) -> list["DataFile"]:
    """Return the bar files as a report tells them."""
    from smart_leverage.market.bars import summary
    from smart_leverage.reports.inputs import DataFile

    return [
        DataFile(
            name=told.source,
            sha256=told.sha256,
            rows=told.rows,
            first=told.first,
            last=told.last,
            holes=told.holes,
        )
        for told in map(summary, series)
    ]
