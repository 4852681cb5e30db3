"""When losses stop the trading under `steady`: rolling windows beside the calendar, and a drawdown.

A flag of the day is cleared at midnight and set again at once while the last 24 hours still exceed
the limit, so midnight disarms nothing.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from smart_leverage.policy.breakers import (
    BreakerOpens,
    BreakerState,
    LossLimits,
    Severity,
    is_loss_over,
    loss_since,
    severity,
    step_breakers,
)
from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.rule import rule


class SteadyLimits(NamedTuple):
    """Most loss allowed, positive fractions, and the lengths of the rolling windows."""

    loss_limit_daily: float = 0.03
    loss_limit_monthly: float = 0.08
    drawdown_limit: float = 0.08
    month_return_emergency: float = -0.05
    rolling_day_s: float = 86_400.0
    rolling_month_s: float = 2_592_000.0


class SteadyBreakers(NamedTuple):
    """What is tripped; month and drawdown are lifted by a person only."""

    is_day_tripped: bool
    is_month_tripped: bool
    is_drawdown_tripped: bool
    is_emergency: bool


class SteadyReferences(NamedTuple):
    """Equities that losses are measured from, flow-adjusted, account currency."""

    day: float
    day_rolling: float
    month: float
    month_rolling: float
    peak: float
    """Best equity since the start or the last resume, the present one included."""


class Mark(NamedTuple):
    """An equity at a time, with the day and month that it falls into in the risk time zone."""

    time_s: float
    day: int
    month: int
    equity: float
    is_resumed: bool = False
    """Whether a person resumed just before it."""


class RollingTerms(NamedTuple):
    """Whether losses are judged over rolling windows too, and what is judged only then."""

    is_rolling: bool = False
    drawdown_limit: float = 0.08
    """Of the best equity since the start or the last resume."""
    loss_limit_sleeve: float = 0.02
    """What all coins together may lose of the day's opening equity."""


CLEAR = SteadyBreakers(
    is_day_tripped=False, is_month_tripped=False, is_drawdown_tripped=False, is_emergency=False
)


@rule
def step_steady_breakers(
    state: SteadyBreakers, equity: float, since: SteadyReferences, at: SteadyLimits
) -> SteadyBreakers:
    """Judge one mark: trips latch, the emergency is judged anew each time.

    Args:
        state: What was tripped before; the caller clears the day at midnight.
        equity: At the mark, account currency. NaN or infinity keeps every trip, adds none and is an
            emergency.
        since: References. One that is unknown trips nothing; an unknown month is an emergency.
        at: Limits; a loss of exactly its limit is still inside.
    """
    month = loss_since(since.month, equity)
    month_rolling = loss_since(since.month_rolling, equity)
    is_day_over = is_loss_over(loss_since(since.day, equity), at.loss_limit_daily) or is_loss_over(
        loss_since(since.day_rolling, equity), at.loss_limit_daily
    )
    is_month_over = is_loss_over(month, at.loss_limit_monthly) or is_loss_over(
        month_rolling, at.loss_limit_monthly
    )
    lowest = at.month_return_emergency - TOLERANCE
    return SteadyBreakers(
        is_day_tripped=state.is_day_tripped or is_day_over,
        is_month_tripped=state.is_month_tripped or is_month_over,
        is_drawdown_tripped=state.is_drawdown_tripped
        or is_loss_over(loss_since(since.peak, equity), at.drawdown_limit),
        is_emergency=not (-month >= lowest and -month_rolling >= lowest),
    )


@rule
def judge_breakers(
    state: BreakerState,
    equity: float,
    since: SteadyReferences,
    limits: LossLimits,
    month_return_emergency: float,
    at: RollingTerms,
) -> BreakerState:
    """Judge one mark by what a policy says: calendar alone, or rolling windows and drawdown too.

    Args:
        state: What was tripped before.
        equity: At the mark, account currency.
        since: References; those of rolling windows are read only where they count.
        limits: Loss limits of day and month.
        month_return_emergency: Month return below which it is an emergency.
        at: Whether rolling windows count.
    """
    if not at.is_rolling:
        opens = BreakerOpens(since.day, since.month)
        return step_breakers(state, equity, opens, limits, month_return_emergency)
    before = SteadyBreakers(
        is_day_tripped=state.is_day_tripped,
        is_month_tripped=state.is_month_tripped,
        is_drawdown_tripped=state.is_drawdown_tripped,
        is_emergency=state.is_emergency,
    )
    bounds = SteadyLimits(
        loss_limit_daily=limits.loss_limit_daily,
        loss_limit_monthly=limits.loss_limit_monthly,
        drawdown_limit=at.drawdown_limit,
        month_return_emergency=month_return_emergency,
    )
    after = step_steady_breakers(before, equity, since, bounds)
    return BreakerState(
        is_day_tripped=after.is_day_tripped,
        is_month_tripped=after.is_month_tripped,
        is_emergency=after.is_emergency,
        is_drawdown_tripped=after.is_drawdown_tripped,
    )


@rule
def is_sleeve_locked(loss: float, opening_equity: float, at: RollingTerms) -> bool:
    """Tell whether all coins together have lost their share of the day's opening equity.

    Args:
        loss: Money that they lost today, positive, account currency. NaN: not locked.
        opening_equity: Equity at the day's opening, account currency. Unknown or not positive:
            not locked.
        at: Whether that counts, and the share.
    """
    if not (at.is_rolling and 0.0 < opening_equity < math.inf):
        return False
    return is_loss_over(loss / opening_equity, at.loss_limit_sleeve)


@rule
def steady_severity(state: SteadyBreakers) -> Severity:
    """Return the most severe thing that is tripped."""
    return severity(
        BreakerState(
            is_day_tripped=state.is_day_tripped,
            is_month_tripped=state.is_month_tripped,
            is_emergency=state.is_emergency,
            is_drawdown_tripped=state.is_drawdown_tripped,
        )
    )


def steady_breaker_path(marks: Iterable[Mark], at: SteadyLimits) -> list[SteadyBreakers]:
    """Return what is tripped after each mark.

    The opening of a day or month is the last mark before it, or the first mark; the rolling
    reference is the last mark at or before the start of the window, or the first mark. A resume
    clears everything and begins all references anew at its mark.

    Args:
        marks: In order of time.
        at: Limits.
    """
    state, seen, path = CLEAR, list[Mark](), list[SteadyBreakers]()
    day = month = peak = 0.0

    def rolling(start_s: float) -> float:
        index = bisect_right(seen, start_s, key=lambda mark: mark.time_s)
        return seen[max(index - 1, 0)].equity

    for mark in marks:
        if not seen or mark.is_resumed:
            state, seen = CLEAR, [mark]
            day = month = peak = mark.equity
        elif mark.day != seen[-1].day:
            day, state = seen[-1].equity, state._replace(is_day_tripped=False)
        if mark.month != seen[-1].month:
            month = seen[-1].equity
        seen.append(mark)
        peak = max(peak, mark.equity)
        since = SteadyReferences(
            day=day,
            day_rolling=rolling(mark.time_s - at.rolling_day_s),
            month=month,
            month_rolling=rolling(mark.time_s - at.rolling_month_s),
            peak=peak,
        )
        state = step_steady_breakers(state, mark.equity, since, at)
        path.append(state)
    return path
