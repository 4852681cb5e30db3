"""Everything of a ledger as tables for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen
from smart_leverage.cli.telling import hearing, unwritable

if TYPE_CHECKING:
    from smart_leverage.runtime.exporting import Exported


class Format(StrEnum):
    """How tables are written."""

    CSV = "csv"
    PARQUET = "parquet"


@command(
    "smart-leverage export out/",
    "smart-leverage export out/ --ledger runs/demo --format parquet",
)
def export(
    screen: Screen,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    ledger: LedgerPath = None,
    form: Annotated[
        Format,
        typer.Option("--format", help="Parquet needs the part `research` of this program."),
    ] = Format.CSV,
) -> None:
    """Write everything of a ledger as tables: one for each kind of record, and what follows.

    CSV keeps every decimal as text, digit for digit; Parquet as an exact decimal, or as text where
    38 digits are too few. returns.csv is what quantstats and its kind read. manifest.json says what
    each table and column is.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.runtime.exporting import export_csv

    path = ledger_path(ledger)
    with opened(path) as reader:
        show = hearing(screen, reader.head().seq)
    try:
        made = export_csv(path, folder, progress=show)
        if form is Format.PARQUET:
            _convert(screen, made)
    except OSError as error:
        raise unwritable(folder, error) from error
    _tell(screen, made, form)


def _convert(screen: Screen, made: "Exported") -> None:
    """Put Parquet in the place of CSV, except for the returns, which stay in both."""
    from smart_leverage.cli.lacking import statistics

    with statistics("export"):
        from smart_leverage.research.parquet_tables import to_parquet
    show = screen.progress("converting")
    count = len(made.tables)
    for place, (name, table) in enumerate(made.tables.items(), start=1):
        to_parquet(table, made.folder)
        if name != "returns":
            (made.folder / table.path.name).unlink()
        show(place, count)


def _tell(screen: Screen, made: "Exported", form: Format) -> None:
    rows = {name: table.rows for name, table in sorted(made.tables.items())}
    if screen.as_json:
        screen.record(
            {
                "folder": str(made.folder),
                "format": form.value,
                "events": made.seq,
                "head": made.head,
                "rows": rows,
            }
        )
        return
    screen.say(f"{made.folder}   {len(rows)} tables, up to event {made.seq:,}", "")
    columns = (Column("table"), Column("rows", is_number=True), Column("what a row is"))
    lines = [
        (name, f"{count:,}", made.tables[name].table.meaning)
        for name, count in rows.items()
        if count
    ]
    screen.table(columns, lines)
    empty = [name for name, count in rows.items() if not count]
    if empty:
        screen.say("", f"without a row: {', '.join(empty)}")
