"""Long series with few points: what is drawn keeps every extreme of what was measured."""

from bisect import bisect_left
from collections.abc import Sequence

POINTS_MAX = 2_000
"""Most points of a drawn series."""

_KEPT_PER_BUCKET = 4


def thinned(
    times: Sequence[int], values: Sequence[float], points_max: int = POINTS_MAX
) -> list[int]:
    """Return the indices of the points to draw, ascending.

    Time is cut into equal buckets; of each, the first, the last, the lowest and the highest point
    are kept, so that a line through them covers the same pixels as a line through all.

    Args:
        times: Not descending.
        values: As many.
        points_max: Most points to return, at least 4.

    Source:
        Jugel et al. 2014, "M4: A visualization-oriented time series data aggregation".
    """
    count = len(times)
    if count <= points_max:
        return list(range(count))
    buckets = max(points_max // _KEPT_PER_BUCKET, 1)
    start, span = times[0], max(times[-1] - times[0], 1)
    kept: list[int] = []
    low = 0
    for bucket in range(1, buckets + 1):
        edge = start + span * bucket // buckets
        high = count if bucket == buckets else bisect_left(times, edge, low)
        if high > low:
            kept += _extremes(values, low, high)
        low = high
    return kept


def _extremes(values: Sequence[float], low: int, high: int) -> list[int]:
    inside = range(low, high)
    lowest = min(inside, key=values.__getitem__)
    highest = max(inside, key=values.__getitem__)
    return sorted({low, lowest, highest, high - 1})


def changes(values: Sequence[float]) -> list[int]:
    """Return the indices at which a step line takes a new value, the first one included."""
    return [index for index, value in enumerate(values) if not index or value != values[index - 1]]
