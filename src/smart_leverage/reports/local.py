"""Times on a report: the account's risk time zone, named, and the ticks of a time axis."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_MAX = 8
_MINUTES = (5, 10, 15, 30)
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 3, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


class Tick(NamedTuple):
    """One mark of an axis."""

    at_ns: int
    label: str


class LocalTime:
    """Writes instants in one time zone."""

    def __init__(self, zone_name: str) -> None:
        self.name = zone_name
        self._zone = ZoneInfo(zone_name)

    def at(self, at_ns: int) -> datetime:
        """Return an instant in the zone, cut to the microsecond."""
        return (_EPOCH + timedelta(microseconds=at_ns // 1000)).astimezone(self._zone)

    def text(self, at_ns: int) -> str:
        """Return date and time, "2024-03-08 09:30", with seconds where there are any."""
        moment = self.at(at_ns)
        return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")

    def date(self, at_ns: int) -> str:
        """Return the date, "2024-03-08"."""
        return self.at(at_ns).strftime("%Y-%m-%d")

    def ticks(self, start_ns: int, end_ns: int) -> list[Tick]:
        """Return at most eight marks at round local times inside a span."""
        span_ns = end_ns - start_ns
        for minutes in _MINUTES:
            if MINUTE_NS < span_ns <= _TICKS_MAX * minutes * MINUTE_NS:
                return list(self._minutes(start_ns, end_ns, minutes))
        for hours in _HOURS:
            if span_ns <= _TICKS_MAX * hours * HOUR_NS:
                return list(self._hours(start_ns, end_ns, hours))
        for days in _DAYS:
            if span_ns <= _TICKS_MAX * days * DAY_NS:
                return list(self._days(start_ns, end_ns, days))
        months = next((each for each in _MONTHS if span_ns <= _TICKS_MAX * each * 30 * DAY_NS), 600)
        return list(self._months(start_ns, end_ns, months))

    def _minutes(self, start_ns: int, end_ns: int, step: int) -> Iterator[Tick]:
        step_ns = step * MINUTE_NS
        for at_ns in range(-(-start_ns // step_ns) * step_ns, end_ns + 1, step_ns):
            yield Tick(at_ns, self.at(at_ns).strftime("%H:%M"))

    def _hours(self, start_ns: int, end_ns: int, step: int) -> Iterator[Tick]:
        moment = self.at(start_ns).replace(minute=0, second=0, microsecond=0)
        at_ns = _ns(moment)
        while at_ns <= end_ns:
            moment = self.at(at_ns)
            if at_ns >= start_ns and moment.hour % step == 0:
                is_midnight = moment.hour == 0
                yield Tick(at_ns, moment.strftime("%d %b" if is_midnight else "%H:%M"))
            at_ns += HOUR_NS

    def _days(self, start_ns: int, end_ns: int, step: int) -> Iterator[Tick]:
        day = self.at(start_ns).date()
        while (at_ns := self._midnight_ns(day.year, day.month, day.day)) <= end_ns:
            # Counted from a Monday, so that steps of weeks begin with one.
            if at_ns >= start_ns and (day.toordinal() - 1) % step == 0:
                yield Tick(at_ns, day.strftime("%d %b"))
            day += timedelta(days=1)

    def _months(self, start_ns: int, end_ns: int, step: int) -> Iterator[Tick]:
        first = self.at(start_ns)
        count = first.year * 12 + first.month - 1
        while (at_ns := self._midnight_ns(count // 12, count % 12 + 1, 1)) <= end_ns:
            if at_ns >= start_ns and count % step == 0:
                yield Tick(at_ns, self.at(at_ns).strftime("%Y" if step % 12 == 0 else "%b %Y"))
            count += 1

    def _midnight_ns(self, year: int, month: int, day: int) -> int:
        return _ns(datetime(year, month, day, tzinfo=self._zone))


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
