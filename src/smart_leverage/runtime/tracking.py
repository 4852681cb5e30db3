"""How the month goes against its target, and how likely it still is, from what the account did."""

import math
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean, stdev
from typing import NamedTuple

from smart_leverage.books.baselines import Period
from smart_leverage.domain.calendars import RiskCalendar
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.policy.target import chance_of_month
from smart_leverage.runtime.remembered import Remembered

DAYS_MIN = 20
"""Fewer days of its own say nothing of how an account moves."""


class Tracking(NamedTuple):
    """The month so far, fractions; a chance is None while too few days are known.

    `plan` is what an even pace would have made by now. `chance` takes the mean of the account's own
    days, `chance_flat` none at all: between them lies what can be said.
    """

    month_return: float
    plan: float
    day_return: float
    day_plan: float
    days_gone: float
    days_left: float
    needed: float
    days_known: int
    chance: float | None
    chance_flat: float | None


def tracking(now: Remembered, monthly: float) -> Tracking | None:
    """Return how the month goes; None before the account was ever valued.

    Args:
        now: The account.
        monthly: The target, fraction.
    """
    state, opened = now.state, now.state.opened
    if now.last_mark is None or opened is None:
        return None
    equity = now.last_mark.equity
    month, day = (float(equity / state.opening(each)) - 1.0 for each in (Period.MONTH, Period.DAY))
    calendar = RiskCalendar(opened.risk_timezone)
    began = max(_month_start_ns(calendar, now.at_ns), opened.at_ns)
    ends = calendar.next_month_ns(now.at_ns)
    gone, left = (now.at_ns - began) / DAY_NS, (ends - now.at_ns) / DAY_NS
    days = (ends - began) / DAY_NS
    needed = (1.0 + monthly) / (1.0 + month) - 1.0
    known = state.rolling.daily(now.at_ns)
    changes = [math.log(after / before) for before, after in pairwise(known)]
    chance = flat = None
    if len(changes) >= DAYS_MIN:
        spread = stdev(changes)
        chance = chance_of_month(needed, left, fmean(changes), spread)
        flat = chance_of_month(needed, left, -spread * spread / 2.0, spread)
    return Tracking(
        month_return=month,
        plan=(1.0 + monthly) ** (gone / days) - 1.0,
        day_return=day,
        day_plan=(1.0 + monthly) ** (1.0 / days) - 1.0,
        days_gone=gone,
        days_left=left,
        needed=needed,
        days_known=len(changes),
        chance=chance,
        chance_flat=flat,
    )


def _month_start_ns(calendar: RiskCalendar, at_ns: int) -> int:
    first = datetime.fromisoformat(f"{calendar.month_of(at_ns)}-01").replace(tzinfo=UTC)
    return calendar.start_ns(first.date())
