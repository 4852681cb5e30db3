"""Makes an audit of files: what they hold, what the account began with, and its replay."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.history.base import Asked, Read
    from smart_leverage.runtime.audit.auditing import Audit
    from smart_leverage.runtime.importing import Gathered
    from smart_leverage.runtime.replay_case import Account
    from smart_leverage.runtime.replay_log import OrderLog
    from smart_leverage.settings import Settings


class Beginning(NamedTuple):
    """What the account had at first, and under which rule it is looked at."""

    policy: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A preset, or a configuration in TOML.")
    ] = "classic"
    equity: Annotated[
        str | None,
        typer.Option(
            metavar="MONEY",
            help="At first, holdings included.  [default: the file's, else the least that could "
            "pay for its purchases]",
        ),
    ] = None
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="SYMBOL=QTY", help="Held by the bot at first, at the first price."),
    ] = None
    coins: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Held at first in equal parts of BTC, ETH and SOL."),
    ] = None
    bars: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Prices between the fills; may be given often."),
    ] = None
    may_shrink: Annotated[
        bool, typer.Option("--may-shrink", help="Cut an order over a cap to what fits.")
    ] = False
    resumes_monthly: Annotated[
        bool,
        typer.Option("--resume-monthly", help="Play the person who lifts a halt in a new month."),
    ] = False


class Past(NamedTuple):
    """What the files hold; `log` is None where no order can be replayed, `why_not` says why."""

    reads: list["Read"]
    gathered: "Gathered"
    log: "OrderLog | None"
    why_not: str


def read_past(files: Sequence[Path], asked: "Asked") -> Past:
    """Return what files hold.

    Raises:
        BadData: A file cannot be used as it stands, or there is neither an order nor equity.
    """
    from smart_leverage.history.reading import read_files
    from smart_leverage.runtime.importing import gather

    reads = read_files(files, asked)
    log, why_not = _log(files, reads, asked)
    return Past(reads, gather(reads, leaves_unbought=True), log, why_not)


def audit_of(
    screen: Screen,
    past: Past,
    begins: Beginning,
    target: tuple[float, float],
    asked: "Asked",
    name: str | None,
) -> tuple["Audit", Path]:
    """Return the audit of a past, and the folder that keeps the ledger of its replay."""
    from smart_leverage.cli.counterfactual import bars_of, policy_of, priced
    from smart_leverage.cli.places import LEDGER
    from smart_leverage.cli.runs import new_folder
    from smart_leverage.runtime.audit.auditing import Asked as Question
    from smart_leverage.runtime.audit.auditing import audit, replayed
    from smart_leverage.runtime.audit.capital import costs_of_past

    settings = policy_of(begins.policy)
    equity, words, is_assumed = _equity(begins, past)
    question = Question(
        policy=begins.policy,
        timezone=settings.risk.timezone,
        equity_from=words,
        is_assumed=is_assumed and past.log is not None,
        target=target,
        bars=len(begins.bars or []),
        costs=costs_of_past(past.gathered.deals),
    )
    if past.log is None:
        folder = new_folder(name, "audit")
        return audit(question, past.gathered, None, past.why_not, screen.note), folder
    log = priced(past.log, bars_of(screen, begins.bars or [], asked.quotes))
    account = _account(settings, past, begins, equity)._replace(costs=question.costs)
    folder = new_folder(name, "audit")
    replay = replayed(log, account, folder / LEDGER, screen.progress("replaying"))
    return audit(question, past.gathered, replay, "", screen.note), folder


def _account(settings: "Settings", past: Past, begins: Beginning, equity: Decimal) -> "Account":
    from smart_leverage.cli.counterfactual import account_of

    assert past.log is not None  # noqa: S101 - asked for only where there is one
    return account_of(
        settings,
        past.log,
        past.reads,
        equity=f"{equity:f}",
        hold=begins.hold or [],
        coins=begins.coins,
        may_shrink=begins.may_shrink,
        resumes_monthly=begins.resumes_monthly,
    )


def _log(
    files: Sequence[Path], reads: list["Read"], asked: "Asked"
) -> tuple["OrderLog | None", str]:
    """Return the orders of the files, or why there are none that could be replayed."""
    from smart_leverage.domain.past import DealKind
    from smart_leverage.runtime.replay_history import log_of_history
    from smart_leverage.runtime.replay_log import is_log, read_log

    if len(files) == 1 and is_log(files[0]):
        return read_log(files[0], asked.registry), ""
    deals = [deal for read in reads for deal in read.deals]
    split = next((deal.key for deal in deals if deal.is_split), None)
    if split is not None:
        return None, (
            f"{split.partition(':')[2]} was split in this time, and orders are not replayed over "
            "a split; audit the part before and the part after it"
        )  # fmt: skip
    has_trades = any(deal.kind is DealKind.TRADE for deal in deals)
    if not has_trades and any(read.equity for read in reads):
        return None, (
            "the files hold what the account was worth and none of its orders; its fills, such as "
            "Alpaca's account activities, would show it"
        )  # fmt: skip
    return log_of_history(reads, asked.registry), ""


def _equity(begins: Beginning, past: Past) -> tuple[Decimal, str, bool]:
    """Return the equity at first, where it comes from, and whether nobody stated it."""
    from smart_leverage.cli.amounts import amount
    from smart_leverage.domain.sentences import money
    from smart_leverage.runtime.audit.capital import least_equity

    if begins.equity is not None:
        told = amount(begins.equity, "--equity")
        return told, f"{money(told)}, as told with --equity", False
    for read in past.reads:
        if read.start is not None:
            return read.start, f"{money(read.start)}, as {read.name} says", False
    if begins.hold or begins.coins:
        raise typer.BadParameter(
            "with --hold or --coins, tell what the account was worth at first, holdings included",
            param_hint="--equity",
        )
    least = least_equity(past.gathered.deals)
    if past.log is not None and not least:
        raise typer.BadParameter(
            "nothing was bought, so nothing says what the account had at first; tell it",
            param_hint="--equity",
        )
    words = (
        f"{money(least)} assumed: nobody stated it, and this is the least that could pay for its "
        "purchases without borrowing"
    )
    return least, words, True
