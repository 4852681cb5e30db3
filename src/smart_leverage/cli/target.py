"""What a monthly target asks of this account: arithmetic, never a promise."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import ConfigPath, LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.cli.scenario import Scenario

DISCLAIMER = "This is what the target needs, not what can be expected; nothing here is a forecast."


@command(
    "smart-leverage target --equity 96014.32 --monthly 0.05",
    "smart-leverage target --monthly 0.02 --json",
)
def target(
    screen: Screen,
    equity: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Equity.  [default: the last mark of the ledger]"),
    ] = None,
    monthly: Annotated[
        str, typer.Option(metavar="FRACTION", help="Return of a month, as 0.05.")
    ] = "0.05",
    volatility: Annotated[
        str,
        typer.Option(metavar="FRACTION", help="Yearly volatility of what the crypto cap holds."),
    ] = "0.70",
    ledger: LedgerPath = None,
    config: ConfigPath = None,
) -> None:
    """Work out what a monthly target needs of this account.

    Money, returns of the crypto part, win rates, and the loss limits that it meets. With a ledger
    the account's own record is set beside it.
    """
    from smart_leverage.cli import amounts
    from smart_leverage.cli.scenario import scenario

    asked = None if equity is None else amounts.amount(equity, "--equity")
    told = scenario(
        equity=None if asked is None else float(asked),
        monthly=float(amounts.fraction(monthly, "--monthly")),
        volatility=float(amounts.amount(volatility, "--volatility")),
        ledger=_ledger(ledger, is_needed=asked is None),
        config=config,
    )
    if screen.as_json:
        screen.record({**told._asdict(), "note": DISCLAIMER})
    else:
        _show(screen, told)


def _ledger(given: Path | None, *, is_needed: bool) -> Path | None:
    """Return the ledger to use; without one the equity has to be named."""
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.errors import LedgerError

    try:
        return ledger_path(given)
    except LedgerError as error:
        if given is not None:
            raise
        if is_needed:
            raise LedgerError(f"{error}; or name the equity with --equity") from None
        return None


_SLEEVES = (
    Column("cap of tier"),
    Column("of equity", is_number=True),
    Column("a month", is_number=True),
    Column("a year", is_number=True),
    Column("Sharpe", is_number=True),
    Column("account volatility", is_number=True),
)
_WINS = (
    Column("trades", is_number=True),
    Column("risk", is_number=True),
    Column("win÷loss", is_number=True),
    Column("cost÷loss", is_number=True),
    Column("even at", is_number=True),
    Column("needed", is_number=True),
    Column(""),
)


def _show(screen: Screen, told: "Scenario") -> None:
    screen.say(*_head(told), "")
    screen.say(
        "what the crypto part must earn if the rest earns nothing, "
        f"at {_share(told.volatility, 0)} volatility a year"
    )
    screen.table(_SLEEVES, (_sleeve(line) for line in told.sleeves))
    screen.say("", "win rate needed, by trades a month and the share of equity that each risks")
    screen.table(_WINS, (_win(line) for line in told.win_rates))
    screen.say("", *_limits(told), "", *_record(told), *_tracking(told), DISCLAIMER)


def _head(told: "Scenario") -> Iterator[str]:
    month = f"{_share(told.monthly)} a month on {_money(told.equity)} is {_money(told.money)}"
    yield f"{month}; equity from {told.equity_source}"
    yield f"a year of such months: {_share(told.yearly, 3)}"
    for line in told.days:
        yield (
            f"a day, {f'{line.days:.4g} {line.what}':<23} {_share(line.simple, 3)} simple, "
            f"{_share(line.compound, 3)} compounding"
        )


def _sleeve(line: Any) -> list[str]:
    return [
        line.name,
        _share(line.cap, 0),
        _share(line.monthly, 2),
        _share(line.yearly, 0),
        f"{line.sharpe:.2f}",
        _share(line.account_volatility),
    ]


def _win(line: Any) -> list[str]:
    needs = "out of reach" if not line.needed <= 1.0 else _share(line.needed)
    return [
        f"{line.trades:g}",
        _share(line.risk, 2),
        f"{line.payoff:.2f}",
        f"{line.cost:.2f}",
        _share(line.breakeven),
        needs,
        line.whose,
    ]


def _limits(told: "Scenario") -> Iterator[str]:
    limits = told.limits
    yield (
        f"{limits.days_to_month:g} days in a row at the daily limit ({_share(limits.daily)}) pass "
        f"the monthly one ({_share(limits.monthly)});"
    )
    yield f"two months just inside it are a drawdown of {_share(limits.two_months)}"


def _record(told: "Scenario") -> Iterator[str]:
    own = told.record
    if own is None:
        return
    if own.win_rate is None:
        yield "this account has no closed trade yet to set beside it"
        return
    win = "not known" if own.payoff is None else f"{own.payoff:.2f}"
    yield (
        f"this account: win rate {_share(own.win_rate)} ({own.wins} of {own.closed}), "
        f"mean win ÷ mean loss {win}"
    )


def _tracking(told: "Scenario") -> Iterator[str]:
    """Yield the month and the day against an even pace, and how likely the month still is."""
    own = told.tracking
    if own is None:
        return
    pace = "ahead" if own.month_return >= own.plan else "behind"
    yield (
        f"this month: {_share(own.month_return, 2)} of {_share(told.monthly)}, {pace} of an even "
        f"pace ({_share(own.plan, 2)} after {own.days_gone:.1f} days)"
    )
    yield f"today: {_share(own.day_return, 2)} of {_share(own.day_plan, 2)}"
    left = f"to go: {_share(own.needed, 2)} in {own.days_left:.1f} days"
    if own.needed <= 0.0:
        yield f"the target is reached, with {own.days_left:.1f} days left in which it can be lost"
    elif own.chance is None or own.chance_flat is None:
        yield f"{left}; {own.days_known} days of this account say nothing of how likely, 20 would"
    else:
        yield (
            f"{left}: {own.chance * 100:.0f} in 100 if they are like its last {own.days_known}, "
            f"{own.chance_flat * 100:.0f} in 100 if it has no edge"
        )


def _share(value: float, places: int = 1) -> str:
    import math

    from smart_leverage.domain.sentences import percent

    return percent(value, places) if math.isfinite(value) else "out of reach"


def _money(value: float) -> str:
    from decimal import Decimal

    from smart_leverage.domain.sentences import money

    return money(Decimal(repr(value)))
