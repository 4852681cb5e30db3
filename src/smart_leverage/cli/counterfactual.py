"""What the governor would have made of a history: allowed, shrunk, denied, sold, the rest."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.importing import Columns, CountsUnknown, Quotes, Strategy, asked_of
from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.instruments import Key
    from smart_leverage.history.base import Asked, Read
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.runtime.replay_case import Account
    from smart_leverage.runtime.replay_log import OrderLog
    from smart_leverage.settings import Settings


@command(
    "smart-leverage counterfactual orders.csv --equity 91087.52 --coins 24013",
    "smart-leverage counterfactual trades.json --quote USDT=USD --equity 10000 --policy my.toml",
)
def counterfactual(
    screen: Screen,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="As `ledger import` reads them.")
    ],
    policy: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A preset, or a configuration in TOML.")
    ] = "classic",
    equity: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="At first, holdings included.  [default: the file's]"),
    ] = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="SYMBOL=QTY", help="Held by the bot at first, at the first price."),
    ] = None,
    coins: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Held at first in equal parts of BTC, ETH and SOL."),
    ] = None,
    bars: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Prices between the fills; may be given often."),
    ] = None,
    may_shrink: Annotated[
        bool, typer.Option("--may-shrink", help="Cut an order over a cap to what fits.")
    ] = False,
    is_forced: Annotated[
        bool, typer.Option("--forced-record", help="Begin with an invented, stable record.")
    ] = False,
    resumes_monthly: Annotated[
        bool,
        typer.Option("--resume-monthly", help="Play the person who lifts a halt in a new month."),
    ] = False,
    shows_orders: Annotated[
        bool, typer.Option("--orders", help="Tell every order, not the sums alone.")
    ] = False,
    quote: Quotes = None,
    column: Columns = None,
    strategy: Strategy = "",
    counts_unknown: CountsUnknown = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its folder is runs/NAME.  [default: a time]")
    ] = None,
) -> None:
    """Tell what a policy would have made of a history, and the difference in money and drawdown.

    The orders go twice to a simulated venue, from one start and at one set of prices: straight, and
    through the engine with its ledger, limits, stops and plans. The governed account begins
    without a record and earns one. Prices are those of the fills, and of --bars where there are
    any. An order log (CSV with submitted_at) is offered with what never filled in it. The folder of
    the run keeps ledger and report: `explain` tells every decision.
    """
    from smart_leverage.cli.compared import tell
    from smart_leverage.cli.places import LEDGER
    from smart_leverage.cli.runs import new_folder
    from smart_leverage.runtime.counterfactual import compare
    from smart_leverage.runtime.importing import gather

    settings = policy_of(policy)
    asked = asked_of(quote, column, strategy, counts_unknown=counts_unknown)
    log, reads = _history(files, asked)
    series = bars_of(screen, bars or [], asked.quotes)
    log = priced(log, series)
    account = account_of(
        settings, log, reads, equity=equity, hold=hold or [], coins=coins, may_shrink=may_shrink,
        resumes_monthly=resumes_monthly,
    )  # fmt: skip
    # The last run stays what it was: research must not change which account a halt means.
    folder = new_folder(name, "counterfactual")
    compared = compare(log, account, is_forced=is_forced, path=folder / LEDGER)
    own = gather(reads, leaves_unbought=True).sums if reads else None
    tell(screen, folder, log, compared, series, settings, own, shows_orders=shows_orders)


def policy_of(policy: str) -> "Settings":
    """Return the settings of a preset, or of a configuration in TOML."""
    from smart_leverage.settings import load
    from smart_leverage.settings.loading import PRESETS

    if policy in PRESETS:
        return load(None, {"SMART_LEVERAGE_POLICY__PRESET": policy}).settings
    if not Path(policy).is_file():
        raise typer.BadParameter(
            f"{policy!r} is neither a preset ({', '.join(PRESETS)}) nor a file",
            param_hint="--policy",
        )
    return load(Path(policy)).settings


def _history(files: Sequence[Path], asked: "Asked") -> tuple["OrderLog", list["Read"]]:
    """Return the orders of the files; a log that knows when each was sent is read as one."""
    from smart_leverage.history.reading import read_files
    from smart_leverage.runtime.replay_history import log_of_history
    from smart_leverage.runtime.replay_log import is_log, read_log

    if len(files) == 1 and is_log(files[0]):
        return read_log(files[0], asked.registry), []
    reads = read_files(files, asked)
    return log_of_history(reads, asked.registry), reads


def bars_of(screen: Screen, files: Sequence[Path], quotes: Mapping[str, str]) -> list["BarSeries"]:
    """Return the bars of these files; without files there are none."""
    from smart_leverage.cli.inputs import read_bars, span
    from smart_leverage.market.files import Reading

    if not files:
        return []
    return read_bars(screen, files, Reading(quote_alias=dict(quotes)), *span(None, None))


def priced(log: "OrderLog", series: "Sequence[BarSeries]") -> "OrderLog":
    """Return the log with the prices of bars between its fills, where there are any."""
    from smart_leverage.runtime.replay_history import with_bars

    return with_bars(log, series) if series else log


def account_of(
    settings: "Settings",
    log: "OrderLog",
    reads: "Sequence[Read]",
    *,
    equity: str | None,
    hold: Sequence[str],
    coins: str | None,
    may_shrink: bool,
    resumes_monthly: bool,
) -> "Account":
    """Return the account at its beginning, from what was typed and what the files know."""
    from smart_leverage.cli.amounts import amount
    from smart_leverage.runtime.replay_case import COINS, Account
    from smart_leverage.wiring import Beginning, engine_config, opening

    holdings = _holdings(log, hold)
    worth = Decimal(0) if coins is None else amount(coins, "--coins")
    if worth and not any(key in log.trails for key in COINS):
        raise typer.BadParameter(
            "the history has no price of BTC, ETH or SOL", param_hint="--coins"
        )
    first = _equity(equity, reads)
    held = worth + sum((qty * log.trails[key].first for key, qty in holdings.items()), Decimal(0))
    if held > first:
        raise typer.BadParameter(
            f"what is held at first is worth {held:.2f}, more than {first}", param_hint="--equity"
        )
    return Account(
        equity=first,
        coins=worth,
        config=engine_config(settings),
        opener=lambda at_ns, cash, starts, registry, keys: opening(
            settings, at_ns, Beginning(cash, starts), registry, keys
        ),
        may_shrink=may_shrink,
        holdings=holdings,
        resumes_monthly=resumes_monthly,
        sells_held=True,
    )


def _equity(equity: str | None, reads: "Sequence[Read]") -> Decimal:
    from smart_leverage.cli.amounts import amount

    if equity is not None:
        return amount(equity, "--equity")
    started = next((read.start for read in reads if read.start is not None), None)
    if started is None:
        raise typer.BadParameter(
            "the files do not say what the account had at first; --equity does, holdings included",
            param_hint="--equity",
        )
    return started


def _holdings(log: "OrderLog", hold: Sequence[str]) -> "dict[Key, Decimal]":
    from smart_leverage.cli.amounts import amount
    from smart_leverage.domain.errors import BadData

    found: dict[Key, Decimal] = {}
    for text in hold:
        symbol, sign, qty = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"{text!r}: write it like SPY=10", param_hint="--hold")
        try:
            key = log.registry.resolve(symbol.strip().upper()).key
        except BadData as error:
            raise typer.BadParameter(str(error), param_hint="--hold") from None
        if key not in log.trails:
            raise typer.BadParameter(f"the history has no price of {symbol}", param_hint="--hold")
        found[key] = amount(qty, "--hold")
    return found
