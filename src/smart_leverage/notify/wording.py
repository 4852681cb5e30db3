"""How a message reads: state and time first, then cause, what is allowed, what comes next."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.notify.message import clean

CAUSE_MAX = 300
"""Characters of a reason, which others may have written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class When(NamedTuple):
    """The clock by which people are told: the zone of the risk day, and what day it is."""

    timezone: str
    now_ns: int

    def at(self, at_ns: int) -> str:
        """Return an instant: "14:36" of today, "Mon 14:36" of this week, else with its date."""
        moment, now = self._local(at_ns), self._local(self.now_ns)
        days = abs((moment.date() - now.date()).days)
        if not days:
            return f"{moment:%H:%M}"
        return f"{moment:%a %H:%M}" if days < 7 else f"{moment:%Y-%m-%d %H:%M}"

    def next_day(self, at_ns: int) -> str:
        """Return when the next risk day begins."""
        return self.at(_calendar(self.timezone).next_day_ns(at_ns))

    def _local(self, at_ns: int) -> datetime:
        moment = _EPOCH + timedelta(microseconds=at_ns // 1000)
        return moment.astimezone(ZoneInfo(self.timezone))


def line(head: str, when: str, cause: str, *rest: str, seq: int = 0) -> str:
    """Return one message: head, time and cause, then the rest and the event, between bars."""
    first = f"{head} {when} {clean(cause, CAUSE_MAX)}".replace("\n", " ")
    event = (f"#{seq}",) if seq else ()
    return " | ".join(part for part in (first, *rest, *event) if part)


@cache
def _calendar(timezone: str) -> RiskCalendar:
    return RiskCalendar(timezone)
