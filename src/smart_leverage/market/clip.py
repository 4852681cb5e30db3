"""A part of a series between two instants."""

from bisect import bisect_left, bisect_right

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.placing import Spans, count_holes

_COINS = f"{AssetClass.CRYPTO.value}:"


def clip(series: BarSeries, since_ns: int, until_ns: int) -> BarSeries:
    """Return the bars that start at or after one instant and end at or before another.

    The source and its hash stay those of the whole; holes are counted anew.
    """
    first = bisect_left(series.starts, since_ns)
    stop = max(bisect_right(series.ends, until_ns), first)
    starts, ends = series.starts[first:stop], series.ends[first:stop]
    sessions = None if series.key.startswith(_COINS) else Sessions.xnys()
    return BarSeries(
        key=series.key,
        step_ns=series.step_ns,
        starts=starts,
        ends=ends,
        opens=series.opens[first:stop],
        highs=series.highs[first:stop],
        lows=series.lows[first:stop],
        closes=series.closes[first:stop],
        volumes=series.volumes[first:stop],
        source=series.source,
        holes=count_holes(Spans(starts, ends), series.step_ns, sessions),
    )
