"""How sure the differences are: one joint bootstrap of paired daily log returns, and its ranks.

All policies are resampled with the same rows, in blocks, so that what one day did to all of them
stays together. From the resampled means come the interval of each growth, that of each difference
to the baseline, and the ranks. A policy is told to be better than another only where their
difference stands out from the largest that chance brings among *all* pairs; so ranks survive that
many pairs were looked at. Hansen's test asks the one question beside it: whether the best of all
beats the baseline, when the best was looked for.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData
from smart_leverage.research.compare.figures import DAYS_A_YEAR
from smart_leverage.research.kernel.results import Floats
from smart_leverage.research.verify.drawdown import max_drawdown
from smart_leverage.research.verify.record import Record, Run
from smart_leverage.research.verify.resampling import Interval, block_length, resamples
from smart_leverage.research.verify.sharpe import sharpe_ratio
from smart_leverage.research.verify.snooping import reality_check
from smart_leverage.research.verify.verdict import luck

LEVEL = 0.90
COUNT = 2_000
DAYS_MIN = 30


class Rank(NamedTuple):
    """Best and worst place that a policy may have, counted from 1."""

    best: int
    worst: int


class Pair(NamedTuple):
    """Two policies by their places, and how likely chance brings a difference as sure as theirs.

    `p` is that of the largest among all pairs.
    """

    one: int
    other: int
    p: float


class Judged(NamedTuple):
    """What can be told apart.

    Attributes:
        days: Of the paired returns.
        block: Mean length of the blocks, days.
        draws: Resamples.
        level: Of all intervals, and of the ranks together.
        growth: (n,), growth a year.
        difference: (n,), wealth over that of the baseline after a year, less one; zero for itself.
        spa: Probability of a best this good if none beats the baseline; NaN where all are alike.
        sharpe: (n,), Sharpe ratio a year of simple returns; NaN where an account never moved.
        deflated: (n,), probability that it exceeds the best that as many policies without skill
            lead to expect; the smaller of both variances that are in use.
        pairs: All pairs, with what they show.
        ranks: (n,).
    """

    days: int
    block: float
    draws: int
    level: float
    growth: Sequence[Interval]
    difference: Sequence[Interval]
    spa: float
    sharpe: Sequence[float]
    deflated: Sequence[float]
    pairs: Sequence[Pair]
    ranks: Sequence[Rank]

    @property
    def best(self) -> list[int]:
        """Places of the policies that cannot be told from the best."""
        return [place for place, rank in enumerate(self.ranks) if rank.best == 1]


def judge(returns: Floats, seed: int = 0, count: int = COUNT, level: float = LEVEL) -> Judged:
    """Judge policies by their daily log returns.

    Args:
        returns: (n_days, n), the first column is the baseline.
        seed: Of the resampling; the same one gives the same answer.
        count: Resamples.
        level: Of intervals and ranks, in (0, 1).

    Raises:
        BadData: There are too few days, or no policy ever moved.
    """
    days = len(returns)
    if days < DAYS_MIN:
        raise BadData(f"{days} days are too few to compare on; {DAYS_MIN} are the least")
    if not np.ptp(returns, axis=0).any():
        raise BadData("no policy ever held anything: there is nothing to compare")
    block = block_length(returns)
    drawn = np.array([each.mean(axis=0) for each in resamples(returns, block, count, seed)])
    means = returns.mean(axis=0)
    pairs = _pairs(means, drawn)
    records = _records(np.expm1(returns))
    return Judged(
        days=days,
        block=block,
        draws=count,
        level=level,
        growth=_intervals(means, drawn, level),
        difference=_intervals(means - means[0], drawn - drawn[:, :1], level),
        spa=_spa(returns, block, count, seed),
        sharpe=[one.record.sharpe * math.sqrt(DAYS_A_YEAR) for one in records],
        deflated=[_deflated(one) for one in records],
        pairs=pairs,
        ranks=_ranks(means, pairs, 1.0 - level),
    )


def _intervals(means: Floats, drawn: Floats, level: float) -> list[Interval]:
    """Return means of a day as growth a year, with the percentiles of the resampled ones."""
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return [
        Interval(*(math.expm1(float(each) * DAYS_A_YEAR) for each in three))
        for three in zip(low, high, means, strict=True)
    ]


def _pairs(means: Floats, drawn: Floats) -> list[Pair]:
    """Return every pair with its p-value among all of them; two that are alike have 1."""
    places = list(combinations(range(len(means)), 2))
    one, other = np.array(places).T
    centred = (drawn - means)[:, one] - (drawn - means)[:, other]
    error = np.sqrt(np.mean(centred**2, axis=0))
    scale = np.where(error > 0.0, error, np.inf)
    largest = np.max(np.abs(centred) / scale, axis=1)
    seen = np.abs(means[one] - means[other]) / scale
    return [
        Pair(*pair, float(np.mean(largest >= value)) if value > 0.0 else 1.0)
        for pair, value in zip(places, seen, strict=True)
    ]


def _ranks(means: Floats, pairs: Sequence[Pair], bar: float) -> list[Rank]:
    """Return the places that are left to each: one better for every policy surely behind it."""
    better, worse = np.zeros(len(means), dtype=int), np.zeros(len(means), dtype=int)
    for pair in pairs:
        if pair.p <= bar:
            is_first = means[pair.one] > means[pair.other]
            first, second = (pair.one, pair.other) if is_first else (pair.other, pair.one)
            worse[first] += 1
            better[second] += 1
    return [Rank(1 + int(b), len(means) - int(w)) for b, w in zip(better, worse, strict=True)]


def _spa(returns: Floats, block: float, count: int, seed: int) -> float:
    """Return Hansen's consistent, studentised p-value of all others against the baseline."""
    models = returns[:, 1:]
    models = models[:, np.ptp(models - returns[:, :1], axis=0) > 0.0]
    if models.shape[1] == 0:
        return math.nan
    return reality_check(returns[:, 0], models, block, count, seed).studentised_p_consistent


def _records(returns: Floats) -> list[Run]:
    """Return the simple returns of each policy as a record that was chosen from all of them."""
    columns = list(returns.T)
    sharpes = [sharpe_ratio(column).per_period for column in columns]
    known = np.array([each for each in sharpes if each == each])
    found = []
    for column, sharpe in zip(columns, sharpes, strict=True):
        growth, fall = float(np.prod(1.0 + column) - 1.0), max_drawdown(column)
        record = Record("", len(column), 365, sharpe, growth, fall, returns=column)
        found.append(Run("comparison", record, len(columns), "the policies compared", known))
    return found


def _deflated(run: Run) -> float:
    """Return the smaller of both deflated Sharpe ratios; NaN where there is none."""
    if run.record.sharpe != run.record.sharpe:
        return math.nan
    return luck(run).deflated.decided
