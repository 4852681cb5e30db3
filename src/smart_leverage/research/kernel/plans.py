"""Plans: how an account that is over its cap comes back inside, in stages with deadlines."""

from typing import Any

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import (
    ceiling_now,
    deadline_minutes,
    trim_target,
)
from smart_leverage.policy.intraday import Phase, is_entry_over, is_flattening
from smart_leverage.policy.params import Policy
from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.research.kernel.books import (
    CANCELLED,
    HALTED,
    REDUCING,
    Books,
    Tape,
    cancel_purchases,
)
from smart_leverage.research.kernel.cutting import (
    begin_cut,
    sell_down,
    shrink_group,
    shrink_symbols,
)
from smart_leverage.research.kernel.exact import rounded
from smart_leverage.research.kernel.groups import (
    AT_ONCE,
    BY_DAY,
    FLATTEN,
    GROSS,
    NONE,
    SYMBOL,
    cap_of,
    exposure_of,
    is_any_outside,
    is_gone,
    is_inside,
    is_member,
    is_over,
    kind_over,
    worth,
)
from smart_leverage.research.kernel.worst import Bounds, Valuation, symbol_cap

NEVER = 2**63 - 1


# --- deadlines -----------------------------------------------------------------------------------


def after_minutes(at: int, traded: int, fact: Any, sessions: Any, minutes: int) -> int:
    """Return the first instant by which a class has traded for so many more minutes.

    Args:
        at: From when, UTC ns.
        traded: How long US sessions had traded by then, ns.
        fact: The instrument.
        sessions: US sessions.
        minutes: At least 1.
    """
    span = minutes * MINUTE_NS
    if fact.is_coin != 0:
        return int(at + span)
    due = traded + span
    low, high = 0, len(sessions)
    while low < high:
        middle = (low + high) // 2
        if sessions[middle].traded < due:
            low = middle + 1
        else:
            high = middle
    if low == len(sessions):
        return NEVER
    return int(sessions[low - 1].opens + due - sessions[low - 1].traded)


def has_to_go(
    books: Books, fact: Any, asset: int, kind: int, valuation: Valuation, groups: GroupCaps
) -> bool:
    """Tell whether an instrument has to be sold, or is being sold, until a group is inside."""
    position = books.positions[asset]
    if kind == FLATTEN:
        return True
    if kind == BY_DAY:
        return bool(fact.is_by_day != 0)
    if kind == SYMBOL:
        is_concerned = worth(position) > symbol_cap(fact, groups) * valuation.equity
    else:
        is_concerned = is_member(fact, kind)
    return is_concerned and (position.why != NONE or position.selling > 0)


def deadline(
    books: Books,
    at: int,
    traded: int,
    facts: Any,
    sessions: Any,
    kind: int,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
    minutes: float,
) -> int:
    """Return when so many minutes have passed in which anything that has to be sold trades."""
    whole = max(int(minutes), 1)
    begin_cut(books, facts)
    if kind == SYMBOL:
        shrink_symbols(books, facts, valuation.equity, policy, True)
    elif kind < FLATTEN:
        cap = cap_of(kind, caps, policy.groups)
        target = trim_target(cap, policy.deleveraging)
        shrink_group(books, facts, valuation.equity, kind, cap - TOLERANCE, target, policy)
    wanted = held = NEVER
    is_any_wanted = is_any_held = False
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0:
            ends = after_minutes(at, traded, facts[asset], sessions, whole)
            held, is_any_held = min(held, ends), True
            if has_to_go(books, facts[asset], asset, kind, valuation, policy.groups):
                wanted, is_any_wanted = min(wanted, ends), True
    if is_any_wanted:
        return wanted
    return held if is_any_held else int(at + whole * MINUTE_NS)


def last_deadline(
    books: Books, facts: Any, sessions: Any, valuation: Valuation, caps: Bounds, policy: Policy
) -> int:
    """Return until when the running plan has to be through with all its stages."""
    account = books.account
    return deadline(
        books,
        account.plan_at,
        account.plan_traded,
        facts,
        sessions,
        account.plan,
        valuation,
        caps,
        policy,
        policy.deleveraging.last_minutes,
    )


def elapsed_minutes(books: Books, row: Any, facts: Any) -> float:
    """Return the minutes since the plan began in which the class that traded most has traded."""
    account, most = books.account, 0
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0:
            if facts[asset].is_coin != 0:
                span = row.at - account.plan_at
            else:
                span = row.traded - account.plan_traded
            most = max(most, max(span, 0) // MINUTE_NS)
    return float(most)


def ceiling_of(books: Books, row: Any, facts: Any, caps: Bounds, policy: Policy) -> float:
    """Return the exposure that the running plan allows now, fraction of equity."""
    account, at = books.account, policy.deleveraging
    if account.plan >= FLATTEN:
        return 0.0
    cap = cap_of(account.plan, caps, policy.groups)
    if account.stage == AT_ONCE or account.plan >= GROSS:
        return rounded(trim_target(cap, at))
    elapsed = elapsed_minutes(books, row, facts)
    return rounded(ceiling_now(account.plan_start, cap, elapsed, at))


# --- the course of a plan ------------------------------------------------------------------------


def start_plan(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    kind: int,
    valuation: Valuation,
    stage: int,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Begin a plan."""
    account, at = books.account, policy.deleveraging
    exposure = exposure_of(books, facts, kind, valuation, policy.groups)
    minutes = at.first_minutes if stage == AT_ONCE else deadline_minutes(exposure, at)
    account.plan_until = deadline(
        books, row.at, row.traded, facts, sessions, kind, valuation, caps, policy, minutes
    )
    if kind == BY_DAY and is_flattening(account.phase):
        spare = policy.intraday.deadline_minutes if account.phase == Phase.FLATTENING else 0
        account.plan_until = row.closes_at - spare * MINUTE_NS
    account.plan, account.stage, account.is_late = kind, stage, 0
    account.plan_start = rounded(exposure)
    account.plan_at, account.plan_traded = row.at, row.traded
    account.plans += 1


def begin_if_over(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Start a plan for a group that is over its band."""
    kind = kind_over(books, facts, valuation, caps, policy)
    if kind == NONE:
        return
    exposure = exposure_of(books, facts, kind, valuation, policy.groups)
    stage = 1 if exposure > policy.deleveraging.first_ceiling else 2
    start_plan(books, row, facts, sessions, kind, valuation, stage, caps, policy)


def start_flatten(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Sell everything; the account is halted when that is done."""
    account = books.account
    if account.state != HALTED:
        account.state, account.is_day_loss = REDUCING, 0
    cancel_purchases(books)
    if account.plan != FLATTEN:
        start_plan(books, row, facts, sessions, FLATTEN, valuation, 0, caps, policy)


def is_nothing_held(books: Books) -> bool:
    """Tell whether nothing is held."""
    count = 0
    for rank in range(books.account.active):
        asset = books.active[rank]
        count += 1 if books.positions[asset].qty > 0 else 0
    return count == 0


def has_ended_well(
    books: Books, facts: Any, valuation: Valuation, caps: Bounds, policy: Policy
) -> bool:
    """Tell whether the running plan leaves nothing outside that it was about."""
    account, groups = books.account, policy.groups
    if account.plan == FLATTEN:
        return is_nothing_held(books)
    if account.plan == BY_DAY:
        return is_gone(books, facts, valuation, caps)
    if valuation.equity <= 0.0:
        return False
    if not is_inside(books, facts, account.plan, valuation, caps, groups):
        return False
    if account.stage == AT_ONCE:
        return not is_any_outside(books, facts, valuation, caps, groups)
    return True


def end_plan(books: Books, facts: Any, valuation: Valuation, caps: Bounds, policy: Policy) -> bool:
    """End the running plan; tell whether it reached what it was for. Then a flatten halts."""
    account = books.account
    is_reached = has_ended_well(books, facts, valuation, caps, policy)
    if account.plan == FLATTEN and is_reached:
        account.state = HALTED
        account.halts += 1
    account.plan = NONE
    return is_reached


def heed_first_stage(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Leave the first stage, or be late for it once."""
    account = books.account
    is_due = row.at > account.plan_until and account.is_late == 0
    exposure = exposure_of(books, facts, account.plan, valuation, policy.groups)
    is_done = exposure <= policy.deleveraging.first_ceiling
    if not (is_done or is_due):
        return
    if account.is_late == 0:
        account.plan_until = last_deadline(books, facts, sessions, valuation, caps, policy)
    if is_done:
        account.stage, account.is_late = 2, 0
    else:
        account.is_late = 1


def heed_deadlines(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """At its last deadline a plan ends; what is left is sold by the one that follows."""
    account = books.account
    if account.stage == 1:
        heed_first_stage(books, row, facts, sessions, valuation, caps, policy)
    if account.plan == BY_DAY and account.phase == Phase.LATE and account.is_late == 0:
        account.plan_until, account.is_late = row.closes_at, 1
    if row.at <= account.plan_until:
        return
    ended = account.plan
    is_reached = end_plan(books, facts, valuation, caps, policy)
    if is_reached:
        kind = NONE
        if ended != FLATTEN:
            kind = kind_over(books, facts, valuation, caps, policy)
    elif ended == FLATTEN or is_over(books, facts, ended, valuation, caps, policy):
        kind = ended
    else:
        kind = kind_over(books, facts, valuation, caps, policy)
    if kind != NONE:
        stage = 0 if kind >= FLATTEN else AT_ONCE
        start_plan(books, row, facts, sessions, kind, valuation, stage, caps, policy)


def is_reached(
    books: Books, facts: Any, valuation: Valuation, caps: Bounds, policy: Policy
) -> bool:
    """Tell whether the running plan has done what it was for."""
    account, groups = books.account, policy.groups
    if account.plan == FLATTEN:
        return is_nothing_held(books)
    if account.plan == BY_DAY:
        return is_gone(books, facts, valuation, caps)
    if account.stage == AT_ONCE:
        return not is_any_outside(books, facts, valuation, caps, groups)
    if kind_over(books, facts, valuation, caps, policy) != NONE:
        return False
    return is_inside(books, facts, account.plan, valuation, caps, groups)


def heed_close(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Cancel what would be bought too late, and begin to sell what may not stay over a close."""
    account = books.account
    if is_entry_over(account.phase, True):
        for place in range(account.orders):
            order = books.orders[place]
            fact = facts[order.asset]
            is_in_the_way = account.phase == Phase.LATE and fact.is_coin == 0
            if order.is_buy != 0 and (fact.is_by_day != 0 or is_in_the_way):
                order.is_leaving = CANCELLED
    if not is_flattening(account.phase) or account.plan >= FLATTEN:
        return
    if is_gone(books, facts, valuation, caps):
        return
    if account.plan != NONE:  # a running plan gives way
        end_plan(books, facts, valuation, caps, policy)
    start_plan(books, row, facts, sessions, BY_DAY, valuation, 0, caps, policy)


def shrink(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    tape: Tape,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Start a plan when a group is over its band, carry a running one on, or end it when due."""
    account = books.account
    if valuation.equity <= 0.0 and account.plan < FLATTEN:
        return
    if account.plan != NONE:
        heed_deadlines(books, row, facts, sessions, valuation, caps, policy)
    else:
        begin_if_over(books, row, facts, sessions, valuation, caps, policy)
    if account.plan != NONE:
        ceiling = ceiling_of(books, row, facts, caps, policy)
        sell_down(books, row, facts, tape, valuation, ceiling, caps, policy)
        if is_reached(books, facts, valuation, caps, policy):
            end_plan(books, facts, valuation, caps, policy)
