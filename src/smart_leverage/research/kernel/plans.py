"""Plans: how an account that is over its cap comes back inside, in stages with deadlines."""

import math
from typing import Any

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import (
    ceiling_now,
    deadline_minutes,
    is_over_band,
    kept_lots,
    trim_target,
)
from smart_leverage.policy.intraday import Phase, is_entry_over, is_flattening, is_of_night
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.research.kernel.books import (
    CANCELLED,
    HALTED,
    REDUCING,
    Books,
    Tape,
    cancel_purchases,
    sellable,
)
from smart_leverage.research.kernel.exact import rounded
from smart_leverage.research.kernel.stops import send_sale
from smart_leverage.research.kernel.worst import Bounds, Valuation, symbol_cap, weight

NONE, CRYPTO, LEVERAGED, GROSS, SYMBOL, FLATTEN, BY_DAY = -1, 0, 1, 2, 3, 4, 5
"""What a plan is about; the last one is about what may not stay over a close."""

AT_ONCE = 3
"""The last stage: no ceilings on the way and no band."""

NEVER = 2**63 - 1


def cap_of(kind: int, caps: Bounds, groups: GroupCaps) -> float:
    """Return the cap of a group, fraction of equity."""
    if kind == CRYPTO:
        return caps.crypto
    if kind == LEVERAGED:
        return caps.leveraged
    return caps.gross if kind == GROSS else groups.symbol


def amount_of(kind: int, valuation: Valuation) -> float:
    """Return what is held of a group, as its cap counts it."""
    if kind == CRYPTO:
        return valuation.crypto
    return valuation.leveraged if kind == LEVERAGED else valuation.gross


def is_member(fact: Any, kind: int) -> bool:
    """Tell whether an instrument counts in a group."""
    if kind == CRYPTO:
        return bool(fact.is_crypto != 0)
    return bool(fact.is_leveraged != 0) if kind == LEVERAGED else True


def worth(position: Any) -> float:
    """Return the market value of what is held."""
    return float(position.held * position.mark)


def exposure_of(
    books: Books, facts: Any, kind: int, valuation: Valuation, groups: GroupCaps
) -> float:
    """Return what a plan of this kind measures, fraction of equity."""
    if kind == FLATTEN:
        return valuation.gross / valuation.equity if valuation.equity > 0.0 else 0.0
    if kind == BY_DAY:
        return share_by_day(books, facts, valuation)
    if kind != SYMBOL:
        return amount_of(kind, valuation) / valuation.equity
    most = 0.0
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0:
            share = worth(books.positions[asset]) / valuation.equity
            most = max(most, share * groups.symbol / symbol_cap(facts[asset], groups))
    return most


def share_by_day(books: Books, facts: Any, valuation: Valuation) -> float:
    """Return what is held of what is held by day only, fraction of equity; 0.0 without any."""
    total = 0.0
    if valuation.equity > 0.0:
        for rank in range(books.account.active):
            asset = books.active[rank]
            if books.positions[asset].qty > 0 and facts[asset].is_by_day != 0:
                total += worth(books.positions[asset]) / valuation.equity
    return total


def is_gone(books: Books, facts: Any, valuation: Valuation, caps: Bounds) -> bool:
    """Tell whether nothing is held that may not stay over a close, as far as one is near."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0 and facts[asset].is_by_day != 0:
            return False
    if not is_of_night(books.account.phase):
        return True
    return not valuation.gross > caps.gross * valuation.equity


def is_over(
    books: Books, facts: Any, kind: int, valuation: Valuation, caps: Bounds, policy: Policy
) -> bool:
    """Tell whether a group, or for single instruments any of them, is beyond its band."""
    at, groups = policy.deleveraging, policy.groups
    if kind == BY_DAY:
        return not is_gone(books, facts, valuation, caps)
    if kind != SYMBOL:
        exposure = amount_of(kind, valuation) / valuation.equity
        return is_over_band(exposure, cap_of(kind, caps, groups), at)
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0:
            share = worth(books.positions[asset]) / valuation.equity
            if is_over_band(share, symbol_cap(facts[asset], groups), at):
                return True
    return False


def kind_over(books: Books, facts: Any, valuation: Valuation, caps: Bounds, policy: Policy) -> int:
    """Return the first group beyond its band, or NONE."""
    for kind in range(CRYPTO, FLATTEN):
        if is_over(books, facts, kind, valuation, caps, policy):
            return kind
    return NONE


def is_inside(
    books: Books, facts: Any, kind: int, valuation: Valuation, caps: Bounds, groups: GroupCaps
) -> bool:
    """Tell whether the positions themselves are inside a cap."""
    if kind == BY_DAY:
        return is_gone(books, facts, valuation, caps)
    if kind != SYMBOL:
        return amount_of(kind, valuation) / valuation.equity <= cap_of(kind, caps, groups)
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0:
            cap = symbol_cap(facts[asset], groups)
            if worth(books.positions[asset]) > cap * valuation.equity:
                return False
    return True


def is_any_outside(
    books: Books, facts: Any, valuation: Valuation, caps: Bounds, groups: GroupCaps
) -> bool:
    """Tell whether any group is above its cap, by however little."""
    for kind in range(CRYPTO, FLATTEN):
        if not is_inside(books, facts, kind, valuation, caps, groups):
            return True
    return False


# --- what to sell --------------------------------------------------------------------------------


def begin_cut(books: Books, facts: Any) -> None:
    """Note what could be kept of every position, in lots."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        lots = sellable(position) // facts[asset].lot if position.qty > 0 else 0
        position.start_lots = position.keep = max(lots, 0)
        position.why = NONE


def kept_value(position: Any, fact: Any) -> float:
    """Return the market value of what would be kept."""
    return float(position.keep * fact.lot_size * position.mark)


def keep_less(position: Any, exposure: float, target: float, kind: int) -> None:
    """Keep the share of a position that brings its group to a target."""
    kept = kept_lots(position.keep, exposure, target)
    if kept < position.keep:
        position.keep, position.why = kept, kind


def shrink_symbols(
    books: Books, facts: Any, equity: float, policy: Policy, is_planned: bool
) -> None:
    """Bring single instruments inside; a plan for them does without the band."""
    at = policy.deleveraging
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.qty > 0:
            cap = symbol_cap(facts[asset], policy.groups)
            share = kept_value(position, facts[asset]) / equity
            if is_over_band(share, cap, at) or (is_planned and share > cap - TOLERANCE):
                keep_less(position, share, trim_target(cap, at), SYMBOL)


def counted_value(position: Any, fact: Any, kind: int, policy: Policy) -> float:
    """Return what would be kept, as the cap of a group counts it."""
    amount = kept_value(position, fact)
    return amount * weight(fact, policy) if kind in (CRYPTO, LEVERAGED) else amount


def shrink_group(
    books: Books,
    facts: Any,
    equity: float,
    kind: int,
    limit: float,
    target: float,
    policy: Policy,
) -> None:
    """Shrink the members of a group pro rata."""
    total = 0.0
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0 and is_member(facts[asset], kind):
            total += counted_value(books.positions[asset], facts[asset], kind, policy)
    exposure = total / equity
    if exposure > limit:
        for rank in range(books.account.active):
            asset = books.active[rank]
            if books.positions[asset].qty > 0 and is_member(facts[asset], kind):
                keep_less(books.positions[asset], exposure, target, kind)


def close_rest(books: Books, facts: Any, equity: float, caps: Bounds, policy: Policy) -> None:
    """Keep no more of what trades in sessions than may stay over a close beside the coins."""
    securities = coins = 0.0
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0:
            amount = kept_value(books.positions[asset], facts[asset])
            if facts[asset].is_coin != 0:
                coins += amount
            else:
                securities += amount
    exposure, target = math.inf, 0.0
    if equity > 0.0:
        if (securities + coins) / equity <= caps.gross - TOLERANCE:
            return
        exposure = securities / equity
        target = trim_target(caps.gross, policy.deleveraging) - coins / equity
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].qty > 0 and facts[asset].is_coin == 0:
            keep_less(books.positions[asset], exposure, target, GROSS)


def limit_of(
    account: Any, kind: int, ceiling: float, caps: Bounds, policy: Policy
) -> tuple[float, float]:
    """Return beyond which exposure a group is sold down, and to where."""
    at = policy.deleveraging
    cap = cap_of(kind, caps, policy.groups)
    if account.stage == AT_ONCE:
        return cap - TOLERANCE, trim_target(cap, at)
    if account.plan == kind:
        return ceiling * at.step_over, ceiling
    return cap * at.band_over, trim_target(cap, at)


def reason_of(kind: int) -> int:
    """Return the reason that a sale for a group gives."""
    if kind == CRYPTO:
        return Reason.CAP_CRYPTO.value
    if kind == LEVERAGED:
        return Reason.CAP_LEVERAGED.value
    if kind == GROSS:
        return Reason.CAP_GROSS.value
    if kind == BY_DAY:
        return Reason.INTRADAY.value
    return Reason.CAP_SYMBOL.value if kind == SYMBOL else Reason.FLATTEN.value


def quantity_of(position: Any, fact: Any) -> int:
    """Return what has to be sold: whole shares where the venue wants them, never too few."""
    free = sellable(position)
    if position.keep == 0:
        return free  # the dust leaves with the last lot
    qty = (position.start_lots - position.keep) * fact.lot
    if fact.step > fact.lot:
        qty = min(-(-qty // fact.step) * fact.step, free)
    return int(qty)


def sell_by_day(books: Books, facts: Any) -> None:
    """Keep nothing of what is held by day only."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.qty > 0 and facts[asset].is_by_day != 0:
            position.keep = 0
            if position.start_lots > 0 or sellable(position) > 0:
                position.why = BY_DAY


def sell_down(
    books: Books,
    row: Any,
    facts: Any,
    tape: Tape,
    valuation: Valuation,
    ceiling: float,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Send the sales that bring every group inside, counting what is being sold already."""
    account = books.account
    begin_cut(books, facts)
    if account.plan == FLATTEN:
        for rank in range(books.account.active):
            asset = books.active[rank]
            position = books.positions[asset]
            if position.qty > 0 and sellable(position) > 0:
                position.keep, position.why = 0, FLATTEN
    elif account.plan == BY_DAY:
        sell_by_day(books, facts)
        if is_of_night(account.phase):
            close_rest(books, facts, valuation.equity, caps, policy)
    if account.plan != FLATTEN and valuation.equity > 0.0:
        is_planned = account.plan == SYMBOL or account.stage == AT_ONCE
        shrink_symbols(books, facts, valuation.equity, policy, is_planned)
        for kind in range(CRYPTO, SYMBOL):
            limit, target = limit_of(account, kind, ceiling, caps, policy)
            shrink_group(books, facts, valuation.equity, kind, limit, target, policy)
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.why != NONE:
            qty = quantity_of(position, facts[asset])
            if qty > 0:
                reason = reason_of(position.why)
                send_sale(books, row, facts, tape, asset, qty, reason, 1, 0)


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
