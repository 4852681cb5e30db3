"""The checklist before real money: every line has to be shown, and a person has to say the word."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import ConfigPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.cli.finding import Finding
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.settings import Settings

FOUND = 6
PAPER_DAYS = 5
"""So long, in days, the same numbers have to have run on paper."""


@command(
    "smart-leverage go-live --name live --paper runs/paper",
    "smart-leverage go-live --name live --paper runs/paper --json",
)
def go_live(
    screen: Screen,
    paper: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The paper account that tried the numbers out.")
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of the live account; its folder is runs/NAME.")
    ] = "live",
    config: ConfigPath = None,
) -> None:
    """Go through what has to be true before an account with real money runs.

    A line a check, each shown from what is there: keys and account at the broker, clock, who is
    told, and a paper account with the same numbers that has run for five days without a difference,
    was halted, resumed and rescued. It changes nothing at the broker. When nothing is wrong it asks
    for the account's name; only then `run` opens the account. Leaves with 6 when a line is wrong.
    """
    from smart_leverage.cli.inputs import settings_for
    from smart_leverage.cli.runs import folder_of

    settings, folder = settings_for(config, None, name), folder_of(name)
    findings = list(_findings(settings, folder, paper))
    wrong = [one for one in findings if one.level.name == "WRONG"]
    if screen.as_json:
        screen.record({"wrong": len(wrong), "checks": [one.fields() for one in findings]})
    else:
        screen.say(*(one.line for one in findings))
    if wrong:
        if not screen.as_json:
            screen.say(f"■ NOT YET: {len(wrong)} of {len(findings)} lines are not shown")
        raise typer.Exit(FOUND)
    _clear(screen, settings, folder, paper, findings)


def _findings(settings: "Settings", folder: Path, paper: Path) -> Iterator["Finding"]:
    from smart_leverage.cli.check_account import token
    from smart_leverage.cli.check_broker import broker_checks
    from smart_leverage.cli.check_program import disk
    from smart_leverage.ledger.space import room

    mode = _mode(settings)
    yield mode
    if mode.level.name != "WRONG":
        yield from broker_checks(settings, folder)
    yield _steps(settings)
    yield token(folder)
    yield disk(room(folder if folder.exists() else Path.cwd()))
    yield from _tried_on_paper(settings, paper)


def _mode(settings: "Settings") -> "Finding":
    from smart_leverage.cli.finding import fine, wrong

    mode = settings.account.mode
    if mode == "live":
        return fine("mode", "live, real money")
    return wrong("mode", f"{mode}: that is no real money", 'account.mode = "live"')


def _steps(settings: "Settings") -> "Finding":
    from smart_leverage.cli.finding import fine, warning

    first = settings.account.enforcement
    if first == "observe":
        return fine("enforcement", "begins with observe: everything is forwarded and noted")
    return warning(
        "enforcement", f"begins with {first}", "observe shows first what would be denied"
    )


def _tried_on_paper(settings: "Settings", paper: Path) -> Iterator["Finding"]:
    """Yield what the paper account shows; where it has no ledger, only that."""
    from smart_leverage.cli.finding import fine, wrong
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.clock import DAY_NS
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.ledger.verify import verify
    from smart_leverage.runtime.going_live import fingerprint

    try:
        path = ledger_path(paper)
        verdict = verify(path, lambda done, total: None)
        reader = Reader.open(path)
    except LedgerError as error:
        yield wrong("paper", str(error), "run the same numbers in paper mode first")
        return
    with reader:
        account, mark = reader.account(), reader.mark()
        if account is None or account.mode != "paper" or not verdict.is_sound:
            yield wrong("paper", f"{path} is no paper account with a whole ledger")
            return
        is_same = fingerprint(account.policy) == fingerprint(settings.policy_text())
        told = "the same numbers" if is_same else "other numbers than those of this configuration"
        yield (fine if is_same else wrong)("paper policy", told)
        days = 0.0 if mark is None else (mark.at_ns - account.at_ns) / DAY_NS
        found = f"{days:.1f} days on paper"
        yield (
            fine("paper time", found)
            if days >= PAPER_DAYS
            else wrong("paper time", found, f"at least {PAPER_DAYS}")
        )
        yield from _exercised(reader, paper)


def _exercised(reader: "Reader", paper: Path) -> Iterator["Finding"]:
    """Yield whether a person has done there once what will have to be done in need."""
    from smart_leverage.cli.finding import fine, wrong
    from smart_leverage.notify.keeping import read_kept

    differences = len(reader.notes(code="reconcile.difference"))
    yield (
        fine("differences", "books and broker never differed")
        if not differences
        else wrong(
            "differences",
            f"books and broker differed {differences} times",
            "find out why, begin anew",
        )
    )
    halts = [one for one in reader.states(limit=1_000) if one.after == "halted"]
    yield (
        fine("halt", f"tried, {len(halts)} times")
        if halts
        else wrong("halt", "nobody has tried it", f"`smart-leverage halt --ledger {paper}`")
    )
    yield (
        fine("resume", "tried")
        if reader.resumes()
        else wrong("resume", "nobody has tried it", f"`smart-leverage resume --ledger {paper}`")
    )
    yield (
        fine("rescue", "tried")
        if any(paper.glob("rescue-*.json"))
        else wrong("rescue", "nobody has tried it", f"`smart-leverage rescue --account {paper}`")
    )
    kept = read_kept(paper)
    sent = [] if kept is None else [name for name, one in kept.lines.items() if one.standing.sent]
    yield (
        fine("told", f"by {', '.join(sent)}")
        if sent
        else wrong(
            "told", "no channel has told anybody anything", "the section [notify], and a test of it"
        )
    )


def _clear(
    screen: Screen, settings: "Settings", folder: Path, paper: Path, findings: "list[Finding]"
) -> None:
    """Ask for the word, and leave the note without which no account with real money opens."""
    from smart_leverage.cli.desk import own_name
    from smart_leverage.runtime.going_live import Cleared, clear, fingerprint

    if not screen.is_terminal:
        raise typer.BadParameter("every line is shown; a person at a terminal has to say the word")
    screen.note("every line is shown; from here on mistakes cost money")
    if input(f"type the name of the account, {settings.account.name}: ") != settings.account.name:
        raise typer.Exit(1)
    clear(
        folder,
        Cleared(
            at_ns=time.time_ns(),
            who=own_name(),
            policy=fingerprint(settings.policy_text()),
            paper=str(paper),
            lines=tuple(one.line for one in findings),
        ),
    )
    screen.say(f"● cleared: `smart-leverage run --name {folder.name}` opens the account")
