"""Instants at which nothing happens to an account but prices: found by a look, passed over fast.

Before an account is taken through instants step by step, one look at many of them says whether
anything can happen: no price comes near a stop or a limit of its instrument, equity stays between
the loss limits, every group stays inside its band, and nothing is under way. The look is careful,
never exact: whenever it is in doubt the whole step is done, so it decides nothing. It is arithmetic
over instants side by side, which a compiler turns into vector instructions.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from smart_leverage.policy.params import Policy
from smart_leverage.research.kernel.books import Books, Tape, cash_of
from smart_leverage.research.kernel.earning import (
    CAREFUL,
    caps_now,
    judge_exposure,
    note_best,
    note_hour,
    show_earned,
    show_shares,
    stay,
)
from smart_leverage.research.kernel.instant import write_mark
from smart_leverage.research.kernel.market import SPAN, Market
from smart_leverage.research.kernel.worst import symbol_cap, valuation_of, weight

PLAIN, LEVERAGED, CRYPTO, MORE_LEVERAGED, MORE_CRYPTO = range(5)
"""What a look adds up: market values by kind, and what the caps count beyond those."""


class Room(NamedTuple):
    """Room for the sums of one look, (SPAN,) each: market values by kind, equity, shares of it.

    `more_…` is what the caps count beyond market value. `filled` is (5,): how many of the sums of
    each kind may be other than 0, since most accounts hold one kind and clear no other.
    """

    plain: Any
    leveraged: Any
    crypto: Any
    more_leveraged: Any
    more_crypto: Any
    equity: Any
    share: Any
    share_crypto: Any
    filled: Any


def room_for_looks() -> Room:
    """Return room in which nothing is added up yet."""
    return Room(
        plain=np.zeros(SPAN),
        leveraged=np.zeros(SPAN),
        crypto=np.zeros(SPAN),
        more_leveraged=np.zeros(SPAN),
        more_crypto=np.zeros(SPAN),
        equity=np.zeros(SPAN),
        share=np.zeros(SPAN),
        share_crypto=np.zeros(SPAN),
        filled=np.zeros(MORE_CRYPTO + 1, dtype=np.int64),
    )


# --- what a look goes by -------------------------------------------------------------------------


def show(books: Books, facts: Any, policy: Policy, at: int) -> None:
    """Put what has become of an account by a time where the next look finds it."""
    account = books.account
    band = policy.deleveraging.band_over * (1.0 - CAREFUL)
    account.cash_now = cash_of(account)
    show_limits(account, policy)
    show_earned(books, at, policy)
    account.least *= 1.0 + CAREFUL
    account.most *= 1.0 - CAREFUL
    show_caps(account, policy)
    account.is_watched = account.is_stirred
    if policy.intraday.is_on:  # what may be held depends on the minute
        account.is_watched = 1
    lost = policy.limits.loss_limit_daily_asset * account.day_open
    kept = held = 0
    invested = 0.0
    for rank in range(account.active):
        asset = books.active[rank]
        position, fact = books.positions[asset], facts[asset]
        if position.is_touched != 0 and fact.is_crypto != 0:
            invested += position.invested
        if position.qty > 0:
            share = symbol_cap(fact, policy.groups) * band * account.least
            show_position(account, position, fact, books.held[held], share, lost)
            books.held[held].asset = asset
            books.held[held].more = weight(fact, policy) - 1.0
            held += 1
        elif is_lock_due(position, fact, lost, at):
            account.is_watched = 1
        if is_dormant(position):
            position.is_active = 0
            position.worst = position.worst_units = position.unit_worst = 0.0
        else:
            books.active[kept] = asset
            kept += 1
    account.active, account.held = kept, held
    account.crypto_least = -math.inf
    if policy.rolling.is_rolling and account.sleeve_until <= at:
        limit = policy.rolling.loss_limit_sleeve * account.day_open
        account.crypto_least = invested - limit * (1.0 - CAREFUL)


def show_caps(account: Any, policy: Policy) -> None:
    """Find how much of equity each group may become before it is beyond its band."""
    caps = caps_now(account, policy)
    band = policy.deleveraging.band_over * (1.0 - CAREFUL)
    account.crypto_max = caps.crypto * band
    account.leveraged_max = caps.leveraged * band
    account.gross_max = caps.gross * band
    account.cap_now = caps.crypto


def show_limits(account: Any, policy: Policy) -> None:
    """Find between which bounds of equity no loss limit can trip and no emergency begin or end."""
    least, most = 0.0, math.inf
    if account.is_day_tripped == 0:
        least = max(least, account.day_open * (1.0 - policy.limits.loss_limit_daily))
    if account.is_month_tripped == 0:
        least = max(least, account.month_open * (1.0 - policy.limits.loss_limit_monthly))
    edge = account.month_open * (1.0 + policy.thresholds.month_return_emergency)
    if account.is_emergency == 0:
        least = max(least, edge)
    else:
        most = math.inf if policy.rolling.is_rolling else edge
    account.least, account.most = least, most


def is_dormant(position: Any) -> bool:
    """Tell whether an instrument is neither held nor under way, and was not traded today."""
    is_idle = position.qty == 0 and position.buys == 0 and position.selling == 0
    return bool(is_idle and position.is_touched == 0)


def is_lock_due(position: Any, fact: Any, lost: float, at: int) -> bool:
    """Tell whether the next close locks a coin that was sold for what it has lost today."""
    is_open = fact.is_crypto != 0 and position.is_touched != 0 and position.locked_until <= at
    return bool(is_open and position.invested > lost * (1.0 - CAREFUL))


def show_position(
    account: Any, position: Any, fact: Any, held: Any, share: float, lost: float
) -> None:
    """Put a position where the next look finds it, and note whether it has to be watched closely.

    Args:
        account: Whose it is.
        position: What is held.
        fact: The instrument.
        held: Where the look finds it.
        share: Market value at which the instrument may be beyond its band.
        lost: Money that a coin may lose in a day.
    """
    qty = position.held
    per_unit = 1.0 / qty  # a look is careful by more than this may be off
    floor = position.stop_level
    if position.is_touched != 0 and fact.is_crypto != 0:
        floor = max(floor, (position.invested - lost) * per_unit * (1.0 + CAREFUL))
    held.qty, held.floor, held.ceiling = qty, floor, share * per_unit
    held.is_leveraged, held.is_crypto = fact.is_leveraged, fact.is_crypto
    is_bare = position.is_bare != 0 and position.qty >= fact.lot
    if position.stop_level == 0.0 or is_bare or position.is_triggered != 0:
        account.is_watched = 1


# --- the look ------------------------------------------------------------------------------------


def pass_over(
    books: Books,
    market: Market,
    policy: Policy,
    room: Room,
    tape: Tape,
    span: int,
    begin: int,
    end: int,
) -> int:
    """Mark an account at instants at which nothing can happen to it; return how many those are."""
    count = add_up(books, market, room, span, begin, end - begin)
    count = weigh(books.account, room, count)
    books.account.is_cap_due = 0
    if needs_marks(policy):
        count = stay(books, market.closes, room.equity, begin, count, policy)
    note_quiet(books, market, policy, room, tape, begin, 0, count)
    return count


def note_quiet(
    books: Books,
    market: Market,
    policy: Policy,
    room: Room,
    tape: Tape,
    begin: int,
    first: int,
    count: int,
) -> None:
    """Mark an account at so many instants of a look, from the first on.

    Args:
        books: The account.
        market: The same for all.
        policy: What is judged.
        room: The sums of the look.
        tape: Where a run writes.
        begin: The instant at which the look began.
        first: Place in the look.
        count: So many instants.
    """
    if count <= 0:
        return
    if len(tape.curve) > 0:
        write_quiet(books.account, market, policy, room, tape, begin, first, count)
    mark_all(books.account, market.closes, room, begin, first, count)
    if needs_marks(policy):
        remember_all(books, market, room, begin, first, count)


def needs_marks(policy: Policy) -> bool:
    """Tell whether anything goes by marks that are older than the last."""
    return policy.rolling.is_rolling or policy.exposure.is_drawdown_capped


def step_caps(
    books: Books, market: Market, policy: Policy, room: Room, tape: Tape, begin: int, place: int
) -> bool:
    """Take an account through an instant at which only the exposure in force changes.

    Args:
        books: The account, of which a look has just ended there.
        market: The same for all.
        policy: What is judged.
        room: The sums of that look.
        tape: Where a run writes.
        begin: The instant at which the look began.
        place: In the look.

    Returns:
        Whether that was all; else the instant has to be gone through in full.
    """
    account, t = books.account, begin + place
    if account.is_cap_due == 0:
        return False
    equity, crypto = room.equity[place], room.crypto[place] + room.more_crypto[place]
    judge_exposure(books, market, t, equity, policy)
    caps = caps_now(account, policy)
    band = policy.deleveraging.band_over * (1.0 - CAREFUL) * equity
    leveraged = room.leveraged[place] + room.more_leveraged[place] + crypto
    if not (crypto < caps.crypto * band and leveraged < caps.leveraged * band):
        return False
    show_caps(account, policy)
    note_quiet(books, market, policy, room, tape, begin, place, 1)
    show_shares(books, policy)
    return True


def clear(room: Room) -> None:
    """Forget what the look before added up."""
    clear_kind(room.plain, room.filled, PLAIN)
    clear_kind(room.leveraged, room.filled, LEVERAGED)
    clear_kind(room.crypto, room.filled, CRYPTO)
    clear_kind(room.more_leveraged, room.filled, MORE_LEVERAGED)
    clear_kind(room.more_crypto, room.filled, MORE_CRYPTO)


def clear_kind(total: Any, filled: Any, kind: int) -> None:
    """Set the sums of a kind to nothing."""
    if filled[kind] > 0:
        for i in range(filled[kind]):
            total[i] = 0.0
        filled[kind] = 0


def add_up(books: Books, market: Market, room: Room, span: int, begin: int, count: int) -> int:
    """Add up what is held of each kind; return how many instants pass before a price comes near."""
    clear(room)
    for place in range(books.account.held):
        held = books.held[place]
        total, kind = room.plain, PLAIN
        if held.is_leveraged != 0:
            total, kind = room.leveraged, LEVERAGED
            if held.is_crypto != 0:
                total, kind = room.crypto, CRYPTO
        room.filled[kind] = max(room.filled[kind], count)
        close = market.close[held.asset, begin : begin + count]
        low = market.low[held.asset, begin : begin + count]
        qty = held.qty
        for i in range(count):
            total[i] += qty * close[i]
        if held.is_leveraged != 0 and held.more > 0.0:
            add_more(held, room, close)
        if not is_far(market, held, span):
            count = first_near(close, low, held.floor, held.ceiling)
    return count


def add_more(held: Any, room: Room, close: Any) -> None:
    """Add what the caps count of a position beyond its market value."""
    beyond, kind = room.more_leveraged, MORE_LEVERAGED
    if held.is_crypto != 0:
        beyond, kind = room.more_crypto, MORE_CRYPTO
    room.filled[kind] = max(room.filled[kind], len(close))
    qty, more = held.qty, held.more
    for i in range(len(close)):
        beyond[i] += qty * close[i] * more


def is_far(market: Market, held: Any, span: int) -> bool:
    """Tell whether no price of a whole span comes near, as far as the survey says."""
    if len(market.lowest) == 0:
        return False
    is_above = market.lowest[span, held.asset] > held.floor
    return bool(is_above and market.highest[span, held.asset] < held.ceiling)


def first_near(close: Any, low: Any, floor: float, ceiling: float) -> int:
    """Return how many instants pass before a price comes near."""
    far = 0
    for i in range(len(close)):  # side by side, and mostly all there is to do
        far += (low[i] > floor) & (close[i] < ceiling)
    if far == len(close):
        return far
    for i in range(len(close)):
        if not (low[i] > floor and close[i] < ceiling):
            return i
    return len(close)


def weigh(account: Any, room: Room, count: int) -> int:
    """Find equity and shares of it; return how many instants pass before a bound comes near."""
    cash, least, most = account.cash_now, account.least, account.most
    crypto_max, leveraged_max = account.crypto_max, account.leveraged_max
    gross_max, crypto_least = account.gross_max, account.crypto_least
    inside = 0
    for i in range(count):
        equity, crypto, levered, gross = valuation_of(
            cash,
            room.plain[i],
            room.leveraged[i],
            room.crypto[i],
            room.more_leveraged[i],
            room.more_crypto[i],
        )
        is_inside = (
            (equity > least)
            & (equity < most)
            & (crypto < crypto_max * equity)
            & (room.crypto[i] > crypto_least)
            & (levered < leveraged_max * equity)
            & (gross < gross_max * equity)
        )
        room.equity[i] = equity if is_inside else math.nan
        room.share[i], room.share_crypto[i] = gross / equity, crypto / equity
        inside += is_inside
    if inside < count:
        for i in range(count):
            if room.equity[i] != room.equity[i]:
                return i
    return count


def mark_all(account: Any, closes: Any, room: Room, begin: int, first: int, count: int) -> None:
    """Note the equity at every close, and what the metrics are made of; see `judging.mark`."""
    last, cap = account.last, account.cap_now
    share, share_crypto, cap_sum = account.exposure, account.exposure_crypto, account.cap
    best, month_best = account.best, account.month_best
    fall, month_fall = account.drawdown, account.month_fall
    lowest = math.inf
    for i in range(first, first + count):
        if closes[begin + i] == 0:
            continue
        last = room.equity[i]
        if last > best or last > month_best:
            if lowest < math.inf:  # how deep it fell below the best marks before this one
                fall = max(fall, 1.0 - lowest / best)
                month_fall = max(month_fall, 1.0 - lowest / month_best)
                lowest = math.inf
            best, month_best = max(best, last), max(month_best, last)
        lowest = min(lowest, last)
        share += room.share[i]
        share_crypto += room.share_crypto[i]
        cap_sum += cap
    if lowest < math.inf:
        fall = max(fall, 1.0 - lowest / best)
        month_fall = max(month_fall, 1.0 - lowest / month_best)
    account.last, account.best, account.month_best = last, best, month_best
    account.drawdown, account.month_fall = fall, month_fall
    account.exposure, account.exposure_crypto, account.cap = share, share_crypto, cap_sum


def remember_all(
    books: Books, market: Market, room: Room, begin: int, first: int, count: int
) -> None:
    """Keep the marks that rolling limits and peaks go by."""
    best = 0.0
    for i in range(first, first + count):
        if market.closes[begin + i] != 0:
            t = begin + i
            note_hour(books, market.instants[t].at, room.equity[i])
            best = max(best, room.equity[i])
    if best > 0.0:
        note_best(books, best)


def write_quiet(
    account: Any,
    market: Market,
    policy: Policy,
    room: Room,
    tape: Tape,
    begin: int,
    first: int,
    count: int,
) -> None:
    """Write down the marks of instants that were passed over."""
    caps = caps_now(account, policy)
    for i in range(first, first + count):
        if market.closes[begin + i] != 0:
            valuation = valuation_of(
                account.cash_now,
                room.plain[i],
                room.leveraged[i],
                room.crypto[i],
                room.more_leveraged[i],
                room.more_crypto[i],
            )
            write_mark(account, market.instants[begin + i], tape, valuation, caps)
