"""The commands of the list, each loaded when it is called or its help is shown."""

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from typing import Any

import typer
from typer.core import TyperGroup

from smart_leverage.cli.commands import COMMANDS, Entry

HELP_WIDTH = 100


class Commands(TyperGroup):
    """A group that knows its commands by name and loads one when it is wanted."""

    entries: tuple[Entry, ...] = COMMANDS

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Only the names: whoever wants the command itself asks `get_command`.
        self.commands = dict.fromkeys(entry.name for entry in self.entries)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help page."""
        return [entry.name for entry in self.entries]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, loaded now; None when there is none of that name."""
        entry = next((one for one in self.entries if one.name == cmd_name), None)
        return None if entry is None else _built(entry)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings of their groups."""
        widest = max(len(entry.name) for entry in self.entries)
        for heading, entries in groupby(self.entries, key=lambda entry: entry.group):
            with formatter.section(heading or "Commands"):
                formatter.write_dl(_lines(entries, widest, formatter.width))


def _lines(entries: Iterator[Entry], widest: int, width: int) -> list[tuple[str, str]]:
    room = width - widest - 6
    return [(entry.name.ljust(widest), _built(entry).get_short_help_str(room)) for entry in entries]


def _built(entry: Entry) -> Any:
    """Make the parser of one command, from its function or from its parts."""
    if entry.parts:
        return _group(entry)
    module, _, name = entry.target.partition(":")
    function = getattr(import_module(f"smart_leverage.cli.{module}"), name)
    made = _typer()
    examples = getattr(function, "examples", ()) or entry.examples
    made.command(entry.name, epilog=_epilog(examples))(function)
    return typer.main.get_command(made)


def _group(entry: Entry) -> Any:
    kind = type(f"{entry.name.title()}Commands", (Commands,), {"entries": entry.parts})
    made = _typer(cls=kind, help=entry.help, epilog=_epilog(entry.examples), no_args_is_help=True)
    made.callback()(lambda: None)
    group = typer.main.get_command(made)
    group.name = entry.name
    return group


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": HELP_WIDTH, "help_option_names": ["-h", "--help"]},
        **settings,
    )


def _epilog(examples: tuple[str, ...]) -> str | None:
    """Return the examples as a paragraph whose lines are left as they are."""
    if not examples:
        return None
    return "\n".join(("\b", "Examples:", *(f"  {example}" for example in examples)))


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from smart_leverage.cli.version import line

        typer.echo(line())
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"max_content_width": HELP_WIDTH, "help_option_names": ["-h", "--help"]},
    epilog=_epilog(("smart-leverage demo", "smart-leverage status --json")),
)


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Say which version this is."
    ),
) -> None:
    """Govern an automated trading account: exposure is earned, limits hold, reasons are kept.

    Results go to stdout and progress to stderr; every command that reads has --json. Exit codes:
    0 done, 1 error, 2 wrong usage, 3 configuration, 4 not reachable, 5 denied, 6 a check found
    something, 130 interrupted.
    """
