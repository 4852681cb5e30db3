"""Proves that a ledger is whole, copies it, goes on from a copy, brings it up, moves it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.ledger.emergency import Found
    from smart_leverage.ledger.postgres.address import Address
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
    writer is not disturbed: the work is done on a copy in the temporary folder. Records
    that wait in the emergency journal are counted. A proof is noted beside the ledger, for whoever
    watches how old it is.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.errors import LedgerCorrupt
    from smart_leverage.ledger.base import Head
    from smart_leverage.ledger.takeover import waiting
    from smart_leverage.ledger.verified import note_verified
    from smart_leverage.ledger.verify import Fault, Verdict
    from smart_leverage.ledger.verify import verify as verified

    if path is not None and ledger is not None:
        raise typer.BadParameter("name the ledger once", param_hint="PATH")
    place = ledger_path(path or ledger)
    try:
        verdict = verified(place, screen.progress("verifying"))
    except LedgerCorrupt as error:  # so damaged that nothing can be walked
        verdict = Verdict(Head(0, bytes(32)), (Fault(None, str(error)),))
    if verdict.is_sound:
        note_verified(place, verdict.events, SystemClock().now_ns())
    found = waiting(place)
    if screen.as_json:
        waits = {"emergency_records": len(found.notes), "emergency_torn": list(found.torn)}
        screen.record({**_fields(place, verdict), **waits})
    else:
        _show(screen, place, verdict)
        screen.say(*_waits(found))
    if not verdict.is_sound:
        raise typer.Exit(6)


@command(
    "smart-leverage ledger backup ~/backups/monday.sqlite",
    "smart-leverage ledger backup monday.sqlite --ledger runs/demo --json",
)
def backup(
    screen: Screen,
    to: Annotated[
        Path, typer.Argument(metavar="TO", help="The file to make; nothing may be there yet.")
    ],
    ledger: LedgerPath = None,
) -> None:
    """Copy a ledger to one file and prove the copy.

    The copy is taken through the database, also while the account trades, and never replaces
    anything. Leaves with 6 when the copy is not sound: it is kept, since it may be all there is.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.verify import backup as copied

    place = ledger_path(ledger)
    verdict = copied(place, to, screen.progress("verifying"))
    if screen.as_json:
        screen.record({**_fields(place, verdict), "backup": str(to)})
    elif verdict.is_sound:
        screen.say(f"● {to}: {verdict.summary}")
    else:
        _show(screen, to, verdict)
    if not verdict.is_sound:
        raise typer.Exit(6)


@command(
    "smart-leverage ledger restore ~/backups/monday.sqlite --name restored",
    "smart-leverage ledger restore runs/demo --name second --json",
)
def restore(
    screen: Screen,
    source: Annotated[
        Path, typer.Argument(metavar="FROM", help="A backup, or the folder of a run.")
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of the new run; its folder is runs/NAME.")
    ],
) -> None:
    """Go on from a backup in the folder of a new run, with the account halted.

    A backup does not know what happened after it. Its last entry is therefore a halt: nothing is
    bought before a person has compared the account with the broker and resumes it. The backup is
    left as it is. Leaves with 6, and makes no ledger, when the backup is not sound.
    """
    from smart_leverage.cli.places import LEDGER, ledger_path
    from smart_leverage.cli.runs import new_folder
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.ledger.restore import restore as restored

    place = ledger_path(source)
    folder = new_folder(name, "restored")
    now_ns = SystemClock().now_ns()
    try:
        verdict, head = restored(place, folder / LEDGER, now_ns, screen.progress("verifying"))
    finally:
        with suppress(OSError):  # what was refused leaves no empty folder behind
            folder.rmdir()
    if screen.as_json:
        is_made = {"restored": None if head is None else str(folder / LEDGER)}
        screen.record({**_fields(place, verdict), **is_made})
    elif head is None:
        _show(screen, place, verdict)
    else:
        screen.say(
            f"● {folder / LEDGER}: {verdict.summary}",
            f"  halted by event {head.seq:,}: compare with the broker, then resume with a reason",
        )
    if head is None:
        raise typer.Exit(6)


@command(
    "smart-leverage ledger migrate --to postgresql://trader@db.example/accounts",
    "smart-leverage ledger migrate --ledger runs/main --to file",
)
def migrate(
    screen: Screen,
    ledger: LedgerPath = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="postgresql://[USER@]HOST/DATABASE, or `file` for the folder of the run.",
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name on the server.  [default: the run's]"),
    ] = None,
) -> None:
    """Bring the tables of an older ledger up to this version, or move a ledger.

    Without --to the ledger is copied beside itself first. Every step is whole or undone; when it
    was interrupted, call it again. There is no way down but the copy.

    With --to the ledger goes to a PostgreSQL server, or from there back into its file, and the
    account goes on from there. Everything is read back and compared before the place changes; the
    row counts, the last link and the digests that both places share are told. Refused while a
    process runs the account. When it was interrupted, call it again.
    """
    from smart_leverage.cli.places import ledger_path

    place = ledger_path(ledger)
    if to is not None:
        _move(screen, place, to, account)
        return
    if account is not None:
        raise typer.BadParameter("goes with --to", param_hint="--account")
    _bring_up(screen, place)


def _bring_up(screen: Screen, place: Path) -> None:
    from smart_leverage.ledger.migrate import migrate as migrated

    before, steps, kept = migrated(place)
    after = steps[-1].version if steps else before
    if screen.as_json:
        copy = None if kept is None else str(kept)
        screen.record({"ledger": str(place), "before": before, "after": after, "backup": copy})
        return
    if not steps:
        screen.say(f"● {place}: tables of version {after}, nothing is to do")
        return
    screen.say(
        f"● {place}: tables of version {before} are now of version {after}",
        *(f"  {step.version}: {step.what}" for step in steps),
        f"  the ledger as it was: {kept}",
    )


def _move(screen: Screen, place: Path, to: str, account: str | None) -> None:
    from smart_leverage.ledger.home import refuse_lacking

    refuse_lacking()
    from smart_leverage.ledger.postgres.moving import to_file, to_server

    show = screen.progress("comparing")
    if to == "file":
        if account is not None:
            raise typer.BadParameter("a file needs no name", param_hint="--account")
        where, moved = str(place), to_file(place, show)
    else:
        address = _address(to, account or place.absolute().parent.name, "--to")
        where, moved = address.told, to_server(place, address, show)
    held = moved.contents
    if screen.as_json:
        screen.record(
            {
                "ledger": str(place),
                "moved_to": where,
                "events": held.head.seq,
                "head": held.head.hash.hex(),
                "journal_sha256": held.journal_sha256,
                "results_sha256": held.results_sha256,
                "rows": held.rows,
                "kept": moved.kept,
            }
        )
        return
    screen.say(
        f"● {place.parent}: the ledger is now {where}",
        f"  {held.head.seq:,} events, both places end at {held.head.hash.hex()}",
        f"  journal {held.journal_sha256}, results {held.results_sha256}: equal",
        *(f"  {count:>10,} {table}" for table, count in held.rows.items() if count),
        f"  left where it was: {moved.kept}",
    )


@command(
    "smart-leverage ledger attach postgresql://trader@db.example/accounts --name main",
    "smart-leverage ledger attach postgresql:///accounts --name main --account first --json",
)
def attach(
    screen: Screen,
    url: Annotated[str, typer.Argument(metavar="URL", help="postgresql://[USER@]HOST/DATABASE.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the run; its folder is runs/NAME.")],
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name on the server.  [default: the run's]"),
    ] = None,
) -> None:
    """Go on with an account whose ledger is on a server, from a folder that never wrote it.

    For another machine that takes over, and for reading from one that does not trade. The note that
    is made in the folder names the server; nothing is written there. Whoever runs the account has
    to end first: the server lets one write at a time.
    """
    from smart_leverage.cli.places import LEDGER
    from smart_leverage.cli.runs import new_folder
    from smart_leverage.ledger.home import note_home, refuse_lacking

    address = _address(url, account or name, "URL")
    refuse_lacking()
    from smart_leverage.ledger.postgres.reader import ServerReader

    with ServerReader.at(address) as reader:
        head = reader.head()
    folder = new_folder(name, "attached")
    note_home(folder / LEDGER, address)
    if screen.as_json:
        place = {"ledger": str(folder / LEDGER), "attached_to": address.told}
        screen.record({**place, "events": head.seq, "head": head.hash.hex()})
        return
    screen.say(f"● {folder}: the ledger is {address.told}, {head.seq:,} events")


def _address(url: str, account: str, hint: str) -> "Address":
    """Return the place on a server that is meant; the sentence never repeats the URL."""
    from smart_leverage.ledger.postgres.address import Address, fault_of

    if what := fault_of(url):
        raise typer.BadParameter(f"the URL {what}", param_hint=hint)
    return Address(url, account)


def _fields(place: Path, verdict: "Verdict") -> dict[str, Any]:
    return {
        "ledger": str(place),
        "is_sound": verdict.is_sound,
        "events": verdict.events,
        "head": verdict.head.hash.hex(),
        "bad_seq": verdict.bad_seq,
        "faults": [{"seq": fault.seq, "what": fault.what} for fault in verdict.faults],
    }


def _waits(found: "Found") -> Iterator[str]:
    if found.notes:
        count = f"{len(found.notes)} record{'' if len(found.notes) == 1 else 's'}"
        yield f"▲ emergency journal: {count}, to be taken over when the ledger can be written"
    if found.torn:
        yield f"▲ torn blocks of the emergency journal: {', '.join(map(str, found.torn))}"


def _show(screen: Screen, place: Path, verdict: "Verdict") -> None:
    if verdict.is_sound:
        screen.say(f"● {place}: {verdict.summary}")
        return
    screen.say(f"■ {place}: sound up to event {verdict.events:,}, then")
    screen.say(*(f"  {fault.what}" for fault in verdict.faults))
    screen.say("stop the writer, keep this file, and go on from a backup")
