"""Figures as tables: a part, the result with its objectives, and the best of it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from smart_leverage.research.sweep.figures import WHOLE_NUMBERS
from smart_leverage.research.sweep.local import Done
from smart_leverage.research.sweep.objectives import front
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Floats


def part_of(
    plan: Plan, names: Sequence[str], first: int, points: Floats, done: Done
) -> pl.DataFrame:
    """Return a part as a table: number of the set, its values, its figures, its fault."""
    columns: dict[str, Any] = {"set": np.arange(first + 1, first + 1 + len(points))}
    for place, axis in enumerate(plan.space.axes):
        column = points[:, place]
        columns[axis.key] = column.astype(np.int64) if axis.is_whole else column
    table = pl.DataFrame(columns)
    figures = pl.DataFrame(dict(zip(names, done.figures.T, strict=True))).fill_nan(None)
    whole = [pl.col(name).cast(pl.Int64) for name in names if name in WHOLE_NUMBERS]
    return table.hstack(figures.with_columns(whole)).with_columns(
        pl.Series("fault", done.faults, dtype=pl.String)
    )


def judged(plan: Plan, table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with its objectives and whether a set is on the front of them."""
    values = objectives_in(plan, table)
    new = [
        pl.Series(each.name, values[:, place]).fill_nan(None)
        for place, each in enumerate(plan.objectives)
        if each.name not in table.columns
    ]
    return table.with_columns(*new, pl.Series("front", front(losses_of(plan, values)))).select(
        *(name for name in table.columns if name != "fault"),
        *(each.name for each in new),
        "front",
        "fault",
    )


def objectives_in(plan: Plan, table: pl.DataFrame) -> Floats:
    """Return the objectives of all sets, (n_sets, n_objectives), NaN where not known."""
    columns = {
        name: table[name].cast(pl.Float64).fill_null(math.nan).to_numpy()
        for name in table.columns
        if table[name].dtype.is_numeric()
    }
    return np.stack([each.value(columns, plan.goal) for each in plan.objectives], axis=1)


def losses_of(plan: Plan, values: Floats) -> Floats:
    """Return objectives turned so that less is better; see `Objective.losses`."""
    return np.stack(
        [each.losses(values[:, place]) for place, each in enumerate(plan.objectives)], axis=1
    )


def best_of(plan: Plan, table: pl.DataFrame) -> int | None:
    """Return the row of the best set, or None where the first objective is known of none."""
    losses = losses_of(plan, objectives_in(plan, table))
    place = int(ranked(losses)[0])
    return place if math.isfinite(losses[place, 0]) else None


def ranked(losses: Floats) -> npt.NDArray[np.int64]:
    """Return the rows of losses from the best: the first objective, and where equal the next.

    Sets that are equal in all stay in their order.
    """
    return np.lexsort(losses.T[::-1]).astype(np.int64)
