"""What a process that trades counts of itself: plain sums, added up where things happen."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.domain.records import Decided, Noted, Record

FAST_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25)
"""Upper edges for what this machine does by itself, seconds: the goal of a decision is 0.2 ms."""

SLOW_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Upper edges for what waits for a disk or for somebody else, seconds."""

DIFFERS = "reconcile.difference"
"""Code of the note that books and broker differ."""

BROKER_CALLS = (
    "submit",
    "replace",
    "cancel",
    "account",
    "positions",
    "orders",
    "order",
    "clock",
    "activities",
    "updates",
)
"""What a broker can be asked, as the times of its answers are told apart."""


class Tally(NamedTuple):
    """Durations as they were counted: `counts` by upper edge, the last for those beyond all."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    total_s: float


class Durations:
    """Counts how long something took, in buckets; for any thread."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        """Begin at nothing; `edges` are upper and ascending, seconds."""
        self._edges = edges
        self._counts = [0] * (len(edges) + 1)
        self._total_s = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Count one; one that took just an edge lies below it."""
        place = bisect_left(self._edges, seconds)
        with self._lock:
            self._counts[place] += 1
            self._total_s += seconds

    def tally(self) -> Tally:
        """Return what was counted until now."""
        with self._lock:
            return Tally(self._edges, tuple(self._counts), self._total_s)


class Meter:
    """Counts since the process began; a trader that takes another's place goes on with its meter.

    The order path pays for an addition. Names, words and text belong to whoever shows the sums.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.decision = Durations(FAST_S)
        self.commit = Durations(SLOW_S)
        self.broker = {call: Durations(SLOW_S) for call in BROKER_CALLS}
        self.decisions: Counter[tuple[str, str]] = Counter()
        """By verdict and reason."""
        self.refusals: Counter[int] = Counter()
        """Orders that the broker refused, by its code."""
        self.differences = 0
        """Comparisons in which books and broker differed."""
        self.broker_answered_s: float | None = None
        """When the broker last answered anything, by the monotonic clock; None for never."""

    def processed(self, seconds: float, decisions: Sequence[Decided]) -> None:
        """Count an event that led to decisions; others are not decisions and cost nothing."""
        self.decision.add(seconds)
        for decided in decisions:
            self.decisions[decided.verdict, decided.reason] += 1

    def hear(self, record: Record) -> None:
        """Count what a record tells beside its decision."""
        if type(record) is Noted and record.code == DIFFERS:
            self.differences += 1

    def refused(self, code: int) -> None:
        """Count a refusal of the broker."""
        self.refusals[code] += 1

    def asked(self, call: str, began_s: float, *, is_answered: bool) -> None:
        """Count what the broker was asked; a silence says how long we waited, and nothing else."""
        now_s = time.monotonic()
        self.broker[call].add(now_s - began_s)
        if is_answered:
            self.broker_answered_s = now_s
