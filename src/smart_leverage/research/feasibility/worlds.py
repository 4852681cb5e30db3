"""Worlds to compare policies in: daily returns of a sleeve with known skill and several tempers.

All have the same volatility and the same Sharpe ratio at the start, so that a policy is judged by
what it does with fat tails, clusters and decay, and not by luck.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import FloatArray, finite, positive, series, whole
from smart_leverage.research.verify.resampling import resamples

World = Literal["normal", "student", "garch", "decay"]

DAYS = 252.0
STUDENT = 4.0
GARCH_SHOCK, GARCH_MEMORY, GARCH_STUDENT = 0.10, 0.87, 6.0
WARM_UP = 250
"""Days before the first one, in which volatility finds its own distribution."""


def world_returns(
    world: World,
    sharpe: float,
    annual_vol: float = 0.60,
    days: int = 372,
    paths: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """Return daily returns of a sleeve, in excess of cash.

    Args:
        world: `normal`; `student` with four degrees of freedom; `garch`, whose volatility comes in
            clusters; `decay`, whose Sharpe ratio turns to minus a half of itself in the middle.
        sharpe: A year; of `decay` in its first half.
        annual_vol: Of a day times √252, above 0.
        days: 1 at least.
        paths: 1 at least.
        seed: The same one gives the same world.

    Returns:
        (paths, days), simple returns, none below −1.
    """
    source = np.random.default_rng(seed)
    shape = (whole(paths, "paths", 1), whole(days, "days", 1))
    theta, vol = finite(sharpe, "sharpe"), positive(annual_vol, "annual_vol")
    skill = np.full(shape[1], theta)
    if world in ("normal", "decay"):
        noise = source.standard_normal(shape)
        if world == "decay":
            skill[shape[1] // 2 :] = -theta / 2.0
    elif world == "student":
        noise = _student(source, STUDENT, shape)
    elif world == "garch":
        noise = _clustered(source, shape)
    else:
        raise ValueError(f"world: normal, student, garch or decay is needed, not {world!r}")
    daily: FloatArray = vol * (skill / DAYS + noise / math.sqrt(DAYS))
    return np.maximum(daily, -1.0)


def resampled_returns(
    returns: ArrayLike,
    sharpe: float,
    annual_vol: float = 0.60,
    expected_block: float = 21.0,
    days: int = 372,
    paths: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """Return the same from a real history, moved to a Sharpe ratio and a volatility.

    Args:
        returns: (n,), daily, not constant; histories longer than it are made of several resamples.
        sharpe: A year.
        annual_vol: Of a day times √252, above 0.
        expected_block: Mean length of the blocks of the stationary bootstrap.
        days: 1 at least.
        paths: 1 at least.
        seed: The same one gives the same world.
    """
    real, length = series(returns, "returns", 20), whole(days, "days", 1)
    if np.ptp(real) == 0.0:
        raise ValueError("returns: they never differ")
    noise = (real - real.mean()) / real.std()
    each = math.ceil(length / real.size)
    count = whole(paths, "paths", 1)
    drawn = np.stack(list(resamples(noise, expected_block, count * each, seed)))
    vol, theta = positive(annual_vol, "annual_vol"), finite(sharpe, "sharpe")
    daily = vol * (theta / DAYS + drawn.reshape(count, -1)[:, :length] / math.sqrt(DAYS))
    return np.maximum(daily, -1.0)


def _student(source: np.random.Generator, freedom: float, shape: tuple[int, ...]) -> FloatArray:
    """Return Student noise of variance 1."""
    return source.standard_t(freedom, shape) * math.sqrt((freedom - 2.0) / freedom)


def _clustered(source: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Return noise of variance 1 on average whose own variance follows its past."""
    paths, days = shape
    shocks = _student(source, GARCH_STUDENT, (WARM_UP + days, paths))
    base = 1.0 - GARCH_SHOCK - GARCH_MEMORY
    variance = np.ones(paths)
    noise = np.empty_like(shocks)
    for day, shock in enumerate(shocks):
        noise[day] = np.sqrt(variance) * shock
        variance = base + GARCH_SHOCK * noise[day] ** 2 + GARCH_MEMORY * variance
    return noise[WARM_UP:].T
