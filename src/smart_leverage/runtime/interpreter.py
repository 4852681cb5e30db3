"""How the interpreter of a process that trades is set: threads change over soon, garbage waits.

A full collection looks at every object of an account and stops all threads meanwhile, 50 to 120 ms
with some thousand orders. Nothing that is done for each order leaves cycles behind, so counting
references frees nearly all of it at once, and full collections can wait until nobody else does.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from smart_leverage.domain.clock import SECOND_NS

SWITCH_S = 0.002
"""So long one thread computes at most while another one has an answer in hand. Five milliseconds,
as the interpreter has it, are several turns of waiting for each order; half a millisecond costs
more in changing over than it saves."""

YOUNG, MIDDLE, NEVER = 1_000, 5, 1_000_000
"""Objects until the youngest are looked at, so many such looks until the middle ones are as well
(about 2 ms), and that many of those until everything would be: only `look` lets that happen."""

QUIET_NS = 5 * SECOND_NS
DUE, OVERDUE = 20, 5_000
"""So many looks at the middle ones make a collection due in quiet, and at any time: 25 million
objects that came to stay."""


@contextmanager
def set_for_trading() -> Iterator[None]:
    """Set the interpreter for trading while the block runs, and as it was before afterwards.

    For whoever starts a process, since all of it is concerned. What was loaded until now is left
    out of every later collection.
    """
    switch_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(switch_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Tidying:
    """Collects once it is quiet, or when it can be put off no longer."""

    def __init__(self, now_ns: int) -> None:
        """Count from now, monotonic ns."""
        self._busy_ns = now_ns

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
