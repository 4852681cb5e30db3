"""When a trading process collects garbage: when nobody waits for it, as far as that can be had.

A full collection looks at every object of an account and stops all threads meanwhile, 50 to 120 ms
with some thousand orders. Nothing that is done for each order leaves cycles behind, so counting
references frees nearly all of it at once, and full collections can wait.
"""

import gc

from smart_leverage.domain.clock import SECOND_NS

YOUNG, MIDDLE, NEVER = 1_000, 5, 1_000_000
"""Objects until the youngest are looked at, so many such looks until the middle ones are as well
(about 2 ms), and that many of those until everything would be: only `look` lets that happen."""

QUIET_NS = 5 * SECOND_NS
DUE, OVERDUE = 20, 5_000
"""So many looks at the middle ones make a collection due in quiet, and at any time: 25 million
objects that came to stay."""


class Tidying:
    """Collects once it is quiet, or when it can be put off no longer."""

    def __init__(self, now_ns: int) -> None:
        """Count from now, monotonic ns."""
        self._busy_ns = now_ns
        self._before = gc.get_threshold()

    def begin(self) -> None:
        """Leave what a start has loaded out of every later collection."""
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)

    def end(self) -> None:
        """Let the interpreter collect again as it did before."""
        gc.unfreeze()
        gc.set_threshold(*self._before)

    def busy(self, now_ns: int) -> None:
        """Note that somebody wanted something."""
        self._busy_ns = now_ns

    def look(self, now_ns: int) -> bool:
        """Collect if it is due; return whether it was done."""
        looks = gc.get_count()[2]
        is_quiet = now_ns - self._busy_ns >= QUIET_NS
        if looks < (DUE if is_quiet else OVERDUE):
            return False
        gc.collect()
        return True
