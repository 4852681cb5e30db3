"""A sample that is proposed batch by batch, from what came before; every batch is a part."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from smart_leverage.research.sweep.engines import Engine, Watch
from smart_leverage.research.sweep.local import Chunk, Done
from smart_leverage.research.sweep.parts import STUDY, Folder
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Floats
from smart_leverage.research.sweep.study import Asked, Study, values_of
from smart_leverage.research.sweep.tables import part_of

_PIECE = 4
"""Trials of a batch that one worker takes at a time."""


class Adaptive:
    """Points are proposed batch by batch; every batch is a part."""

    def __init__(self, plan: Plan, names: Sequence[str], place: Folder) -> None:
        storage = plan.search.storage or f"sqlite:///{(place.path / STUDY).resolve()}"
        self._study = Study(plan, place.key, storage)
        self._plan, self._names, self._place = plan, names, place
        self._count = math.ceil(plan.sets / plan.search.batch)

    @property
    def is_done(self) -> bool:
        """Whether every part is there."""
        return all(map(self._place.has_part, range(self._count)))

    @property
    def trials(self) -> int:
        """Sets that were looked at so far, pruned and impossible ones included."""
        size = self._plan.search.batch
        done = sum(map(self._place.has_part, range(self._count)))
        return min(done * size, self._plan.sets)

    @property
    def left_out(self) -> int:
        """Points whose numbers exclude each other."""
        table = self.table()
        return 0 if table.is_empty() else int(table["fault"].str.starts_with(_EXCLUDED).sum())

    def go(self, engine: Engine, watch: Watch) -> None:
        """Fill what is missing, until all is there or somebody asks to stop."""
        for number in range(self._count):
            if not self._place.has_part(number) and not self._fill(number, engine, watch):
                return
            self._tell(number)
            watch.progress(self.trials, self._plan.sets)
            watch.heard(engine)

    def _fill(self, number: int, engine: Engine, watch: Watch) -> bool:
        """Evaluate a batch and keep it; False when somebody asked to stop meanwhile."""
        batch = self._study.batch(number)
        first = number * self._plan.search.batch
        end = min(first + self._plan.search.batch, self._plan.sets)
        faults = {each.number: self._plan.space.fault(each.point) for each in batch}
        possible = [each for each in batch if not faults[each.number]]

        def measured(asked: Sequence[Asked], share: float) -> Floats:
            figures = self._figures([each.point for each in asked], share, engine, watch)[0]
            return values_of(self._plan, figures, self._names)[:, 0]

        try:
            given_up = self._study.climb(possible, measured)
            given_up |= self._study.pruned(first, end)
            left = [each for each in possible if each.number not in given_up]
            figures, told = self._figures([each.point for each in left], 1.0, engine, watch)
        except _StoppedError:
            return False
        faults = {each: f"{_EXCLUDED}: {fault}" for each, fault in faults.items() if fault}
        faults |= {
            each: f"pruned after {share:.0%} of the bars" for each, share in given_up.items()
        }
        faults |= {each.number: text for each, text in zip(left, told, strict=True)}
        rows = np.full((end - first, len(self._names)), math.nan)
        for each, row in zip(left, figures, strict=True):
            rows[each.number - first] = row
        points = np.array([self._study.point(each) for each in range(first, end)])
        done = Done(number, rows, [faults[each] for each in range(first, end)])
        self._place.put(number, part_of(self._plan, self._names, first, points, done))
        return True

    def _figures(
        self, points: Sequence[Sequence[float]], share: float, engine: Engine, watch: Watch
    ) -> tuple[Floats, list[str]]:
        pieces = [
            Chunk(place, np.array(points[place : place + _PIECE]), share)
            for place in range(0, len(points), _PIECE)
        ]
        found = {each.number: each for each in engine.evaluate(iter(pieces), watch.is_stopped)}
        if len(found) < len(pieces):
            raise _StoppedError
        if not pieces:
            return np.zeros((0, len(self._names))), []
        figures = np.concatenate([found[each.number].figures for each in pieces])
        return figures, [fault for each in pieces for fault in found[each.number].faults]

    def _tell(self, number: int) -> None:
        waiting = self._study.batch(number)
        part = self._place.part(number)
        if not waiting or part is None:
            return
        figures = part.select(self._names).to_numpy().astype(np.float64)
        values = values_of(self._plan, figures, self._names)
        for each in waiting:
            self._study.tell(each.number, values[each.number - number * self._plan.search.batch])

    def table(self) -> pl.DataFrame:
        """Return the parts that are there."""
        return self._place.table(self._count)


_EXCLUDED = "left out"


class _StoppedError(Exception):
    """Somebody asked to stop in the middle of a batch."""
