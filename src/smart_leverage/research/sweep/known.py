"""A sample that is known beforehand: cut into parts, and every part is a chunk."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.engines import Engine, Watch
from smart_leverage.research.sweep.local import Chunk
from smart_leverage.research.sweep.parts import Folder
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Floats, Space
from smart_leverage.research.sweep.tables import part_of

_LANES = 32
_PARTS = 64
"""So many parts at most, unless they would be larger than this many times 32 sets."""
_LARGEST = 32


class Known:
    """All points are known beforehand; they are cut into parts, and every part is a chunk."""

    def __init__(self, plan: Plan, names: Sequence[str], place: Folder) -> None:
        points = plan.points()
        kept = [not plan.space.fault(point) for point in points]
        self._left_out = len(points) - sum(kept)
        self._points = points[np.array(kept, dtype=bool)]
        if not len(self._points):
            raise ConfigError([_nothing_left(plan.space, points)], "space")
        self._size = chunk_size(len(self._points))
        self._plan, self._names, self._place = plan, names, place

    @property
    def _count(self) -> int:
        return math.ceil(len(self._points) / self._size)

    @property
    def is_done(self) -> bool:
        """Whether every part is there."""
        return all(map(self._place.has_part, range(self._count)))

    @property
    def trials(self) -> int:
        """Sets that are looked at."""
        return len(self._points)

    @property
    def left_out(self) -> int:
        """Points whose numbers exclude each other; they are no sets."""
        return self._left_out

    def go(self, engine: Engine, watch: Watch) -> None:
        """Fill what is missing, until all is there or somebody asks to stop."""
        missing = [each for each in range(self._count) if not self._place.has_part(each)]
        total = len(self._points)
        done = total - sum(len(self._chunk(number).points) for number in missing)
        watch.progress(done, total)
        for each in engine.evaluate(map(self._chunk, missing), watch.is_stopped):
            points = self._chunk(each.number).points
            first = each.number * self._size
            self._place.put(each.number, part_of(self._plan, self._names, first, points, each))
            done += len(points)
            watch.progress(done, total)
            watch.heard(engine)

    def _chunk(self, number: int) -> Chunk:
        first = number * self._size
        return Chunk(number, self._points[first : first + self._size])

    def table(self) -> pl.DataFrame:
        """Return the parts that are there."""
        return self._place.table(self._count)


def chunk_size(sets: int) -> int:
    """Return how many sets make a part: by their number alone, so that resuming finds the same."""
    return _LANES * min(_LARGEST, math.ceil(sets / _PARTS / _LANES))


def _nothing_left(space: Space, points: Floats) -> str:
    return f"no combination can be a policy; the first: {space.fault(points[0])}"
