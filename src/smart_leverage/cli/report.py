"""The report of an account as one HTML file, and the check of one against its ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen
from smart_leverage.cli.telling import hearing, refuse_ledger, unwritable

if TYPE_CHECKING:
    from smart_leverage.reports.island import Found

DEFAULT_NAME = "report.html"


@command(
    "smart-leverage report --ledger runs/demo",
    "smart-leverage report --ledger runs/demo --check runs/demo/report.html",
)
def report(
    screen: Screen,
    ledger: LedgerPath = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to write it.  [default: report.html in the run's folder]",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="FILE",
            help="Write nothing; compare the figures of this report with the ledger.",
        ),
    ] = None,
) -> None:
    """Write the report of an account, or check one.

    The report is one HTML file that needs no network. A check reads the ledger again up to the
    entry that the report names, and leaves with 6 if a figure is not what the ledger says.
    """
    from smart_leverage.cli.places import ledger_path

    if check is not None and out is not None:
        raise typer.BadParameter("--check writes nothing; leave --out away", param_hint="--out")
    path = ledger_path(ledger)
    if check is None:
        _write(screen, path, out)
    else:
        _check(screen, path, check)


def _write(screen: Screen, ledger: Path, out: Path | None) -> None:
    from smart_leverage.cli.places import run_folder
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.html import write_report
    from smart_leverage.reports.island import read_island

    to = out or run_folder(ledger) / DEFAULT_NAME
    refuse_ledger(ledger, to)
    with opened(ledger) as reader:
        try:
            written = write_report(reader, to, progress=hearing(screen, reader.head().seq))
        except OSError as error:
            raise unwritable(to, error) from error
    # Not the ledger's head: a running account may have gone on since.
    head, size = read_island(_text(written)).island.head, written.stat().st_size
    if screen.as_json:
        screen.record(
            {
                "report": str(written),
                "bytes": size,
                "ledger": str(ledger),
                "events": head.seq,
                "head": head.hash,
            }
        )
    else:
        screen.say(f"{written}   {size / 1000:,.0f} kB, {head.seq:,} events")


def _check(screen: Screen, ledger: Path, file: Path) -> None:
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.island import differences, read_island

    found = read_island(_text(file))
    with opened(ledger) as reader:
        told = differences(found, reader, progress=hearing(screen, found.island.head.seq))
    if screen.as_json:
        screen.record(
            {
                "report": str(file),
                "ledger": str(ledger),
                "is_true": not told,
                "figures": len(found.island.figures),
                "events": found.island.head.seq,
                "differences": told,
            }
        )
    else:
        screen.say(*_verdict(file, found, told))
    if told:
        raise typer.Exit(6)


def _verdict(file: Path, found: "Found", told: list[str]) -> list[str]:
    if told:
        return [f"■ {file}: is not what the ledger says", *(f"  {each}" for each in told)]
    count, last = len(found.island.figures), found.island.head.seq
    return [f"● {file}: {count} figures as the ledger has them, up to event {last:,}"]


def _text(file: Path) -> str:
    from smart_leverage.domain.errors import BadData

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"cannot be read: {error}", file=file, fix="name a report") from error
