"""What every worker of every engine does: points in, figures out."""

from smart_leverage.research.sweep.figures import Floats, Inputs, Periods, measure, periods_of
from smart_leverage.research.sweep.spool import Work

_WARM = 1e-9
"""A share of the bars that is as short as can be."""


class Evaluator:
    """Measures points, over all bars or the first part of them."""

    def __init__(self, work: Work) -> None:
        self._inputs = work.inputs
        self._space = work.space
        self._parts: dict[float, tuple[Inputs, Periods]] = {}

    def warm_up(self) -> None:
        """Load or compile the kernel, before anything waits for it."""
        measure(*self._part(_WARM), [self._space.base])

    def measure(self, points: Floats, share: float) -> tuple[Floats, list[str]]:
        """Return figures and faults of points.

        Args:
            points: (n, n_axes).
            share: Of the instants, from the first; 1.0 is all.
        """
        return measure(*self._part(share), [self._space.policy(point) for point in points])

    def _part(self, share: float) -> tuple[Inputs, Periods]:
        if share not in self._parts:
            inputs = self._inputs.until(share)
            self._parts[share] = inputs, periods_of(inputs.bars, inputs.timezone)
        return self._parts[share]
