"""Days, weeks and months of an account's risk time zone."""

from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from smart_leverage.domain.risk_days import RiskCalendar

_ONE_DAY = timedelta(days=1)


class Kind(StrEnum):
    """How long a period is; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Period(NamedTuple):
    """The instants [start_ns, end_ns) of one day, week or month; the label sorts by time."""

    kind: Kind
    label: str
    start_ns: int
    end_ns: int


def period_of(calendar: RiskCalendar, kind: Kind, day: date) -> Period:
    """Return the period in which a day lies, `2026-11-24`, `2026-W48` or `2026-11`."""
    if kind is Kind.DAY:
        first, after, label = day, day + _ONE_DAY, day.isoformat()
    elif kind is Kind.WEEK:
        first = day - day.weekday() * _ONE_DAY
        after = first + 7 * _ONE_DAY
        label = f"{day.isocalendar().year}-W{day.isocalendar().week:02}"
    else:
        first = day.replace(day=1)
        after = (first + 31 * _ONE_DAY).replace(day=1)
        label = first.isoformat()[:7]
    return Period(kind, label, calendar.start_ns(first), calendar.start_ns(after))


def period_at(calendar: RiskCalendar, kind: Kind, at_ns: int) -> Period:
    """Return the period in which an instant lies."""
    return period_of(calendar, kind, date.fromisoformat(calendar.day_of(at_ns)))
