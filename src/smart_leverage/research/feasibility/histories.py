"""A record's own days, drawn anew in blocks, and what rules make of them.

A dial, such as how much to hold, is chosen on one half of the histories and told on the other, so
that no rule is praised for the luck it was chosen by.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from smart_leverage.research.feasibility.rules import (
    Played,
    Rule,
    Shares,
    Steady,
    best_of,
    classic,
    constant,
    days_in_month,
    play,
    shares,
    steady,
    surplus,
)
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.resampling import block_length, resamples

COUNT = 2000
"""Histories, half of them to choose on."""
WARM_UP_MOST = 250
HORIZONS = (1, 3, 12)
LIKE = -math.log1p(-0.08)
"""Dials are for a drawdown of 8 %, and in proportion for others."""
VOLATILITIES = tuple(0.06 + 0.02 * step for step in range(11))
"""Held all the time, a year."""
SURPLUS = (0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.40, 0.50)
"""Held at the peak, a year."""
TIER_CAPS = (0.25, 0.40, 0.60)

Progress = Callable[[int, int], None]


class Target(NamedTuple):
    """A return of a month and a drawdown, fractions."""

    monthly: float = 0.05
    drawdown: float = 0.08

    @property
    def scale(self) -> float:
        """Return how wide the drawdown is beside 8 %."""
        return -math.log1p(-self.drawdown) / LIKE


class Histories(NamedTuple):
    """Noise of a record, drawn anew.

    Attributes:
        noise: (n_paths, warm_up + a year), mean 0 and variance 1 as in the record.
        volatility: Of the record, a year.
        per_year: Days.
        warm_up: Days that rules know before the year.
        block: Mean length of the blocks, days.
    """

    noise: FloatArray
    volatility: float
    per_year: int
    warm_up: int
    block: float

    def returns(self, sharpe: float) -> FloatArray:
        """Return the histories with this Sharpe ratio a year instead of the record's."""
        daily = sharpe / self.per_year + self.noise / math.sqrt(self.per_year)
        return np.maximum(self.volatility * daily, -1.0)


class Told(NamedTuple):
    """A rule on the half of the histories that it was not chosen on.

    Attributes:
        name: Of the rule.
        dial: What was chosen; NaN where there is nothing to choose.
        chosen_on: Probability of both in a year, on the half that chose.
        horizons: By 1, 3 and 12 months.
    """

    name: str
    dial: float
    chosen_on: float
    horizons: tuple[Shares, ...]

    @property
    def joint(self) -> float:
        """Return the probability of both in a year."""
        return self.horizons[-1].joint


def draw(
    returns: FloatArray,
    per_year: int,
    count: int = COUNT,
    seed: int = 0,
    progress: Progress | None = None,
    block: float | None = None,
) -> Histories:
    """Return histories of a year and of what came before it.

    Args:
        returns: (n,), daily, not constant.
        per_year: Days a year.
        count: Histories; even, the second half tells.
        seed: The same one gives the same histories.
        progress: Called with the number drawn and of all.
        block: Mean length of a block, days; None takes what keeps quiet and wild times together.
    """
    length = block_length(returns) if block is None else block
    warm_up = min(len(returns), WARM_UP_MOST)
    days = warm_up + 12 * days_in_month(per_year)
    each = math.ceil(days / len(returns))
    noise = (returns - returns.mean()) / returns.std()
    rows = np.empty((count, each * len(returns)))
    drawn = resamples(noise, length, count * each, seed)
    for number, one in enumerate(drawn):
        rows[number // each, number % each * len(one) :][: len(one)] = one
        if progress is not None and (number + 1) % each == 0:
            progress((number + 1) // each, count)
    volatility = float(returns.std(ddof=1)) * math.sqrt(per_year)
    return Histories(rows[:, :days].copy(), volatility, per_year, warm_up, length)


def simple_rules(target: Target, volatility: float) -> dict[str, dict[float, Rule]]:
    """Return the two rules that can be set, by name and dial."""
    held = [vol * target.scale / volatility for vol in VOLATILITIES]
    risk = target.drawdown * volatility
    multiples = [vol * target.scale / risk for vol in SURPLUS]
    return {
        "constant": {exposure: constant(exposure) for exposure in held},
        "surplus": {each: surplus(each, 1.0 - target.drawdown) for each in multiples},
    }


def all_rules(target: Target, volatility: float, aim: float) -> dict[str, dict[float, Rule]]:
    """Return every rule, by name and dial.

    Args:
        target: To be made.
        volatility: Of the record, a year.
        aim: Volatility that `steady` aims at, a year.
    """
    return {
        **simple_rules(target, volatility),
        **{f"{cap:.0%} always": {cap: constant(cap)} for cap in TIER_CAPS},
        "classic": {math.nan: classic()},
        "steady": {math.nan: steady(Steady(volatility=aim))},
    }


def judged(
    histories: Histories, sharpe: float, target: Target, rules: dict[str, dict[float, Rule]]
) -> Iterator[Told]:
    """Yield each rule with the dial that one half of the histories chose, on the other half."""
    returns = histories.returns(sharpe)
    half = len(returns) // 2

    def played(rule: Rule, part: FloatArray) -> Played:
        return play(rule, part, warm_up=histories.warm_up, per_year=histories.per_year)

    for name, dials in rules.items():
        first = [played(rule, returns[:half]) for rule in dials.values()]
        place = best_of(first, *target, histories.per_year)
        rule, dial = list(dials.values())[place], list(dials)[place]
        last = played(rule, returns[half:])
        told = [shares(last, months, *target, histories.per_year) for months in HORIZONS]
        chosen = shares(first[place], 12, *target, histories.per_year).joint
        yield Told(name, dial, chosen, tuple(told))


def best(told: Sequence[Told]) -> Told:
    """Return the rule that the choosing half prefers."""
    return max(told, key=lambda each: each.chosen_on)
