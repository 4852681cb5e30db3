"""The keys of bots: given with a reason, listed with what each made of them, revoked at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.control import TokenFile, order, read_token
from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.engine.state import State
    from smart_leverage.runtime.seated import Seated

Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.")]


@command(
    'smart-leverage bots add grid --reason "trial" --token-file token.txt',
    'smart-leverage bots add grid --share 0.5 --symbols BTC/USD,SPY --reason "half of each cap"',
)
def add(
    screen: Screen,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the bot; it may have more keys.")],
    reason: Why,
    scope: Annotated[
        str,
        typer.Option(metavar="WORDS", help="scrape, read, reduce, trade, halt, admin; commas."),
    ] = "trade",
    share: Annotated[
        str, typer.Option(metavar="FRACTION", help="Part of each cap it may use.  [default: all]")
    ] = "",
    may_shrink: Annotated[
        bool, typer.Option("--may-shrink", help="Cut an order over a cap to what fits.")
    ] = False,
    symbols: Annotated[
        str, typer.Option(metavar="A,B", help="It may add to these only.  [default: all]")
    ] = "",
    expires_days: Annotated[
        int, typer.Option("--expires-days", metavar="N", min=0, help="0 is never.")
    ] = 0,
    token_file: TokenFile = None,
    ledger: LedgerPath = None,
) -> None:
    """Give a bot its keys: an id, and a secret that is shown once.

    A bot sees its own orders and positions, and sells only what is its own. trade includes reduce
    and halt, every scope includes read, except scrape, which opens the metrics alone; only admin
    resumes. The caps of the account bind all bots together; a share binds one of them further.
    Needs the admin token.
    """
    import sys

    from smart_leverage.domain.clock import DAY_NS, SystemClock
    from smart_leverage.runtime.tokens import new_token

    token = new_token()
    until_ns = SystemClock().now_ns() + expires_days * DAY_NS if expires_days else 0
    changes = {
        "bot": name,
        "token_id": token.token_id,
        "secret_sha256": token.secret_sha256,
        "scopes": scope.replace(" ", ""),
        "share": share,
        "may_shrink": "true" if may_shrink else "",
        "symbols": ",".join(_keys(symbols)),
        "expires_ns": str(until_ns),
    }
    order(
        screen, "seat", reason, ledger, token=read_token(token_file), changes=changes,
        more={"bot": name, "key_id": token.token_id, "secret": token.secret},
    )  # fmt: skip
    if not screen.as_json:
        sys.stdout.write(f"key id  {token.token_id}\nsecret  {token.secret}   shown once\n")


@command("smart-leverage bots list", "smart-leverage bots list --ledger runs/live --json")
def show(screen: Screen, ledger: LedgerPath = None) -> None:
    """List the bots: their keys, their share, what they hold and how they have traded."""
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.runtime.seated import seated

    rows = seated(_state(ledger_path(ledger)))
    if screen.as_json:
        for row in rows:
            screen.record(row._asdict())
        return
    if not rows:
        screen.say("no bot has keys yet; `smart-leverage bots add NAME` gives some")
        return
    screen.table(_COLUMNS, [_cells(row) for row in rows])


@command(
    'smart-leverage bots revoke grid --reason "it misbehaves"',
    'smart-leverage bots revoke SLKAAAAAAAAAAAAAAAAA --reason "lost"',
)
def revoke(
    screen: Screen,
    name: Annotated[str, typer.Argument(metavar="NAME|KEY_ID", help="All keys of it, or one.")],
    reason: Why,
    ledger: LedgerPath = None,
) -> None:
    """Take a bot its keys, at once and for good; what it holds and has ordered stays its own."""
    order(screen, "seat", reason, ledger, changes={"revoke": name})


_COLUMNS = (
    Column("bot"),
    Column("key id"),
    Column("may"),
    Column("share"),
    Column("holds", is_number=True),
    Column("closed", is_number=True),
    Column("won", is_number=True),
    Column("net", is_number=True),
    Column("state"),
)


def _keys(symbols: str) -> Iterator[str]:
    from smart_leverage.domain.registry import Registry
    from smart_leverage.wire.symbols import key_of_symbol

    known = Registry.builtin()
    for symbol in filter(None, (each.strip() for each in symbols.split(","))):
        key = key_of_symbol(symbol, known)
        if key is None:
            raise typer.BadParameter(f"{symbol} is not known", param_hint="--symbols")
        yield key


def _state(path: Path) -> "State":
    """Return the state of an account as its ledger tells it, whether it runs or not."""
    from smart_leverage.domain.records import decode
    from smart_leverage.engine.state import State
    from smart_leverage.ledger.reader import Reader

    state = State()
    with Reader.open(path) as reader:
        for entry in reader.entries():
            state.apply(decode(entry.payload))
    return state


def _cells(row: "Seated") -> list[str]:
    from smart_leverage.domain.sentences import money, percent

    return [
        row.bot,
        row.key_id,
        ", ".join(row.scopes),
        "all" if row.share is None else percent(row.share),
        str(row.instruments_held),
        str(row.trades_closed),
        "no record" if row.win_rate is None else percent(row.win_rate),
        money(row.net),
        row.word,
    ]
