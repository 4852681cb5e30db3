"""Who may come to the desk: a link that works once, a password, the sessions and their end."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.control import DENIED, TokenFile, read_token
from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.domain.bots import Scope

Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="NAME", help="Of the person; it stands in the ledger.  [default: yours]"
    ),
]


@command(
    "smart-leverage desk link --token-file token.txt",
    "smart-leverage desk link --scope halt --name anna",
)
def link(
    screen: Screen,
    scope: Annotated[
        str,
        typer.Option(metavar="WORDS", help="read, reduce, trade, halt, admin; commas between."),
    ] = "admin",
    name: Name = "",
    token_file: TokenFile = None,
    ledger: LedgerPath = None,
) -> None:
    """Print a link that signs one person in to the desk, once, within ten minutes.

    Whoever has it first is in, so give it to that person only. trade includes reduce and halt,
    every scope includes read; only admin resumes, loosens and gives tokens, and only within 15
    minutes after signing in. A link that does more than look and halt needs the admin token.
    """
    folder = _folder(ledger)
    scopes, who = _scopes(scope), _name(name)
    if not set(scopes) <= {"read", "halt"}:
        _prove(screen, folder, token_file)
    url = made_link(folder, scopes, who)
    if screen.as_json:
        screen.record({"link": url, "name": who, "scopes": [each.value for each in scopes]})
        return
    import sys

    sys.stdout.write(f"{url}\n")
    if not url.startswith("http"):
        screen.note("no desk runs here now; put its address before it, `run` starts one")


def made_link(folder: Path, scopes: "tuple[Scope, ...]", name: str, url: str = "") -> str:
    """Return a link that works once; without an address the one at which the desk listens."""
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.runtime.desk_process import url_of
    from smart_leverage.runtime.people import links

    token = links.make(folder, name, scopes, SystemClock().now_ns())
    return f"{url or url_of(folder)}/sign-in?link={token}"


def own_name() -> str:
    """Return the name of whoever types, as far as it can name a person at the desk."""
    import getpass
    import re

    name = re.sub(r"[^A-Za-z0-9_.-]", "", getpass.getuser())[:24]
    return name if name[:1].isalnum() else "owner"


@command(
    "smart-leverage desk password",
    "smart-leverage desk password --name anna --token-file token.txt < password.txt",
)
def password(
    screen: Screen, name: Name = "", token_file: TokenFile = None, ledger: LedgerPath = None
) -> None:
    """Set the password of the desk; who knows it may do everything there. Needs the admin token.

    It is asked for twice on a terminal, else read from the first line of standard input. A hash of
    it (argon2id) is kept in the folder of the account. Open sessions go on: see `desk end`.
    """
    from smart_leverage.runtime.people.password import keep

    folder, who = _folder(ledger), _name(name)
    _prove(screen, folder, token_file)
    keep(folder, who, _typed())
    if screen.as_json:
        screen.record({"name": who, "folder": str(folder)})
    else:
        screen.say(f"the desk of {folder.name} has a password now, for {who}")


@command("smart-leverage desk sessions", "smart-leverage desk sessions --ledger runs/live --json")
def sessions(screen: Screen, ledger: LedgerPath = None) -> None:
    """List who is signed in at the desk, and until when."""
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.stamps import iso
    from smart_leverage.runtime.people.sessions import opened

    found = opened(_folder(ledger), SystemClock().now_ns())
    if screen.as_json:
        for one in found:
            screen.record(
                {
                    "id": one.id,
                    "name": one.name,
                    "scopes": [each.value for each in one.scopes],
                    "way": one.way,
                    "began_ns": one.began_ns,
                    "seen_ns": one.seen_ns,
                    "expires_ns": one.expires_ns,
                }
            )
        return
    if not found:
        screen.say("nobody is signed in")
        return
    rows = [
        [one.name, ", ".join(one.scopes), one.way, iso(one.began_ns), iso(one.expires_ns), one.id]
        for one in found
    ]
    titles = ("who", "may", "by", "since", "at the latest until", "session")
    screen.table([Column(title) for title in titles], rows)


@command("smart-leverage desk end anna", "smart-leverage desk end all")
def end(
    screen: Screen,
    which: Annotated[str, typer.Argument(metavar="NAME|SESSION|all", help="Whose, or which one.")],
    ledger: LedgerPath = None,
) -> None:
    """End sessions at once; whoever had one has to sign in again."""
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.runtime.people import sessions as people
    from smart_leverage.runtime.people import visits

    folder, now_ns = _folder(ledger), SystemClock().now_ns()
    names = {one.id for one in people.opened(folder, now_ns)} if which == "all" else {which}
    count = sum(people.end(folder, each, now_ns) for each in names)
    if count:
        visits.note(folder, visits.Visit(now_ns, f"ended by {own_name()}", which, "command line"))
    if screen.as_json:
        screen.record({"ended": count})
    else:
        screen.say(f"{count} {'session' if count == 1 else 'sessions'} ended")
    if not count and which != "all":
        raise typer.Exit(1)


@command("smart-leverage desk visits", "smart-leverage desk visits --count 200 --json")
def visits(
    screen: Screen,
    count: Annotated[int, typer.Option(min=1, max=1_000, help="So many, the latest first.")] = 20,
    ledger: LedgerPath = None,
) -> None:
    """List who signed in and out at the desk, and who was refused."""
    from smart_leverage.domain.stamps import iso
    from smart_leverage.runtime.people.visits import last

    found = last(_folder(ledger), count)
    if screen.as_json:
        for one in found:
            screen.record(one._asdict())
        return
    if not found:
        screen.say("nobody has come yet")
        return
    rows: list[list[str]] = [[iso(one.at_ns), one.what, one.name, one.source] for one in found]
    screen.table([Column(title) for title in ("when", "what", "who", "from")], rows)


def _folder(ledger: Path | None) -> Path:
    from smart_leverage.cli.places import ledger_path, run_folder

    return run_folder(ledger_path(ledger))


def _name(given: str) -> str:
    from smart_leverage.runtime.people.sessions import is_name

    name = given or own_name()
    if not is_name(name):
        raise typer.BadParameter(
            f"{name!r} is no name: up to 24 letters, digits, points, dashes", param_hint="--name"
        )
    return name


def _prove(screen: Screen, folder: Path, token_file: Path | None) -> None:
    """Refuse whoever has not the admin token: a bot of the same user lets nobody in.

    Raises:
        Exit: It is not the token of this account.
    """
    from smart_leverage.runtime.admin import is_admin

    if not is_admin(folder, read_token(token_file)):
        screen.note(f"refused: that is not the admin token of {folder.name}; nothing was changed")
        raise typer.Exit(DENIED)


def _scopes(words: str) -> "tuple[Scope, ...]":
    from smart_leverage.domain.bots import Scope

    try:
        return tuple(Scope(word.strip()) for word in words.split(","))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scope") from None


def _typed() -> str:
    """Return the password: typed twice unseen, or the first line of what is piped in."""
    import getpass
    import sys

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first: Any = getpass.getpass("new password: ")
    if first != getpass.getpass("once more: "):
        raise typer.BadParameter("the two differ; nothing was changed", param_hint="password")
    return str(first)
