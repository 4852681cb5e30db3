"""The closed and open lots of an account as CSV, for whoever makes the tax return."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen
from smart_leverage.cli.telling import hearing, refuse_ledger, unwritable

if TYPE_CHECKING:
    from smart_leverage.reports.tax.files import Written

DEFAULT_NAME = "tax-lots.csv"
FIFO = "fifo"


@command(
    "smart-leverage tax-lots --year 2026 --out lots.csv",
    "smart-leverage tax-lots --ledger runs/demo --json",
)
def tax_lots(
    screen: Screen,
    ledger: LedgerPath = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.csv",
            help="Where to write it.  [default: tax-lots.csv in the run's folder]",
        ),
    ] = None,
    year: Annotated[
        int | None,
        typer.Option(
            "--year", min=1970, max=9999, help="Only what was sold in it.  [default: all]"
        ),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="How sales find their lots; there is only fifo.")
    ] = FIFO,
) -> None:
    """Write every closed lot with term, gain and wash-sale warnings. It is no tax advice.

    Three files of CSV: FILE has one line for each lot that was sold, FILE-open the lots that are
    held, FILE-totals the sums by term. They are made from the ledger alone; their first lines,
    after #, say how.
    """
    from smart_leverage.cli.places import ledger_path, run_folder
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.story import read_story
    from smart_leverage.reports.tax.files import write_lots
    from smart_leverage.reports.tax.lots import lots_of

    if method != FIFO:
        raise typer.BadParameter(
            f"{method!r} is unknown; the books match by fifo, first in, first out",
            param_hint="--method",
        )
    path = ledger_path(ledger)
    to = out or run_folder(path) / DEFAULT_NAME
    refuse_ledger(path, to)
    with opened(path) as reader:
        show = hearing(screen, reader.head().seq)
        story = read_story(reader, keeps_figures=False, progress=show)
    head = f"account {story.account.account}, ledger up to event {story.seq}, {story.head.hex()}"
    try:
        written = write_lots(lots_of(story), to, year=year, head=head)
    except OSError as error:
        raise unwritable(to, error) from error
    _tell(screen, written)


def _tell(screen: Screen, written: "Written") -> None:
    from smart_leverage.domain.sentences import money

    if screen.as_json:
        screen.record(
            {
                "closed": str(written.closed),
                "open": str(written.opened),
                "totals": str(written.totals),
                "closed_lots": written.closed_lots,
                "open_lots": written.open_lots,
                "wash_sale_warnings": written.warned,
                "sums": [total._asdict() for total in written.sums],
            }
        )
        return
    screen.say(f"{written.closed}   {written.closed_lots:,} closed lots, {written.warned:,} warned")
    screen.say(f"{written.opened}   {written.open_lots:,} open lots", f"{written.totals}")
    if written.sums:
        columns = (
            Column("term"),
            Column("kind"),
            Column("lots", is_number=True),
            Column("gain", is_number=True),
            Column("of it warned", is_number=True),
        )
        rows = [
            (each.term, each.kind, f"{each.lots:,}", money(each.gain), money(each.warned))
            for each in written.sums
        ]
        screen.say("")
        screen.table(columns, rows)
    screen.note("This is no tax advice.")
