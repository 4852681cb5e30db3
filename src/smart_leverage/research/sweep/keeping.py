"""Daily returns of some sets of a finished sweep, for whoever judges how it was chosen.

A sweep keeps figures only, for it has to be fast. What asks how sure the choice is needs the days
of the sets as well, so some of them are run once more: the best one and others from first to last.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.research.kernel import run
from smart_leverage.research.sweep.figures import Inputs, day_returns, periods_of
from smart_leverage.research.sweep.parts import parquet, write_whole
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.running import Outcome

RETURNS = "returns.parquet"


def keep_returns(
    plan: Plan,
    inputs: Inputs,
    outcome: Outcome,
    most: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write daily returns of the sets of a finished sweep into its folder.

    Args:
        plan: Of the sweep.
        inputs: Of the sweep.
        outcome: The finished sweep.
        most: Sets that are kept at most, 2 at least.
        progress: Told after each set.

    Returns:
        The file: `date`, and a column per set, named by its number.
    """
    periods, columns = periods_of(inputs.bars, inputs.timezone), {}
    rows = _chosen(outcome, most)
    for done, row in enumerate(rows, 1):
        told = outcome.table.row(row, named=True)
        policy = plan.space.policy([told[axis.key] for axis in plan.space.axes])
        curve = run(inputs.bars, inputs.signals, policy, inputs.setup).curve
        columns[str(told["set"])] = day_returns(curve["equity"], periods.day, inputs.setup.cash)
        progress(done, len(rows))
    table = pl.DataFrame({"date": _dates(inputs, periods.day), **columns})
    file = outcome.folder / RETURNS
    write_whole(file, parquet(table))
    return file


def _chosen(outcome: Outcome, most: int) -> list[int]:
    """Return rows of sets that have figures: the best, and the others evenly from first to last."""
    good = np.flatnonzero((outcome.table["fault"] == "").to_numpy())
    places = np.linspace(0, len(good) - 1, min(most, len(good))).astype(np.int64)
    chosen = [int(row) for row in good[places]]
    if outcome.best is not None and outcome.best not in chosen:
        chosen[-1] = outcome.best
    return sorted(chosen)


def _dates(inputs: Inputs, day: np.ndarray) -> list[str]:
    """Return the label of every day that is over."""
    calendar = RiskCalendar(inputs.timezone)
    closing = inputs.bars.instants["at"][inputs.bars.instants["closes"] > 0]
    ends = np.flatnonzero(np.diff(day))
    return [calendar.day_of(int(closing[end])) for end in ends]
