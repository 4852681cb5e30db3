"""What instruments closed at on the day before, as far as the bars of a market tell it."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.market.bars import BarSeries


class PreviousCloses:
    """The last close before the present day, UTC: a share's session never crosses its midnight."""

    def __init__(self, series: Sequence[BarSeries]) -> None:
        self._series = {each.key: each for each in series}

    def at(self, key: Key, now_ns: int) -> Decimal | None:
        """Return the close of an instrument on the day before; None where no bar is that old."""
        series = self._series.get(key)
        if series is None:
            return None
        place = bisect_right(series.ends, now_ns - now_ns % DAY_NS) - 1
        return Decimal(repr(series[place].close)) if place >= 0 else None
