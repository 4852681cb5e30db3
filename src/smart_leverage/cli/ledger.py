"""Proves that a ledger is whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.ledger.verify import Verdict


@command("smart-leverage ledger verify", "smart-leverage ledger verify runs/demo --json")
def verify(
    screen: Screen,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="A ledger or the folder of a run.  [default: the last run]",
            show_default=False,
        ),
    ] = None,
    ledger: LedgerPath = None,
) -> None:
    """Prove that a ledger is whole.

    Walks the chain and makes every table anew from it; leaves with 6 on a difference. A running
    writer is not disturbed: the work is done on a copy in the temporary folder.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.errors import LedgerCorrupt
    from smart_leverage.ledger.base import Head
    from smart_leverage.ledger.verify import Fault, Verdict
    from smart_leverage.ledger.verify import verify as verified

    if path is not None and ledger is not None:
        raise typer.BadParameter("name the ledger once", param_hint="PATH")
    place = ledger_path(path or ledger)
    try:
        verdict = verified(place, screen.progress("verifying"))
    except LedgerCorrupt as error:  # so damaged that nothing can be walked
        verdict = Verdict(Head(0, bytes(32)), (Fault(None, str(error)),))
    if screen.as_json:
        screen.record(_fields(place, verdict))
    else:
        _show(screen, place, verdict)
    if not verdict.is_sound:
        raise typer.Exit(6)


def _fields(place: Path, verdict: "Verdict") -> dict[str, Any]:
    return {
        "ledger": str(place),
        "is_sound": verdict.is_sound,
        "events": verdict.events,
        "head": verdict.head.hash.hex(),
        "bad_seq": verdict.bad_seq,
        "faults": [{"seq": fault.seq, "what": fault.what} for fault in verdict.faults],
    }


def _show(screen: Screen, place: Path, verdict: "Verdict") -> None:
    if verdict.is_sound:
        screen.say(f"● {place}: {verdict.summary}")
        return
    screen.say(f"■ {place}: sound up to event {verdict.events:,}, then")
    screen.say(*(f"  {fault.what}" for fault in verdict.faults))
    screen.say("stop the writer, keep this file, and go on from a backup")
