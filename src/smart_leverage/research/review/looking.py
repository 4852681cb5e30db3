"""One window of an account against what was due: a line each, with verdict, source and time."""

import math
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from smart_leverage.books.trades import Outcome
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.phases import PhaseResult
from smart_leverage.domain.records import Filled, Marked
from smart_leverage.domain.sentences import percent
from smart_leverage.policy.target import daily_compound
from smart_leverage.reports.citing import cited, counted, signed
from smart_leverage.reports.story import Story
from smart_leverage.research.review.deeds import deeds
from smart_leverage.research.review.window import Window
from smart_leverage.research.verify.monitoring import (
    Alarm,
    MonthAnswer,
    RateAnswer,
    has_stopped,
    is_month_above,
    is_rate_above,
)

MONTH_DAYS = 30.4375
EDGE_DAY = 4
"""The first month counts as whole where the account was opened this early in it."""


class Verdict(StrEnum):
    """What became of one line; what is only shown is judged by nobody."""

    MET = "met"
    MISSED = "missed"
    OPEN = "not decidable yet"
    SHOWN = "shown"


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a review: what was due, what was measured, and what is still needed.

    `source` names the events of the journal, `from_ns` and `until_ns` the time that was measured.
    """

    name: str
    due: str
    measured: str
    verdict: Verdict
    source: str
    from_ns: int
    until_ns: int
    needed: str = ""


class Targets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the original design asks for, fractions; `broken` is the win rate of the alarm."""

    win_rate: float = 0.55
    month: float = 0.05
    drawdown: float = 0.08
    broken: float = 0.45


class Look(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One window: its lines, oldest question first."""

    days: int
    from_ns: int
    until_ns: int
    covered_days: float
    lines: tuple[Line, ...]

    @property
    def result(self) -> PhaseResult:
        """Return how the window ended, as a phase does."""
        judged = [each for each in self.lines if each.verdict is not Verdict.SHOWN]
        missed = [each for each in judged if each.verdict is Verdict.MISSED]
        if missed:
            is_all = not any(each.verdict is Verdict.MET for each in judged)
            word = "missed" if is_all else "partly reached"
        elif any(each.verdict is Verdict.OPEN for each in judged):
            word = "not decidable yet"
        else:
            word = "reached"
        short = ", ".join(f"{each.name}: {each.measured}" for each in missed)
        return PhaseResult(days=self.days, due_ns=self.until_ns, result=word, shortfall=short)


def look(story: Story, days: int, until_ns: int, targets: Targets, loss_limit: float) -> Look:
    """Return what was measured of the days that ended at an instant.

    Whether win rate and month are above their bars is answered from the whole record until then,
    which may be asked daily; a window that moves along may not.

    Args:
        story: Read up to the event that the review is made of.
        days: Length of the window.
        until_ns: Its end; nothing later is looked at.
        targets: What was due.
        loss_limit: Of a day, positive fraction, the one in force.

    Raises:
        ValueError: A target is none that can be asked for.
    """
    window = Window(story, days, until_ns)
    lines = (
        *_performance(window, targets, loss_limit),
        *_record(window, targets),
        *_allocation(window),
        *(_line(window, *each) for each in deeds(window)),
    )
    return Look(
        days=days,
        from_ns=window.from_ns,
        until_ns=until_ns,
        covered_days=window.covered_days,
        lines=lines,
    )


def _line(
    window: Window,
    name: str,
    due: str,
    measured: str,
    verdict: str,
    source: str,
    needed: str = "",
    from_ns: int | None = None,
) -> Line:
    return Line(
        name=name,
        due=due,
        measured=measured,
        verdict=Verdict(verdict),
        source=source,
        from_ns=max(window.from_ns if from_ns is None else from_ns, window.story.account.at_ns),
        until_ns=window.until_ns,
        needed=needed,
    )


# -- returns --------------------------------------------------------------------------------------


def _performance(window: Window, targets: Targets, loss_limit: float) -> Iterator[Line]:
    source = cited(window.mark_places, "mark")
    yield _return(window, targets, source)
    if window.days_closed:
        worst = min(window.days_closed, key=lambda day: day.change)
        is_inside = -worst.change <= loss_limit
        yield _line(
            window,
            "worst day",
            f"at most {percent(loss_limit)} lost at the close of a day",
            f"{signed(worst.change)} on {worst.label}",
            "met" if is_inside else "missed",
            source,
        )
    if window.marks:
        yield _line(
            window,
            "drawdown",
            f"below {percent(targets.drawdown)}",
            f"{percent(window.deepest, 2)} below an earlier high, at its deepest",
            "met" if window.deepest < targets.drawdown else "missed",
            source,
        )


def _return(window: Window, targets: Targets, source: str) -> Line:
    due = math.expm1(math.log1p(targets.month) * window.days / MONTH_DAYS)
    a_day = daily_compound(targets.month, MONTH_DAYS)
    asked = f"{signed(due)}, {signed(a_day)} a day"
    if window.change is None:
        return _line(window, "return", asked, "nothing was valued", "not decidable yet", source)
    count = len(window.days_closed)
    above = sum(day.change >= a_day for day in window.days_closed)
    shown = f"{signed(window.change)}, {above} of {counted(count, 'day')} at the target"
    if not window.is_covered:
        missing = window.days - window.covered_days
        needed = f"{missing:.1f} more days; {window.covered_days:.1f} of {window.days} are there"
        return _line(window, "return", asked, shown, "not decidable yet", source, needed)
    return _line(
        window, "return", asked, shown, "met" if window.change >= due else "missed", source
    )


# -- the record -----------------------------------------------------------------------------------


def _record(window: Window, targets: Targets) -> Iterator[Line]:
    """Yield what the whole record says, which holds however often one asks."""
    closed = [
        (each.rank[0], each.outcome is Outcome.WON)
        for each in sorted(window.story.book.trades(), key=lambda trade: trade.rank)
        if each.outcome is not Outcome.SCRATCH and each.rank[0] <= window.until_ns
    ]
    won = tuple(is_won for _, is_won in closed)
    recent = [is_won for at_ns, is_won in closed if at_ns > window.from_ns]
    source = cited(window.story.places.get(Filled, ()), "fill")
    yield _rate(window, rate_of(won, targets.win_rate), recent, source)
    yield _alarm(window, alarm_of(won, targets.broken), source)
    yield _month(window, targets)


@lru_cache(maxsize=16)
def rate_of(won: tuple[bool, ...], bar: float) -> RateAnswer:
    """Return whether a win rate lies above a bar; windows that end together ask the same."""
    return is_rate_above(won, bar)


@lru_cache(maxsize=16)
def alarm_of(won: tuple[bool, ...], bar: float) -> Alarm:
    """Return whether a win rate has fallen below a bar."""
    return has_stopped(won, bar)


def _rate(window: Window, told: RateAnswer, recent: list[bool], source: str) -> Line:
    due = f"above {percent(told.bar, 0)}"
    here = f"{sum(recent)} of {len(recent)} won in these days"
    verdict, needed = "not decidable yet", ""
    if told.answer is not None:
        verdict = "met" if told.answer else "missed"
    elif not told.trades:
        needed = "a first closed trade"
    elif told.needed is None:
        needed = "more than 100,000 trades at this rate"
    else:
        needed = f"{told.needed:,} more trades at this rate"
    shown = f"{here}; no closed trade since the opening"
    if told.trades:
        shown = (
            f"{here}; since the opening {told.wins} of {told.trades}, in truth "
            f"{percent(told.lower)} to {percent(told.upper)}; evidence {told.evidence:.3g} for, "
            f"{told.counter:.3g} against, 20 decides"
        )
    return _line(window, "win rate", due, shown, verdict, source, needed, from_ns=0)


def _alarm(window: Window, told: Alarm, source: str) -> Line:
    due = f"no sign of a win rate below {percent(told.bar, 0)}"
    shown = f"level {told.level:.3g}, {told.highest:.3g} at its highest; 1,000 is the alarm"
    verdict = "missed" if told.is_sounding else "met"
    if not told.trades:
        shown, verdict = "no closed trade yet", "not decidable yet"
    return _line(window, "still works", due, shown, verdict, source, from_ns=0)


def _month(window: Window, targets: Targets) -> Line:
    told, running = _months(window, targets.month)
    due = f"mean month above {percent(targets.month, 0)}"
    shown = f"{running}; no whole month yet"
    if told.months:
        shown = (
            f"{running}; {signed(told.mean)} in the mean of {counted(told.months, 'month')}; "
            f"evidence {told.evidence:.3g}, 20 decides"
        )
    needed = "" if told.answer else "more than 1,200 months like these"
    if not told.answer and told.needed is not None:
        needed = f"{told.needed:,} more months like these"
    if not told.months:
        needed = "a first whole month, and months after it: a mean is never known at once"
    verdict = "met" if told.answer else "not decidable yet"
    source = cited(window.story.places.get(Marked, ()), "mark")
    return _line(window, "month", due, shown, verdict, source, needed, from_ns=0)


def _months(window: Window, bar: float) -> tuple[MonthAnswer, str]:
    """Return what the whole months until the end say, and how the running one stands."""
    calendar, opened_ns = window.story.calendar, window.story.account.at_ns
    label = calendar.month_of(window.until_ns)
    whole = [each for each in window.months if each.label < label]
    if whole and int(calendar.day_of(opened_ns)[-2:]) > EDGE_DAY:
        whole = whole[1:]
    now = next((each for each in window.months if each.label == label), None)
    running = f"{label} not valued" if now is None else f"{label} {signed(now.change)}"
    return is_month_above([each.change for each in whole], bar), running


# -- exposure -------------------------------------------------------------------------------------


def _allocation(window: Window) -> Iterator[Line]:
    used = window.efficiency
    source = cited(window.mark_places, "mark")
    parts = (
        ("in the band", used.in_band),
        ("mean exposure", used.exposure_mean),
        ("use of the cap", used.cap_use),
    )
    known = [f"{percent(value)} {name}" for name, value in parts if value is not None]
    days = used.span_ns / DAY_NS
    shown = f"{', '.join(known)}, over {days:.1f} days" if known else "no time was measured"
    yield _line(window, "allocation", "40 to 60 % crypto, shown only", shown, "shown", source)
