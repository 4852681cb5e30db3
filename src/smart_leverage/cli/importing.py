"""Takes the record of an account from before our time out of other programs' files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.history.base import Asked, Read
    from smart_leverage.runtime.importing import Gathered
    from smart_leverage.wiring.importing import Imported

DENIED = 5

Quotes = Annotated[
    list[str] | None,
    typer.Option("--quote", metavar="A=B", help="Count prices in A as prices in B, as USDT=USD."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=THEIRS", help="A table's column is called THEIRS."),
]
Strategy = Annotated[
    str, typer.Option(metavar="NAME", help="Of a backtest's file that holds several.")
]
CountsUnknown = Annotated[
    bool, typer.Option("--count-unknown", help="Count symbols that no table knows, as strictest.")
]
LeavesUnbought = Annotated[
    bool,
    typer.Option("--leave-unbought", help="Let sales of what was never bought count for nothing."),
]


@command(
    "smart-leverage ledger import activities.json --check",
    "smart-leverage ledger import trades.json --quote USDT=USD --reason moved --token-file t.txt",
)
def import_history(
    screen: Screen,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON, ZIP or CSV; see below.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.")
    ] = "",
    is_check: Annotated[
        bool, typer.Option("--check", help="Only tell what would count; no account is needed.")
    ] = False,
    bot: Annotated[
        str, typer.Option(metavar="NAME", help="Whose trades they are.  [default: the account's]")
    ] = "",
    quote: Quotes = None,
    column: Columns = None,
    strategy: Strategy = "",
    counts_unknown: CountsUnknown = False,
    leaves_unbought: LeavesUnbought = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", help="The admin token, - for stdin.  [default: asked]"
        ),
    ] = None,
    ledger: LedgerPath = None,
) -> None:
    """Let the trades of the time before count in the record of an account.

    Files: Alpaca's account activities and portfolio history, freqtrade's trades or backtest (JSON,
    ZIP), tables (CSV) of executions, round trips or orders. All of them count, or none; what is in
    the ledger already counts once. Round trips go into the win rate. Cash, positions and the
    baselines of day and month stay as they are, and so does what happened after the opening. The
    account must not be running. Needs the admin token and a reason, since a record can raise the
    tier.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.history.reading import read_files
    from smart_leverage.runtime.importing import gather

    asked = asked_of(quote, column, strategy, bot, counts_unknown=counts_unknown)
    if is_check:
        found = gather(read_files(files, asked), leaves_unbought=leaves_unbought)
        _tell(screen, found, None)
        return
    path = ledger_path(ledger)
    if not reason.strip():
        raise typer.BadParameter("why shall it count? --reason stands in the ledger")
    reads = read_files(files, asked)
    done = _import(screen, path, reads, reason, token_file, leaves_unbought=leaves_unbought)
    _tell(screen, done.gathered, done)
    if done.answer.result == "refused":
        raise typer.Exit(DENIED)


def asked_of(
    quote: Sequence[str] | None,
    column: Sequence[str] | None,
    strategy: str,
    bot: str = "",
    *,
    counts_unknown: bool,
) -> "Asked":
    """Return how files are to be read, from what was typed."""
    from smart_leverage.cli.inputs import aliases
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.registry import Registry
    from smart_leverage.history.base import Asked

    columns: dict[str, str] = {}
    for text in column or []:
        ours, sign, theirs = text.partition("=")
        if not (ours and sign and theirs):
            raise typer.BadParameter(f"{text!r}: write it like time=Date", param_hint="--column")
        columns[ours] = theirs
    return Asked(
        registry=Registry.builtin(),
        now_ns=SystemClock().now_ns(),
        quotes=aliases(quote or []),
        columns=columns,
        strategy=strategy,
        bot=bot,
        counts_unknown=counts_unknown,
    )


def _import(
    screen: Screen,
    path: Path,
    reads: "Sequence[Read]",
    reason: str,
    token_file: Path | None,
    *,
    leaves_unbought: bool,
) -> "Imported":
    import getpass

    from smart_leverage.cli.control import read_token
    from smart_leverage.domain.errors import LedgerLocked
    from smart_leverage.wiring.importing import Wanted, import_at_rest

    token = read_token(token_file)
    wanted = Wanted(getpass.getuser(), reason, token, leaves_unbought)
    try:
        return import_at_rest(path, reads, wanted)
    except LedgerLocked as error:
        raise LedgerLocked(f"{error}; stop the account, import, and start it again") from error


# -- telling --------------------------------------------------------------------------------------


def _tell(screen: Screen, found: "Gathered", done: "Imported | None") -> None:
    from smart_leverage.reports.explain import printable

    if screen.as_json:
        screen.record(_fields(found, done))
        return
    screen.say(*map(printable, (*_outcome(found, done), *lines_of(found))))
    if done is not None and done.answer.result != "refused":
        screen.say(*_record(done))


def _outcome(found: "Gathered", done: "Imported | None") -> Iterator[str]:
    if done is None:
        yield f"▲ only checked: {len(found.deals):,} deals would count, nothing was written"
    elif done.answer.result == "refused":
        yield f"■ refused, nothing counts: {'; '.join(done.answer.lines)}"
    elif not found.deals and not found.equity:
        yield f"● nothing new: {_known(found)}; nothing was written"
    else:
        more = f", {_known(found)}" if found.known else ""
        yield f"● {len(found.deals):,} deals counted{more}; event {done.answer.seq:,}, durable"


def _known(found: "Gathered") -> str:
    return f"{found.known:,} deals were counted before"


def lines_of(found: "Gathered") -> Iterator[str]:
    """Yield what files hold: round trips, win rate, money, days, and what was left out and why."""
    from smart_leverage.domain.sentences import money, plain
    from smart_leverage.domain.stamps import iso
    from smart_leverage.runtime.words import rate

    sums = found.sums
    for file in found.files:
        yield f"  {file.name}   {file.form}, {file.rows:,} rows, sha256 {file.sha256[:12]}"
    if found.first_ns is not None and found.last_ns is not None:
        yield f"  days         {iso(found.first_ns)[:10]} to {iso(found.last_ns)[:10]}"
        scratched = f", {sums.scratches} neither" if sums.scratches else ""
        yield (
            f"  round trips  {sums.trips:,}: {sums.wins:,} won, {sums.losses:,} lost{scratched}   "
            f"win rate {rate(sums.wins, sums.wins + sums.losses)}"
        )
        yield (
            f"  profit       {money(sums.net)}: {money(sums.gross)} from prices, "
            f"{money(sums.fees)} fees"
        )
    if found.cash_fees:
        yield f"  other fees   {money(found.cash_fees)} of no named instrument, in no round trip"
    yield from _worth(found)
    for place, position in enumerate(found.left_open):
        name = "left open" if not place else ""
        yield (
            f"  {name:<11}  {plain(position.qty)} {position.key.partition(':')[2]}, cost "
            f"{money(position.cost_basis)}: positions come from the broker"
        )
    for place, (why, count) in enumerate(sorted(found.left_out.items())):
        yield f"  {'left out' if not place else '':<11}  {why}: {count:,}"
    for doubt in found.doubts:
        yield f"  ▲ {doubt}"


def _worth(found: "Gathered") -> Iterator[str]:
    from smart_leverage.cli.tally import signed
    from smart_leverage.domain.sentences import money, percent
    from smart_leverage.domain.stamps import iso

    worth = found.worth
    if worth is None:
        return
    yield (
        f"  equity       {money(worth.first)} on {iso(worth.first_ns)[:10]} to "
        f"{money(worth.last)} on {iso(worth.last_ns)[:10]}, {worth.points:,} points, "
        f"{money(worth.flows)} deposited"
    )
    yield (
        f"               {signed(worth.change)} without deposits, at worst "
        f"{percent(worth.drawdown)} below its best; no baseline comes from it"
    )


def _record(done: "Imported") -> Iterator[str]:
    from smart_leverage.runtime.words import rate

    capping = done.state.book.record.capping
    yield (
        f"the record   win rate {rate(capping.wins, capping.closed)}, {capping.imported} of them "
        "imported; the tier is judged by it at the next start"
    )
    episodes = done.state.episodes.closed
    yield (
        f"             under `steady` by {len(episodes)} episodes from flat to flat, "
        f"{sum(one.is_imported for one in episodes)} of them imported"
    )


def _fields(found: "Gathered", done: "Imported | None") -> dict[str, Any]:
    fields = {
        "result": "checked" if done is None else done.answer.result.value,
        "ledger_seq": None if done is None else done.answer.seq,
        "lines": [] if done is None else list(done.answer.lines),
        "files": found.files,
        "deals": len(found.deals),
        "known": found.known,
        **found.sums._asdict(),
        "win_rate": found.sums.win_rate,
        "first_ns": found.first_ns,
        "last_ns": found.last_ns,
        "cash_fees": found.cash_fees,
        "left_open": [
            {"key": one.key, "qty": one.qty, "cost": one.cost_basis} for one in found.left_open
        ],
        "left_out": found.left_out,
        "doubts": list(found.doubts),
        "worth": None if found.worth is None else found.worth._asdict(),
    }
    if done is not None:
        capping, episodes = done.state.book.record.capping, done.state.episodes.closed
        fields["record"] = {
            "wins": capping.wins, "closed": capping.closed, "imported": capping.imported,
            "episodes": len(episodes),
            "episodes_imported": sum(one.is_imported for one in episodes),
        }  # fmt: skip
    return fields
