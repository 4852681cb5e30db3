"""Figures of the curve: return, growth, how it varied, what it lost."""

from collections.abc import Iterator, Sequence

from smart_leverage.domain.records import Marked
from smart_leverage.domain.sentences import percent
from smart_leverage.policy.target import MONTHLY
from smart_leverage.reports.citing import (
    cited,
    counted,
    ratio_text,
    signed,
    span_text,
)
from smart_leverage.reports.curve import (
    Close,
    Curve,
    sharpe,
    sharpe_interval,
    sortino,
    volatility,
)
from smart_leverage.reports.figure import Figure, known, unknown
from smart_leverage.reports.story import Story

DAYS_MIN = 20
"""Daily returns below which nothing is said about how they vary."""

YEAR_DAYS_MIN = 30
"""Calendar days below which nothing is said about a year."""

_NO_MARK = "the account was never valued"


def _marks(story: Story) -> str:
    return cited(story.places.get(Marked, ()), "mark")


def return_figures(story: Story, curve: Curve) -> Iterator[Figure]:
    """Yield the return and what it compounds to in a year."""
    source = _marks(story)
    basis = span_text(curve.span_days)
    text = "Growth of one unit since the opening; deposits and withdrawals are never a return."
    if story.marks:
        shown = signed(curve.total)
        yield known("return", "Return", curve.total, "fraction", shown, text, basis, source)
    else:
        yield unknown("return", "Return", "fraction", _NO_MARK, text, basis, source)
    text = "The yearly growth that compounds to the return: calendar days over 365.25."
    name, unit = "Growth per year", "fraction per year"
    if curve.span_days >= YEAR_DAYS_MIN and story.marks:
        growth = curve.growth_per_year()
        yield known("growth_per_year", name, growth, unit, signed(growth), text, basis, source)
    else:
        why = f"{curve.span_days:,.1f} days are too few to speak of a year ({YEAR_DAYS_MIN} needed)"
        yield unknown("growth_per_year", name, unit, why, text, basis, source)


def variation_figures(story: Story, curve: Curve) -> Iterator[Figure]:
    """Yield volatility, Sharpe and Sortino ratios from the returns of risk days."""
    changes, per_year = [day.change for day in curve.days], curve.days_per_year
    source = _marks(story)
    basis = f"n = {counted(len(changes), 'risk day')}, {per_year} a year"
    lines = (
        (
            "volatility",
            "Volatility",
            volatility(changes, per_year),
            "Standard deviation of the returns of risk days, times the root of days a year.",
        ),
        (
            "sharpe",
            "Sharpe ratio",
            sharpe(changes, per_year),
            "Mean over standard deviation of the returns of risk days, a year; cash earns 0.",
        ),
        (
            "sortino",
            "Sortino ratio",
            sortino(changes, per_year),
            "Mean over downside deviation (below 0) of the returns of risk days, a year.",
        ),
    )
    for code, name, value, text in lines:
        is_share = code == "volatility"
        unit = "fraction per year" if is_share else "per year"
        if len(changes) < DAYS_MIN:
            days = counted(len(changes), "daily return")
            why = f"{days}, at least {DAYS_MIN} are needed"
            yield unknown(code, name, unit, why, text, basis, source)
        elif value is None:
            why = "no day ended with a loss" if code == "sortino" else "the returns never varied"
            yield unknown(code, name, unit, why, text, basis, source)
        else:
            shown = percent(value) if is_share else ratio_text(value)
            extra = _interval(changes, per_year) if code == "sharpe" else ""
            yield known(code, name, value, unit, shown, text, basis + extra, source)


def _interval(changes: Sequence[float], per_year: int) -> str:
    interval = sharpe_interval(changes, per_year)
    if interval is None:
        return ""
    low, high = map(ratio_text, interval)
    return f"; 90 % interval {low} to {high} if days are independent"


def loss_figures(story: Story, curve: Curve) -> Iterator[Figure]:
    """Yield the deepest drawdown, the worst day and month, and the months at the target."""
    source = _marks(story)
    yield from _drawdown(story, curve, source)
    yield _worst("worst_day", "Worst day", "risk day", curve.days, source)
    yield _worst("worst_month", "Worst month", "risk month", curve.months, source)
    yield _months_at_target(curve.months, source)


def _drawdown(story: Story, curve: Curve, source: str) -> Iterator[Figure]:
    code, name = "max_drawdown", "Deepest drawdown"
    text = "How far the NAV fell below its high-water mark: 1 − NAV ÷ high, at every mark."
    code_days, name_days = "max_drawdown_days", "Its length"
    text_days = "From the high before the deepest drawdown to the next high, calendar days."
    if not story.marks:
        yield unknown(code, name, "fraction", _NO_MARK, text, "", source)
        yield unknown(code_days, name_days, "days", _NO_MARK, text_days, "", source)
        return
    deepest = curve.deepest
    depth = 0.0 if deepest is None else deepest.depth
    basis = f"{counted(len(curve.falls), 'fall')} below a high"
    yield known(code, name, depth, "fraction", percent(depth, 2), text, basis, source)
    days = 0.0 if deepest is None else deepest.days(curve.times[-1])
    is_open = deepest is not None and deepest.end_ns is None
    shown = span_text(days) + (", not recovered" if is_open else "")
    basis = "never below a high" if deepest is None else "the deepest fall"
    yield known(code_days, name_days, days, "days", shown, text_days, basis, source)


def _worst(code: str, name: str, noun: str, periods: Sequence[Close], source: str) -> Figure:
    text = f"Smallest return of a {noun}, from the last mark before it to its last mark."
    if not periods:
        return unknown(code, name, "fraction", _NO_MARK, text, "", source)
    worst = min(periods, key=lambda each: each.change)
    basis = f"{worst.label}, of {counted(len(periods), noun)}"
    return known(code, name, worst.change, "fraction", signed(worst.change), text, basis, source)


def _months_at_target(months: Sequence[Close], source: str) -> Figure:
    aim = percent(MONTHLY, 0)
    code, name = "months_at_target", f"Months of {aim} or more"
    text = (
        f"Share of risk months that made {aim} or more. This is what happened; it says nothing "
        "about the next month."
    )
    if not months:
        return unknown(code, name, "fraction", _NO_MARK, text, "", source)
    reached, count = sum(month.change >= MONTHLY for month in months), len(months)
    share = reached / count
    shown = f"{percent(share, 0)} ({reached} of {count})"
    basis = f"n = {counted(count, 'month')}, first and last may be partial"
    return known(code, name, share, "fraction", shown, text, basis, source)
