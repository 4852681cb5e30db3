"""When losses stop the trading: day, month and the emergency month, with their severity."""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.rule import rule


class Severity(IntEnum):
    """What is tripped, the most severe last."""

    NORMAL = 0
    EMERGENCY = 1
    DAY = 2
    MONTH = 3
    DRAWDOWN = 4
    """Only the preset `steady` judges it."""


class LossLimits(NamedTuple):
    """Most loss allowed: positive fractions of the opening equity of the period."""

    loss_limit_daily_asset: float = 0.02
    loss_limit_daily: float = 0.03
    loss_limit_monthly: float = 0.08


class BreakerState(NamedTuple):
    """What is tripped; the day clears at midnight, month and drawdown only by a person."""

    is_day_tripped: bool
    is_month_tripped: bool
    is_emergency: bool
    is_drawdown_tripped: bool = False


class BreakerOpens(NamedTuple):
    """Opening equity of the day and of the month, flow-adjusted, account currency."""

    day: float
    month: float


@rule
def loss_since(opening: float, equity: float) -> float:
    """Return the loss as a fraction of the opening, negative for a gain.

    Args:
        opening: Opening equity of the period, account currency.
        equity: Equity now, account currency.

    Returns:
        Fraction; above 1.0 when more than everything is lost; NaN when the opening is not positive
        or either is not finite.
    """
    if not (0.0 < opening < math.inf and math.isfinite(equity)):
        return math.nan
    return 1.0 - equity / opening


@rule
def is_loss_over(loss: float, limit: float) -> bool:
    """Tell whether a loss is strictly beyond its limit; an unknown loss is not a trip.

    An unknown equity denies increases elsewhere; a false trip would sell on missing data.

    Args:
        loss: Fraction of the opening equity, positive. NaN: not over.
        limit: Positive fraction; the limit itself is still inside.
    """
    return loss > limit + TOLERANCE


@rule
def step_breakers(
    state: BreakerState,
    equity: float,
    opens: BreakerOpens,
    limits: LossLimits,
    month_return_emergency: float,
) -> BreakerState:
    """Judge one mark: trips latch, the emergency month is judged anew each time.

    Args:
        state: What was tripped before; the caller clears the day at midnight.
        equity: Equity at the mark, account currency. NaN or infinity keeps every trip, adds none
            and is an emergency.
        opens: Opening equities. One that is unknown does the same for its own period.
        limits: Loss limits.
        month_return_emergency: Month return below which it is an emergency, e.g. −0.05.

    Source:
        Decisions 0008 to 0010.
    """
    day_loss = loss_since(opens.day, equity)
    month_loss = loss_since(opens.month, equity)
    return BreakerState(
        is_day_tripped=state.is_day_tripped or is_loss_over(day_loss, limits.loss_limit_daily),
        is_month_tripped=state.is_month_tripped
        or is_loss_over(month_loss, limits.loss_limit_monthly),
        is_emergency=not -month_loss >= month_return_emergency - TOLERANCE,
        is_drawdown_tripped=state.is_drawdown_tripped,
    )


@rule
def severity(state: BreakerState) -> Severity:
    """Return the most severe thing that is tripped."""
    if state.is_drawdown_tripped:
        return Severity.DRAWDOWN
    if state.is_month_tripped:
        return Severity.MONTH
    if state.is_day_tripped:
        return Severity.DAY
    if state.is_emergency:
        return Severity.EMERGENCY
    return Severity.NORMAL


@rule
def is_asset_locked(loss: float, opening_equity: float, limits: LossLimits) -> bool:
    """Tell whether one asset has lost its share of the day's opening equity.

    Args:
        loss: Money the asset lost today, positive, account currency. NaN: not locked.
        opening_equity: Equity at the day's opening, account currency. Unknown or not positive:
            not locked; increases are denied by the unknown equity itself.
        limits: Loss limits.

    Source:
        Decision 0007.
    """
    if not 0.0 < opening_equity < math.inf:
        return False
    return is_loss_over(loss / opening_equity, limits.loss_limit_daily_asset)
