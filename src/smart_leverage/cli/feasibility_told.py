"""Tells the verdict on a record, why, and what it rests on; or why there is none."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from smart_leverage.cli.feasibility_sources import Source
from smart_leverage.cli.feasibility_words import (
    Said,
    exact,
    goal,
    hundred,
    many,
    monthly,
    needs,
    rate,
)
from smart_leverage.domain.sentences import percent
from smart_leverage.research.feasibility import answer
from smart_leverage.research.feasibility.answer import Verdict
from smart_leverage.research.feasibility.histories import Target, best
from smart_leverage.research.feasibility.record import FEWEST_DAYS, Answer
from smart_leverage.research.feasibility.trades import Counted, Needed, closed_needed, needed
from smart_leverage.research.verify.drawdown import max_drawdown

if TYPE_CHECKING:
    from smart_leverage.cli.feasibility import Assumed

DRAWN = (
    "assumed: days come as the record's came, in blocks; costs only as far as the returns hold "
    "them; exposure 1 is what made the record; nothing here is a forecast"
)


def of_record(source: Source, assumed: "Assumed", target: Target, found: Answer) -> Said:
    """Tell the verdict on a record, why, and what it rests on."""
    sharpe = answer.sharpe_needed(target)
    need = _needed_of(source.trades, assumed, target)
    ends = [best(told).joint for told in (found.lower, found.value, found.upper)]
    lines = [
        f"{goal(target)}: {found.verdict}",
        (
            f"with this record: {hundred(ends[1])} in 100 for a year ({hundred(ends[0])} to "
            f"{hundred(ends[2])}); you would need a {needs(need, sharpe)}"
        ),
        _why(found, target),
        "",
        (
            f"{source.name}: {found.days:,} days, {found.per_year} a year; Sharpe ratio "
            f"{found.sharpe[1]:.2f} ({found.sharpe[0]:.2f} to {found.sharpe[2]:.2f} at 90 %), "
            f"volatility {found.volatility:.1%}"
        ),
        _evidence(found),
        *_trade_lines(source.trades, assumed, target),
        "",
        *_rules(found),
        "",
        *_attainable(found),
        *(f"note: {note}" for note in source.notes),
        "",
        (
            f"{found.histories:,} histories in blocks of {found.block:.0f} days, chosen on one "
            f"half and told on the other; error of a share at most "
            f"{math.sqrt(0.25 / (found.histories // 2)):.1%}"
        ),
        DRAWN,
    ]
    fields = {
        "verdict": found.verdict,
        "reason": _why(found, target),
        "days": found.days,
        **target._asdict(),
        "answer": found,
        "trades": source.trades,
        "needed": need,
        "sharpe_needed": sharpe,
        "notes": source.notes,
        "assumed": DRAWN,
    }
    return Said(lines, fields, found.sharpe)


def _why(found: Answer, target: Target) -> str:
    low, _, high = found.sharpe
    if found.verdict is Verdict.ATTAINABLE:
        return (
            f"even at the lower end of its Sharpe ratio, {low:.2f}, the rule {found.by!r} makes "
            f"both in {hundred(found.lower_joint)} of 100 years"
        )
    if found.verdict is Verdict.NOT_ATTAINABLE:
        return (
            f"even at the upper end of its Sharpe ratio, {high:.2f}, the best of all rules makes "
            f"both in only {hundred(found.best[2])} of 100 years"
        )
    bars = found.deciding
    if bars is None or bars.days == math.inf:
        why = "no length of record decides while it stays there"
        between = (
            "" if bars is None
            else f", between {max(bars.not_below, 0.0):.2f}, where only the best of all rules "
            f"makes it every second year, and {bars.attainable_from:.2f}, where a simple one does"
        )  # fmt: skip
        return f"Sharpe ratio {found.sharpe[1]:.2f}: {why}{between}"
    under = f"its upper end has to come under {bars.not_below:.2f}, or "
    return (
        f"{bars.days:,.0f} days of record would decide it, there are {found.days:,}, if the "
        f"Sharpe ratio stays {found.sharpe[1]:.2f}: {under if bars.not_below > -math.inf else ''}"
        f"its lower end has to reach {bars.attainable_from:.2f}"
    )


def _evidence(found: Answer) -> str:
    told = found.evidence
    parts = [
        (
            f"that there is skill: {_or(told.psr)} by its own moments, {_or(told.psr_null)} "
            f"against no skill"
        ),
        f"{_or(told.deflated)} after {told.trials:,} trials" if told.trials > 1 else "one trial",
        f"{told.days_needed:,.0f} days prove it at 95 %"
        if told.days_needed < math.inf
        else "no length proves it",
        f"evidence {told.e_value:.3g}, 20 decides",
    ]
    return "; ".join(parts)


def _rules(found: Answer) -> Iterator[str]:
    head = ("rule", "set to", "month", "below 1", "3", "12", "both 1", "3", "12", "lower", "upper")
    yield _row(head)
    for low, value, high in zip(found.lower, found.value, found.upper, strict=True):
        dial = "" if math.isnan(value.dial) else f"{value.dial:.2f}"
        cells = [
            f"{value.horizons[-1].month:.1%}",
            *(f"{one.below:.1%}" for one in value.horizons),
            *(f"{one.joint:.1%}" for one in value.horizons),
            f"{low.joint:.1%}",
            f"{high.joint:.1%}",
        ]
        yield _row((value.name, dial, *cells))
    for name, values in (("best of all rules", found.best), ("no sizing passes", found.bound)):
        gap = [""] * 7
        yield _row((name, *gap, f"{values[1]:.1%}", f"{values[0]:.1%}", f"{values[2]:.1%}"))


def _row(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<18}" + "".join(f"{cell:>9}" for cell in cells[1:])


def _attainable(found: Answer) -> Iterator[str]:
    low, value = found.budget
    yield (
        f"attainable instead, drawdown kept 9 years in 10: {monthly(value.monthly)} at "
        f"{value.volatility:.1%} volatility, at the lower end of the Sharpe ratio "
        f"{monthly(low.monthly)} at {low.volatility:.1%}"
    )
    yield (
        "beside it: Sharpe ratio of the US stock market about 0.4, of Berkshire 1976–2017 0.79; "
        "5 % a month is more than the best known fund made before fees"
    )


# -- a record that is too short -------------------------------------------------------------------


def of_short(source: Source, assumed: "Assumed", target: Target) -> Said:
    """Tell that a record is too short for a verdict, and what can be said instead."""
    days = 0 if source.dated is None else len(source.dated.values)
    sharpe, need = answer.sharpe_needed(target), _needed_of(source.trades, assumed, target)
    lines = [
        f"{goal(target)}: no verdict, {_too_short(source, days)}",
        f"what can be said: you would need a {needs(need, sharpe)}",
        *_trade_lines(source.trades, assumed, target),
    ]
    if source.dated is not None and days:
        values = source.dated.days.values
        lines.append(
            f"so far {float((1.0 + values).prod() - 1.0):+.2%} in {many(days, 'day')}, the "
            f"deepest fall {max_drawdown(values):.2%} on closes; that says nothing about a year"
        )
    lines += [f"note: {note}" for note in source.notes]
    fields = {
        "verdict": None,
        "reason": _too_short(source, days),
        "days": days,
        **target._asdict(),
        "trades": source.trades,
        "needed": need,
        "sharpe_needed": sharpe,
        "notes": source.notes,
    }
    return Said(lines, fields, None)


def _too_short(source: Source, days: int) -> str:
    if source.dated is None:
        return "daily returns are not known; --equity MONEY says what the trades are a part of"
    if days >= FEWEST_DAYS:
        return "no day moved the account"
    return f"{many(days, 'day')} of record, and fewer than {FEWEST_DAYS} say nothing about a year"


# -- trades of a record ---------------------------------------------------------------------------


def _needed_of(counted: Counted | None, assumed: "Assumed", target: Target) -> Needed | None:
    like = None if counted is None else counted.as_trades(assumed.trades, assumed.risk)
    return None if like is None else needed(like, target.monthly)


def _trade_lines(counted: Counted | None, assumed: "Assumed", target: Target) -> Iterator[str]:
    if counted is None:
        return
    if not counted.closed:
        yield "no trade was closed"
        return
    win = "not known" if math.isnan(counted.payoff) else f"{counted.payoff:.2f}"
    yield (
        f"trades: {counted.wins} of {counted.closed} won, {percent(exact(counted.win_rate))} (in "
        f"truth {counted.low:.0%} to {counted.high:.0%} at 90 %), mean win ÷ mean loss {win}, "
        f"{counted.a_month:,.0f} a month at this pace"
    )
    if math.isnan(counted.payoff):
        return
    even = 1.0 / (1.0 + counted.payoff)
    more = closed_needed(counted.win_rate, even)
    told = "" if more == math.inf else f"; {more:,.0f} trades like these tell the two apart"
    yield f"even at {rate(even)} of them won, fees inside{told}"
    like = counted.as_trades(assumed.trades, assumed.risk)
    if like is None:
        yield (
            "a win rate for the target needs --risk FRACTION, the share of equity that a loss "
            "costs, and --trades NUMBER a month"
        )
        return
    need = needed(like, target.monthly)
    yield (
        f"at {like.a_month:,} trades a month that each risk {like.risk:.2%} of equity the target "
        f"takes a win rate of {rate(need.win_rate)}: (1 + {target.monthly:g}/({like.a_month:,}·"
        f"{like.risk:.5f}))/(1 + {like.payoff:.3f}); or at this win rate a win ÷ loss of "
        f"{need.payoff:.2f}"
    )


def _or(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.1%}"
