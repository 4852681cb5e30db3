"""How requests were answered, for one loop to count and to show."""

from collections import Counter
from collections.abc import Mapping


class Answers:
    """Counts answers by HTTP status."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._counts: Counter[int] = Counter()

    def add(self, status: int) -> None:
        """Count one."""
        self._counts[status] += 1

    def values(self) -> Mapping[tuple[str, ...], float]:
        """Return the counts by their label."""
        return {(str(status),): float(count) for status, count in self._counts.items()}
