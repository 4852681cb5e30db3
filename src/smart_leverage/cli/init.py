"""Makes the folder of an account before its first run, or gives it another admin token."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.control import DENIED, TokenFile
from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.settings import Settings

NAME = "main"


class Mode(StrEnum):
    """Where the account is, and whose money it holds."""

    SIM = "sim"
    PAPER = "paper"
    LIVE = "live"


MODE, PRESET = "SMART_LEVERAGE_ACCOUNT__MODE", "SMART_LEVERAGE_POLICY__PRESET"
_SHOWN_MAX = 4


@command(
    "smart-leverage init --name live --cash 50000",
    "smart-leverage init --name paper --mode paper --keys alpaca.keys",
)
def init(
    screen: Screen,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"Of the account; its folder is runs/NAME.  [default: {NAME}]"
        ),
    ] = None,
    cash: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Opening cash.  [default: see the settings]"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the policy.  [default: see the settings]"),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="Embedded, or at Alpaca with paper or with real money.")
    ] = Mode.SIM,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Alpaca's key id and secret, one a line; of mode 0600."),
    ] = None,
    rotates_token: Annotated[
        bool, typer.Option("--rotate-token", help="Put a new admin token in place of the old one.")
    ] = False,
    token_file: TokenFile = None,
) -> None:
    """Make an account: its folder, a configuration to be edited, and its admin token.

    On a terminal it asks for what no option says; Enter takes what stands in brackets. Nothing that
    exists is touched; what a killed init left half made is completed by the same command. The token
    is shown once and only its hash is kept. A wrong old token leaves with 5. At Alpaca the opening
    cash is what the broker says.
    """
    if mode is Mode.SIM and keys is not None:
        raise typer.BadParameter("belongs to --mode paper or live", param_hint="--keys")
    if mode is not Mode.SIM and cash is not None:
        raise typer.BadParameter("the broker says what there is", param_hint="--cash")
    if not rotates_token and token_file is not None:
        raise typer.BadParameter("belongs to --rotate-token", param_hint="--token-file")
    for option, given in (("--cash", cash), ("--preset", preset)):
        if rotates_token and given is not None:
            raise typer.BadParameter("belongs to a new account", param_hint=option)
    if rotates_token:
        _rotate(screen, name or NAME, token_file)
        return
    if screen.is_terminal and not (screen.as_json or screen.is_quiet or mode is not Mode.SIM):
        from smart_leverage.cli.init_asking import ask

        name, cash, preset = ask(name, cash, preset)
    _make(screen, settings_of(name or NAME, cash, preset, mode, keys))


def _make(screen: Screen, settings: "Settings") -> None:
    from smart_leverage.cli.places import CONFIGURATION
    from smart_leverage.cli.runs import folder_of
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.ledger.files import put_in_place, sync_folder, write_durably
    from smart_leverage.runtime.admin import new_token
    from smart_leverage.settings import template

    folder, text = folder_of(settings.account.name), template(settings)
    _claim(folder, text)
    new = folder / f"{CONFIGURATION}.new"
    try:
        # Last of all comes the token: a folder without one is half made.
        with new_token(folder) as token:
            write_durably(new, text)
            put_in_place(new, folder / CONFIGURATION)
            sync_folder(folder.parent)
            _tell(screen, folder, settings, token)
    except FileExistsError:
        raise LedgerError(f"{folder}: somebody else made it just now") from None


def settings_of(
    name: str,
    cash: str | None,
    preset: str | None,
    mode: Mode = Mode.SIM,
    keys: Path | None = None,
) -> "Settings":
    """Return the settings of a new account.

    Raises:
        BadParameter: One of the words is none that can be meant.
    """
    from smart_leverage.cli.amounts import amount
    from smart_leverage.settings import AccountSection, load
    from smart_leverage.settings.loading import PRESETS

    longest = next(
        each.max_length
        for each in AccountSection.model_fields["name"].metadata
        if hasattr(each, "max_length")
    )
    if not (name.strip() and name.isprintable() and len(name) <= longest):
        raise typer.BadParameter(f"write 1 to {longest} plain characters", param_hint="--name")
    if preset is not None and preset not in PRESETS:
        raise typer.BadParameter(f"one of {', '.join(PRESETS)}", param_hint="--preset")
    given = {MODE: mode.value} | ({} if preset is None else {PRESET: preset})
    plain = load(None, given).settings
    changed = {"name": name} | ({} if cash is None else {"cash": float(amount(cash, "--cash"))})
    account = plain.account.model_copy(update=changed)
    file = {} if keys is None else {"keys_file": str(keys.absolute())}
    broker = plain.broker.model_copy(update=file)
    return plain.model_copy(update={"account": account, "broker": broker})


def _claim(folder: Path, text: str) -> None:
    """Make the folder, or take over one in which nothing is but what a killed init left.

    Raises:
        LedgerError: Something else is there.
    """
    from smart_leverage.cli.places import CONFIGURATION
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.ledger.files import FOLDER_MODE
    from smart_leverage.runtime.admin import FILE

    try:
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        there = sorted(each.name for each in folder.iterdir())
        mode = folder.stat().st_mode
    except OSError as error:
        raise LedgerError(f"{folder}: cannot be made: {error.strerror}") from error
    own = {str(CONFIGURATION), f"{CONFIGURATION}.new", f"{FILE}.new"}
    if not own.issuperset(there):
        shown = f"{', '.join(there[:_SHOWN_MAX])}{' …' if there[_SHOWN_MAX:] else ''}"
        raise LedgerError(f"{folder} holds {shown} already and is left as it is; {_advice(folder)}")
    if mode & 0o077:
        raise LedgerError(f"{folder} is open to others; `chmod 700 {folder}`, then ask again")
    if str(CONFIGURATION) in there and (folder / CONFIGURATION).read_bytes() != text.encode():
        raise LedgerError(
            f"{folder / CONFIGURATION} is not what this command writes and is left as it is; "
            f"`smart-leverage run --name {folder.name}` runs by it, or choose another --name"
        )


def _advice(folder: Path) -> str:
    from smart_leverage.runtime.admin import has_token

    run = f"`smart-leverage run --name {folder.name}` goes on with it, or choose another --name"
    return f"{run}; --rotate-token makes a new token" if has_token(folder) else run


def _tell(screen: Screen, folder: Path, settings: "Settings", token: str) -> None:
    import sys

    from smart_leverage.cli.places import CONFIGURATION

    place, account = folder / CONFIGURATION, settings.account
    steps = _next(folder, account.mode)
    if screen.as_json:
        made = {"account": account.name, "folder": str(folder), "configuration": str(place)}
        screen.record({**made, "cash": account.cash, "admin_token": token, "next": list(steps)})
    else:
        screen.say(
            f"● {folder}: {_what(settings)}",
            f"  configuration  {place}: every key with its default, to be edited before the run",
            f"  admin token    {token}",
            "                 shown once, needed to resume and to loosen; keep it from every bot",
            "next",
            *(f"  {step}" for step in steps),
        )
    sys.stdout.flush()


def _what(settings: "Settings") -> str:
    account = settings.account
    if account.mode == "sim":
        return f"an account in simulation, opening cash ${account.cash:,.2f}"
    money = "REAL MONEY" if account.mode == "live" else "paper money"
    return f"a {account.mode} account at Alpaca, {money}"


def _next(folder: Path, mode: str) -> list[str]:
    """Return what to do next, as commands."""
    doctor = f"smart-leverage doctor --ledger {folder}"
    ready = f"smart-leverage go-live --name {folder.name} --paper runs/PAPER"
    sheet = f"smart-leverage rescue --print --mode {mode} > rescue.txt"
    run = f"smart-leverage run --name {folder.name}"
    status = f"smart-leverage status --ledger {folder}"
    if mode == "sim":
        return [run, status, doctor]
    return [sheet, doctor, *([ready] if mode == "live" else []), run, status]


def _rotate(screen: Screen, name: str, token_file: Path | None) -> None:
    import sys

    from smart_leverage.cli.control import read_token
    from smart_leverage.cli.runs import folder_of
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.runtime.admin import has_token, is_admin, new_token

    folder = folder_of(name)
    if not has_token(folder):
        raise LedgerError(
            f"no admin token is kept in {folder}; name the account with --name, or make it with "
            f"`smart-leverage init --name {name}`"
        )
    if not is_admin(folder, read_token(token_file)):
        screen.note(f"refused: that is not the admin token of {folder.name}; nothing was changed")
        raise typer.Exit(DENIED)
    with new_token(folder, replaces=True) as token:
        if screen.as_json:
            screen.record({"folder": str(folder), "admin_token": token})
        else:
            screen.say(
                f"● {folder}: the old admin token counts no longer",
                f"  admin token    {token}",
                "                 shown once, needed to resume",
            )
        sys.stdout.flush()
