"""What is known of a set when its account has gone through all bars."""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.calendars import RiskCalendar
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.policy.params import Policy
from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.research.kernel import (
    Columns,
    Ends,
    Metrics,
    Run,
    Setup,
    Signals,
    sweep,
    sweep_ends,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EDGE_DAYS = 4
"""A month counts as whole when bars begin this near to its start and end this near to its end."""


class Goal(NamedTuple):
    """What a month should bring, fractions, and the level of the shortfall."""

    month: float = 0.05
    drawdown: float = 0.08
    level: float = 0.975


class Months(NamedTuple):
    """What the curve of one account tells beyond `Metrics`.

    Attributes:
        months: Whole months.
        months_good: Those that returned at least the goal and never fell as deep as its drawdown.
        month_mean: Mean return of whole months, fraction; NaN without one, as the next two.
        month_worst: The least of them.
        month_best: The most.
        month_fall: Deepest fall inside one whole month, fraction.
        shortfall: Mean of the worst daily losses, those beyond the level; positive is a loss.
    """

    months: int
    months_good: int
    month_mean: float
    month_worst: float
    month_best: float
    month_fall: float
    shortfall: float


FIGURES = (*Metrics._fields, *Months._fields)
"""Columns of a result that are not what was varied."""

WHOLE_NUMBERS = frozenset(
    (
        *("days", "trades", "wins", "losses", "forced", "bought", "denied"),
        *("trips_day", "trips_month", "locks", "plans", "halts", "months", "months_good"),
    )
)


class Periods(NamedTuple):
    """The risk day and month of every mark, and which months the bars cover whole.

    `day` and `month` are numbers that rise, (n_marks,); `whole` holds numbers of months.
    """

    day: Ints
    month: Ints
    whole: frozenset[int]


def periods_of(bars: Columns, timezone: str = "America/New_York") -> Periods:
    """Return the periods of the marks that an account over these bars writes."""
    closing = bars.instants[bars.instants["closes"] > 0]
    calendar = RiskCalendar(timezone)
    first, last = int(bars.instants["at"][0]), int(bars.instants["at"][-1])
    whole = set()
    for month in np.unique(closing["month"]):
        inside = int(closing["at"][np.searchsorted(closing["month"], month)])
        begin, end = _month_around(calendar, inside)
        if first <= begin + EDGE_DAYS * DAY_NS and last >= end - EDGE_DAYS * DAY_NS:
            whole.add(int(month))
    return Periods(closing["day"].copy(), closing["month"].copy(), frozenset(whole))


def _month_around(calendar: RiskCalendar, at_ns: int) -> tuple[int, int]:
    first = date.fromisoformat(f"{calendar.month_of(at_ns)}-01")
    return calendar.start_ns(first), calendar.next_month_ns(at_ns)


def months_of(one: Run, periods: Periods, opening: float, goal: Goal) -> Months:
    """Return what the curve of a run tells.

    Args:
        one: A run with its curve.
        periods: Of the same bars.
        opening: Cash with which it began.
        goal: What counts as a good month, and the level of the shortfall.
    """
    equity = one.curve["equity"]
    ends = _last_of_each(periods.month)
    begins = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    returns, falls = [], []
    for begin, end in zip(begins, ends, strict=True):
        if int(periods.month[end]) not in periods.whole:
            continue
        before = opening if begin == 0 else float(equity[begin - 1])
        path = np.concatenate([[before], equity[begin : end + 1]])
        returns.append(float(equity[end]) / before - 1.0)
        falls.append(float((1.0 - path / np.maximum.accumulate(path)).max()))
    return _sum_up(returns, falls, day_returns(equity, periods.day, opening), goal)


def months_of_ends(ends: Ends, periods: Periods, opening: float, goal: Goal) -> list[Months]:
    """Return what `months_of` does, for accounts of which only the ends are known."""
    marks = _last_of_each(periods.day)
    days, months = periods.day[marks], periods.month[marks]
    lasts = _last_of_each(months)
    numbers = months[lasts]
    is_whole = np.isin(numbers, list(periods.whole))
    found = []
    for equity, falls in zip(ends.days[:, days], ends.falls[:, numbers], strict=True):
        with np.errstate(invalid="ignore", divide="ignore"):  # of an account that cannot go on
            returns = equity[lasts] / np.concatenate([[opening], equity[lasts[:-1]]]) - 1.0
            gains = day_returns(equity, days, opening)
        found.append(_sum_up(returns[is_whole].tolist(), falls[is_whole].tolist(), gains, goal))
    return found


def _sum_up(returns: Sequence[float], falls: Sequence[float], days: Floats, goal: Goal) -> Months:
    """Return figures from returns and deepest falls of whole months, and returns of days."""
    good = sum(
        gain >= goal.month - TOLERANCE and fall < goal.drawdown
        for gain, fall in zip(returns, falls, strict=True)
    )
    return Months(
        months=len(returns),
        months_good=good,
        month_mean=math.fsum(returns) / len(returns) if returns else math.nan,
        month_worst=min(returns, default=math.nan),
        month_best=max(returns, default=math.nan),
        month_fall=max(falls, default=math.nan),
        shortfall=shortfall(-days, goal.level),
    )


def day_returns(equity: Floats, day: Ints, opening: float) -> Floats:
    """Return the return of every risk day that is over, from the last mark of the one before."""
    ends = equity[_last_of_each(day)]
    before = np.concatenate([[opening], ends[:-1]])
    found: Floats = ends / before - 1.0
    return found[:-1]  # whether the last day is over, nobody knows


def _last_of_each(label: Ints) -> Ints:
    return np.append(np.flatnonzero(np.diff(label)), len(label) - 1).astype(np.int64)


def shortfall(losses: Floats, level: float) -> float:
    """Return the expected shortfall of a sample: the mean of its worst share of 1 − level.

    The loss on the boundary counts with the fraction that is left. With fewer than 1 ÷ (1 − level)
    losses that is the worst one. NaN of none.

    Source:
        Rockafellar and Uryasev, Conditional value-at-risk for general loss distributions (2002),
        proposition 8.
    """
    if not len(losses):
        return math.nan
    worst = np.sort(losses)[::-1]
    tail = (1.0 - level) * len(worst)
    if tail <= 1.0:
        return float(worst[0])
    count = int(tail)
    part = (tail - count) * float(worst[count]) if count < len(worst) else 0.0
    # Exact sums, so that every kind of processor comes to the same bits.
    return (math.fsum(worst[:count]) + part) / tail


class Inputs(NamedTuple):
    """Everything that is the same for all sets.

    `has_months` asks for what is counted by months and days; without it a sweep has `Metrics` only.
    """

    bars: Columns
    signals: Signals
    setup: Setup
    goal: Goal
    timezone: str = "America/New_York"
    has_months: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that `measure` gives."""
        return FIGURES if self.has_months else Metrics._fields

    def until(self, share: float) -> "Inputs":
        """Return the first part of the bars, as a share of their instants; 1.0 is all of them."""
        if share >= 1.0:
            return self
        end = max(2, math.ceil(share * len(self.bars.instants)))
        return self._replace(bars=_cut(self.bars, end), signals=_cut_signals(self.signals, end))


def _cut(bars: Columns, end: int) -> Columns:
    names = ("instants", "cells", "low", "close", "ratio")
    parts = {name: getattr(bars, name)[:end] for name in names}
    count = int(np.count_nonzero(parts["cells"]["closes"]))
    return bars._replace(**parts, bars=count)


def _cut_signals(signals: Signals, end: int) -> Signals:
    first = signals.first[: end + 1]
    return Signals(signals.rows[: first[-1]], first)


def measure(
    inputs: Inputs, periods: Periods, policies: Sequence[Policy]
) -> tuple[Floats, list[str]]:
    """Take an account per policy through the bars.

    Args:
        inputs: What is the same for all.
        periods: Of `inputs.bars`.
        policies: One account each.

    Returns:
        (n_policies, n_figures), in the order of `inputs.names`; and a text per policy that says
        what the account came to that the kernel cannot do, its figures being NaN, or nothing.
    """
    try:  # side by side
        return _figures(inputs, periods, policies), [""] * len(policies)
    except (BadData, ConfigError):  # one of them; the others are wanted all the same
        pass
    rows = np.full((len(policies), len(inputs.names)), math.nan)
    faults = []
    for place, policy in enumerate(policies):
        try:
            rows[place] = _figures(inputs, periods, [policy])[0]
        except (BadData, ConfigError) as error:
            faults.append(str(error).removeprefix("policy 1: "))
        else:
            faults.append("")
    return rows, faults


def _figures(inputs: Inputs, periods: Periods, policies: Sequence[Policy]) -> Floats:
    bars, signals, setup = inputs.bars, inputs.signals, inputs.setup
    if not inputs.has_months:
        return _columns(sweep(bars, signals, policies, setup, threads=1))

    def sum_up(ends: Ends) -> Floats:
        return np.array(months_of_ends(ends, periods, setup.cash, inputs.goal), dtype=np.float64)

    metrics, months = sweep_ends(bars, signals, policies, setup, sum_up, threads=1)
    return np.concatenate([_columns(metrics), months], axis=1)


def _columns(metrics: Metrics) -> Floats:
    return np.stack([column.astype(np.float64) for column in metrics], axis=1)
