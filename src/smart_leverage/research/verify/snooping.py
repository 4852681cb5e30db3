"""Whether the best of several candidates beats a benchmark, when the best was looked for."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import matrix, series, whole, within


class RealityCheck(NamedTuple):
    """Probabilities of a best this good where no candidate is better than the benchmark.

    The consistent one leaves out candidates that are clearly worse. A p-value from so many
    resamples is itself uncertain by √(p(1 − p)/reps).
    """

    white_statistic: float
    """Largest √n × mean difference to the benchmark."""
    spa_p_lower: float
    spa_p_consistent: float
    spa_p_upper: float
    unstudentised_p_upper: float
    """White's own reality check: no studentising, no candidate left out."""


def reality_check(
    benchmark: ArrayLike,
    models: ArrayLike,
    expected_block: float,
    reps: int = 5000,
    seed: int = 0,
) -> RealityCheck:
    """Return White's reality check and Hansen's test of superior predictive ability.

    Args:
        benchmark: (n,), returns; more is better.
        models: (n, n_models), returns of the candidates over the same periods.
        expected_block: Mean length of the blocks of the stationary bootstrap, 1 at least.
        reps: Resamples.
        seed: Of the resampling; the same one gives the same answer.

    Source:
        White 2000; Hansen 2005.
    """
    from arch.bootstrap import SPA  # a second to load

    base = series(benchmark, "benchmark", 2)
    others = matrix(models, "models", 2)
    if others.shape[0] != base.size:
        raise ValueError(f"models: {base.size} rows are needed, there are {others.shape[0]}")
    block: Any = within(expected_block, "expected_block", 0.0, base.size)
    count = whole(reps, "reps", 1)
    if block < 1.0:
        raise ValueError(f"expected_block: 1 at least is needed, not {block:g}")
    difference = others - base[:, np.newaxis]
    values = []
    for is_studentised in (True, False):
        # The library compares losses.
        test = SPA(
            -base,
            -others,
            block_size=block,
            reps=count,
            bootstrap="stationary",
            studentize=is_studentised,
            seed=np.random.default_rng(seed),
        )
        test.compute()
        values.append(test.pvalues)
    return RealityCheck(
        white_statistic=float(np.max(difference.mean(axis=0)) * math.sqrt(base.size)),
        spa_p_lower=float(values[0]["lower"]),
        spa_p_consistent=float(values[0]["consistent"]),
        spa_p_upper=float(values[0]["upper"]),
        unstudentised_p_upper=float(values[1]["upper"]),
    )
