"""How likely a monthly target is inside a drawdown, from a record or from assumptions."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from smart_leverage.cli.importing import Columns, CountsUnknown, Quotes, Strategy, asked_of
from smart_leverage.cli.lacking import statistics
from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.cli.feasibility_sources import Source
    from smart_leverage.research.feasibility.histories import Target
    from smart_leverage.research.feasibility.record import Days

TABLES = ("chances", "needed", "budget", "verdicts", "worlds", "history")
OF_RECORDS = ("chances", "worlds")
"""Tables that can be made of a record's own days."""
OF_BARS = ("history",)
"""Tables that are made of daily bars."""
HALVES = 2


class Assumed(NamedTuple):
    """What is assumed instead of a record: a Sharpe ratio, or trades of one kind."""

    sharpe: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Assumed: a Sharpe ratio a year.")
    ] = None
    win_rate: Annotated[
        float | None, typer.Option(metavar="FRACTION", help="Assumed: so many trades win.")
    ] = None
    payoff: Annotated[
        float, typer.Option(metavar="NUMBER", help="With --win-rate: mean win ÷ mean loss.")
    ] = 1.0
    trades: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Closed a month.  [default: the record's, or 100]"),
    ] = None
    risk: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Of equity that a loss costs.  [default: the record's, or 0.005]",
        ),
    ] = None
    cost: Annotated[
        float, typer.Option(metavar="NUMBER", help="With --win-rate: cost of a trade ÷ mean loss.")
    ] = 0.0


@command(
    "smart-leverage feasibility returns.csv --monthly 0.03 --drawdown 0.15",
    "smart-leverage feasibility --win-rate 0.55 --payoff 1 --trades 100 --risk 0.005",
)
def feasibility(
    screen: Screen,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="Daily returns, CSV: date,return. Or as `ledger import` reads. For --table "
            "history: daily bars of coins.",
        ),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(metavar="PATH", help="An account's own record.")
    ] = None,
    assumed: Assumed = Assumed(),  # noqa: B008
    monthly: Annotated[float, typer.Option(metavar="FRACTION", help="Target of a month.")] = 0.05,
    drawdown: Annotated[float, typer.Option(metavar="FRACTION", help="Never reached.")] = 0.08,
    volatility: Annotated[
        float | None,
        typer.Option(metavar="FRACTION", help="Held, a year.  [default: the best one]"),
    ] = None,
    equity: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Before the first trade.  [default: the file's]"),
    ] = None,
    tried: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Strategies looked at before this one.")
    ] = 1,
    histories: Annotated[
        int, typer.Option(min=100, metavar="NUMBER", help="Drawn; half of them choose.")
    ] = 2000,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of what is drawn.")] = 0,
    table: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"A whole table: {', '.join(TABLES)}.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, too, as SVG.")
    ] = None,
    quote: Quotes = None,
    column: Columns = None,
    strategy: Strategy = "",
    counts_unknown: CountsUnknown = False,
) -> None:
    """Work out how likely a monthly target is inside a drawdown.

    From daily returns, a ledger, trades that other programs wrote (they need --equity, unless the
    file says it), or from what you assume: --sharpe, or --win-rate with what goes with it.

    A record of 60 days or more gets a verdict: its days are drawn anew in blocks, rules of
    exposure are run on them, and what is chosen on one half is told on the other, at both ends of
    the 90 % interval of its Sharpe ratio. What would be needed instead is always told.
    """
    from smart_leverage.cli.amounts import amount

    _check(assumed, volatility, monthly, drawdown)
    _one_source(files, ledger, assumed, table)
    if picture is not None and picture.suffix != ".svg":
        raise typer.BadParameter(f"{picture}: name it like joint.svg", param_hint="--picture")
    money = None if equity is None else amount(equity, "--equity")
    asked = asked_of(quote, column, strategy, counts_unknown=counts_unknown)
    with statistics("feasibility"):
        from smart_leverage.cli import feasibility_words as words
        from smart_leverage.research.feasibility.histories import Target

        target = Target(monthly, drawdown)
        if table is not None:
            from smart_leverage.cli.feasibility_tables import show, show_history

            if table in OF_BARS:
                return show_history(screen, files or [], asked.quotes, target)
            days = None
            if files or ledger is not None:
                days = _days_for(table, _source(files, ledger, asked, money))
            return show(screen, table, target, days)
        told: Any
        if files or ledger is not None:
            source = _source(files, ledger, asked, money)
            told = _of_record(
                screen, source, assumed, target,
                {"volatility": volatility, "trials": tried, "count": histories // HALVES * HALVES,
                 "seed": seed},
            )  # fmt: skip
        elif assumed.win_rate is not None:
            told = words.of_trades(_trades(assumed), target, seed)
        else:
            told = words.of_sharpe(assumed.sharpe or 0.0, volatility, target)
        drawn = _drawn(screen, picture, told, target)
    if screen.as_json:
        screen.record({**told.fields, "picture": drawn})
    else:
        screen.say(*told.lines)
    return None


def _check(assumed: Assumed, vol: float | None, monthly: float, drawdown: float) -> None:
    ranges = (
        ("--sharpe", assumed.sharpe, -20.0, 20.0),
        ("--win-rate", assumed.win_rate, 0.0, 1.0),
        ("--payoff", assumed.payoff, 0.0, 1000.0),
        ("--trades", assumed.trades, 0.0, 2001.0),
        ("--risk", assumed.risk, 0.0, 0.5),
        ("--cost", assumed.cost, -1e-9, 1.0),
        ("--volatility", vol, 0.0, 5.0),
        ("--monthly", monthly, 0.0, 1.0),
        ("--drawdown", drawdown, 0.0, 1.0),
    )
    for name, value, low, high in ranges:
        if value is not None and not low < value < high:
            kind = "" if name in ("--sharpe", "--payoff", "--trades") else ", as a fraction"
            raise typer.BadParameter(
                f"a number between {max(low, 0.0) if low > -1 else low:g} and {high:g} is "
                f"needed{kind}, not {value}",
                param_hint=name,
            )


def _one_source(
    files: list[Path] | None, ledger: Path | None, assumed: Assumed, table: str | None
) -> None:
    if table is not None and table not in TABLES:
        raise typer.BadParameter(
            f"there is no table {table!r}; there are {', '.join(TABLES)}", param_hint="--table"
        )
    named = {
        "FILE": bool(files),
        "--ledger": ledger is not None,
        "--sharpe": assumed.sharpe is not None,
        "--win-rate": assumed.win_rate is not None,
        "--table": table is not None,
    }
    given = [name for name, is_given in named.items() if is_given]
    if table in OF_BARS:
        if given != ["FILE", "--table"]:
            raise typer.BadParameter(
                f"{table} is made of files with daily bars, and of nothing else; name them",
                param_hint="FILE",
            )
        return
    if table in OF_RECORDS and given in (["FILE", "--table"], ["--ledger", "--table"]):
        return
    if len(given) != 1:
        what = f"not {' and '.join(given)}" if given else "and nothing was"
        raise typer.BadParameter(
            f"give one of {', '.join(named)}, {what}", param_hint=given[0] if given else "FILE"
        )


def _source(
    files: list[Path] | None, ledger: Path | None, asked: Any, equity: Decimal | None
) -> "Source":
    from smart_leverage.cli.feasibility_sources import of_files, of_ledger

    return of_files(files or [], asked, equity) if ledger is None else of_ledger(ledger)


def _days_for(table: str, source: "Source") -> "Days":
    from smart_leverage.domain.errors import BadData
    from smart_leverage.research.feasibility.record import FEWEST_DAYS

    count = 0 if source.dated is None else len(source.dated.values)
    if source.dated is None or count < FEWEST_DAYS:
        fix = f"--table {table} alone is made of normal days"
        raise BadData(f"{source.name}: {count} days are fewer than {FEWEST_DAYS}", fix=fix)
    return source.dated.days


def _trades(assumed: Assumed) -> Any:
    from smart_leverage.research.feasibility.trades import Trades

    trades = Trades(
        win_rate=assumed.win_rate or 0.0,
        payoff=assumed.payoff,
        a_month=assumed.trades or 100,
        risk=assumed.risk or 0.005,
        cost=assumed.cost,
    )
    if not trades.loss < 1.0 or not trades.gain > -1.0:
        raise typer.BadParameter("a loss with its cost takes everything", param_hint="--risk")
    return trades


def _of_record(
    screen: Screen, source: "Source", assumed: Assumed, target: "Target", how: dict[str, Any]
) -> Any:
    from smart_leverage.cli.feasibility_told import of_record, of_short
    from smart_leverage.research.feasibility.record import FEWEST_DAYS, answered

    days = None if source.dated is None else source.dated.days
    if days is None or len(days.values) < FEWEST_DAYS or not days.values.std() > 0.0:
        return of_short(source, assumed, target)
    progress: Callable[[str], Callable[[int, int], None]] = screen.progress
    found = answered(days, target, progress=progress, **how)
    return of_record(source, assumed, target, found)


def _drawn(screen: Screen, file: Path | None, told: Any, target: "Target") -> str | None:
    """Draw the picture, and return where it lies."""
    if file is None:
        return None
    from smart_leverage.domain.errors import BadData
    from smart_leverage.research.feasibility.picture import by_sharpe

    try:
        file.write_text(by_sharpe(target, told.sharpe, screen.progress("drawing")), "utf-8")
    except OSError as error:
        raise BadData(f"cannot be written: {error.strerror}", file=file) from None
    screen.note(f"picture: {file}")
    return str(file)
