"""What is sold so that every group is inside again: pro rata, by whole lots."""

import math
from typing import Any

from smart_leverage.policy.deleverage import (
    is_over_band,
    kept_lots,
    trim_target,
)
from smart_leverage.policy.intraday import is_of_night
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.research.kernel.books import (
    Books,
    Tape,
    sellable,
)
from smart_leverage.research.kernel.groups import (
    AT_ONCE,
    BY_DAY,
    CRYPTO,
    FLATTEN,
    GROSS,
    LEVERAGED,
    NONE,
    SYMBOL,
    cap_of,
    is_member,
)
from smart_leverage.research.kernel.stops import send_sale
from smart_leverage.research.kernel.worst import Bounds, Valuation, symbol_cap, weight


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
