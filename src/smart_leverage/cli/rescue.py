"""Sells everything at the real broker, whatever else of this program runs or does not."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.rescue import Line, Outcome

WORD = "RESCUE"
LEFT = 4


class Mode(StrEnum):
    """Whose money it is."""

    PAPER = "paper"
    LIVE = "live"


@command(
    "smart-leverage rescue --mode live --keys alpaca.keys --account runs/live",
    "smart-leverage rescue --print",
)
def rescue(
    screen: Screen,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Key id and secret, one a line; of mode 0600.  [default: the environment]",
        ),
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Which account of the broker.")] = Mode.PAPER,
    url: Annotated[
        str, typer.Option(metavar="URL", help="A server on this machine that plays the broker.")
    ] = "",
    account: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The account's folder: it is halted first."),
    ] = None,
    lasts_s: Annotated[
        float, typer.Option("--for", metavar="SECONDS", min=1.0, help="So long at most.")
    ] = 600.0,
    may_trade: Annotated[
        bool, typer.Option("--leave-open", help="Do not have the broker refuse new orders.")
    ] = False,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask for the word.")] = False,
    is_sheet: Annotated[
        bool, typer.Option("--print", help="Print the sheet for the day when nothing starts.")
    ] = False,
) -> None:
    """Cancel every order and sell everything at the broker, without engine, ledger and server.

    It asks the broker what is held, sells what is free, round by round until nothing is left, and
    then has the broker itself refuse new orders until you lift that on its page. It needs the keys
    and nothing else; it may be started twice. What was done is written into a file beside the
    account, or in this folder. Exit code 4: something is still held.
    """
    import os

    from smart_leverage.brokers.alpaca.hosts import hosts_of
    from smart_leverage.rescue import sheet

    hosts = hosts_of(mode.value, url)
    if is_sheet:
        screen.say(*sheet(mode.value, hosts.trading))
        return
    from smart_leverage.brokers.alpaca import AlpacaBroker
    from smart_leverage.brokers.alpaca.keys import keys_from
    from smart_leverage.brokers.budget import Unbounded
    from smart_leverage.domain.registry import Registry
    from smart_leverage.rescue import Rescue

    given = keys_from(keys, os.environ)
    folder = account or Path.cwd()
    if account is not None:
        _halt(screen, account)
    with AlpacaBroker(hosts, given, Registry.builtin(), folder, Unbounded()) as broker:
        if not is_sure:
            _ask(screen, mode, [f"{each.key} {each.qty:f}" for each in broker.positions()])
        outcome = Rescue(broker, lambda line: _tell(screen, line)).run(
            lasts_s, suspends=not may_trade
        )
    file = _kept(folder, outcome)
    _end(screen, outcome, file)


def _halt(screen: Screen, folder: Path) -> None:
    """Hold up what a process of this account would buy meanwhile; none has to answer."""
    from smart_leverage.runtime.latch import HaltFile

    HaltFile(folder).set("rescue", "everything is being sold")
    screen.note(f"{folder} is halted")


def _ask(screen: Screen, mode: Mode, held: list[str]) -> None:
    import sys

    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to be asked: add --yes", param_hint="--yes")
    screen.note(f"{mode.value} account holds: {', '.join(held) or 'nothing'}")
    if input(f"type {WORD} to cancel and sell all of it: ").strip() != WORD:
        raise typer.Exit(1)


def _tell(screen: Screen, line: "Line") -> None:
    if not screen.as_json:
        what = " ".join(part for part in (line.symbol, line.qty, line.what) if part)
        screen.say(f"{time.strftime('%H:%M:%S')}  {what}")


def _kept(folder: Path, outcome: "Outcome") -> Path:
    """Write down what was done, for whoever starts the account again."""
    import msgspec

    file = folder / f"rescue-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)) + b"\n")
    return file


def _end(screen: Screen, outcome: "Outcome", file: Path) -> None:
    if screen.as_json:
        import msgspec

        screen.record({**msgspec.to_builtins(outcome), "file": str(file)})
    else:
        if outcome.is_flat:
            screen.say("● FLAT, nothing is held")
        else:
            screen.say("■ STILL HELD", *(f"  {name}: {why}" for name, why in outcome.left.items()))
        screen.say(f"written to {file}")
    if not outcome.is_flat:
        raise typer.Exit(LEFT)
