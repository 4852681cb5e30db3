"""Drawdown control along a path of returns: what is held before each, and what it makes.

Exposure is set before a return is known and does not move until the next one.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.policy.drawdown import cushion_exposure, surplus_exposure
from smart_leverage.research.numbers import FloatArray, positive, series, whole, within


class ControlledPath(NamedTuple):
    """Exposure before each return, wealth after it, and the largest drawdown on the way."""

    exposure: FloatArray
    wealth: FloatArray
    max_drawdown: float


def cppi_path(
    returns: ArrayLike,
    multiplier: float,
    floor: float,
    exposure_cap: float,
    initial_wealth: float = 1.0,
) -> ControlledPath:
    """Return a path above a fixed floor.

    Args:
        returns: (n,), simple returns at exposure 1; cash earns nothing.
        multiplier: Exposure per unit of cushion, above 0.
        floor: In the unit of wealth, 0 or more.
        exposure_cap: Fraction of wealth, above 0.
        initial_wealth: Above 0.
    """
    factor, cap = positive(multiplier, "multiplier"), positive(exposure_cap, "exposure_cap")
    lowest = within(floor, "floor", -1e-300, np.inf)
    path = _Path(initial_wealth)
    for value in _returns(returns):
        path.step(cushion_exposure(factor, lowest, path.now, cap), value)
    return path.done()


def tipp_path(
    returns: ArrayLike,
    multiplier: float,
    protection: float,
    exposure_cap: float,
    initial_wealth: float = 1.0,
) -> ControlledPath:
    """Return a path above a floor that rises with the peak.

    Args:
        returns: (n,), simple returns at exposure 1; cash earns nothing.
        multiplier: Exposure per unit of cushion, above 0.
        protection: Floor as a fraction of the peak, in (0, 1).
        exposure_cap: Fraction of wealth, above 0.
        initial_wealth: Above 0.
    """
    factor, cap = positive(multiplier, "multiplier"), positive(exposure_cap, "exposure_cap")
    kept = within(protection, "protection", 0.0, 1.0)
    path = _Path(initial_wealth)
    for value in _returns(returns):
        path.step(cushion_exposure(factor, kept * path.peak, path.now, cap), value)
    return path.done()


def rolling_surplus_path(
    returns: ArrayLike,
    multiplier: float,
    alpha: float,
    exposure_cap: float,
    window: int,
    initial_wealth: float = 1.0,
) -> ControlledPath:
    """Return a path under the surplus rule with a peak that is forgotten after a while.

    With the peak of all times the rule locks up at the floor after a long fall; with a rolling one
    the drawdown holds for every window of that length, and the fall since the peak of all times may
    exceed it step by step.

    Args:
        returns: (n,), simple returns at exposure 1; cash earns nothing.
        multiplier: Exposure per unit of surplus, above 0.
        alpha: Floor as a fraction of the peak, in (0, 1).
        exposure_cap: Fraction of wealth, above 0.
        window: Steps that the peak looks back over, beside the present one.
        initial_wealth: Above 0.

    Source:
        Yang and Zhong 2013.
    """
    factor, cap = positive(multiplier, "multiplier"), positive(exposure_cap, "exposure_cap")
    kept, steps = within(alpha, "alpha", 0.0, 1.0), whole(window, "window")
    path, recent = _Path(initial_wealth), deque[tuple[int, float]]()
    for index, value in enumerate(_returns(returns)):
        while recent and recent[-1][1] <= path.now:  # a higher one that is newer outlives them
            recent.pop()
        recent.append((index, path.now))
        while recent[0][0] < index - steps:
            recent.popleft()
        path.step(min(cap, surplus_exposure(factor, kept, path.now, recent[0][1])), value)
    return path.done()


def azema_yor_wealth(kelly_wealth: ArrayLike, alpha: float) -> FloatArray:
    """Return the wealth under the surplus rule, in continuous time, from the Kelly wealth.

    A closed form that simulations of the rule have to agree with.

    Args:
        kelly_wealth: (n,), above 0, with its start first.
        alpha: Floor as a fraction of the peak, in [0, 1].

    Source:
        Cherny and Obłój 2013.
    """
    wealth = series(kelly_wealth, "kelly_wealth")
    if wealth.min() <= 0.0:
        raise ValueError("kelly_wealth: it has to be above 0")
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha: a number from 0 to 1 is needed, not {alpha}")
    scaled = wealth / wealth[0]
    peak = np.maximum.accumulate(scaled)
    made: FloatArray = alpha * peak ** (1.0 - alpha) + (1.0 - alpha) * scaled * peak ** (-alpha)
    made *= wealth[0]
    return made


def _returns(returns: ArrayLike) -> list[float]:
    values = series(returns, "returns", 0)
    if values.size and values.min() < -1.0:
        raise ValueError(f"returns: {values.min()} loses more than everything")
    return [float(value) for value in values]


class _Path:
    """Wealth as it goes, its peak, and what was held."""

    def __init__(self, initial_wealth: float) -> None:
        self.now = self.peak = positive(initial_wealth, "initial_wealth")
        self._exposure: list[float] = []
        self._wealth: list[float] = []
        self._deepest = 0.0

    def step(self, exposure: float, value: float) -> None:
        self.now *= 1.0 + exposure * value
        self.peak = max(self.peak, self.now)
        self._deepest = max(self._deepest, 1.0 - self.now / self.peak)
        self._exposure.append(exposure)
        self._wealth.append(self.now)

    def done(self) -> ControlledPath:
        return ControlledPath(np.array(self._exposure), np.array(self._wealth), self._deepest)
