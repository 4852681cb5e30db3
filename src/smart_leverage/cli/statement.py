"""The statement of a day, a week or a month: on the screen, as JSON, or as a page to print."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen
from smart_leverage.cli.telling import hearing, refuse_ledger, unwritable
from smart_leverage.reports.statement.period import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_leverage.reports.html.parts import Table
    from smart_leverage.reports.statement.statement import Statement


@command(
    "smart-leverage statement --period day --html today.html",
    "smart-leverage statement --check --all",
)
def statement(
    screen: Screen,
    ledger: LedgerPath = None,
    period: Annotated[
        Kind, typer.Option("--period", help="How long; a week begins on Monday.")
    ] = Kind.DAY,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="A day within it, in the account's risk time zone.  [default: the last one]",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as one HTML file, for print too."),
    ] = None,
    is_every: Annotated[
        bool,
        typer.Option("--all", help="Every period of the ledger; --html then names a folder."),
    ] = False,
    is_checked: Annotated[
        bool,
        typer.Option("--check", help="Recount every figure by other means; say which hold."),
    ] = False,
    saved: Annotated[
        Path | None,
        typer.Option("--saved", metavar="FILE", help="Check what --json wrote there once."),
    ] = None,
) -> None:
    """Tell what an account was, made and did in a day, a week or a month.

    Everything comes from the ledger, each number with the entries it is made from: equity with
    flows taken out, target, drawdown, tier and its evidence, exposure and caps, limits and
    breakers, orders by verdict and reason, fills and fees, positions with their stops, what is due.

    --check takes the text of the journal and counts each figure again, by arithmetic that shares
    nothing with the statement's; leaves with 6 where one does not hold.
    """
    from smart_leverage.cli.checking import check_made, check_saved
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.statement.statement import statement_of
    from smart_leverage.runtime.stating import parts

    if is_every and at is not None:
        raise typer.BadParameter("--all is every period; leave --at away", param_hint="--at")
    if html is not None and (is_checked or saved is not None):
        raise typer.BadParameter("a check writes nothing; leave --html away", param_hint="--html")
    path = ledger_path(ledger)
    if saved is not None:
        check_saved(screen, path, saved)
        return
    if html is not None:
        _refuse(path, html, is_every=is_every)
    with opened(path) as reader:
        show = hearing(screen, reader.head().seq)
    day = None if at is None else at.date()
    found = parts(path, period, day, every=is_every, progress=show)
    made = map(statement_of, found)
    if is_checked:
        check_made(screen, path, made)
        return
    if html is None:
        _tell(screen, list(made))
        return
    for each in made:
        _write(screen, each, html / each.file_name if is_every else html)


def _refuse(ledger: Path, to: Path, *, is_every: bool) -> None:
    from smart_leverage.domain.errors import BadData

    if not is_every:
        refuse_ledger(ledger, to)
    elif to.exists() and not to.is_dir():
        raise BadData(f"{to} is a file", fix="name a folder: --all writes one file for each period")


def _write(screen: Screen, made: "Statement", to: Path) -> None:
    from smart_leverage.reports.html.statement import write_statement
    from smart_leverage.reports.statement.statement import as_record

    try:
        written = write_statement(made, to)
    except OSError as error:
        raise unwritable(to, error) from error
    size = written.stat().st_size
    if screen.as_json:
        screen.record({"file": str(written), "bytes": size, **as_record(made)})
    else:
        screen.say(f"{written}   {made.name}, {size / 1000:,.0f} kB")


def _tell(screen: Screen, made: "Sequence[Statement]") -> None:
    from smart_leverage.reports.statement.statement import as_record

    for place, each in enumerate(made):
        if screen.as_json:
            screen.record(as_record(each))
            continue
        if place:
            screen.say("")
        _print(screen, each)


def _print(screen: Screen, made: "Statement") -> None:
    from smart_leverage.reports.statement.statement import sentences, warnings

    screen.say(made.name, "", *sentences(made), *(f"▲ {each}" for each in warnings(made.part)), "")
    columns = (Column("figure"), Column("value"), Column("source"))
    screen.table(columns, [(each.name, each.shown, each.source) for each in made.figures])
    for tables in made.tables.values():
        for table in tables:
            _print_table(screen, table)


def _print_table(screen: Screen, table: "Table") -> None:
    screen.say("", table.caption)
    if not table.rows:
        screen.say(f"  {table.empty}")
        return
    columns = [Column(head.text, is_number=head.is_number) for head in table.heads]
    texts = [[cell if isinstance(cell, str) else cell.text for cell in row] for row in table.rows]
    screen.table(columns, texts)
    if table.more:
        screen.say(table.more)
