"""Read by Python before everything else: here the wall clock goes on from another time.

Tests that need the exchange to be open start an account with this folder on its path. Its counters
run on, so for the account it is simply that hour.
"""

import os
import time

SHIFT_NS = int(os.environ["TESTS_CLOCK_SHIFT_NS"])
_real_ns = time.time_ns


def _time_ns() -> int:
    return _real_ns() + SHIFT_NS


def _time() -> float:
    return _time_ns() / 1e9


time.time_ns = _time_ns
time.time = _time
