"""The best that any way of sizing can do: dynamic programming over all adaptive exposures.

State is how far the peak stands below the goal, and how far wealth stands below the peak; each day
some volatility is held, and the one is chosen that makes the goal, inside the drawdown, likeliest.

The volatility is bounded. Wealth that is looked at once a day can jump past its floor without being
seen there, so without a bound a single bet for everything would be called the best rule. A day's
standard deviation of 0.2266 of the drawdown is allowed: 30 % a year for a drawdown of 8 %.

The value on the grid agrees with a simulation of the policy within 0.005, and with finer grids
within 0.01.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from smart_leverage.research.numbers import FloatArray, finite, positive, whole, within

DAY_MOST = 0.2266
"""Largest standard deviation of a day, in units of the logarithmic drawdown."""
DAY_LEAST = 0.01
LEVELS, CELLS, PEAKS = 16, 40, 100
"""Volatilities that can be held; cells of the drawdown; of the way to the goal, at most."""
CELLS_MOST, PEAKS_LEAST = 480, 12
"""A goal that is near beside the drawdown gets finer cells, so that it is told apart from here."""
TAIL = 4.0
"""Standard deviations upwards that are told apart; what is beyond counts as this much."""
SLACK = 1e-12

Floats = NDArray[np.float32]
"""Half the memory, and twice as fast; errors of 1e-6 do not matter here."""


class Goal(NamedTuple):
    """What is to be reached.

    Attributes:
        sharpe: A year, known.
        monthly: Return, fraction; compounds over the months.
        drawdown: Fraction, judged on closes.
        months: Until the deadline.
        days: That a year has.
    """

    sharpe: float
    monthly: float = 0.05
    drawdown: float = 0.08
    months: int = 12
    days: int = 252

    @property
    def depth(self) -> float:
        """Return the drawdown in logarithms of wealth."""
        return -math.log1p(-within(self.drawdown, "drawdown", 0.0, 1.0))

    @property
    def height(self) -> float:
        """Return the logarithm of wealth at the goal, where the start is 0."""
        return whole(self.months, "months", 1) * math.log1p(positive(self.monthly, "monthly"))

    @property
    def steps(self) -> int:
        """Return the days until the deadline."""
        return max(round(self.months * whole(self.days, "days", 12) / 12), 1)


class BestRule(NamedTuple):
    """What the best rule makes, and what it holds.

    Attributes:
        goal: Of the rule.
        value: Probability of goal and drawdown together, as the grid has it.
        volatility: (levels,), a year.
        held: (steps, peaks, cells), which volatility is held before each day; empty unless kept.
    """

    goal: Goal
    value: float
    volatility: FloatArray
    held: NDArray[np.int8]

    def simulated(self, paths: int, seed: int = 0) -> float:
        """Return the share of simulated paths on which the rule makes both.

        Args:
            paths: Simulated; the error is √(p(1 − p)/paths).
            seed: Of the simulation.
        """
        goal, source = self.goal, np.random.default_rng(seed)
        wealth, peak = np.zeros(paths), np.zeros(paths)
        is_out, is_made = np.zeros(paths, dtype=bool), np.zeros(paths, dtype=bool)
        for held in self.held:
            vol = self._volatility(held, peak, peak - wealth)
            vol[is_out | is_made] = 0.0
            step = (goal.sharpe * vol - vol * vol / 2.0) / goal.days
            wealth += step + vol / math.sqrt(goal.days) * source.standard_normal(paths)
            np.maximum(peak, wealth, out=peak)
            is_out |= (peak - wealth >= goal.depth - SLACK) & ~is_made
            is_made |= (wealth >= goal.height - SLACK) & ~is_out
        return float(is_made.mean())

    def _volatility(
        self, held: NDArray[np.int8], peak: FloatArray, below: FloatArray
    ) -> FloatArray:
        """Return what to hold between four points of the grid; at the floor it is nothing."""
        rows, cells = held.shape
        table = np.zeros((rows, cells + 1))
        table[:, :cells] = self.volatility[held]
        table[-1] = table[-2]
        at = np.clip(peak / self.goal.height * (rows - 1), 0.0, rows - 1 - 1e-9)
        down = np.clip(below / self.goal.depth * cells, 0.0, cells - 1e-9)
        row, cell = at.astype(int), down.astype(int)
        right, deep = at - row, down - cell
        low = (1.0 - deep) * table[row, cell] + deep * table[row, cell + 1]
        high = (1.0 - deep) * table[row + 1, cell] + deep * table[row + 1, cell + 1]
        mixed: FloatArray = (1.0 - right) * low + right * high
        return mixed


def best_rule(goal: Goal, *, keeps: bool = False) -> BestRule:
    """Return the best rule for a goal, a fifth of a second of one core for a year.

    Args:
        goal: What is to be reached.
        keeps: Keep what is held, 1 MB, so that the rule can be simulated.
    """
    grid = _Grid(goal)
    value, held = grid.end(), []
    for _ in range(goal.steps):
        made = grid.before(value)
        if keeps:
            held.append(made.argmax(axis=0).T.astype(np.int8))
        value = grid.settled(made.max(axis=0))
    kept = np.array(held[::-1], dtype=np.int8)
    return BestRule(goal, min(max(float(value[0, 0]), 0.0), 1.0), grid.volatility, kept)


@lru_cache(maxsize=256)
def best_rule_value(goal: Goal) -> float:
    """Return how likely the best rule makes goal and drawdown, the drawdown on closes."""
    return best_rule(goal).value


class _Grid:
    """Value by peak (rows, from the start to the goal) and depth below it (columns, from 0)."""

    def __init__(self, goal: Goal) -> None:
        finite(goal.sharpe, "sharpe")
        near = math.ceil(PEAKS_LEAST * goal.depth / goal.height)
        self.cells = min(max(CELLS, near), CELLS_MOST)
        self.cell = goal.depth / self.cells
        rows = min(math.ceil(goal.height / self.cell), PEAKS)
        self.peaks = np.linspace(0.0, goal.height, max(rows, 2) + 1)
        least = DAY_LEAST * min(goal.depth, goal.height)
        spread = np.geomspace(least, DAY_MOST * goal.depth, LEVELS - 1)
        self.volatility = np.concatenate(([0.0], spread)) * math.sqrt(goal.days)
        reach = math.ceil(TAIL * float(spread[-1]) / self.cell)
        at: FloatArray = np.arange(-self.cells, reach + 1, dtype=np.float64) * self.cell
        self.above = self.peaks[None, :] + at[self.cells :, None]
        self.is_goal = self.above >= goal.height - SLACK
        self.jumps = self._jumps(goal, at)

    def end(self) -> Floats:
        """Return the value at the deadline: only who is there has made it."""
        return self.settled(np.zeros((self.cells, self.peaks.size), dtype=np.float32))

    def before(self, value: Floats) -> Floats:
        """Return, by volatility, depth and peak, the value a day earlier."""
        at_peak = np.interp(self.above, self.peaks, value[:, 0]).astype(np.float32)
        at_peak[self.is_goal] = 1.0
        floor = np.zeros((1, self.peaks.size), dtype=np.float32)  # there everything is over
        line = np.concatenate((floor, value[:, :0:-1].T, at_peak))
        return (self.jumps @ line).reshape(LEVELS, self.cells, self.peaks.size)

    def settled(self, best: Floats) -> Floats:
        """Return the value by peak and depth; at the goal it is made."""
        value: Floats = best.T.copy()
        value[-1, 0] = 1.0
        return value

    def _jumps(self, goal: Goal, at: FloatArray) -> Floats:
        """Return, by volatility and depth, the weight of each point that a day can lead to.

        The value is linear between points, so a point weighs what its hat holds of the normal law.
        """
        depths = np.arange(self.cells) * self.cell
        weights = np.zeros((LEVELS, self.cells, at.size))
        weights[0, np.arange(self.cells), self.cells - np.arange(self.cells)] = 1.0
        edges = np.concatenate(([at[0] - self.cell], at, [at[-1] + self.cell]))
        for level, vol in enumerate(self.volatility[1:], start=1):
            spread = vol / math.sqrt(goal.days)
            mean = (goal.sharpe * vol - vol * vol / 2.0) / goal.days - depths[:, None]
            z = (mean - edges) / spread
            call = spread * (z * ndtr(z) + np.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi))
            weights[level] = np.diff(call, 2, axis=1) / self.cell
            weights[level, :, -1] += ndtr((mean[:, 0] - at[-1]) / spread)
        weights[:, :, 0] = 0.0
        return weights.reshape(LEVELS * self.cells, at.size).astype(np.float32)
