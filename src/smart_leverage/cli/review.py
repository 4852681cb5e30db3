"""The days behind an account against what was due, and a proposal that a person may sign."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.research.review import Review, Targets

FOUND = 6
DAYS_MAX = 3_650


@command(
    "smart-leverage review runs/live --out proposals",
    'smart-leverage review runs/live --sign proposals/proposal-2026-11-26.json --reason "read it"',
)
def review(
    screen: Screen,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Of an account.  [default: of the last run]"),
    ] = None,
    *,
    days: Annotated[
        list[int] | None,
        typer.Option(
            "--days", metavar="NUMBER", min=1, max=DAYS_MAX, help="Look at so many days as well."
        ),
    ] = None,
    win_rate: Annotated[
        str, typer.Option(metavar="FRACTION", help="Is the win rate above this?")
    ] = "0.55",
    month: Annotated[
        str, typer.Option(metavar="FRACTION", help="Is the mean month above this?")
    ] = "0.05",
    drawdown: Annotated[
        str, typer.Option(metavar="FRACTION", help="Did the drawdown stay below this?")
    ] = "0.08",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the proposal of the day there, also as text."),
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Put this proposal in force.")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why it is signed; it stands there.")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", help="The admin token, - for stdin; to loosen."
        ),
    ] = None,
) -> None:
    """Measure the last 7 and 30 days against what was due, and propose other limits.

    Nothing changes by itself. --out writes the proposal; --sign puts one in force: tighter at once,
    looser with the admin token and after risk.loosen_after_hours. It is refused when limits have
    changed since, when its evidence is older than 7 days, and when the ledger does not give it
    again. Leaves with 6 when it proposes a change. For a schedule: once a week.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.cli.reviewing import made, signed

    path = ledger_path(folder)
    if sign is not None:
        if out is not None or days:
            raise typer.BadParameter("stands alone: it signs what was written before")
        signed(screen, path, sign, reason, token_file)
        return
    one = made(path, _targets(win_rate, month, drawdown), (7, 30, *(days or ())))
    _show(screen, path, one, out)
    if one.proposal.changes:
        raise typer.Exit(FOUND)


def _targets(win_rate: str, month: str, drawdown: str) -> "Targets":
    from smart_leverage.cli.amounts import fraction
    from smart_leverage.cli.lacking import statistics

    with statistics("review"):
        from smart_leverage.research.review import Targets

    return Targets(
        win_rate=float(fraction(win_rate, "--win-rate")),
        month=float(fraction(month, "--month")),
        drawdown=float(fraction(drawdown, "--drawdown")),
    )


def _show(screen: Screen, path: Path, one: "Review", out: Path | None) -> None:
    from smart_leverage.cli.review_text import lines
    from smart_leverage.cli.reviewing import fields, written
    from smart_leverage.domain.clock import SystemClock

    text = list(lines(one, SystemClock().now_ns()))
    files = [] if out is None else written(one, text, out)
    if screen.as_json:
        screen.record({**fields(one), "files": [str(each) for each in files], "ledger": str(path)})
        return
    screen.say(*text)
    for file in files:
        screen.note(f"written: {file}")
