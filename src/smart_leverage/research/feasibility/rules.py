"""What rules of exposure make of many histories at once, with what each of them may know by then.

Exposure is set before a day's return is known. It is a share of equity in the strategy as its
record has it: 0.4 holds two fifths of what made the record, 2 twice as much. The arithmetic is that
of the scalar rules in `policy`, over paths; a test holds both beside each other.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from smart_leverage.policy.tier import TierCaps, TierThresholds
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.tail import expected_shortfall_student

SLACK = 1e-12
MEMORY = 0.94
"""Of the moving average of squared returns."""
TAIL_LEVEL, TAIL_FREEDOM, TAIL_LIMIT = 0.975, 4.0, 0.015
EVIDENCE_EVERY, EVIDENCE_LEAST = 21, 60
"""Days between two looks at the tail and the edge, and the fewest that are any evidence."""
KELLY_SHARE, KELLY_BOUND = 0.5, 1.2815515655446004
"""Of Kelly that is used, and the deviations to the lower 10 % bound of the mean."""
WINS_OVER = 50
"""Days that the win rate of `classic` looks back on, each of them counted as a trade."""
FLOOR = 0.93
PEAK_DAYS = 365.0
"""Calendar days that a peak is remembered for."""
BAND = 0.10
CAPS, THRESHOLDS = TierCaps(), TierThresholds()

Bools = NDArray[np.bool_]


class Played(NamedTuple):
    """What became of each path.

    Attributes:
        wealth: (n_paths, days + 1), begins with 1.
        exposure: (n_paths, days).
    """

    wealth: FloatArray
    exposure: FloatArray


class Shares(NamedTuple):
    """Of the paths, or of their months.

    Attributes:
        months: Of the horizon.
        month: Share of months that make the target.
        below: Share of paths whose drawdown stays below.
        total: Share of paths that make what the target compounds to.
        joint: Share of paths that make it and stay below.
        paths: How many.
    """

    months: int
    month: float
    below: float
    total: float
    joint: float
    paths: int


class Day:
    """What a rule may know before a day: the paths so far, and what it held."""

    def __init__(self, returns: FloatArray, warm_up: int, per_year: int) -> None:
        self.returns, self.per_year, self.warm_up = returns, per_year, warm_up
        paths = returns.shape[0]
        self.now = warm_up
        self.wealth = np.ones((paths, returns.shape[1] - warm_up + 1))
        self.exposure = np.zeros((paths, returns.shape[1] - warm_up))
        self.month_opening = np.ones(paths)
        self.high = np.ones(paths)
        """Best wealth of all days played."""

    @property
    def step(self) -> int:
        """Return how many days have been played."""
        return self.now - self.warm_up

    @property
    def seen(self) -> FloatArray:
        """Return the returns that are known."""
        return self.returns[:, : self.now]

    @property
    def equity(self) -> FloatArray:
        """Return the wealth of each path."""
        return self.wealth[:, self.step]

    def peak(self) -> FloatArray:
        """Return the best wealth of the last 365 calendar days, the present one included."""
        window = round(PEAK_DAYS * self.per_year / 365.0)
        first = max(self.step - window, 0)
        best: FloatArray = self.wealth[:, first : self.step + 1].max(axis=1)
        return best

    def pass_by(self, exposure: FloatArray, days_a_month: int) -> None:
        """Hold something through the day."""
        step = self.step
        self.exposure[:, step] = exposure
        grown = 1.0 + exposure * self.returns[:, self.now]
        self.wealth[:, step + 1] = self.wealth[:, step] * np.maximum(grown, SLACK)
        self.now += 1
        np.maximum(self.high, self.equity, out=self.high)
        if self.step % days_a_month == 0:
            self.month_opening = self.equity.copy()


Rule = Callable[[Day], FloatArray]


def play(rule: Rule, returns: FloatArray, *, warm_up: int = 0, per_year: int = 252) -> Played:
    """Return what a rule makes of histories.

    Args:
        rule: What it holds before each day.
        returns: (n_paths, warm_up + days), simple, at exposure 1.
        warm_up: Days that are known before the first one that counts.
        per_year: Days a year.
    """
    day = Day(returns, warm_up, per_year)
    for _ in range(returns.shape[1] - warm_up):
        day.pass_by(rule(day), days_in_month(per_year))
    return Played(day.wealth, day.exposure)


def days_in_month(per_year: int) -> int:
    """Return the days of a month: 21 of 252, 30 of 365."""
    return per_year // 12


def shares(played: Played, months: int, monthly: float, drawdown: float, per_year: int) -> Shares:
    """Return how often the first months make the target and stay inside the drawdown, on closes."""
    days = days_in_month(per_year)
    wealth = played.wealth[:, : months * days + 1]
    ends = wealth[:, ::days]
    is_made = ends[:, 1:] / ends[:, :-1] - 1.0 >= monthly - SLACK
    fall = 1.0 - (wealth / np.maximum.accumulate(wealth, axis=1)).min(axis=1)
    is_below: Bools = fall < drawdown - SLACK
    is_total: Bools = wealth[:, -1] >= (1.0 + monthly) ** months - SLACK
    return Shares(
        months=months,
        month=float(is_made.mean()),
        below=float(is_below.mean()),
        total=float(is_total.mean()),
        joint=float((is_below & is_total).mean()),
        paths=len(wealth),
    )


def constant(exposure: float) -> Rule:
    """Return the rule that always holds the same."""
    return lambda day: np.full(len(day.returns), exposure)


def surplus(multiplier: float, floor: float) -> Rule:
    """Return the rule in proportion to what wealth lies above a floor under its peak of all times.

    Source:
        Grossman and Zhou 1993; the scalar is `policy.drawdown.surplus_exposure`.
    """

    def held(day: Day) -> FloatArray:
        above: FloatArray = np.maximum(multiplier * (1.0 - floor * (day.high / day.equity)), 0.0)
        return above

    return held


def classic(caps: TierCaps = CAPS, at: TierThresholds = THRESHOLDS) -> Rule:
    """Return `classic` filling its crypto cap: the tier by win rate and month, halted past 8 %.

    Every day counts as a trade, and the halt of a month ends with it, as if a person lifted it.
    """
    halt = 0.08

    def held(day: Day) -> FloatArray:
        seen = day.seen[:, -WINS_OVER:]
        rate = (seen > 0.0).mean(axis=1) if seen.shape[1] >= at.trades_min else None
        month = day.equity / day.month_opening - 1.0
        cap = np.full(len(month), caps.learning.crypto)
        if rate is not None:
            cap[rate >= at.win_rate_stable - SLACK] = caps.stable.crypto
            cap[rate >= at.win_rate_profitable - SLACK] = caps.profitable.crypto
        cap[month < at.month_return_emergency - SLACK] = caps.emergency.crypto
        day_of_month = day.step % days_in_month(day.per_year)
        since = day.wealth[:, day.step - day_of_month : day.step + 1].min(axis=1)
        cap[since / day.month_opening - 1.0 < -halt - SLACK] = 0.0
        return cap

    return held


class Steady(NamedTuple):
    """The named caps of `steady`, each in force or not.

    Attributes:
        multiplier: Of the surplus over the floor; 2.8 where decisions are daily.
        volatility: Target a year.
        hard: Of the granted tier.
        has_tail: Expected shortfall of a day at most 1.5 % of equity.
        has_kelly: Half of Kelly at the lower bound of the mean.
    """

    multiplier: float = 2.8
    volatility: float = 0.10
    hard: float = 0.60
    has_tail: bool = True
    has_kelly: bool = True


def steady(caps: Steady) -> Rule:
    """Return the smallest of the named caps, raised only for more than a tenth.

    The cap of the earned tier needs trades and is left out; a cap is not in force before its
    evidence is there. See `policy.exposure`, `policy.tail`, `policy.kelly`.
    """
    variance: list[FloatArray] = []
    slow: list[FloatArray] = [np.empty(0)]

    def held(day: Day) -> FloatArray:
        if day.step == 0:
            variance[:] = [_smoothed(day.seen)] if day.now else []
        elif variance:
            variance[0] = MEMORY * variance[0] + (1.0 - MEMORY) * day.seen[:, -1] ** 2
        else:
            variance[:] = [day.seen[:, -1] ** 2]
        if day.step % EVIDENCE_EVERY == 0:
            slow[0] = _slow_caps(day, caps)
        fast = _fast_caps(day, caps, variance[0] if variance else None)
        allowed = np.minimum(fast, slow[0])
        before = day.exposure[:, day.step - 1] if day.step else np.zeros(len(allowed))
        is_moved = (allowed <= before) | (allowed > before * (1.0 + BAND))
        return np.where(is_moved, allowed, before)

    return held


def _smoothed(seen: FloatArray) -> FloatArray:
    squares: FloatArray = seen[:, 0] ** 2
    for value in seen[:, 1:].T:
        squares = MEMORY * squares + (1.0 - MEMORY) * value**2
    return squares


def _fast_caps(day: Day, caps: Steady, variance: FloatArray | None) -> FloatArray:
    """Return the smallest of the caps that move every day: hard, drawdown, volatility."""
    least = np.maximum(caps.multiplier * (1.0 - FLOOR * (day.peak() / day.equity)), 0.0)
    least = np.minimum(least, caps.hard)
    if variance is None:
        return least
    sigma = np.sqrt(np.maximum(variance, 1e-18) * day.per_year)
    smallest: FloatArray = np.minimum(least, caps.volatility / sigma)
    return smallest


def _slow_caps(day: Day, caps: Steady) -> FloatArray:
    """Return the smallest of the caps that are looked at once a month: tail and Kelly."""
    paths, days = day.seen.shape
    least = np.full(paths, math.inf)
    if caps.has_tail and days >= 20:
        least = np.minimum(least, tail_caps(day.seen))
    if caps.has_kelly and days >= EVIDENCE_LEAST:
        least = np.minimum(least, kelly_caps(day.seen))
    return least


def tail_caps(seen: FloatArray) -> FloatArray:
    """Return the exposure at which the expected shortfall of a day reaches 1.5 % of equity.

    Args:
        seen: (n_paths, days), 20 at least. The larger of their own shortfall and Student's counts.
    """
    share = (1.0 - TAIL_LEVEL) * seen.shape[1]
    whole = math.ceil(share)
    worst = np.sort(np.partition(seen, whole - 1, axis=1)[:, :whole], axis=1)
    weights = np.ones(whole)
    weights[-1] -= whole - share
    sample = -(worst @ weights) / share
    student = expected_shortfall_student(TAIL_FREEDOM, 1.0, TAIL_LEVEL) * seen.std(axis=1, ddof=1)
    shortfall: FloatArray = np.maximum(sample, student)
    return np.where(shortfall > 0.0, TAIL_LIMIT / np.maximum(shortfall, 1e-18), 0.0)


def kelly_caps(seen: FloatArray) -> FloatArray:
    """Return half of Kelly at the lower 10 % bound of the mean, shrunk for what is not known.

    Args:
        seen: (n_paths, days), 60 at least.
    """
    days = seen.shape[1]
    mean, sigma = seen.mean(axis=1), np.maximum(seen.std(axis=1, ddof=1), 1e-18)
    strength = (mean / sigma) ** 2 * days
    shrunk = strength / (1.0 + strength)
    low = np.maximum(mean - KELLY_BOUND * sigma / math.sqrt(days), 0.0)
    caps: FloatArray = KELLY_SHARE * shrunk * low / sigma**2
    return caps


def best_of(played: Sequence[Played], monthly: float, drawdown: float, per_year: int) -> int:
    """Return which of several makes target and drawdown most often in a year; the first of ties."""
    found = [shares(each, 12, monthly, drawdown, per_year).joint for each in played]
    return found.index(max(found))
