"""When each class trades, and when a risk day and a risk month begin."""

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from smart_leverage.domain.clock import DAY_NS, MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.risk_days import RiskCalendar

__all__ = [
    "NEVER_NS",
    "AlwaysOpen",
    "RiskCalendar",
    "Session",
    "Sessions",
    "TradingCalendar",
    "calendar_for",
]

NEVER_NS = 2**63 - 1
"""Later than every instant: when a class that is always open next opens or closes."""

_EPOCH = date(1970, 1, 1)
_ONE_DAY = timedelta(days=1)


class Session(NamedTuple):
    """One trading day: open at `open_ns`, no longer open at `close_ns`, both UTC."""

    date: date
    open_ns: int
    close_ns: int

    @property
    def minutes(self) -> int:
        """Return how long it lasts; 390 on a regular day in New York, 210 on most short ones."""
        return (self.close_ns - self.open_ns) // MINUTE_NS


class TradingCalendar(Protocol):
    """When a class of instruments trades; every instant is UTC nanoseconds."""

    def session_on(self, day: date) -> Session | None:
        """Return the session that bears this date, None when there is none."""
        ...

    def is_open(self, at_ns: int) -> bool:
        """Whether the class trades at this instant; the close itself is closed."""
        ...

    def next_open(self, at_ns: int) -> int:
        """Return the first opening after this instant, never the instant itself."""
        ...

    def next_close(self, at_ns: int) -> int:
        """Return the first close after this instant, never the instant itself."""
        ...

    def open_minutes(self, from_ns: int, to_ns: int) -> int:
        """Return the whole minutes of trading between two instants, 0 if `to_ns` is earlier."""
        ...

    def after_open_minutes(self, from_ns: int, minutes: int) -> int:
        """Return the first instant by which so many minutes of trading have passed."""
        ...


class AlwaysOpen:
    """The calendar of coins: open at every instant, with UTC days for sessions."""

    def session_on(self, day: date) -> Session:
        """Return the UTC day."""
        open_ns = _midnight_ns(day)
        return Session(date=day, open_ns=open_ns, close_ns=open_ns + DAY_NS)

    def is_open(self, at_ns: int) -> bool:
        """Return True."""
        return True

    def next_open(self, at_ns: int) -> int:
        """Return NEVER_NS: what never closed does not open."""
        return NEVER_NS

    def next_close(self, at_ns: int) -> int:
        """Return NEVER_NS."""
        return NEVER_NS

    def open_minutes(self, from_ns: int, to_ns: int) -> int:
        """Return the whole minutes between two instants, 0 if `to_ns` is earlier."""
        return max(0, to_ns - from_ns) // MINUTE_NS

    def after_open_minutes(self, from_ns: int, minutes: int) -> int:
        """Return the instant so many minutes later."""
        return from_ns + minutes * MINUTE_NS


class Sessions:
    """The sessions of one exchange from the first to the last date that its table covers.

    Dates and instants outside raise BadData: a calendar that guesses would trade on a holiday.
    """

    __slots__ = ("_closes", "_covered", "_first", "_index", "_last", "_opens", "_traded")

    def __init__(self, sessions: list[Session], first: date, last: date) -> None:
        """Keep sessions in order of time; `first` and `last` are the dates they are known for."""
        self._first, self._last = first, last
        self._covered = (_midnight_ns(first), _midnight_ns(last + _ONE_DAY))
        self._index = {session.date: place for place, session in enumerate(sessions)}
        self._opens = [session.open_ns for session in sessions]
        self._closes = [session.close_ns for session in sessions]
        # How long the exchange has traded up to each opening, and in the end.
        lengths = (session.close_ns - session.open_ns for session in sessions)
        self._traded = list(accumulate(lengths, initial=0))

    @classmethod
    def xnys(cls) -> "Sessions":
        """Return the sessions of US equities, 1970 to 2030; read once per process.

        Dates are right throughout. Hours are those of today also before October 1985, when the
        exchange opened at 10:00.
        """
        return _xnys()

    @property
    def first(self) -> date:
        """The first date covered, whether it has a session or not."""
        return self._first

    @property
    def last(self) -> date:
        """The last date covered, whether it has a session or not."""
        return self._last

    def session_on(self, day: date) -> Session | None:
        """Return the session that bears this date, None on a holiday or at a weekend.

        Raises:
            BadData: The table does not cover the date.
        """
        if not self._first <= day <= self._last:
            raise self._uncovered(day)
        place = self._index.get(day)
        if place is None:
            return None
        return Session(date=day, open_ns=self._opens[place], close_ns=self._closes[place])

    def between(self, first: date, last: date) -> Iterator[Session]:
        """Yield the sessions from one date to another, both included.

        Raises:
            BadData: The table does not cover one of the dates.
        """
        for day in (first, last):
            if not self._first <= day <= self._last:
                raise self._uncovered(day)
        for day, place in self._index.items():
            if first <= day <= last:
                yield Session(day, self._opens[place], self._closes[place])

    def is_open(self, at_ns: int) -> bool:
        """Whether a session is on; true at its open, false at its close.

        Raises:
            BadData: The table does not cover the instant.
        """
        place = self._begun(at_ns)
        return place > 0 and at_ns < self._closes[place - 1]

    def next_open(self, at_ns: int) -> int:
        """Return the first opening after this instant; during a session, that of the next one.

        Raises:
            BadData: The table does not cover the instant or the answer.
        """
        return self._after(self._opens, self._begun(at_ns))

    def next_close(self, at_ns: int) -> int:
        """Return the first close after this instant; during a session, its own.

        Raises:
            BadData: The table does not cover the instant or the answer.
        """
        self._begun(at_ns)
        return self._after(self._closes, bisect_right(self._closes, at_ns))

    def open_minutes(self, from_ns: int, to_ns: int) -> int:
        """Return the whole minutes of trading between two instants, 0 if `to_ns` is earlier.

        Raises:
            BadData: The table does not cover an instant.
        """
        return max(0, self._traded_by(to_ns) - self._traded_by(from_ns)) // MINUTE_NS

    def after_open_minutes(self, from_ns: int, minutes: int) -> int:
        """Return the first instant by which so many minutes of trading have passed.

        A deadline set while the exchange is closed therefore begins to run at the next open; with
        0 minutes it is the instant itself.

        Raises:
            BadData: The table does not cover the instant or the answer.
        """
        if minutes <= 0:
            return from_ns
        due = self._traded_by(from_ns) + minutes * MINUTE_NS
        place = bisect_left(self._traded, due) - 1
        return self._after(self._opens, place) + due - self._traded[place]

    def _begun(self, at_ns: int) -> int:
        """Return how many sessions have begun at an instant."""
        from_ns, to_ns = self._covered
        if not from_ns <= at_ns < to_ns:
            raise self._uncovered(at_ns)
        return bisect_right(self._opens, at_ns)

    def _traded_by(self, at_ns: int) -> int:
        """Return the nanoseconds of trading from the first session to an instant."""
        begun = self._begun(at_ns)
        if begun == 0:
            return 0
        left = max(0, self._closes[begun - 1] - at_ns)
        return self._traded[begun] - left

    def _after(self, instants: list[int], place: int) -> int:
        if place >= len(instants):
            raise self._uncovered(self._last + _ONE_DAY)
        return instants[place]

    def _uncovered(self, when: date | int) -> BadData:
        shown = when if isinstance(when, date) else f"instant {when} ns"
        return BadData(
            f"no session table for {shown}", fix=f"covered are {self._first} to {self._last}"
        )


def calendar_for(asset_class: AssetClass) -> TradingCalendar:
    """Return the calendar by which a class of instruments trades."""
    return Sessions.xnys() if asset_class is AssetClass.US_EQUITY else _ALWAYS_OPEN


_ALWAYS_OPEN = AlwaysOpen()


class _Row(NamedTuple):
    kind: str
    day: date
    open_ns: int
    close_ns: int


@cache
def _xnys() -> Sessions:
    text = files("smart_leverage.domain").joinpath("data", "xnys_sessions.csv").read_text("utf-8")
    rows = [
        _Row(kind, date.fromisoformat(day), _time_ns(opened), _time_ns(closed))
        for kind, day, opened, closed in list(csv.reader(text.splitlines()))[1:]
    ]
    regular, last = rows[0], rows[-1]
    exceptions = {row.day: row for row in rows[1:-1]}
    sessions = list(_spell_out(regular, exceptions, last.day, ZoneInfo("America/New_York")))
    return Sessions(sessions, regular.day, last.day)


def _spell_out(
    regular: _Row, exceptions: dict[date, _Row], last: date, zone: ZoneInfo
) -> Iterator[Session]:
    """Yield a session for every working day that is not named as closed."""
    offset_ns = _utc_offset_ns(regular.day, zone)
    for ordinal in range(regular.day.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        weekday = day.weekday()
        if weekday == 0:  # New York changes its clocks on Sundays only
            offset_ns = _utc_offset_ns(day, zone)
        row = exceptions.get(day, regular)
        if weekday < 5 and row.kind != "closed":
            midnight_ns = _midnight_ns(day) - offset_ns
            yield Session(day, midnight_ns + row.open_ns, midnight_ns + row.close_ns)


def _utc_offset_ns(day: date, zone: ZoneInfo) -> int:
    offset = datetime(day.year, day.month, day.day, 12, tzinfo=zone).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1) * 1000


def _midnight_ns(day: date) -> int:
    return (day.toordinal() - _EPOCH.toordinal()) * DAY_NS


def _time_ns(text: str) -> int:
    if not text:
        return 0
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * MINUTE_NS
