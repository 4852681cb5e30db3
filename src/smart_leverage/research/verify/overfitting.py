"""How likely the best of many candidates was best by luck: combinatorially symmetric validation."""

import math
from collections.abc import Iterator
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import FloatArray, matrix, whole

BLOCKS_MAX = 20
HALVES_AT_ONCE = 1024
TIE = 1e-12
"""Relative difference below which two performances are the same, as rounding may part them."""


class Overfitting(NamedTuple):
    """What became, out of sample, of the candidate that was best in sample; over all halves."""

    pbo: float
    """Share of halves in which it came out in the lower half of the candidates."""
    n_combinations: int
    prob_oos_loss: float
    """Share of halves in which it lost out of sample."""
    slope: float
    """Of its performance out of sample on that in sample; NaN where the latter never differs."""
    logits: FloatArray
    """(n_combinations,), log odds of its rank, in lexicographic order of the halves."""


def pbo_cscv(returns: ArrayLike, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting.

    The performance is the mean over the sample standard deviation. Pure noise gives about one
    half, not zero.

    Args:
        returns: (n_periods, n_candidates), simple returns; two candidates at least. Where the
            periods cannot be cut into equal blocks, the oldest are dropped.
        blocks: Even; 16 make 12,870 halves.

    Raises:
        ValueError: Fewer than two candidates, an odd number of blocks, more than 20 of them, or
            fewer than two periods in a half.

    Source:
        Bailey, Borwein, López de Prado and Zhu 2017.
    """
    count = whole(blocks, "blocks", 2)
    if count % 2 or count > BLOCKS_MAX:
        raise ValueError(f"blocks: an even number up to {BLOCKS_MAX} is needed, not {count}")
    values = matrix(returns, "returns", max(count, 4))
    if values.shape[1] < 2:
        raise ValueError("returns: two candidates at least are needed")
    values = values[values.shape[0] % count :]
    best, there = _halves(values, count)
    slope = math.nan
    if np.ptp(best) > TIE:
        slope = float(np.cov(best, there[0])[0, 1] / np.var(best, ddof=1))
    odds = there[1] / (values.shape[1] + 1.0)
    logits = np.log(odds / (1.0 - odds))
    return Overfitting(
        pbo=float(np.mean(logits <= TIE)),
        n_combinations=logits.size,
        prob_oos_loss=float(np.mean(there[0] < 0.0)),
        slope=slope,
        logits=logits,
    )


def _halves(values: FloatArray, blocks: int) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Return the best performance in each half, and its performance and rank in the other."""
    centre = values.mean(axis=0)
    parts = (values - centre).reshape(blocks, -1, values.shape[1])
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    length = values.shape[0] // 2
    best, outside, ranks = [], [], []
    for chosen in _chosen(blocks):
        inside = _performance(chosen @ sums, chosen @ squares, length, centre)
        other = _performance((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, length, centre)
        most = inside.max(axis=1, keepdims=True)
        pick = np.argmax(inside >= most - TIE * np.abs(most), axis=1)  # the first of equals
        rows = np.arange(pick.size)
        mine = other[rows, pick][:, np.newaxis]
        apart = TIE * np.abs(mine)
        below = (other < mine - apart).sum(axis=1)
        equal = (np.abs(other - mine) <= apart).sum(axis=1)
        best.append(inside[rows, pick])
        outside.append(mine[:, 0])
        ranks.append(below + (equal + 1.0) / 2.0)
    return np.concatenate(best), (np.concatenate(outside), np.concatenate(ranks))


def _chosen(blocks: int) -> Iterator[FloatArray]:
    """Yield which blocks make the half in sample, a row per half, some halves at a time."""
    halves = combinations(range(blocks), blocks // 2)
    while some := list(islice(halves, HALVES_AT_ONCE)):
        chosen = np.zeros((len(some), blocks))
        np.put_along_axis(chosen, np.array(some), 1.0, axis=1)
        yield chosen


def _performance(
    sums: FloatArray, squares: FloatArray, length: int, centre: FloatArray
) -> FloatArray:
    """Return mean over standard deviation; a candidate that never moved and earned nothing has 0.

    Sums are of centred returns, so that the variance keeps its digits.
    """
    mean = centre + sums / length
    deviation = np.sqrt(np.maximum(squares - sums**2 / length, 0.0) / (length - 1))
    flat = deviation <= 1e-15 * np.maximum(np.abs(mean), 1e-300)
    ratio = mean / np.where(flat, 1.0, deviation)
    return np.where(flat, np.sign(mean) * np.finfo(float).max ** 0.5, ratio)
