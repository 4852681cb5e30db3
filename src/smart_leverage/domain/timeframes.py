"""Lengths of bars as people ask for them, and where a bar of a length begins and ends."""

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.risk_days import RiskCalendar

_ONE_DAY = timedelta(days=1)


class Unit(StrEnum):
    """What a length is counted in."""

    MINUTE = "Min"
    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"


_SPELLED = {
    **{unit.value: unit for unit in Unit},
    "T": Unit.MINUTE,
    "H": Unit.HOUR,
    "D": Unit.DAY,
    "W": Unit.WEEK,
    "M": Unit.MONTH,
}
_COUNTS = {
    Unit.MINUTE: range(1, 60),
    Unit.HOUR: range(1, 24),
    Unit.DAY: (1,),
    Unit.WEEK: (1,),
    Unit.MONTH: (1, 2, 3, 4, 6, 12),
}
_SHAPE = re.compile(r"([1-9][0-9]?)([A-Za-z]{1,5})", re.ASCII)


class Timeframe(NamedTuple):
    """So many units a bar: "15Min", "1Day"."""

    number: int
    unit: Unit


MINUTE = Timeframe(1, Unit.MINUTE)
DAY = Timeframe(1, Unit.DAY)


def read_timeframe(text: str) -> Timeframe:
    """Return the length that a text names, as in "5Min" or, shorter, "5T".

    Raises:
        ValueError: It names none that is offered.
    """
    shape = _SHAPE.fullmatch(text)
    unit = _SPELLED.get(shape[2]) if shape else None
    if shape is None or unit is None or int(shape[1]) not in _COUNTS[unit]:
        raise ValueError("1Min to 59Min, 1Hour to 23Hour, 1Day, 1Week, or 1, 2, 3, 4, 6, 12Month")
    return Timeframe(int(shape[1]), unit)


class Bucket(NamedTuple):
    """The instants [start, end) that one bar speaks of, whether the market is open or not."""

    start_ns: int
    end_ns: int


class BarCalendar:
    """Bars of one class: those of shares are cut by the days of New York, those of coins by UTC.

    Minutes and hours are counted from midnight, so that a bar never reaches into the next day;
    weeks begin on Mondays, months on their first day, several of them with January.
    """

    def __init__(self, asset_class: AssetClass) -> None:
        is_share = asset_class is AssetClass.US_EQUITY
        self._days = RiskCalendar("America/New_York" if is_share else "UTC")

    def day_start_ns(self, at_ns: int) -> int:
        """Return the midnight before an instant, or the instant itself."""
        return self._days.day_start_ns(at_ns)

    def day(self, day: date) -> Bucket:
        """Return the instants of a date."""
        return Bucket(self._days.start_ns(day), self._days.start_ns(day + _ONE_DAY))

    def bucket(self, frame: Timeframe, at_ns: int) -> Bucket:
        """Return the interval of a length in which an instant lies."""
        start_ns, end_ns = self._days.day_start_ns(at_ns), self._days.next_day_ns(at_ns)
        if frame.unit in (Unit.MINUTE, Unit.HOUR):
            length_ns = frame.number * (MINUTE_NS if frame.unit is Unit.MINUTE else HOUR_NS)
            start_ns += (at_ns - start_ns) // length_ns * length_ns
            return Bucket(start_ns, min(start_ns + length_ns, end_ns))
        if frame.unit is Unit.DAY:
            return Bucket(start_ns, end_ns)
        first, after = _dates(frame, date.fromisoformat(self._days.day_of(at_ns)))
        return Bucket(self._days.start_ns(first), self._days.start_ns(after))


def _dates(frame: Timeframe, day: date) -> tuple[date, date]:
    """Return the first date of the week or the months around a date, and the first one after."""
    if frame.unit is Unit.WEEK:
        monday = day - day.weekday() * _ONE_DAY
        return monday, monday + 7 * _ONE_DAY
    first = day.replace(month=(day.month - 1) // frame.number * frame.number + 1, day=1)
    years, month = divmod(first.month - 1 + frame.number, 12)
    return first, first.replace(year=first.year + years, month=month + 1)
