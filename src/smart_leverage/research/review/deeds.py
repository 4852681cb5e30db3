"""What the rule did in a window, and whether duties were kept: breaches, trips, stops and plans."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.enforcement import OBSERVED, WARNED
from smart_leverage.domain.orders import HOUSE
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    LimitChanged,
    TierGranted,
    Unprotected,
)
from smart_leverage.domain.sentences import BREAKERS, group_told, money, percent, short
from smart_leverage.domain.stamps import second, span
from smart_leverage.reports.citing import cited, counted, events
from smart_leverage.reports.measures import Plan, plans
from smart_leverage.reports.trading import refused
from smart_leverage.research.review.window import Window

Deed = tuple[str, str, str, str, str]
"""Name, what was due, what was measured, verdict and source."""

PROTECT_S = 60
"""A position may be without a live stop for so long before that is a breach."""

REASONS_MAX = 4


def deeds(window: Window) -> Iterator[Deed]:
    """Yield the lines of what was done and kept."""
    yield _breaches(window)
    yield _trips(window)
    yield _denials(window)
    yield _tiers(window)
    yield _bare(window)
    yield _plans(window)
    yield _limits(window)


def _breaches(window: Window) -> Deed:
    over = [each for each in window.groups if each.breaches]
    told = [
        f"{each.name} {counted(each.breaches, 'time')}, {percent(each.above or 0.0)} of the time"
        for each in over
    ]
    source = cited(window.mark_places, "mark")
    shown = "; ".join(told) or "never above a cap"
    verdict = "missed" if over else "met" if window.marks else "not decidable yet"
    return "breaches", "exposure inside every cap", shown, verdict, source


def _trips(window: Window) -> Deed:
    tripped = [
        (seq, each)
        for seq, each in window.of(BreakerMoved, window.story.breakers)
        if each.is_tripped
    ]
    locked = window.of(AssetLocked, window.story.locks)
    told = [
        f"{BREAKERS[each.breaker].word} {second(each.at_ns)}: {percent(each.value)} of "
        f"{percent(each.limit)}"
        for _, each in tripped
    ]
    told += [f"{each.key.partition(':')[2]} locked {second(each.at_ns)}" for _, each in locked]
    shown = _listed(told) or "none"
    source = events([seq for seq, _ in (*tripped, *locked)])
    return "trips", "no loss limit reached", shown, "missed" if told else "met", source


def _denials(window: Window) -> Deed:
    decided = window.of(Decided, window.story.decisions)
    denied = [(seq, each) for seq, each in decided if each.verdict == "denied"]
    foreseen = [
        seq for seq, each in decided if each.verdict in (OBSERVED, WARNED) and each.source != HOUSE
    ]
    counts = Counter(short(each.reason) for _, each in denied)
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common(REASONS_MAX))
    if denied:
        lost = sum((refused(each) for _, each in denied), Decimal(0))
        shown = f"{counted(len(denied), 'order')}, {money(lost, 0)}: {shown}"
    shown = shown or "none"
    if foreseen:
        shown += f"; {len(foreseen):,} would not have been given in full"
    source = events([*foreseen, *(seq for seq, _ in denied)])
    return "denials", "shown only", shown, "shown", source


def _tiers(window: Window) -> Deed:
    moves = window.of(TierGranted, window.story.tiers)
    told = [
        f"{each.before.lower()} to {each.after.lower()} {second(each.at_ns)}" for _, each in moves
    ]
    source = events([seq for seq, _ in moves])
    return "tier changes", "shown only", _listed(told) or "none", "shown", source


def _bare(window: Window) -> Deed:
    """Tell of positions without a live stop; below the last step the house keeps none at all."""
    gaps = window.of(Unprotected, window.story.unprotected)
    # One gap is told when it is late and again when it ends.
    by_start = {(each.key, each.since_ns): each for _, each in gaps}
    late = [
        each for each in by_start.values() if each.at_ns - each.since_ns > PROTECT_S * SECOND_NS
    ]
    told = [
        f"{each.key.partition(':')[2]} for {span(each.at_ns - each.since_ns)}, {second(each.at_ns)}"
        for each in late
    ]
    shown = _listed(told) or f"never for longer; {counted(len(by_start), 'gap')} within it"
    verdict = "missed" if late else "met"
    if not window.step.sells and not late:
        shown = f"not kept by the house on the step {window.step.word}"
        verdict = "shown"
    due = f"no position without a live stop for more than {PROTECT_S} s"
    return "stops", due, shown, verdict, events([seq for seq, _ in gaps])


def _plans(window: Window) -> Deed:
    """Tell of deleveraging plans that ran in the window and of their deadlines."""
    ran = [
        _as_of(each, window.until_ns)
        for each in plans(window.story)
        if each.start_ns <= window.until_ns
        and (each.end_ns is None or each.end_ns > window.from_ns)
    ]
    told = [_plan(each) for each in ran]
    late = any(each.is_in_time is False or each.shortfall for each in ran)
    is_open = any(each.is_in_time is None for each in ran)
    verdict = "missed" if late else "not decidable yet" if is_open else "met"
    source = events([seq for each in ran for seq in each.places])
    return "plans", "every deadline kept", _listed(told) or "none ran", verdict, source


def _as_of(plan: Plan, until_ns: int) -> Plan:
    """Return a plan as it was known at an instant: what came later does not change a review."""
    if plan.end_ns is not None and plan.end_ns <= until_ns:
        return plan
    held = [exposure for _, at_ns, exposure in plan.stages if at_ns <= until_ns]
    is_late = plan.late_ns is not None and plan.late_ns <= until_ns
    late_ns = plan.late_ns if is_late else None
    return plan._replace(end_ns=None, late_ns=late_ns, last=held[-1], shortfall="")


def _plan(plan: Plan) -> str:
    kept = {True: "kept", False: "not kept", None: "running"}[plan.is_in_time]
    return (
        f"{plan.plan_id} {group_told(plan.group)} down to {percent(plan.ceiling)}, due "
        f"{second(plan.deadline_ns)}: {kept}, {percent(plan.last)} held"
    )


def _limits(window: Window) -> Deed:
    moves = [
        (seq, each)
        for seq, each in window.of(LimitChanged, window.story.limits)
        if each.before and each.before != each.after
    ]
    told = [f"{each.name} {each.before} to {each.after} by {each.who}" for _, each in moves]
    source = events([seq for seq, _ in moves])
    return "limits changed", "shown only", _listed(told) or "none", "shown", source


def _listed(told: list[str]) -> str:
    """Return a few of them and how many more there are."""
    more = len(told) - REASONS_MAX
    shown = "; ".join(told[:REASONS_MAX])
    return f"{shown}; {more} more" if more > 0 else shown
