"""Figures of what was done: trades, exposure, turnover, costs and denials."""

from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.books.allocation import BAND
from smart_leverage.books.statistics import Statistics, rate_interval
from smart_leverage.domain.records import Decided, Filled, Marked
from smart_leverage.domain.sentences import money, percent
from smart_leverage.reports.citing import (
    cited,
    counted,
    events,
    ratio_text,
    signed_money,
    span_text,
)
from smart_leverage.reports.curve import (
    Curve,
    mean_over_time,
)
from smart_leverage.reports.figure import Figure, known, unknown
from smart_leverage.reports.story import Story
from smart_leverage.reports.trading import costs, denials, refused, statistics
from smart_leverage.reports.usage import Group, groups


def trade_figures(story: Story) -> Iterator[Figure]:
    """Yield win rates, profit factor, payoff and expectancy over every closed trade."""
    trades = story.book.trades()
    every, own = statistics(trades), statistics(each for each in trades if not each.is_forced)
    source = cited(story.places.get(Filled, ()), "fill")
    yield _win_rate("win_rate", "Win rate", every, "all closings", source)
    yield _win_rate("win_rate_own", "Win rate, own closings", own, "forced ones left out", source)
    basis = f"n = {counted(every.closed, 'closed trade')}, {every.scratches} scratched"
    lines = (
        (
            "profit_factor",
            "Profit factor",
            every.profit_factor,
            "ratio",
            "Sum of what winning trades made over the sum of what losing ones lost, after costs.",
            "no trade lost",
        ),
        (
            "payoff",
            "Payoff",
            every.payoff_ratio,
            "ratio",
            "Mean win over mean loss, after costs.",
            "it takes a win and a loss",
        ),
        (
            "expectancy",
            "Expectancy",
            every.expectancy,
            "money per trade",
            "Mean net result of a closed trade, scratches included.",
            "no trade was closed",
        ),
    )
    for code, name, value, unit, text, why in lines:
        if value is None:
            why = why if every.closed else "no trade was closed"
            yield unknown(code, name, unit, why, text, basis, source)
        else:
            is_money = code == "expectancy"
            shown = signed_money(value) if is_money else ratio_text(float(value))
            yield known(code, name, value, unit, shown, text, basis, source)


def _win_rate(code: str, name: str, record: Statistics, which: str, source: str) -> Figure:
    text = (
        "Closing orders that won over those that won or lost, first in first out, after costs; "
        f"scratches are neither. Here: {which}."
    )
    basis = f"n = {counted(record.closed, 'closed trade')}"
    rate = record.win_rate
    if rate is None:
        return unknown(code, name, "fraction", "no trade was closed", text, basis, source)
    low, high = rate_interval(record.wins, record.closed)
    shown = f"{percent(rate, 0)} ({record.wins} of {record.closed})"
    basis += f"; 95 % interval {low * 100:.0f}–{high * 100:.0f} %"
    return known(code, name, rate, "fraction", shown, text, basis, source)


def exposure_figures(story: Story) -> Iterator[Figure]:
    """Yield exposure and how it stood to the band and to the cap, weighted by time."""
    source = _marks(story)
    crypto, _, gross = groups(story)
    found = story.allocation.efficiency
    low, high = (percent(edge, 0) for edge in BAND)
    lines = (
        (
            "exposure_mean",
            "Mean crypto exposure",
            found.exposure_mean,
            "Market value of crypto over equity, weighted by time.",
        ),
        (
            "exposure_gross_mean",
            "Mean gross exposure",
            gross.mean,
            "Market value of everything held over equity, weighted by time.",
        ),
        (
            "in_band",
            f"Crypto at {low.removesuffix(' %')}–{high}",
            found.in_band,
            f"Allocation efficiency: share of time with crypto between {low} and {high} of equity.",
        ),
        (
            "cap_use",
            "Use of the crypto cap",
            found.cap_use,
            "Crypto exposure over time divided by its cap over time.",
        ),
        (
            "near_cap",
            "Time near the crypto cap",
            crypto.near,
            "Share of time at or above 90 % of the cap, time above it included.",
        ),
        (
            "above_cap",
            "Time above the crypto cap",
            crypto.above,
            "Share of time above the cap: moved there by prices, or not yet sold down.",
        ),
    )
    for code, name, value, text in lines:
        basis = _span_of(crypto, code)
        if value is None:
            why = "no time passed between two marks"
            yield unknown(code, name, "fraction", why, text, basis, source)
        else:
            yield known(code, name, value, "fraction", percent(value), text, basis, source)


def _span_of(group: Group, code: str) -> str:
    span = (group.times[-1] - group.times[0]) / 86_400e9 if group.times else 0.0
    basis = f"{span_text(span)} between marks"
    return (
        f"{basis}, {counted(group.breaches, 'breach', 'breaches')}"
        if code == "above_cap"
        else basis
    )


def activity_figures(story: Story, curve: Curve) -> Iterator[Figure]:
    """Yield turnover, fees, slippage and denials."""
    spent = costs(story.executions)
    places = [each.seq for each in story.executions]
    source = cited(places, "execution")
    basis = counted(spent.executions, "execution")
    equity = mean_over_time(curve.times, curve.equities)
    text = "Value bought plus value sold, over mean equity."
    if equity is not None and equity > 0.0:
        value = float(spent.value) / equity
        shown = f"{ratio_text(value)} × equity"
        yield known("turnover", "Turnover", value, "ratio", shown, text, basis, source)
    else:
        why = "there is no mean equity above zero"
        yield unknown("turnover", "Turnover", "ratio", why, text, basis, source)
    yield known(
        "fees",
        "Fees",
        spent.fees,
        "money",
        f"{money(spent.fees)}{_of(spent.fees, spent.value)}",
        "What the broker charged; fees taken in coins at the price of their fill.",
        basis,
        source,
    )
    text = "Fills against the price at their decision; positive where the fill was worse."
    if spent.measured:
        shown = f"{money(spent.slippage)}{_of(spent.slippage, spent.value)}"
        basis = (
            f"{spent.measured:,} of {counted(spent.executions, 'execution')} had a decision's price"
        )
        yield known("slippage", "Slippage", spent.slippage, "money", shown, text, basis, source)
    else:
        why = "nothing was executed" if not spent.executions else "no decision had a price"
        yield unknown("slippage", "Slippage", "money", why, text, basis, source)
    found = denials(story)
    lost = sum((refused(each) for _, each in found), Decimal(0))
    asked = len(story.places.get(Decided, ()))
    yield known(
        "denied",
        "Denied",
        len(found),
        "count",
        counted(len(found), "order"),
        "Orders refused before anything was sent; a bot that asks again is counted again.",
        f"of {counted(asked, 'decision')}; {money(lost, 0)} at the prices of the decisions",
        events([seq for seq, _ in found]),
    )


def _of(part: Decimal, whole: Decimal) -> str:
    return f" ({percent(part / whole, 3)} of the value moved)" if whole else ""


def _marks(story: Story) -> str:
    return cited(story.places.get(Marked, ()), "mark")
