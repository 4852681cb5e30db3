"""At every close: day and month, breakers, the loss of each coin, the tier."""

import math
from typing import Any

from smart_leverage.policy.breakers import BreakerState, is_asset_locked, loss_since
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.steady_breakers import is_sleeve_locked, judge_breakers
from smart_leverage.policy.tier import Tier, granted_tier, select_tier, tier_of, win_rate_of
from smart_leverage.research.kernel.books import (
    ACTIVE,
    CANCELLED,
    HALTED,
    REDUCING,
    WINDOW,
    Books,
    Tape,
    cancel_purchases,
    sellable,
)
from smart_leverage.research.kernel.earning import begin_anew, count_losers, references
from smart_leverage.research.kernel.groups import NONE
from smart_leverage.research.kernel.plans import start_flatten
from smart_leverage.research.kernel.setup import Setup
from smart_leverage.research.kernel.stops import send_sale
from smart_leverage.research.kernel.worst import Bounds, Valuation, value


def roll(books: Books, row: Any, before: Any, cells: Any, policy: Policy) -> None:
    """Open a new risk day, and month, at the last mark; a day's trip ends here.

    Args:
        books: The account.
        row: The first instant of the day.
        before: The instant before it.
        cells: Prices as they were then.
        policy: How a record counts.
    """
    account = books.account
    books.days[account.day] = account.last
    account.day = row.day
    account.day_open = account.last
    if row.month != before.month:
        books.falls[before.month] = account.month_fall
        account.month_open = account.month_best = account.last
        account.month_fall = 0.0
    account.has_risen = account.is_day_tripped = 0
    if account.state == REDUCING and account.is_day_loss != 0:
        account.state, account.is_day_loss = ACTIVE, 0
    for rank in range(account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        is_held = position.qty > 0
        position.is_touched = 1 if is_held else 0
        position.invested = position.held * cells[asset].mark_open if is_held else 0.0
    count_losers(books, row, policy)
    change = account.last / account.day_base - 1.0
    account.day_base = account.last
    account.days += 1
    account.day_sum += change
    account.day_squares += change * change


def judge_losses(
    books: Books,
    row: Any,
    facts: Any,
    sessions: Any,
    valuation: Valuation,
    caps: Bounds,
    policy: Policy,
) -> None:
    """Trip what is over its limit."""
    account = books.account
    was_day, was_month = account.is_day_tripped != 0, account.is_month_tripped != 0
    was_drawdown = account.is_drawdown_tripped != 0
    after = judge_breakers(
        BreakerState(was_day, was_month, account.is_emergency != 0, was_drawdown),
        valuation.equity,
        references(books, row.at, valuation.equity, policy),
        policy.limits,
        policy.thresholds.month_return_emergency,
        policy.rolling,
    )
    account.is_drawdown_tripped = 1 if after.is_drawdown_tripped else 0
    account.is_day_tripped = 1 if after.is_day_tripped else 0
    account.is_month_tripped = 1 if after.is_month_tripped else 0
    account.is_emergency = 1 if after.is_emergency else 0
    account.trips_day += 1 if after.is_day_tripped and not was_day else 0
    account.trips_month += 1 if after.is_month_tripped and not was_month else 0
    is_new = after.is_drawdown_tripped and not was_drawdown
    if is_new or (after.is_month_tripped and not was_month):
        start_flatten(books, row, facts, sessions, valuation, caps, policy)
    elif after.is_day_tripped and not was_day:
        if account.state == ACTIVE:
            account.state, account.is_day_loss = REDUCING, 1
        cancel_purchases(books)


def judge_assets(books: Books, row: Any, facts: Any, tape: Tape, policy: Policy) -> None:
    """Close and lock for the day every coin that lost its share of the day's opening equity."""
    account, total = books.account, 0.0
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.is_touched == 0 or facts[asset].is_crypto == 0:
            continue
        if position.mark != position.mark:
            continue
        loss = position.invested - position.held * position.mark
        total += loss
        is_open = position.locked_until <= row.at
        if is_open and is_asset_locked(loss, account.day_open, policy.limits):
            lock(books, row, facts, tape, asset)
    if account.sleeve_until <= row.at and is_sleeve_locked(total, account.day_open, policy.rolling):
        account.sleeve_until = row.day_ends
        for asset in range(len(facts)):
            if facts[asset].is_crypto != 0 and books.positions[asset].locked_until <= row.at:
                lock(books, row, facts, tape, asset)


def lock(books: Books, row: Any, facts: Any, tape: Tape, asset: int) -> None:
    """Lock one coin until the next risk day, and sell what is held of it."""
    account, position = books.account, books.positions[asset]
    position.locked_until = row.day_ends
    account.locks += 1
    for place in range(account.orders):
        order = books.orders[place]
        if order.asset == asset and order.is_buy != 0:
            order.is_leaving = CANCELLED
    if position.qty > 0 and sellable(position) > 0:
        qty, reason = sellable(position), Reason.ASSET_LOCKED.value
        send_sale(books, row, facts, tape, asset, qty, reason, 1, 0)


def win_rate(account: Any, trades_min: int) -> float:
    """Return the win rate that caps go by: the lower one of with and without forced closings."""
    closed, wins = min(account.count_forced, WINDOW), account.wins_forced
    closed_own, wins_own = min(account.count_own, WINDOW), account.wins_own
    if closed == 0 or closed_own == 0:
        is_own = closed_own <= closed
    else:
        left, right = wins_own * closed, wins * closed_own
        is_own = left < right or (left == right and closed_own <= closed)
    if is_own:
        closed, wins = closed_own, wins_own
    return win_rate_of(wins, closed, trades_min)


def tier_now(account: Any, month: float, policy: Policy, setup: Setup) -> tuple[int, bool]:
    """Return the tier that record and month support, and whether they earn more than is granted.

    A fall comes at once, a rise by one step a day.
    """
    if policy.record.is_earned:
        earned = Tier.EMERGENCY if account.is_emergency != 0 else tier_of(account.earned)
    else:
        rate = win_rate(account, policy.thresholds.trades_min)
        if policy.rolling.is_rolling:  # also where only the last thirty days are an emergency
            month = -math.inf if account.is_emergency != 0 else 0.0
        earned = select_tier(rate, month, policy.thresholds)
    is_tripped = account.is_day_tripped != 0 or account.is_month_tripped != 0
    is_tripped = is_tripped or account.is_drawdown_tripped != 0
    granted = granted_tier(
        account.tier,
        earned,
        setup.tier_ceiling,
        account.has_risen == 0,
        is_tripped or account.state != ACTIVE,
    )
    return granted, earned > granted and setup.tier_ceiling > granted


def judge_tier(books: Books, equity: float, policy: Policy, setup: Setup) -> None:
    """Grant the tier that record and month support."""
    account = books.account
    granted, is_rising = tier_now(account, -loss_since(account.month_open, equity), policy, setup)
    if granted > account.tier:
        account.has_risen = 1
    account.is_rising = 1 if is_rising else 0
    account.tier = granted


def is_tier_due(account: Any, policy: Policy, setup: Setup) -> bool:
    """Tell whether the next close grants another tier, if no emergency begins or ends by then."""
    month = -math.inf if account.is_emergency != 0 else 0.0
    granted, is_rising = tier_now(account, month, policy, setup)
    account.is_rising = 1 if is_rising else 0
    return bool(granted != account.tier)


def lift_halt(books: Books, row: Any, facts: Any, policy: Policy) -> None:
    """Play the person who lifts a halt once a new month has begun; a tripped day stays."""
    account = books.account
    if account.state != HALTED:
        account.halted_in = -1
        return
    if account.halted_in < 0:
        account.halted_in = row.month
    if row.month == account.halted_in or account.plan != NONE:
        return
    is_for_good = account.is_month_tripped != 0 or account.is_drawdown_tripped != 0
    if account.is_day_tripped != 0 and not is_for_good:
        return
    if is_for_good:
        equity = value(books, facts, policy).equity
        account.day_open = account.month_open = account.last = equity
        account.is_month_tripped = account.is_emergency = account.is_drawdown_tripped = 0
        begin_anew(books, row.at, equity)
    account.state = ACTIVE
    account.is_stirred = 1  # the next close judges the tier by the new baseline
    if account.is_day_tripped != 0:
        account.state, account.is_day_loss = REDUCING, 1


def mark(account: Any, valuation: Valuation, cap: float) -> None:
    """Note the equity, and what the metrics are made of."""
    equity = valuation.equity
    account.last = equity
    account.best = max(account.best, equity)
    account.drawdown = max(account.drawdown, 1.0 - equity / account.best)
    account.month_best = max(account.month_best, equity)
    account.month_fall = max(account.month_fall, 1.0 - equity / account.month_best)
    account.exposure += valuation.gross / equity
    account.exposure_crypto += valuation.crypto / equity
    account.cap += cap
