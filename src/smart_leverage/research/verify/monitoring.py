"""Three questions about a running account that may be asked every day without being fooled.

Is the win rate above a bar, is the mean month above one, and has what worked stopped working? The
first two are decided once their evidence has ever reached 1/α, whenever somebody looked. The third
is an alarm: while nothing is wrong, it goes off by chance once in so many trades on average.

Source: Ville 1939; Waudby-Smith and Ramdas 2024; for the alarm Shin, Ramdas and Rinaldo 2024.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from smart_leverage.research.numbers import series, whole, within
from smart_leverage.research.verify.betting import mixture_e_process_mean_above
from smart_leverage.research.verify.sequential import (
    confidence_sequence_bernoulli,
    log_e_value_win_rate_above,
)

ALPHA = 0.05
TRADES_MOST = 100_000
MONTHS_MOST = 1_200
ALARM = 1_000.0
"""Trades between two false alarms, on average at least."""

BETS = 8


class RateAnswer(NamedTuple):
    """Whether a win rate lies above a bar.

    Attributes:
        wins: Of the closed trades.
        trades: Closed, scratches left out.
        bar: In (0, 1).
        lower: Lower end of the confidence sequence at 95 %.
        upper: Upper end.
        evidence: Highest e-value for "above" so far.
        counter: Highest e-value for "not above" so far.
        answer: True, False, or None while it is not decided.
        decided: Number of the trade with which it was, or None. What was decided stays so.
        needed: More trades until it is decided if wins go on at the present rate; 0 when it is,
            None where that is further than 100,000 trades.
    """

    wins: int
    trades: int
    bar: float
    lower: float
    upper: float
    evidence: float
    counter: float
    answer: bool | None
    decided: int | None
    needed: int | None


class MonthAnswer(NamedTuple):
    """Whether the mean month lies above a bar; it can be confirmed, never denied.

    Attributes:
        months: Whole months.
        mean: Of their returns, NaN without one.
        bar: Fraction.
        worst: The lowest return that any month can have, fraction.
        evidence: Highest e-value so far.
        answer: True, or None while it is not decided.
        needed: More months until it is decided if those so far repeat themselves; 0 when it is,
            None where 1,200 do not suffice.
    """

    months: int
    mean: float
    bar: float
    worst: float
    evidence: float
    answer: bool | None
    needed: int | None


class Alarm(NamedTuple):
    """Whether the win rate has fallen below a bar since some trade, whichever.

    Attributes:
        trades: Closed.
        bar: Win rate that has to hold, in (0, 1).
        level: Of the alarm now; it sounds from 1,000 on.
        highest: Level reached so far.
        since: Trades since it first sounded, or None.
    """

    trades: int
    bar: float
    level: float
    highest: float
    since: int | None

    @property
    def is_sounding(self) -> bool:
        """Whether it sounds now; trades that are won bring the level down again."""
        return self.level >= ALARM


def is_rate_above(won: Sequence[bool], bar: float, alpha: float = ALPHA) -> RateAnswer:
    """Answer whether a win rate is above a bar.

    Args:
        won: One per closed trade, oldest first.
        bar: In (0, 1).
        alpha: Level of each side, in (0, 1).
    """
    within(bar, "bar", 0.0, 1.0)
    enough = -math.log(within(alpha, "alpha", 0.0, 1.0))
    wins, above, below = 0, 0.0, 0.0
    answer = decided = None
    for trades, is_win in enumerate(won, 1):
        wins += bool(is_win)
        above = max(above, log_e_value_win_rate_above(wins, trades, bar))
        below = max(below, log_e_value_win_rate_above(trades - wins, trades, 1.0 - bar))
        if answer is None and max(above, below) >= enough:
            answer, decided = above >= below, trades
    low, high = confidence_sequence_bernoulli(wins, len(won), alpha)
    return RateAnswer(
        wins=wins,
        trades=len(won),
        bar=bar,
        lower=low,
        upper=high,
        evidence=_e(above),
        counter=_e(below),
        answer=answer,
        decided=decided,
        needed=0 if answer is not None else trades_needed(wins, len(won), bar, alpha),
    )


def trades_needed(wins: int, trades: int, bar: float, alpha: float = ALPHA) -> int | None:
    """Return how many more trades decide, if wins go on at the present rate.

    Returns:
        None without a trade, or where 100,000 do not suffice.
    """
    if not whole(trades, "trades"):
        return None
    rate, enough = wins / trades, -math.log(within(alpha, "alpha", 0.0, 1.0))

    def decides(more: int) -> bool:
        total = trades + more
        won = round(wins + rate * more)
        above = log_e_value_win_rate_above(won, total, bar)
        below = log_e_value_win_rate_above(total - won, total, 1.0 - bar)
        return max(above, below) >= enough

    low, high = 0, 1
    while not decides(high):
        low, high = high, 2 * high
        if high > TRADES_MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def is_month_above(
    months: Sequence[float], bar: float, worst: float = -1.0, alpha: float = ALPHA
) -> MonthAnswer:
    """Answer whether the mean month is above a bar.

    Args:
        months: Returns of whole months, fractions, oldest first.
        bar: Fraction.
        worst: No month can be below it; −1 without leverage.
        alpha: Level in (0, 1).

    Raises:
        ValueError: A month was below what no month can be.
    """
    values, enough = series(months, "months", 0), 1.0 / within(alpha, "alpha", 0.0, 1.0)
    evidence = max(mixture_e_process_mean_above(values, bar, worst).max_e, 1.0)
    is_above = evidence >= enough
    needed: int | None = 0
    if not is_above:
        repeated = np.resize(values, len(values) + MONTHS_MOST) if len(values) else values
        stakes = mixture_e_process_mean_above(repeated, bar, worst).e_values
        reached = np.flatnonzero(stakes >= enough)
        needed = int(reached[0]) + 1 - len(values) if reached.size else None
    return MonthAnswer(
        months=len(values),
        mean=float(values.mean()) if len(values) else math.nan,
        bar=bar,
        worst=worst,
        evidence=evidence,
        answer=True if is_above else None,
        needed=needed,
    )


def has_stopped(won: Sequence[bool], bar: float) -> Alarm:
    """Answer whether a win rate has fallen below a bar, at whichever trade that began.

    Every trade opens new bets that the rate is below the bar from here on; the alarm is the sum of
    what they are worth. While the rate is at least the bar, that sum grows by at most one a trade.

    Args:
        won: One per closed trade, oldest first.
        bar: In (0, 1).
    """
    bets = 0.9 / (1.0 - within(bar, "bar", 0.0, 1.0)) * 2.0 ** (-np.arange(BETS) / 2.0)
    stakes, highest, since = np.zeros(BETS), 0.0, None
    for trades, is_win in enumerate(won, 1):
        stakes = np.minimum((stakes + 1.0) * (1.0 + bets * (bar - bool(is_win))), 1e300)
        highest = max(highest, float(stakes.mean()))
        if since is None and highest >= ALARM:
            since = trades
    return Alarm(
        trades=len(won),
        bar=bar,
        level=float(stakes.mean()),
        highest=highest,
        since=None if since is None else len(won) - since,
    )


def _e(log_e: float) -> float:
    return math.exp(log_e) if log_e < 709.0 else math.inf
