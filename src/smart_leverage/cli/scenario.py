"""Works a monthly target out: days, sleeves, win rates and limits, by the rules of the policy."""

from pathlib import Path
from typing import NamedTuple

from smart_leverage.cli.places import configuration
from smart_leverage.cli.rules import kept_settings
from smart_leverage.domain.errors import LedgerError
from smart_leverage.policy.target import (
    annual_compound,
    breakeven_win_rate,
    consecutive_days_to_monthly_limit,
    daily_compound,
    daily_simple,
    monthly_target_amount,
    required_sleeve_return,
    required_sleeve_sharpe,
    required_win_rate_simple,
    two_month_drawdown_at_monthly_limit,
)
from smart_leverage.runtime.remembered import Remembered, remember
from smart_leverage.runtime.tracking import Tracking, tracking
from smart_leverage.settings import Settings, load

CALENDARS = ((22.0, "sessions"), (21.0, "sessions"), (30.4375, "days of coins"))
"""Days that trade in a month."""

EXAMPLES = (
    (100.0, 0.005, 1.0, 0.0),
    (20.0, 0.01, 1.0, 0.0),
    (20.0, 0.005, 1.0, 0.0),
    (20.0, 0.01, 1.5, 0.0),
    (20.0, 0.01, 2.0, 0.0),
    (60.0, 0.01, 1.0, 0.1),
)
"""Trades a month, equity risked by each, mean win over mean loss, cost over mean loss."""

MONTH_NS = int(30.4375 * 24 * 3600) * 1_000_000_000


class Day(NamedTuple):
    """The return of one day, by how many of them trade in a month."""

    days: float
    what: str
    simple: float
    compound: float


class Sleeve(NamedTuple):
    """What the crypto part must earn when a cap is full and the rest earns nothing."""

    name: str
    cap: float
    monthly: float
    yearly: float
    sharpe: float
    account_volatility: float


class WinRate(NamedTuple):
    """The win rate that a way of trading needs; above 1 the target is out of reach."""

    trades: float
    risk: float
    payoff: float
    cost: float
    breakeven: float
    needed: float
    whose: str


class Limits(NamedTuple):
    """What the loss limits mean for the target, fractions."""

    daily: float
    monthly: float
    days_to_month: float
    two_months: float


class Record(NamedTuple):
    """What the account did so far; None where there is too little to say."""

    wins: int
    closed: int
    win_rate: float | None
    payoff: float | None


class Scenario(NamedTuple):
    """A target and everything it needs."""

    equity: float
    equity_source: str
    monthly: float
    money: float
    yearly: float
    volatility: float
    days: tuple[Day, ...]
    sleeves: tuple[Sleeve, ...]
    win_rates: tuple[WinRate, ...]
    limits: Limits
    record: Record | None
    tracking: Tracking | None
    """How this month goes; None without a ledger."""


def scenario(
    *,
    equity: float | None,
    monthly: float,
    volatility: float,
    ledger: Path | None,
    config: Path | None,
) -> Scenario:
    """Work a target out.

    Args:
        equity: Account currency; None takes the last mark of the ledger.
        monthly: Return of a month, fraction.
        volatility: Of the crypto part, annualised.
        ledger: Whose account it is for; None shows no record.
        config: Whose caps and limits count; None takes those of the ledger, else the defaults.

    Raises:
        LedgerError: Neither equity nor a ledger with a mark.
    """
    now = None if ledger is None else remember(ledger, is_whole=True)
    settings = _settings(now, config)
    value, source = _equity(equity, now)
    limits = settings.limits
    own = None if now is None else _own(now, monthly)
    return Scenario(
        equity=value,
        equity_source=source,
        monthly=monthly,
        money=monthly_target_amount(value, monthly),
        yearly=annual_compound(monthly),
        volatility=volatility,
        days=tuple(
            Day(days, what, daily_simple(monthly, days), daily_compound(monthly, days))
            for days, what in CALENDARS
        ),
        sleeves=tuple(_sleeves(settings, monthly, volatility)),
        win_rates=(
            *(_win_rate(monthly, *example) for example in EXAMPLES),
            *(() if own is None else (own,)),
        ),
        limits=Limits(
            daily=limits.loss_limit_daily,
            monthly=limits.loss_limit_monthly,
            days_to_month=consecutive_days_to_monthly_limit(
                limits.loss_limit_daily, limits.loss_limit_monthly
            ),
            two_months=two_month_drawdown_at_monthly_limit(limits.loss_limit_monthly, 2),
        ),
        record=None if now is None else _record(now),
        tracking=None if now is None else tracking(now, monthly),
    )


def _settings(now: Remembered | None, config: Path | None) -> Settings:
    if config is None and now is not None:
        return kept_settings(now)
    return load(configuration(config)).settings


def _equity(given: float | None, now: Remembered | None) -> tuple[float, str]:
    if given is not None:
        return given, "the command line"
    if now is None or now.last_mark is None:
        raise LedgerError("the ledger holds no valuation yet; name the equity with --equity")
    return float(now.last_mark.equity), f"the last mark of {now.path}"


def _sleeves(settings: Settings, monthly: float, volatility: float) -> list[Sleeve]:
    """Return the three scenarios: what each tier's crypto cap must earn when it is full."""
    tiers = settings.tiers
    steps = (
        ("learning", tiers.learning),
        ("stable", tiers.stable),
        ("profitable", tiers.profitable),
    )
    return [
        Sleeve(
            name=name,
            cap=tier.crypto_cap,
            monthly=required_sleeve_return(monthly, tier.crypto_cap),
            yearly=annual_compound(required_sleeve_return(monthly, tier.crypto_cap)),
            sharpe=required_sleeve_sharpe(monthly, tier.crypto_cap, volatility),
            account_volatility=tier.crypto_cap * volatility,
        )
        for name, tier in steps
    ]


def _win_rate(
    monthly: float, trades: float, risk: float, payoff: float, cost: float, whose: str = ""
) -> WinRate:
    return WinRate(
        trades=trades,
        risk=risk,
        payoff=payoff,
        cost=cost,
        breakeven=breakeven_win_rate(payoff, cost),
        needed=required_win_rate_simple(monthly, trades, risk, payoff, cost),
        whose=whose,
    )


def _own(now: Remembered, monthly: float) -> WinRate | None:
    """Return the line of the account itself; its costs are in its wins and losses already."""
    capping, mark = now.state.book.record.capping, now.last_mark
    payoff, loss = capping.payoff_ratio, capping.mean_loss
    months = (now.at_ns - now.account.at_ns) / MONTH_NS
    if payoff is None or not loss or mark is None or mark.equity <= 0 or months <= 0:
        return None
    trades = len(now.state.book.trades()) / months
    risk = float(loss / mark.equity)
    return _win_rate(monthly, round(trades, 1), risk, float(payoff), 0.0, "← this account")


def _record(now: Remembered) -> Record:
    capping = now.state.book.record.capping
    rate, payoff = capping.win_rate, capping.payoff_ratio
    return Record(
        wins=capping.wins,
        closed=capping.closed,
        win_rate=None if rate is None else float(rate),
        payoff=None if payoff is None else float(payoff),
    )
