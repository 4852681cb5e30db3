"""Asks a person, once each, for what a new account needs and no option has said."""

from collections.abc import Callable
from typing import NamedTuple

import typer

from smart_leverage.cli.init import NAME, settings_of


class Answers(NamedTuple):
    """What was said, or given before."""

    name: str
    cash: str
    preset: str


def ask(name: str | None, cash: str | None, preset: str | None) -> Answers:
    """Ask for what is None; what cannot be meant is asked for again.

    Questions go to the error stream, as everything that is no result.
    """
    plain = settings_of(NAME, None, None)
    named = name or _asked("name of the account", NAME, lambda said: settings_of(said, None, None))
    money = f"{plain.account.cash:.2f}".removesuffix(".00")
    funded = cash or _asked("opening cash", money, lambda said: settings_of(named, said, None))
    choices = f"policy: {', '.join(_presets())}"
    chosen = preset or _asked(
        choices, plain.policy.preset, lambda said: settings_of(named, None, said)
    )
    return Answers(named, funded, chosen)


def _presets() -> tuple[str, ...]:
    from smart_leverage.settings.loading import PRESETS

    return PRESETS


def _asked(what: str, default: str, check: Callable[[str], object]) -> str:
    while True:
        said: str = typer.prompt(what, default=default, err=True).strip()
        try:
            check(said)
            return said
        except typer.BadParameter as problem:
            typer.echo(f"  {problem.format_message()}", err=True)
