"""How much of a record is more than luck: every figure of a verdict, none of its words."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.drawdown import max_drawdown
from smart_leverage.research.verify.drawdown_laws import (
    expected_max_drawdown_bm,
    prob_mdd_exceeds_bm,
)
from smart_leverage.research.verify.overfitting import Overfitting, pbo_cscv
from smart_leverage.research.verify.record import Run
from smart_leverage.research.verify.resampling import Interval, block_length, bootstrap_interval
from smart_leverage.research.verify.sharpe import (
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    min_track_record_null_variance,
    moments,
    probabilistic_sharpe,
    psr_null_variance_ar1,
)
from smart_leverage.research.verify.snooping import RealityCheck, reality_check

CONFIDENCE = 0.95
LEVEL = 0.90
RESAMPLES = 1000
WALKS = 2000
BLOCK_DAYS_MIN = 10
CLOSES = 2.0 * 0.5826
"""How much of a drawdown closes do not see, in deviations of a step: half of it at each end."""

UNCOUNTED = (
    "what was tried before and beside this run; whoever chose strategy, instruments and years "
    "may have known them"
)


class Both(NamedTuple):
    """One probability by both variances of a Sharpe ratio; NaN where the moments exclude it."""

    classic: float
    null: float

    @property
    def decided(self) -> float:
        """The smaller of what is known."""
        known = [each for each in self if math.isfinite(each)]
        return min(known, default=math.nan)


class Luck(NamedTuple):
    """The Sharpe ratio against none, and against the best that chance brings.

    `spread` is the standard deviation of the Sharpe ratios over the trials, per day; where fewer
    than two are known, it is that of records of this length without skill. `by_chance` is the best
    of so many without skill, per day. Lengths are days, infinite where out of reach.
    """

    skewness: float
    kurtosis: float
    memory: float
    is_shape_known: bool
    probabilistic: Both
    spread: float
    is_spread_known: bool
    by_chance: float
    deflated: Both
    days_needed: float
    days_needed_deflated: float


class Ranges(NamedTuple):
    """Where growth and deepest fall lie, by blocks of the record drawn anew."""

    block: float
    growth: Interval
    drawdown: Interval


class Falls(NamedTuple):
    """How deep a random walk of the same mean and deviation falls, by law and by simulation.

    `mean_…` are fractions; `deeper_…` is how likely it falls deeper than the record did.
    """

    mean_law: float
    mean_simulated: float
    deeper_law: float
    deeper_simulated: float
    walks: int


class Verdict(NamedTuple):
    """Everything that can be said; None where the run does not hold what it takes."""

    run: Run
    luck: Luck
    ranges: Ranges | None
    falls: Falls | None
    overfitting: Overfitting | None
    best_of_many: RealityCheck | None
    against_plain: RealityCheck | None
    missing: tuple[str, ...]


def judge(run: Run, seed: int = 0) -> Verdict:
    """Judge a run.

    Args:
        run: From `read_run`.
        seed: Of everything that is drawn; the same one gives the same verdict.
    """
    returns, missing = run.record.returns, [UNCOUNTED, *run.missing]
    best = overfit = None
    if run.sets is not None:
        overfit, best = _of_sets(run.sets, missing, seed)
    against = None
    if run.rival is not None and returns is not None:
        against = _compared(run.rival, returns[:, np.newaxis], seed)
    return Verdict(
        run=run,
        luck=luck(run),
        ranges=None if returns is None else _ranges(returns, seed),
        falls=None if returns is None else _falls(returns, run.record.per_year, seed),
        overfitting=overfit,
        best_of_many=best,
        against_plain=against,
        missing=tuple(missing),
    )


def luck(run: Run) -> Luck:
    """Return what of the Sharpe ratio of a run remains after length, shape and trials."""
    record, at = run.record, run.record.sharpe
    skewness, kurtosis, memory = 0.0, 3.0, 0.0
    if record.returns is not None:
        skewness, kurtosis = moments(record.returns)
        memory = _memory(record.returns)
    shape = (skewness, kurtosis)
    is_known = len(run.sharpes) > 1
    spread = float(np.std(run.sharpes, ddof=1)) if is_known else 1.0 / math.sqrt(record.days)
    by_chance = expected_max_sharpe(run.trials, spread**2)
    return Luck(
        *shape,
        memory=memory,
        is_shape_known=record.returns is not None,
        probabilistic=Both(
            _known(probabilistic_sharpe, at, 0.0, record.days, *shape),
            _known(psr_null_variance_ar1, at, 0.0, record.days, *shape, memory),
        ),
        spread=spread,
        is_spread_known=is_known,
        by_chance=by_chance,
        deflated=Both(
            _known(deflated_sharpe, at, record.days, *shape, run.trials, spread**2),
            _known(psr_null_variance_ar1, at, by_chance, record.days, *shape, memory),
        ),
        days_needed=_needed(at, 0.0, shape, memory),
        days_needed_deflated=_needed(at, by_chance, shape, memory),
    )


def _known(form: Callable[..., float], *numbers: float) -> float:
    """Return a figure, NaN where the moments of the record exclude it."""
    try:
        return float(form(*numbers))
    except ValueError:
        return math.nan


def _needed(at: float, bar: float, shape: tuple[float, float], memory: float) -> float:
    """Return the longer of the lengths that both variances ask for; NaN where none is known."""
    both = (
        _known(min_track_record_length, at, bar, *shape, CONFIDENCE),
        _known(min_track_record_null_variance, at, bar, *shape, memory, CONFIDENCE),
    )
    return max((each for each in both if not math.isnan(each)), default=math.nan)


def _memory(returns: FloatArray) -> float:
    """Return the correlation of successive returns, kept inside of (−1, 1)."""
    centred = returns - returns.mean()
    found = float(np.sum(centred[1:] * centred[:-1]) / np.sum(centred**2))
    return min(max(found, -0.99), 0.99)


def _growth(returns: FloatArray) -> float:
    return float(np.prod(1.0 + returns) - 1.0)


def _ranges(returns: FloatArray, seed: int) -> Ranges:
    block = block_length(returns)
    growth, drawdown = (
        bootstrap_interval(returns, statistic, LEVEL, block, RESAMPLES, seed)
        for statistic in (_growth, max_drawdown)
    )
    return Ranges(block, growth, drawdown)


def _falls(returns: FloatArray, per_year: int, seed: int) -> Falls | None:
    """Return the falls of walks like the record; None where it never fell or lost everything."""
    depth = max_drawdown(returns)
    if not 0.0 < depth < 1.0:
        return None
    steps = np.log1p(returns)
    mean, deviation = float(steps.mean()), float(steps.std(ddof=1))
    level, unseen = -math.log1p(-depth), CLOSES * deviation
    years, drift, risk = len(steps) / per_year, mean * per_year, deviation * math.sqrt(per_year)
    walked = _walked(mean, deviation, len(steps), seed)
    law = max(expected_max_drawdown_bm(drift, risk, years) - unseen, 0.0)
    return Falls(
        mean_law=-math.expm1(-law),
        mean_simulated=-math.expm1(-float(walked.mean())),
        deeper_law=float(prob_mdd_exceeds_bm(level + unseen, drift, risk, years)),
        deeper_simulated=float(np.mean(walked > level)),
        walks=WALKS,
    )


def _walked(mean: float, deviation: float, days: int, seed: int) -> FloatArray:
    """Return the deepest falls of random walks, in logs."""
    source = np.random.default_rng(seed)
    falls = np.empty(WALKS)
    for place in range(WALKS):  # one at a time: records of ten years stay small
        path = np.cumsum(source.normal(mean, deviation, days))
        peak = np.maximum.accumulate(np.maximum(path, 0.0))
        falls[place] = np.max(peak - path)
    return falls


def _of_sets(
    sets: FloatArray, missing: list[str], seed: int
) -> tuple[Overfitting | None, RealityCheck | None]:
    """Return overfitting and the test of the best of many; what cannot be said joins `missing`."""
    moved = sets[:, np.isfinite(sets).all(axis=0) & (np.ptp(sets, axis=0) > 0.0)]
    if still := sets.shape[1] - moved.shape[1]:
        missing.append(f"{still:,} of {sets.shape[1]:,} sets never moved and are left out")
    apart = moved[:, np.sort(np.unique(moved, axis=1, return_index=True)[1])]
    if alike := moved.shape[1] - apart.shape[1]:
        missing.append(f"{alike:,} sets did the same as another one, day by day, and are left out")
    moved = apart
    if moved.shape[1] < 2:
        missing.append("overfitting and best of many: fewer than two sets differ")
        return None, None
    best = _compared(np.zeros(len(moved)), moved, seed)
    blocks = min(16, len(moved) // BLOCK_DAYS_MIN // 2 * 2)
    if blocks < 4:
        missing.append(f"overfitting: {len(moved)} days cannot be cut into 4 blocks of 10")
        return None, best
    return pbo_cscv(moved, blocks), best


def _compared(benchmark: FloatArray, models: FloatArray, seed: int) -> RealityCheck:
    difference = (models - benchmark[:, np.newaxis]).mean(axis=1)
    block = block_length(difference) if np.ptp(difference) > 0.0 else 1.0
    return reality_check(benchmark, models, block, RESAMPLES, seed)
