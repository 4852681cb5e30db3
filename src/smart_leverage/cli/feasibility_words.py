"""Tells what assumptions make of a target: the sentence first, then the arithmetic."""

from decimal import Decimal
from typing import Any, NamedTuple

from smart_leverage.domain.sentences import percent
from smart_leverage.research.feasibility import answer
from smart_leverage.research.feasibility.answer import Verdict
from smart_leverage.research.feasibility.histories import Target
from smart_leverage.research.feasibility.trades import (
    Needed,
    Trades,
    month,
    needed,
    year,
)

NORMAL = (
    "assumed: independent normal days, constant volatility, daily closes, costs only as far as "
    "the figures hold them; nothing here is a forecast"
)


class Said(NamedTuple):
    """What is told: lines for people, fields for programs, and the Sharpe ratios for a picture."""

    lines: list[str]
    fields: dict[str, Any]
    sharpe: tuple[float, float, float] | None


def of_sharpe(sharpe: float, volatility: float | None, target: Target) -> Said:
    """Tell what a Sharpe ratio makes that is assumed as known."""
    held = answer.best_volatility(sharpe, target) if volatility is None else volatility
    told = answer.chance(sharpe, held, target)
    multiple, by_surplus = answer.surplus(sharpe, target)
    best, bound = answer.best_value(sharpe, target), answer.most(sharpe, target)
    simple = max(told.joint_12, by_surplus)
    verdict = answer.verdict(simple, best)
    need, bought = answer.sharpe_needed(target), answer.budget(max(sharpe, 0.0), target.drawdown)
    lines = [
        f"{goal(target)}: {known(verdict)}",
        (
            f"with these assumptions: {hundred(simple)} in 100 for a year; you would need a "
            f"Sharpe ratio of {need:.1f}"
        ),
        "",
        "a Sharpe ratio that is assumed is taken as known for certain",
        f"Sharpe ratio {sharpe:.2f}, volatility held {held:.0%}",
        *(f"{text:<41}{getattr(told, key):6.1%}" for key, text in _ROWS),
        f"{f'both, 12 months: surplus at {multiple:.2g} × Kelly':<41}{by_surplus:6.1%}",
        f"{'both, 12 months: best of all rules':<41}{best:6.1%}",
        f"{'both, 12 months: no sizing passes':<41}{bound:6.1%}",
        "",
        (
            f"attainable instead, drawdown kept 9 years in 10: {monthly(bought.monthly)}, at "
            f"{bought.volatility:.1%} volatility"
        ),
        "",
        NORMAL,
    ]
    fields = {
        "verdict": verdict,
        "days": 0,
        **target._asdict(),
        "value": told,
        "surplus": {"multiple_of_kelly": multiple, "joint_12": by_surplus},
        "best_rule": best,
        "bound": bound,
        "sharpe_needed": need,
        "attainable": bought,
        "assumed": NORMAL,
    }
    return Said(lines, fields, (sharpe, sharpe, sharpe))


_ROWS = (
    ("month", "a month reaches the target"),
    ("below_1", "drawdown stays below, 1 month"),
    ("below_3", "drawdown stays below, 3 months"),
    ("below_12", "drawdown stays below, 12 months"),
    ("joint_1", "both, 1 month"),
    ("joint_3", "both, 3 months"),
    ("joint_12", "both, 12 months"),
)


def of_trades(trades: Trades, target: Target, seed: int = 0) -> Said:
    """Tell what a month and a year of independent trades of one kind make."""
    need, one = needed(trades, target.monthly), month(trades, target.monthly)
    told = year(trades, target, seed=seed)
    both, best = told[-1].joint, answer.best_value(trades.sharpe, target)
    verdict = answer.verdict(max(both, answer.surplus(trades.sharpe, target)[1]), best)
    sharpe = answer.sharpe_needed(target)
    lines = [
        f"{goal(target)}: {known(verdict)}",
        (f"with these trades: {hundred(both)} in 100 for a year; you would need a "
        f"{needs(need, sharpe)}"),
        "",
        (f"{trades.a_month:,} trades a month, {percent(exact(trades.win_rate))} won, win ÷ loss "
        f"{trades.payoff:.2f}, a loss costs {trades.risk:.2%} of equity, cost ÷ loss "
        f"{trades.cost:.2f}"),
        (f"a trade makes {trades.edge:+.3%} of equity in the mean; Sharpe ratio "
        f"{trades.sharpe:.2f} a year at {trades.volatility:.1%} volatility"),
        (f"even at a win rate of {rate(need.even)}; for the target {rate(need.win_rate)} simple, "
        f"{rate(need.win_rate_log)} compounding"),
        (f"a month: {one.low:+.1%} one in twenty, {one.median:+.1%} in the middle, "
        f"{one.high:+.1%} one in twenty; {one.loses:.1%} lose, {one.reaches:.1%} reach the target"
        f"{_wins(one.wins, trades.a_month)}"),
        *(f"{each.months:>2} months: drawdown stays below {each.below:6.1%}, both {each.joint:6.1%}"
          for each in told),
        f"best of all rules at this Sharpe ratio, both in 12 months: {best:.1%}",
        "",
        ("assumed: trades do not depend on each other and all risk the same share of equity; the "
        "drawdown is looked at after each; nothing here is a forecast"),
    ]  # fmt: skip
    fields = {
        "verdict": verdict,
        "days": 0,
        **target._asdict(),
        "trades": trades,
        "sharpe": trades.sharpe,
        "volatility": trades.volatility,
        "needed": need,
        "sharpe_needed": sharpe,
        "month": one,
        "horizons": told,
        "best_rule": best,
    }
    return Said(lines, fields, (trades.sharpe, trades.sharpe, trades.sharpe))


# -- words ----------------------------------------------------------------------------------------


def goal(target: Target) -> str:
    """Return the target in words."""
    return f"{target.monthly:.1%} a month with less than {target.drawdown:.1%} drawdown"


def known(verdict: Verdict) -> str:
    """Return the verdict on what is assumed, of which more days would decide nothing."""
    if verdict is Verdict.UNDECIDED:
        return "no simple rule makes it every second year, the best of all rules does"
    return str(verdict)


def needs(need: Needed | None, sharpe: float) -> str:
    """Return what would be needed: a Sharpe ratio, or what trades would have to be."""
    words = f"Sharpe ratio of {sharpe:.1f}"
    if need is None:
        return words
    return f"{words}, a win rate of {rate(need.win_rate)}, or a win ÷ loss of {need.payoff:.2f}"


def rate(value: float) -> str:
    """Return a win rate; above 1 not even all wins are enough."""
    return percent(exact(value)) if value <= 1.0 else "more than all"


def exact(value: float) -> Any:
    """Return a float as the sentences take numbers."""
    return Decimal(repr(value))


def hundred(share: float) -> str:
    """Return a probability as cases in a hundred."""
    return f"{100 * share:.0f}"


def monthly(value: float) -> str:
    """Return the return of a month."""
    return f"{value if abs(value) >= 5e-4 else 0.0:.1%} a month"


def _wins(wins: int, trades: int) -> str:
    return f", which takes {wins} wins" if wins <= trades else ", which not even all wins make"


def many(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
