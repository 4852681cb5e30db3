"""What rules of exposure made of days that happened: coins in equal parts, held or timed.

One history is no distribution, so its figures have no Monte Carlo error; they are arithmetic. It is
played in calendar days and months, with costs, which the made-up worlds do without.
"""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.market.bars import BarSeries
from smart_leverage.research.feasibility.histories import Target
from smart_leverage.research.feasibility.rules import (
    BAND,
    CAPS,
    FLOOR,
    MEMORY,
    THRESHOLDS,
    WINS_OVER,
)
from smart_leverage.research.numbers import FloatArray

WARM_UP = 120
"""Days that rules only see."""
AVERAGE = 50
"""Closes whose mean a coin must be above, to be held where it is timed."""
COST = 0.001
"""Of what is turned over."""
YEAR = 365
HALT, HARD, VOLATILITY, MULTIPLIER = 0.08, 0.60, 0.10, 4.0


class Coins(NamedTuple):
    """Days of several coins.

    Attributes:
        dates: Of the days, one after the other without a gap.
        returns: (n_days, n_coins), simple.
        is_held: (n_days, n_coins), 1 or 0, known before the day.
    """

    dates: tuple[date, ...]
    returns: FloatArray
    is_held: FloatArray


class Outcome(NamedTuple):
    """What a rule made of it, fractions.

    Attributes:
        growth: A year.
        fall: Deepest below the best of all times, on closes.
        below: Share of 12-month windows whose drawdown stays below that of the target.
        total: Share of windows that make what the target of a month compounds to.
        joint: Share of windows that do both.
        exposure: Mean over the days, of what the rule allows.
    """

    growth: float
    fall: float
    below: float
    total: float
    joint: float
    exposure: float


def coins_of(dates: Sequence[date], closes: FloatArray, *, average: int = 0) -> Coins:
    """Return the days between closes.

    Args:
        dates: (n,), of the closes, without a gap.
        closes: (n, n_coins), above 0.
        average: Hold a coin only after a close above the mean of so many, its own included; 0
            holds all of them always.

    Raises:
        BadData: There are too few days, or one is missing.
    """
    if len(dates) <= WARM_UP + YEAR:
        raise BadData(f"{len(dates)} days are too few", fix=f"{WARM_UP + YEAR + 1} are the least")
    for before, after in pairwise(dates):
        if after - before != timedelta(days=1):
            raise BadData(f"{after} follows on {before}", fix="a close for each day")
    is_held = np.ones_like(closes)
    if average:
        sums = np.cumsum(np.vstack((np.zeros(closes.shape[1]), closes)), axis=0)
        mean = (sums[average:] - sums[:-average]) / average
        is_held[:] = 0.0
        is_held[average - 1 :] = closes[average - 1 :] > mean
    return Coins(tuple(dates[1:]), closes[1:] / closes[:-1] - 1.0, is_held[:-1])


def closes_of(series: Sequence[BarSeries]) -> tuple[list[date], FloatArray]:
    """Return the days, UTC, that all of these daily bars have, and the closes of each.

    Raises:
        BadData: A series has other bars than daily ones.
    """
    found = []
    for each in series:
        if each.step_ns != DAY_NS:
            raise BadData("the bars are not daily", file=each.source.name, fix="bars of a day each")
        days = (datetime.fromtimestamp(at_ns // SECOND_NS, UTC).date() for at_ns in each.starts)
        found.append(dict(zip(days, each.closes, strict=True)))
    common = sorted(set.intersection(*(set(closes) for closes in found)))
    return common, np.array([[closes[day] for closes in found] for day in common])


class Book:
    """What a rule may know before a day of one history."""

    def __init__(self, coins: Coins) -> None:
        self.coins = coins
        self.market = coins.returns.mean(axis=1)
        """Of all coins in equal parts."""
        self.sleeve = (coins.returns * coins.is_held).mean(axis=1)
        """Of those that are held."""
        self.now = WARM_UP
        self.wealth = [1.0]
        self.month_opening = self.month_low = 1.0


Rule = Callable[[Book], float]


def rules() -> dict[str, Rule]:
    """Return the rules, by what a table calls them."""
    return {
        "40 % always": lambda _: 0.40,
        "classic": classic,
        "steady, m 4": steady(YEAR),
        "steady, peak of all times": steady(None),
    }


def classic(book: Book) -> float:
    """Return its crypto cap: days held are trades; past 8 % it halts until the month ends."""
    is_on = book.coins.is_held[: book.now].any(axis=1)
    recent = book.sleeve[: book.now][is_on][-WINS_OVER:]
    rate = float((recent > 0.0).mean()) if len(recent) >= THRESHOLDS.trades_min else 0.0
    if book.month_low / book.month_opening - 1.0 < -HALT:
        return 0.0
    if book.wealth[-1] / book.month_opening - 1.0 < THRESHOLDS.month_return_emergency:
        return CAPS.emergency.crypto
    if rate >= THRESHOLDS.win_rate_profitable:
        return CAPS.profitable.crypto
    return CAPS.stable.crypto if rate >= THRESHOLDS.win_rate_stable else CAPS.learning.crypto


def steady(peak_days: int | None) -> Rule:
    """Return its caps that need no record: hard, drawdown under a peak, volatility of the market.

    Args:
        peak_days: How long a peak is remembered; None for ever.
    """
    known: list[float] = []
    before = [0.0]

    def held(book: Book) -> float:
        for value in book.market[len(known) : book.now]:
            known.append(
                MEMORY * known[-1] + (1.0 - MEMORY) * value**2 if known else float(value**2)
            )
        best = max(book.wealth if peak_days is None else book.wealth[-peak_days - 1 :])
        allowed = min(
            max(MULTIPLIER * (1.0 - FLOOR * best / book.wealth[-1]), 0.0),
            HARD,
            VOLATILITY / math.sqrt(max(known[-1], 1e-18) * YEAR),
        )
        if not before[0] < allowed <= before[0] * (1.0 + BAND):
            before[0] = allowed
        return before[0]

    return held


def played(rule: Rule, coins: Coins, target: Target, cost: float = COST) -> Outcome:
    """Return what a rule made of days that happened, decided at each close.

    Args:
        rule: What share of equity may be in coins, in equal parts; parts not held are cash.
        coins: More than a year of them, and the days that rules only see.
        target: Of a month, and the drawdown.
        cost: Of what is turned over.
    """
    book, allowed = Book(coins), []
    parts = np.zeros(coins.returns.shape[1])
    for day in range(WARM_UP, len(coins.dates)):
        allowed.append(rule(book))
        wanted = allowed[-1] * coins.is_held[day] / len(parts)
        turned = float(np.abs(wanted - parts).sum())
        grown = 1.0 + float(wanted @ coins.returns[day]) - cost * turned
        parts = wanted
        book.wealth.append(book.wealth[-1] * max(grown, 1e-12))
        book.now = day + 1
        book.month_low = min(book.month_low, book.wealth[-1])
        if (coins.dates[day] + timedelta(days=1)).day == 1:
            book.month_opening = book.month_low = book.wealth[-1]
    return _outcome(np.array(book.wealth), float(np.mean(allowed)), target)


def _outcome(wealth: FloatArray, exposure: float, target: Target) -> Outcome:
    windows = np.lib.stride_tricks.sliding_window_view(wealth, YEAR + 1)
    is_below = _fall(windows) < target.drawdown
    is_total = windows[:, -1] / windows[:, 0] >= (1.0 + target.monthly) ** 12
    return Outcome(
        growth=float(wealth[-1] ** (YEAR / (len(wealth) - 1))) - 1.0,
        fall=float(_fall(wealth[np.newaxis])[0]),
        below=float(is_below.mean()),
        total=float(is_total.mean()),
        joint=float((is_below & is_total).mean()),
        exposure=exposure,
    )


def _fall(wealth: FloatArray) -> FloatArray:
    deepest: FloatArray = 1.0 - (wealth / np.maximum.accumulate(wealth, axis=1)).min(axis=1)
    return deepest
