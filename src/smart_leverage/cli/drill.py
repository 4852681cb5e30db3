"""A badly behaved bot tries everything against the user's own configuration, on loopback."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.options import ConfigPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.drill.attempt import Attempt
    from smart_leverage.drill.running import Drill, Result
    from smart_leverage.drill.telling import Told
    from smart_leverage.settings import Settings

INTERRUPTED, FOUND = 130, 6
PREFIX = "smart-leverage-drill-"
PATH_MAX = 78
"""Sockets of accounts lie below, and the shortest bound on the path of one is 104 bytes."""


class Step(StrEnum):
    """On which step of enforcement the account stands."""

    OWN = "own"
    OBSERVE = "observe"
    WARN = "warn"
    ENTRIES = "entries"
    ALL = "all"


_COLUMNS = (
    Column("came to"),
    Column("attempt"),
    Column("s", is_number=True),
    Column("account"),
    Column("what stopped it, or what got through"),
)


@command(
    "smart-leverage drill --name paper --as all",
    "smart-leverage drill --only many-small-orders --only beyond-the-daily-stop",
)
def drill(
    screen: Screen,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the run whose configuration is taken, runs/NAME."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ATTEMPT", help="Play this one, and no other that is not named."),
    ] = None,
    step: Annotated[
        Step,
        typer.Option("--as", help="On this step of enforcement; own is that of the configuration."),
    ] = Step.OWN,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Makes prices and sizes.")] = 1,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Listen there; loopback, or it is refused.  [default: server.host]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep it all in this new folder.  [default: a temporary one]"
        ),
    ] = None,
    lists: Annotated[bool, typer.Option("--list", help="Say what would be tried.")] = False,
    config: ConfigPath = None,
) -> None:
    """Let a bad bot try every known bypass and incident on your configuration, and print a score.

    Policy, limits, loss limits and gateway are those of your configuration; account, ledger and
    keys are not touched. Gateway, desk and a simulated broker run on loopback in a folder of their
    own, whatever account.mode says, and any other address is refused. Each attempt is judged by
    what the broker's side holds afterwards: stopped, harmless, or NOT STOPPED.

    On the steps observe and warn of enforcement orders are told of and not stopped, and the drill
    says so; --as all shows what the whole rule does. Limits and steps that were set on a running
    account are in its ledger, which a drill does not read. It leaves with 6 when anything got
    through. Ledgers and a page are kept; `explain` works on them.
    """
    from smart_leverage.cli.inputs import settings_for
    from smart_leverage.drill.attempts import CATALOGUE
    from smart_leverage.drill.running import Drill, configured

    attempts = _chosen(only or [], CATALOGUE)
    if lists:
        _list(screen, attempts)
        return
    own = settings_for(config, None, name)
    settings = configured(own, step="" if step is Step.OWN else step.value, host=host or "")
    home = _home(out)
    if not screen.as_json:
        screen.note(_introduction(settings, own, home))
    found, is_stopped = _play(screen, Drill(home, settings, seed), attempts, _file(config, name))
    _tell(screen, found)
    if is_stopped:
        screen.note(f"interrupted after {len(found.results)} of {len(attempts)} attempts")
        raise typer.Exit(INTERRUPTED)
    if not found.is_clean:
        raise typer.Exit(FOUND)


def _chosen(only: Sequence[str], catalogue: "Sequence[Attempt]") -> "list[Attempt]":
    from difflib import get_close_matches

    from smart_leverage.drill.attempts import CONTROL

    names = [CONTROL.name, *(one.name for one in catalogue)]  # the first is played in any case
    for wanted in only:
        if wanted not in names:
            near = get_close_matches(wanted, names, 1)
            advice = f"did you mean {near[0]}?" if near else "--list names them"
            raise typer.BadParameter(f"{wanted!r} is no attempt; {advice}", param_hint="--only")
    return [one for one in catalogue if not only or one.name in only]


def _list(screen: Screen, attempts: "Sequence[Attempt]") -> None:
    if screen.as_json:
        for one in attempts:
            screen.record({"name": one.name, "what": one.what})
        return
    columns = (Column("attempt"), Column("what the bot does"))
    screen.table(columns, [(one.name, one.what) for one in attempts])


def _home(out: Path | None) -> Path:
    """Make the folder of a drill, for its owner alone.

    Raises:
        BadParameter: There is something already, or it cannot be made.
    """
    from tempfile import mkdtemp

    from smart_leverage.ledger.files import FOLDER_MODE

    if out is None:
        return Path(mkdtemp(prefix=PREFIX))
    if len(str(out.absolute()).encode()) > PATH_MAX:
        raise typer.BadParameter(
            f"write a path of at most {PATH_MAX} characters: sockets lie below it",
            param_hint="--out",
        )
    try:
        out.mkdir(FOLDER_MODE, parents=True)
    except OSError as error:
        raise typer.BadParameter(f"{out}: {error.strerror}", param_hint="--out") from None
    return out.absolute()


def _file(config: Path | None, name: str | None) -> Path | None:
    from smart_leverage.cli.places import configuration
    from smart_leverage.cli.runs import folder_of

    found = configuration(config, None if name is None else folder_of(name))
    return None if found is None else found.absolute()


def _introduction(settings: "Settings", own: "Settings", home: Path) -> str:
    preset, step = settings.policy.preset, settings.account.enforcement
    line = f"drill: preset {preset}, enforcement {step}, on {settings.server.host} in {home}"
    if own.account.mode == "sim":
        return line
    return f"{line}\nthe {own.account.mode} account, its broker and its keys are left alone"


def _play(
    screen: Screen, duty: "Drill", attempts: "Sequence[Attempt]", config: Path | None
) -> "tuple[Told, bool]":
    """Play the control and the attempts, and keep what they came to; also when interrupted."""
    from contextlib import closing

    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.drill.attempts import CONTROL
    from smart_leverage.drill.telling import Told, keep

    results: list[Result] = []
    all_ = [CONTROL, *attempts]
    with (
        _showing(screen, len(all_)) as shown,
        Stopping() as stopping,
        closing(duty.play(all_, shown.begin)) as playing,
    ):
        for result in playing:
            results.append(result)
            shown.end(result)
            if stopping.is_asked:
                break
    is_stopped = len(results) < len(all_)
    step = duty.settings.account.enforcement
    found = Told(duty.home, step, duty.seed, config, results[0], tuple(results[1:]))
    keep(found)
    return found, is_stopped


def _showing(screen: Screen, total: int) -> "Showing":
    if screen.is_terminal and not screen.as_json and not screen.is_quiet:
        from smart_leverage.cli.drill_live import LiveTable

        return LiveTable(total, has_colour=not screen.is_plain)
    return Showing(screen.note, total)


class Showing:
    """Says a line for each attempt that is over; on a terminal a table does, see `drill_live`."""

    def __init__(self, note: Callable[[str], None], total: int) -> None:
        self._note, self._total, self._done = note, total, 0

    def __enter__(self) -> "Showing":
        return self

    def __exit__(self, *left: object) -> None:
        pass

    def begin(self, attempt: "Attempt") -> None:
        """Hear what is played next."""

    def end(self, result: "Result") -> None:
        """Hear what became of it."""
        self._done += 1
        verdict, name = cells(result)[:2]
        self._note(f"{self._done:>3} of {self._total}  {verdict:<13}  {name}")


def cells(result: "Result") -> list[str]:
    """Return the row of a result."""
    from smart_leverage.drill.telling import SIGNS, where, why

    seconds = f"{result.seconds:.1f}"
    name = result.attempt.name
    return [SIGNS[result.verdict], name, seconds, where(result), why(result)]


def _tell(screen: Screen, found: "Told") -> None:
    from smart_leverage.drill.telling import (
        REPORT,
        explain,
        fields,
        first_wrong,
        ladder_lines,
        passes,
        replay,
        score_line,
    )

    if screen.as_json:
        screen.record(fields(found))
        return
    screen.table(_COLUMNS, map(cells, found.results))
    screen.say("")
    if not passes(found.control):
        screen.say(
            f"■ ordinary orders do not pass ({found.control.wrongs[0]}): "
            "where everything is refused, nothing is proved"
        )
    for one in first_wrong(found.results):
        screen.say(f"■ {one.attempt.name}: {one.attempt.what}", *(f"    {w}" for w in one.wrongs))
        screen.say(f"    to replay  {replay(found, one.attempt)}")
    screen.say(*(f"▲ {line}" for line in ladder_lines(found)))
    screen.say(
        f"{'●' if found.is_clean else '■'} score    {score_line(found)}",
        f"  report   {found.home / REPORT}",
        f"  ledgers  {found.home}/account-NN",
    )
    example = next(filter(None, (explain(found, one) for one in found.results)), "")
    screen.say(*([f"  explain  {example}"] if example else []))
