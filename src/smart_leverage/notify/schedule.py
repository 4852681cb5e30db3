"""When statements are due: at the close of each session, and once a week after its last one."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from smart_leverage.domain.calendars import TradingCalendar
from smart_leverage.domain.errors import BadData

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Due(NamedTuple):
    """A statement that is due: up to which close, and whether a week ended with it."""

    close_ns: int
    is_week: bool


def due(calendar: TradingCalendar, stated_ns: int, now_ns: int) -> Due | None:
    """Return the last close that no statement was made for; None where there is none.

    Closes that passed while nobody was here are stated together, with the last of them. Where the
    table of sessions ends there are no statements any more.
    """
    try:
        close_ns = calendar.next_close(stated_ns)
        if close_ns > now_ns:
            return None
        is_week = _ends_week(calendar, close_ns)
        while (later_ns := calendar.next_close(close_ns)) <= now_ns:
            close_ns = later_ns
            is_week = is_week or _ends_week(calendar, close_ns)
    except BadData:
        return None
    return Due(close_ns, is_week)


def _ends_week(calendar: TradingCalendar, close_ns: int) -> bool:
    return _week(calendar.next_open(close_ns)) != _week(close_ns)


def _week(at_ns: int) -> tuple[int, int]:
    moment = _EPOCH + timedelta(microseconds=at_ns // 1000)
    year, week, _ = moment.isocalendar()
    return year, week
