"""Whether the best of several candidates beats a benchmark, when the best was looked for."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import FloatArray, matrix, series
from smart_leverage.research.verify.resampling import resamples, stationary_mean_variance


class RealityCheck(NamedTuple):
    """Probabilities of a best this good where no candidate is better than the benchmark.

    The lower one gives every worse candidate its own mean, the upper one treats all as equal to the
    benchmark, and the consistent one does so unless a candidate is clearly worse. A p-value from so
    many resamples is itself uncertain by √(p(1 − p)/reps).
    """

    white_statistic: float
    """Largest √n × mean difference to the benchmark."""
    spa_p_lower: float
    spa_p_consistent: float
    spa_p_upper: float
    unstudentised_p_upper: float
    """White's own reality check: the same as `spa_p_upper`."""
    studentised_p_lower: float
    studentised_p_consistent: float
    studentised_p_upper: float
    """Hansen's form: each candidate in units of its own deviation, so that a wild one cannot hide
    a steady one."""


def reality_check(
    benchmark: ArrayLike,
    models: ArrayLike,
    expected_block: float,
    reps: int = 5000,
    seed: int = 0,
) -> RealityCheck:
    """Return White's reality check and Hansen's test of superior predictive ability.

    The resampling is that of the library `arch`. Its own class for this test takes a word for
    studentising and does not act on it (8.0.0); so the statistics are made here, in both forms.

    Args:
        benchmark: (n,), returns; more is better.
        models: (n, n_models), returns of the candidates over the same periods; each has to differ
            from the benchmark somewhere.
        expected_block: Mean length of the blocks of the stationary bootstrap, 1 at least.
        reps: Resamples.
        seed: Of the resampling; the same one gives the same answer.

    Source:
        White 2000; Hansen 2005.
    """
    base = series(benchmark, "benchmark", 10)
    others = matrix(models, "models", 10)
    if others.shape[0] != base.size:
        raise ValueError(f"models: {base.size} rows are needed, there are {others.shape[0]}")
    difference = others - base[:, np.newaxis]
    if np.any(np.ptp(difference, axis=0) == 0.0):
        raise ValueError("models: one of them never differs from the benchmark")
    histories = resamples(difference, expected_block, reps, seed)
    drawn = np.array([each.mean(axis=0) for each in histories])
    mean = difference.mean(axis=0)
    errors = [stationary_mean_variance(column, expected_block) for column in difference.T]
    deviation = np.sqrt(np.array([each.variance_of_mean for each in errors]))
    is_kept = mean / deviation >= -math.sqrt(2.0 * math.log(math.log(base.size)))
    centres = (np.maximum(mean, 0.0), mean * is_kept, mean)
    plain, studentised = (
        [_share_above(drawn - centre, mean, unit) for centre in centres]
        for unit in (np.ones_like(mean), deviation)
    )
    white = float(np.max(mean) * math.sqrt(base.size))
    return RealityCheck(
        white_statistic=white,
        spa_p_lower=plain[0],
        spa_p_consistent=plain[1],
        spa_p_upper=plain[2],
        unstudentised_p_upper=plain[2],
        studentised_p_lower=studentised[0],
        studentised_p_consistent=studentised[1],
        studentised_p_upper=studentised[2],
    )


def _share_above(drawn: FloatArray, mean: FloatArray, unit: FloatArray) -> float:
    """Return the share of resamples whose best candidate is better than the real best one."""
    return float(np.mean((drawn / unit).max(axis=1) > (mean / unit).max()))
