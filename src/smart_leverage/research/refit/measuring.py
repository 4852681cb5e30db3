"""One dated record of evidence, and the records that a monthly schedule would have made."""

from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from math import isfinite
from typing import NamedTuple

import msgspec

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.evidence import SLEEVES, Measured
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.research.refit.curves import calibrations
from smart_leverage.research.refit.figures import Returns, sleeve_figures
from smart_leverage.research.refit.past import Day, Outcome, Past

WINDOW_DAYS = 730
"""What is older than this many days before the last one is not used."""

LIFE_DAYS = 40
"""Evidence is in force for so long after the end of its data: a month, and time to notice."""


class Dated(NamedTuple):
    """Evidence, and when it came in."""

    at_ns: int
    measured: Measured


def measure(past: Past, at_ns: int) -> Measured:
    """Return what was measured at a time, from the risk days and outcomes that were over by then.

    Outcomes count up to the end of the last risk day. The same past gives the same record, whenever
    it is asked: the expiry counts from the end of the data.

    Args:
        past: What happened; what came later is not looked at.
        at_ns: When.

    Raises:
        BadData: No risk day was over.
    """
    days = _days(past, at_ns)
    if not days:
        raise BadData("no risk day is over yet", fix="ask again tomorrow")
    from_ns, until_ns = days[0].from_ns, days[-1].until_ns
    outcomes = [each for each in past.outcomes if from_ns <= each.at_ns <= until_ns]
    return Measured(
        from_ns=from_ns,
        until_ns=until_ns,
        expires_ns=until_ns + LIFE_DAYS * DAY_NS,
        days=len(days),
        sha256=fingerprint(days, outcomes),
        sleeves={name: sleeve_figures(returns_of(days, name)) for name in SLEEVES},
        calibrations=calibrations(outcomes),
    )


def monthly(past: Past) -> list[Dated]:
    """Return what would have come in at the beginning of every risk month.

    Each record is made from what was over by then, so what comes later changes none of them. A
    month that begins before the first day is over has none.

    Args:
        past: What happened; without outcomes there are no curves.
    """
    if not past.days:
        return []
    calendar = RiskCalendar(past.timezone)
    at_ns, made = calendar.next_month_ns(past.days[0].from_ns), []
    while at_ns <= past.days[-1].until_ns:
        if _days(past, at_ns):
            made.append(Dated(at_ns, measure(past, at_ns)))
        at_ns = calendar.next_month_ns(at_ns)
    return made


def returns_of(days: Sequence[Day], sleeve: str) -> Returns:
    """Return the days on which a sleeve has a return."""
    known = [(day.label, getattr(day, sleeve)) for day in days]
    known = [pair for pair in known if isfinite(pair[1])]
    return Returns([label for label, _ in known], [value for _, value in known])


def fingerprint(days: Sequence[Day], outcomes: Sequence[Outcome]) -> str:
    """Return the hash of everything that a record was made from: canonical JSON, NaN as null."""
    return sha256(msgspec.json.encode([list(days), list(outcomes)])).hexdigest()


def _days(past: Past, at_ns: int) -> list[Day]:
    """Return the days that were over by a time, as far back as is used."""
    over = [day for day in past.days if day.until_ns <= at_ns]
    if not over:
        return []
    first = (date.fromisoformat(over[-1].label) - timedelta(WINDOW_DAYS - 1)).isoformat()
    return [day for day in over if day.label >= first]
