"""What a record of days says about a target, and what it does not."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smart_leverage.research.feasibility import answer
from smart_leverage.research.feasibility.answer import Budget, Verdict
from smart_leverage.research.feasibility.best_rule import Goal, best_rule_value
from smart_leverage.research.feasibility.histories import (
    COUNT,
    Histories,
    Progress,
    Target,
    Told,
    all_rules,
    best,
    draw,
    judged,
    simple_rules,
)
from smart_leverage.research.feasibility.rules import Rule, constant
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.betting import mixture_e_process_mean_above
from smart_leverage.research.verify.resampling import bootstrap_interval
from smart_leverage.research.verify.sharpe import (
    deflated_sharpe,
    min_track_record_length,
    moments,
    probabilistic_sharpe,
    psr_null_variance_ar1,
)

FEWEST_DAYS = 60
"""Fewer days than this get no verdict."""
AIM_MOST = 0.10
"""Volatility a year that `steady` aims at, at most."""
ENDS = 0.90
BISECTIONS = 8


class Days(NamedTuple):
    """A record of days.

    Attributes:
        values: (n,), simple daily returns, fractions.
        per_year: 365 where weekends are among the days, else 252.
    """

    values: FloatArray
    per_year: int


class Evidence(NamedTuple):
    """Whether there is any skill at all.

    Attributes:
        psr: Probability that the Sharpe ratio is above 0, by its own moments; None where undefined.
        psr_null: The same with the variance of no skill and the record's memory.
        deflated: That it is above the best of all trials by luck; None for one trial.
        trials: Looked at.
        days_needed: Until 95 % are proven at this Sharpe ratio; infinity where it is not above 0.
        e_value: Against a mean of 0, however often one looked; 20 decides.
    """

    psr: float | None
    psr_null: float | None
    deflated: float | None
    trials: int
    days_needed: float
    e_value: float


class Deciding(NamedTuple):
    """Which length of record would decide, if its Sharpe ratio stays what it is.

    Attributes:
        not_below: Sharpe ratio that the upper end has to come under.
        attainable_from: Sharpe ratio that the lower end has to reach.
        days: Of record in all; infinity where no length decides.
    """

    not_below: float
    attainable_from: float
    days: float


class Answer(NamedTuple):
    """A verdict on a record, and everything that led to it.

    Attributes:
        verdict: On the target.
        days: Of record.
        per_year: Days a year.
        sharpe: A year: lower end, value, upper end, at 90 %.
        volatility: Of the record, a year.
        block: Mean length of the blocks that were drawn, days.
        histories: Drawn at each end; half of them told.
        lower: The rules at the lower end; `value` and `upper` likewise.
        by: Name of the rule that is best at the lower end.
        lower_joint: What it makes there.
        best: The best of all rules at the lower end, the value, the upper end.
        bound: Passed by no sizing, at the same three.
        evidence: Of skill.
        deciding: Only where the verdict is undecided.
        budget: What is attainable at the lower end, if not below 0, and at the value.
    """

    verdict: Verdict
    days: int
    per_year: int
    sharpe: tuple[float, float, float]
    volatility: float
    block: float
    histories: int
    lower: tuple[Told, ...]
    value: tuple[Told, ...]
    upper: tuple[Told, ...]
    by: str
    lower_joint: float
    best: tuple[float, float, float]
    bound: tuple[float, float, float]
    evidence: Evidence
    deciding: Deciding | None
    budget: tuple[Budget, Budget]


def sharpe_interval(days: Days, seed: int = 0) -> tuple[float, float, float]:
    """Return lower end, value and upper end of the Sharpe ratio a year, at 90 %."""

    def sharpe(values: FloatArray) -> float:
        spread = float(np.std(values, ddof=1))
        year = math.sqrt(days.per_year)
        return float(np.mean(values)) / spread * year if spread > 0.0 else math.nan

    found = bootstrap_interval(days.values, sharpe, ENDS, seed=seed)
    return found.lower, found.value, found.upper


def answered(
    days: Days,
    target: Target,
    *,
    volatility: float | None = None,
    trials: int = 1,
    count: int = COUNT,
    seed: int = 0,
    progress: Callable[[str], Progress] | None = None,
) -> Answer:
    """Return the verdict on a record.

    Args:
        days: Of record, `FEWEST_DAYS` at least, not all the same.
        target: To be made.
        volatility: Held all the time, a year, in place of the best one.
        trials: Everything that was looked at before this was chosen.
        count: Histories to draw.
        seed: Of everything that is drawn.
        progress: Given the name of a long step, returns what it calls.

    Raises:
        ValueError: There are fewer days.
    """
    if len(days.values) < FEWEST_DAYS:
        raise ValueError(f"days: {len(days.values)} are too few for a verdict")
    ends = sharpe_interval(days, seed)
    drawing = None if progress is None else progress("drawing histories")
    histories = draw(days.values, days.per_year, count, seed, drawing)
    aim = min(answer.budget(max(ends[0], 0.0), target.drawdown).volatility, AIM_MOST)
    rules = all_rules(target, histories.volatility, aim)
    if volatility is not None:
        held = volatility / histories.volatility
        rules["constant"] = {held: constant(held)}
    told = _at_ends(histories, ends, target, rules, None if progress is None else progress("rules"))
    preferred = best(told[0])
    values = [_best_value(end, target, days.per_year) for end in ends]
    found = answer.verdict(preferred.joint, values[2])
    is_open = found is Verdict.UNDECIDED
    return Answer(
        verdict=found,
        days=len(days.values),
        per_year=days.per_year,
        sharpe=ends,
        volatility=histories.volatility,
        block=histories.block,
        histories=count,
        lower=told[0],
        value=told[1],
        upper=told[2],
        by=preferred.name,
        lower_joint=preferred.joint,
        best=(values[0], values[1], values[2]),
        bound=(answer.most(ends[0], target), answer.most(ends[1], target),
               answer.most(ends[2], target)),
        evidence=evidence(days, trials),
        deciding=deciding(histories, ends, target, len(days.values)) if is_open else None,
        budget=(answer.budget(max(ends[0], 0.0), target.drawdown),
                answer.budget(max(ends[1], 0.0), target.drawdown)),
    )  # fmt: skip


def _at_ends(
    histories: Histories,
    ends: tuple[float, float, float],
    target: Target,
    rules: dict[str, dict[float, Rule]],
    progress: Progress | None,
) -> list[tuple[Told, ...]]:
    found: list[tuple[Told, ...]] = []
    total = len(ends) * len(rules)
    for sharpe in ends:
        told: list[Told] = []
        for one in judged(histories, sharpe, target, rules):
            told.append(one)
            if progress is not None:
                progress(len(found) * len(rules) + len(told), total)
        found.append(tuple(told))
    return found


def _best_value(sharpe: float, target: Target, per_year: int) -> float:
    return best_rule_value(Goal(sharpe, target.monthly, target.drawdown, 12, per_year))


def deciding(
    histories: Histories, ends: tuple[float, float, float], target: Target, days: int
) -> Deciding:
    """Return the length of record that would decide, where its Sharpe ratio stays the same.

    Both halves of the interval shrink with the root of the length.
    """
    high_bar, low_bar = answer.even_by_best(target), _attainable_from(histories, target)
    low, value, high = ends
    length = math.inf
    if value < high_bar:
        length = days * ((high - value) / (high_bar - value)) ** 2
    elif value > low_bar:
        length = days * ((value - low) / (value - low_bar)) ** 2
    return Deciding(high_bar, low_bar, math.ceil(length) if length < math.inf else length)


def _attainable_from(histories: Histories, target: Target) -> float:
    """Return the Sharpe ratio at which a simple rule makes both every second year, to 0.1."""
    rules, low, high = simple_rules(target, histories.volatility), 0.0, answer.SHARPE_MOST
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        is_made = best(tuple(judged(histories, middle, target, rules))).joint >= answer.EVEN
        low, high = (low, middle) if is_made else (middle, high)
    return high


def evidence(days: Days, trials: int) -> Evidence:
    """Return whether a record shows skill, by four ways of asking.

    Args:
        days: Of record.
        trials: Everything looked at; the spread of their Sharpe ratios is taken as that of luck.
    """
    values, n = days.values, len(days.values)
    shape = moments(values)
    sharpe = float(values.mean() / values.std(ddof=1))
    memory = float(np.corrcoef(values[:-1], values[1:])[0, 1])
    luck = 1.0 / (n - 1)

    def known(ask: Callable[[], float]) -> float | None:
        try:
            return ask()
        except ValueError:  # such moments have no variance
            return None

    length = known(lambda: min_track_record_length(sharpe, 0.0, *shape, 0.95))
    return Evidence(
        psr=known(lambda: probabilistic_sharpe(sharpe, 0.0, n, *shape)),
        psr_null=known(lambda: psr_null_variance_ar1(sharpe, 0.0, n, *shape, memory)),
        deflated=known(lambda: deflated_sharpe(sharpe, n, *shape, trials, luck))
        if trials > 1
        else None,
        trials=trials,
        days_needed=math.inf if length is None else length,
        e_value=mixture_e_process_mean_above(values, 0.0, -1.0).max_e,
    )
