"""Where a risk day and a risk month begin: local midnights, also when clocks change."""

from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from smart_leverage.domain.errors import ConfigError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)

# Files beside the zones: what they say differs between machines, or they are no place at all.
_NOT_ZONES = ("Factory", "localtime", "posixrules")


class _Span(NamedTuple):
    """The instants [start_ns, end_ns) that bear one label."""

    start_ns: int
    end_ns: int
    label: str


class RiskCalendar:
    """Days and months of one time zone, as half-open intervals of UTC instants.

    A day begins at the first instant whose local date has come, and lasts until the next one
    does: 23 or 25 hours where clocks change. The interval of the last question is kept, for the
    engine asks for every event.
    """

    __slots__ = ("_day", "_month", "_zone", "timezone_name")

    def __init__(self, timezone_name: str) -> None:
        """Find the zone.

        Raises:
            ConfigError: The name is not one of the IANA time zones, or none are installed.
        """
        self.timezone_name = timezone_name
        self._zone = _zone(timezone_name)
        # One tuple each, replaced as a whole, so that two threads cannot mix two days.
        self._day = _Span(0, 0, "")
        self._month = _Span(0, 0, "")

    def day_of(self, at_ns: int) -> str:
        """Return the label of the risk day at an instant, `2026-11-24`."""
        span = self._day
        if span.start_ns <= at_ns < span.end_ns:
            return span.label
        return self._day_at(at_ns).label

    def month_of(self, at_ns: int) -> str:
        """Return the label of the risk month at an instant, `2026-11`."""
        span = self._month
        if span.start_ns <= at_ns < span.end_ns:
            return span.label
        return self._month_at(at_ns).label

    def day_start_ns(self, at_ns: int) -> int:
        """Return the instant at which the risk day of an instant began."""
        return self._day_at(at_ns).start_ns

    def start_ns(self, day: date) -> int:
        """Return the first instant at which the local date is this one or a later one."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        instant = midnight.astimezone(UTC)
        # A midnight that clocks jumped over maps past the jump; the day began with the jump.
        while (earlier := instant - _ONE_SECOND).astimezone(self._zone).date() >= day:
            instant = earlier
        return (instant - _EPOCH) // _MICROSECOND * 1000

    def next_day_ns(self, at_ns: int) -> int:
        """Return the instant at which the next risk day begins; always later than `at_ns`."""
        return self._day_at(at_ns).end_ns

    def next_month_ns(self, at_ns: int) -> int:
        """Return the instant at which the next risk month begins; always later than `at_ns`."""
        return self._month_at(at_ns).end_ns

    def _day_at(self, at_ns: int) -> _Span:
        span = self._day
        if not span.start_ns <= at_ns < span.end_ns:
            self._day = span = self._find_day(at_ns)
        return span

    def _month_at(self, at_ns: int) -> _Span:
        span = self._month
        if not span.start_ns <= at_ns < span.end_ns:
            first = date.fromisoformat(self._day_at(at_ns).label).replace(day=1)
            after = (first + 31 * _ONE_DAY).replace(day=1)
            label = first.isoformat()[:7]
            self._month = span = _Span(self.start_ns(first), self.start_ns(after), label)
        return span

    def _find_day(self, at_ns: int) -> _Span:
        day = (_EPOCH + at_ns // 1000 * _MICROSECOND).astimezone(self._zone).date()
        start_ns, end_ns = self.start_ns(day), self.start_ns(day + _ONE_DAY)
        # Where clocks go back across midnight, the old date shows again after the new one came.
        while end_ns <= at_ns:
            day += _ONE_DAY
            start_ns, end_ns = end_ns, self.start_ns(day + _ONE_DAY)
        return _Span(start_ns, end_ns, day.isoformat())


def _zone(name: str) -> ZoneInfo:
    # Copies under right/ count leap seconds and would shift every boundary by half a minute.
    if name not in _NOT_ZONES and not name.startswith(("right/", "posix/")):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError):
            pass  # told below: unknown name, a folder, an absolute path
    known = available_timezones().difference(_NOT_ZONES)
    if not known:
        fix = "no time zones are installed on this machine; install the package tzdata"
        raise ConfigError([fix])
    by_fold = {each.casefold().replace("_", " "): each for each in known}
    near = get_close_matches(name.casefold().replace("_", " "), by_fold, n=3, cutoff=0.5)
    accepted = ", ".join(by_fold[each] for each in near) or "America/New_York, UTC"
    raise ConfigError([f"risk_timezone = {name[:64]!r} is not a time zone; it could be {accepted}"])
