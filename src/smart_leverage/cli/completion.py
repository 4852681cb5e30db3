"""What a shell needs to complete the commands and options of this program."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

PROGRAM = "smart-leverage"


class Shell(StrEnum):
    """The shells that can be told."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@command(
    "smart-leverage completion show bash >> ~/.bashrc",
    "smart-leverage completion show fish | source",
)
def show(screen: Screen, shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish")]) -> None:
    """Write the script that teaches a shell to complete this program.

    `smart-leverage --install-completion` puts it where the shell looks for it by itself.
    """
    from typer.completion import shell_complete
    from typer.main import get_command

    from smart_leverage.cli.app import app

    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    if shell_complete(get_command(app), {}, PROGRAM, variable, f"source_{shell.value}"):
        sys.stderr.write(f"no script for {shell.value} comes with this version\n")
        raise typer.Exit(1)
