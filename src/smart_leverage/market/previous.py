"""What instruments closed at on the day before, as far as the bars of a market tell it."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.timeframes import BarCalendar
from smart_leverage.market.bars import BarSeries


class PreviousCloses:
    """The last close before the present day, as daily bars cut it: New York's for shares."""

    def __init__(self, series: Sequence[BarSeries]) -> None:
        self._series = {each.key: each for each in series}
        self._cuts = {asset_class.value: BarCalendar(asset_class) for asset_class in AssetClass}

    def at(self, key: Key, now_ns: int) -> Decimal | None:
        """Return the close of an instrument on the day before; None where no bar is that old."""
        series = self._series.get(key)
        if series is None:
            return None
        today = self._cuts[key.partition(":")[0]].day_start_ns(now_ns)
        place = bisect_right(series.ends, today) - 1
        return Decimal(repr(series[place].close)) if place >= 0 else None
