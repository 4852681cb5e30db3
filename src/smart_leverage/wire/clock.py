"""The clock and the calendar as the wire shows them, in the time of New York."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.clock import SECOND_NS

NEW_YORK = ZoneInfo("America/New_York")
REGULAR_MINUTES = 390


def clock_json(now_ns: int, sessions: Sessions) -> dict[str, Any]:
    """Return the clock; it is open while shares trade in their core session."""
    return {
        "timestamp": _local(now_ns),
        "is_open": sessions.is_open(now_ns),
        "next_open": _local(sessions.next_open(now_ns)),
        "next_close": _local(sessions.next_close(now_ns)),
    }


def calendar_json(sessions: Iterable[Session], following: dict[date, date]) -> list[dict[str, Any]]:
    """Return the trading days; `following` names the next one, on which a trade settles."""
    return [_day(session, following) for session in sessions]


def _day(session: Session, following: dict[date, date]) -> dict[str, Any]:
    settles = following.get(session.date, session.date + timedelta(days=1))
    day = {
        "date": session.date.isoformat(),
        "open": moment(session.open_ns).strftime("%H:%M"),
        "close": moment(session.close_ns).strftime("%H:%M"),
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": settles.isoformat(),
    }
    if session.minutes < REGULAR_MINUTES:
        del day["session_close"]  # when the late session of a half day ends is not published
    return day


def moment(at_ns: int) -> datetime:
    """Return an instant in the time of New York, to the microsecond."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(NEW_YORK)
    return local.replace(microsecond=rest // 1000)


def _local(at_ns: int) -> str:
    return moment(at_ns).isoformat()
