"""Changes limits: toward less at once, toward more with a token and after a delay."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from smart_leverage.cli.control import order, token_in
from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen
from smart_leverage.domain.limits import LIMITS, fraction_of

WORDS = "NAME=VALUE"


@command(
    'smart-leverage limits set limits.symbol_cap=5% tiers.ceiling=stable --reason "thin books"',
    'smart-leverage limits set limits.symbol_cap=0.1 --reason "it passed" --token-file token.txt',
)
def set_limits(
    screen: Screen,
    changes: Annotated[
        list[str],
        typer.Argument(metavar=f"{WORDS}...", help="As limits.symbol_cap=0.05 or =5%."),
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands there.")],
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", help="The admin token, - for stdin; to loosen."
        ),
    ] = None,
    ledger: LedgerPath = None,
) -> None:
    """Change limits of an account; all that are named change together, or none.

    Tighter is in force at once and needs no token. Looser needs the admin token, is refused while
    anything is tripped, halted, reducing or being sold down, and comes into force only after
    risk.loosen_after_hours; setting the value in force again withdraws it. `limits show` has the
    names.
    """
    given = _read(changes)
    token = "" if token_file is None else token_in(token_file)
    order(screen, "limits", reason, ledger, token=token, changes=given)


def _read(words: Sequence[str]) -> dict[str, str]:
    """Return the values by name.

    Raises:
        BadParameter: A word is no change of a limit; the sentence says what would be.
    """
    given: dict[str, str] = {}
    for word in words:
        name, sign, text = (part.strip() for part in word.partition("="))
        if not sign or not text:
            raise typer.BadParameter(f"{word!r} is not {WORDS}", param_hint=WORDS)
        if name not in LIMITS:
            raise typer.BadParameter(f"{name} is no limit{_hint(name)}", param_hint=WORDS)
        if name in given:
            raise typer.BadParameter(f"{name} is named twice", param_hint=WORDS)
        given[name] = _plain(name, text)
    return given


def _plain(name: str, text: str) -> str:
    """Return a percentage as the fraction that it is, and anything else as it stands."""
    try:
        return fraction_of(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name}: {error}", param_hint=WORDS) from None


def _hint(name: str) -> str:
    names = {limit.rpartition(".")[2]: limit for limit in LIMITS} | {each: each for each in LIMITS}
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f", did you mean {names[near[0]]}?" if near else "; `limits show` names them"
