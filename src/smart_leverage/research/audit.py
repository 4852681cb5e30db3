"""Skill or luck, and the target: what the closed trades and the days of a past can tell.

Nothing is computed here that `verify` and `feasibility` do not compute; this says which of it a
past is long enough for, and why the rest is not known.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smart_leverage.books.statistics import rate_interval
from smart_leverage.domain.errors import BadData
from smart_leverage.policy.target import breakeven_win_rate
from smart_leverage.reports.citing import counted
from smart_leverage.research.feasibility import answer
from smart_leverage.research.feasibility.answer import Chance
from smart_leverage.research.feasibility.histories import Target as Aim
from smart_leverage.research.feasibility.record import FEWEST_DAYS, sharpe_interval
from smart_leverage.research.feasibility.record import Days as Returns
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.monitoring import (
    MonthAnswer,
    RateAnswer,
    is_month_above,
    is_rate_above,
)
from smart_leverage.research.verify.record import DAYS_MIN, Run, record_of
from smart_leverage.research.verify.verdict import Verdict, judge

PLACE = Path("this past")
"""What stands for a file in the errors of `verify`."""


class Rate(NamedTuple):
    """The win rate of closed trades against the one at which they neither earn nor lose.

    Attributes:
        lower: Lower end of the interval for one look, 95 %.
        upper: Its upper end.
        payoff: Mean win over mean loss, after fees; None without one of each.
        breakeven: Win rate that this payoff needs; None where the payoff is not known.
        told: Evidence for and against it, valid however often one looks; against one half where
            the break-even is not known.
    """

    lower: float
    upper: float
    payoff: float | None
    breakeven: float | None
    told: RateAnswer


class Days(NamedTuple):
    """What the days of a past tell; `why` says why a part is None."""

    number: int
    luck: Verdict | None
    months: MonthAnswer | None
    why: str


class Target(NamedTuple):
    """How likely a month's return and a drawdown are both met, at the Sharpe ratio of a past.

    Attributes:
        monthly: Target of a month, fraction.
        drawdown: Never reached, fraction.
        volatility: That of the past, a year.
        held: At this volatility: at the low end of the Sharpe ratio, its value, the high end.
        best: At the constant volatility that makes both likeliest; the same three.
        surplus: By the surplus rule at the best multiple of Kelly, both in a year.
        most: No sizing passes this, at the high end, both in a year.
        verdict: In a word.
        needed: Sharpe ratio that the target asks for.
        days: Of the past.
        why: Why all but `needed` is None.
    """

    monthly: float
    drawdown: float
    needed: float
    days: int
    volatility: float | None = None
    held: tuple[Chance, Chance, Chance] | None = None
    best: tuple[Chance, Chance, Chance] | None = None
    surplus: float | None = None
    most: float | None = None
    verdict: answer.Verdict | None = None
    why: str = ""


def rate_of(won: Sequence[bool], gain: float, loss: float) -> Rate | None:
    """Return what is known of a win rate; None without a trade that was won or lost.

    Args:
        won: One per trade, oldest first; scratches left out.
        gain: Sum of what the wins earned after fees.
        loss: Sum of what the losses cost after fees, positive.
    """
    if not won:
        return None
    wins, losses = sum(won), len(won) - sum(won)
    payoff = (gain / wins) / (loss / losses) if wins and losses and loss > 0.0 else None
    breakeven = None if payoff is None else breakeven_win_rate(payoff, 0.0)
    is_inside = breakeven is not None and 0.0 < breakeven < 1.0
    bar = breakeven if breakeven is not None and is_inside else 0.5
    return Rate(*rate_interval(wins, len(won)), payoff, breakeven, is_rate_above(won, bar))


def days_of(
    dates: Sequence[str], returns: Sequence[float], months: Sequence[float], monthly: float
) -> Days:
    """Return what days and whole months tell.

    Args:
        dates: Of the days, oldest first.
        returns: (n,), of each of them, fractions.
        months: Returns of whole months, fractions.
        monthly: The bar of a month, fraction.
    """
    values = np.asarray(returns, dtype=float)
    mean = is_month_above(months, monthly) if months else None
    try:
        record = record_of("this past", dates, values, PLACE)
    except BadData as error:
        return Days(len(returns), None, mean, _why(error, len(returns)))
    run = Run("past", record, 1, "one past", np.array([record.sharpe]))
    return Days(len(returns), judge(run), mean, "")


def _why(error: BadData, days: int) -> str:
    if days < DAYS_MIN:
        return _few(days, "a Sharpe ratio", DAYS_MIN)
    return error.fault


def _few(days: int, what: str, least: int) -> str:
    verb = "is" if days == 1 else "are"
    return f"{counted(days, 'day')} {verb} too few for {what}; {least} are the least"


def target_of(
    returns: Sequence[float], per_year: int, monthly: float, drawdown: float, seed: int = 0
) -> Target:
    """Return how far away a target is.

    Args:
        returns: (n,), daily, fractions.
        per_year: How many of them a year has.
        monthly: Target of a month, fraction above 0.
        drawdown: Fraction in (0, 1).
        seed: Of the block bootstrap behind the interval of the Sharpe ratio.
    """
    values = np.asarray(returns, dtype=float)
    aim = Aim(monthly, drawdown)
    bare = Target(monthly, drawdown, answer.sharpe_needed(aim), values.size)
    why = _unfit(values)
    if why:
        return bare._replace(why=why)
    sharpes = sharpe_interval(Returns(values, per_year), seed)
    volatility = float(np.std(values, ddof=1)) * math.sqrt(per_year)
    _, value, high = sharpes
    best = answer.best_volatility(value, aim)
    held = _chances(sharpes, volatility, aim)
    at_best = _chances(sharpes, best, aim)
    most = answer.most(high, aim)
    return bare._replace(
        volatility=volatility,
        held=held,
        best=at_best,
        surplus=answer.surplus(value, aim)[1],
        most=most,
        verdict=answer.verdict(at_best[0].joint_12, answer.best_value(high, aim)),
    )


def _unfit(values: FloatArray) -> str:
    if values.size < FEWEST_DAYS:
        return _few(values.size, "a probability", FEWEST_DAYS)
    if not np.isfinite(values).all() or values.min() <= -1.0:
        return "a day lost everything, or has no return"
    if np.ptp(values) == 0.0:
        return "no day differs from another one"
    return ""


def _chances(
    sharpes: tuple[float, float, float], volatility: float, aim: Aim
) -> tuple[Chance, Chance, Chance]:
    low, value, high = (answer.chance(each, volatility, aim) for each in sharpes)
    return low, value, high
