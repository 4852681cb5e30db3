"""What one account holds, has sent and has been through, as records that machine code changes."""

from typing import Any, NamedTuple

import numpy as np

from smart_leverage.fills.costs import trade_fee
from smart_leverage.fills.market import Side
from smart_leverage.research.kernel.exact import (
    POWERS,
    UNITS,
    UNITS_MAX,
    added,
    executed_price,
    units_up,
)
from smart_leverage.research.kernel.setup import Setup

WINDOW = 100
"""Closed trades that the win rate looks back on (decision 5c)."""

LOTS_MAX = 64
ORDERS_PER_ASSET = 4

SOUND, TOO_MANY_LOTS, TOO_MANY_ORDERS, TOO_LARGE, UNCONFIRMED = range(5)
"""Why an account cannot go on."""

CANCELLED, AGED, UNFIT = 1, 2, 3
"""Why an order is leaving; until it has left, only one that is cancelled otherwise still counts."""

ACTIVE, REDUCING, HALTED = range(3)
"""`policy.reasons.TradingState` as numbers."""

ACCOUNT = np.dtype(
    [
        (name, "f8")
        for name in (
            *("cash", "cash_low", "day_open", "month_open", "last", "plan_start", "traded", "fees"),
            *("best", "drawdown", "exposure", "exposure_crypto", "cap", "day_sum", "day_squares"),
            *("day_base", "month_best", "month_fall"),
            *("cash_now", "least", "most", "crypto_max", "leveraged_max", "gross_max", "cap_now"),
            *("crypto_least", "earned_crypto", "earned_leveraged", "least_crypto"),
            *("least_leveraged", "since_best", "breakeven", "peak", "share_least", "share_most"),
        )
    ]
    + [
        (name, "i8")
        for name in (
            *("state", "is_day_loss", "is_day_tripped", "is_month_tripped", "is_emergency"),
            *("tier", "has_risen", "plan", "stage", "plan_at", "plan_traded", "plan_until"),
            *("is_late", "halted_in", "fault", "orders", "is_stirred", "until"),
            *("count_forced", "wins_forced", "count_own", "wins_own", "compared_on", "active"),
            *("is_moved", "is_rising", "is_watched", "held", "day"),
            *("is_drawdown_tripped", "is_judged", "earned", "losers", "closed", "episodes"),
            *("marked", "day_place", "month_place", "peaks_first", "peaks_end", "sleeve_until"),
            *("is_cap_due", "marked_hour", "phase"),
            *("days", "trades", "wins", "losses", "forced", "bought", "denied"),
            *("trips_day", "trips_month", "locks", "plans", "halts"),
        )
    ]
)
"""An account. `cash` and `cash_low` are one sum. `is_day_loss` says why it is reducing; `until` is
when the first order ends; `is_stirred` means that something is under way, `is_watched` that the
next instant has to be gone through step by step, `is_rising` that a better tier is earned than
granted, `day` is the risk day that was begun last; `count_…` and `wins_…` are of the windows
with and without forced closings. `month_best` and `month_fall` are the best mark and the deepest
fall of this month. `phase` is where the intraday plan stands. From `days` on it is what the
metrics are made of, and so are the floats from `traded` to `day_squares`. From `cash_now` to
`cap_now`, and `held` (how many positions), is what a look goes by; see `quiet.show`."""

POSITION = np.dtype(
    [("mark", "f8"), ("doubt", "f8"), ("qty", "i8"), ("held", "f8"), ("buys", "i8")]
    + [("is_fresh", "i8")]
    + [(name, "f8") for name in ("worst_units", "unit_worst", "worst", "stop_level", "invested")]
    + [(name, "i8") for name in ("selling", "is_touched", "has_stop", "is_triggered", "is_bare")]
    + [("episode_cash", "f8"), ("episode_in", "f8"), ("episode_qty", "i8"), ("episode_at", "i8")]
    + [("is_forced", "i8")]
    + [("is_moved", "i8"), ("vol", "f8"), ("print", "f8"), ("stop_limit", "f8"), ("limit", "f8")]
    + [
        (name, "i8")
        for name in (
            *("lots", "buying", "is_active", "locked_until", "stop_left", "stop_qty"),
            *("stop_since", "stop_until", "start_lots", "keep", "why"),
        )
    ]
)
"""An instrument of an account. `held` is `qty` in coins or shares. Prices: last good one,
volatility, doubted one, last print.
`invested` is the value at the day's opening and what was put in since. `stop_level` is the last
stop's price, 0.0 without one, whether or not one is live. `limit` is the highest of purchases under
way, `worst…` are set by `worst_of`, `start_lots`, `keep` and `why` by a plan. Quantities are units
of 1e-9."""

HELD = np.dtype(
    [("asset", "i8"), ("qty", "f8"), ("floor", "f8"), ("ceiling", "f8"), ("more", "f8")]
    + [(name, "i8") for name in ("is_leveraged", "is_crypto")]
)
"""What a look needs of a position: quantity in coins or shares, the price at or below which and
the price at or above which something may happen, and how many times beyond once it counts as
crypto and as leveraged."""

LOT = np.dtype([("qty", "i8"), ("price", "f8"), ("fee", "f8")])
"""What is left of a purchase, and the fee that it still owes."""

ORDER = np.dtype(
    [(name, "i8") for name in ("asset", "is_buy", "is_house", "qty", "at", "until")]
    + [("limit", "f8"), ("traded", "i8")]
    + [(name, "i8") for name in ("is_leaving", "is_late")]
)
"""A purchase or a sale under way. `traded` is how long US sessions had traded when it was sent;
`is_leaving` says why it is being cancelled, `is_late` that it came after this instant's print."""

CURVE = np.dtype(
    [("at", "i8")]
    + [(name, "f8") for name in ("equity", "cash", "crypto", "leveraged", "gross")]
    + [(name, "f8") for name in ("cap_crypto", "cap_leveraged")]
    + [(name, "i8") for name in ("tier", "state")]
)
DECISION = np.dtype(
    [(name, "i8") for name in ("at", "asset", "is_buy", "is_house", "asked", "given", "reason")]
)
FILL = np.dtype(
    [(name, "i8") for name in ("at", "asset", "is_buy", "is_house", "qty", "fee_units")]
    + [(name, "f8") for name in ("price", "fee_cash")]
)
EPISODE = np.dtype([("outcome", "f8"), ("lasted", "i8"), ("is_forced", "i8")])
"""From flat to flat: net profit ÷ what was put in, how long, whether the house closed any of it."""

RECORD = np.dtype([(name, "f8") for name in ("wins", "losses", "won", "lost")] + [("tier", "i8")])
"""`policy.evidence.Record`."""

MARK = np.dtype([("at", "i8"), ("equity", "f8")])
PEAK = np.dtype([("day", "i8"), ("best", "f8")])
MARKS = 1_024
"""So many marks are kept, one an hour at most: a month and more."""

TRADE = np.dtype(
    [(name, "i8") for name in ("at", "asset", "is_house", "qty", "outcome")]
    + [(name, "f8") for name in ("entry", "exit", "net")]
)


class Tape(NamedTuple):
    """Where a run writes what happened, as far as there is room; `counts` goes on beyond it."""

    curve: Any
    decisions: Any
    fills: Any
    trades: Any
    counts: Any


class Books(NamedTuple):
    """One account: itself, its positions, their lots, its orders, its windows of outcomes.

    `active` lists the instruments that are held, traded today or under way, by key; all others are
    left alone. `held` lists what a look goes over. `days` is (n_days,), the last mark before the
    day after, and `falls` is (n_months,), the deepest fall of each month that is over. `records`
    are the two records of episodes, with and without forced closings; `closed` are episodes that
    have ended since, `lasted` how long the last ones took, by time and by length; `marks` is one
    mark an hour, `peaks` the best ones of days that no later day has beaten.
    """

    account: Any
    positions: Any
    active: Any
    held: Any
    lots: Any
    orders: Any
    rings: Any
    days: Any
    falls: Any
    records: Any
    closed: Any
    lasted: Any
    marks: Any
    peaks: Any


def activate(books: Books, asset: int) -> None:
    """Put an instrument in its place among those that are looked at."""
    account = books.account
    if books.positions[asset].is_active != 0:
        return
    books.positions[asset].is_active = 1
    place = account.active
    account.active += 1
    while place > 0 and books.active[place - 1] > asset:
        books.active[place] = books.active[place - 1]
        place -= 1
    books.active[place] = asset


def touch(books: Books, asset: int) -> None:
    """Note that a position has to be protected anew."""
    books.positions[asset].is_moved = 1
    books.account.is_moved = 1


def note_decision(
    tape: Tape,
    at: int,
    asset: int,
    is_buy: int,
    is_house: int,
    asked: int,
    given: int,
    reason: int,
) -> None:
    """Write a decision down."""
    place = tape.counts[1]
    tape.counts[1] = place + 1
    if place < len(tape.decisions):
        row = tape.decisions[place]
        row.at, row.asset, row.is_buy, row.is_house = at, asset, is_buy, is_house
        row.asked, row.given, row.reason = asked, given, reason


def pay(account: Any, amount: float) -> None:
    """Add money to the cash, or take it when negative."""
    account.cash, account.cash_low = added(account.cash, account.cash_low, amount)


def cash_of(account: Any) -> float:
    """Return the cash."""
    return float(account.cash + account.cash_low)


def entry_price(books: Books, asset: int) -> float:
    """Return the average price paid for what is held, fees left out."""
    count = books.positions[asset].lots
    if count == 1:
        return float(books.lots[asset, 0].price)
    value = units = 0.0
    for place in range(count):
        lot = books.lots[asset, place]
        value += lot.qty * lot.price
        units += lot.qty
    return value / units


def sellable(position: Any) -> int:
    """Return what is held and not being sold already."""
    return int(position.qty - position.selling)


def fill_buy(
    books: Books, facts: Any, setup: Setup, tape: Tape, at: int, order: Any, price: float
) -> None:
    """Book a purchase; a coin's fee is taken from what was bought."""
    asset = order.asset
    fact, position, account = facts[asset], books.positions[asset], books.account
    qty = order.qty / UNITS
    fee = trade_fee(fact.is_coin != 0, Side.BUY, False, qty, price, setup.costs)
    fee_units = units_up(fee.coins)
    fee_cash = units_up(fee.cash) / UNITS
    net = order.qty - fee_units
    value = qty * price
    pay(account, -value)
    if fee_cash > 0.0:
        pay(account, -fee_cash)
    position.invested += value + fee_cash
    position.is_touched = 1
    owed = fee_cash + fee_units / UNITS * price
    account.traded += value
    account.fees += owed
    if position.lots >= LOTS_MAX:
        account.fault = TOO_MANY_LOTS
        return
    lot = books.lots[asset, position.lots]
    lot.qty, lot.price, lot.fee = net, price, owed
    position.lots += 1
    position.qty += net
    position.held = position.qty / UNITS
    if position.episode_in == 0.0:
        position.episode_at = at
    position.episode_cash -= value + fee_cash
    position.episode_in += value + fee_cash
    position.episode_qty += net
    if position.qty > UNITS_MAX:
        account.fault = TOO_LARGE
    if position.has_stop == 0:
        position.is_bare = 1
    note_fill(tape, at, asset, 1, 0, order.qty, price, fee_cash, fee_units)


def fill_sale(
    books: Books,
    facts: Any,
    setup: Setup,
    tape: Tape,
    at: int,
    asset: int,
    units: int,
    price: float,
    is_maker: bool,
    is_house: int,
) -> None:
    """Book a sale and the trade that it closes."""
    fact, position, account = facts[asset], books.positions[asset], books.account
    qty = units / UNITS
    fee = trade_fee(fact.is_coin != 0, Side.SELL, is_maker, qty, price, setup.costs)
    fee_cash = units_up(fee.cash) / UNITS
    value = qty * price
    pay(account, value)
    if fee_cash > 0.0:
        pay(account, -fee_cash)
    position.invested += fee_cash - value
    position.is_touched = 1
    account.traded += value
    account.fees += fee_cash
    entry, fees = take_lots(books, asset, units)
    position.qty -= units
    position.held = position.qty / UNITS
    note_fill(tape, at, asset, 0, is_house, units, price, fee_cash, 0)
    net = value - entry - (fees + fee_cash)
    places = 4 if fact.is_coin == 0 and price < 1.0 else fact.places
    outcome = 0
    # A share sold exactly one tick away has moved by a tick, whatever floats make of it.
    if abs(net) >= qty / POWERS[places] - value * 1e-13:
        outcome = 1 if net > 0.0 else -1
    close_trade(books, tape, at, asset, units, is_house, entry, value, net, outcome)
    position.episode_cash += value - fee_cash
    position.episode_qty -= units
    position.is_forced |= is_house
    if position.episode_in > 0.0 and position.episode_qty < fact.lot:
        close_episode(books, at, asset)
    if position.qty <= 0:
        position.is_bare = 0
        position.stop_level = 0.0
        position.stop_qty = 0
    elif position.has_stop == 0:
        position.is_bare = 1


def close_episode(books: Books, at: int, asset: int) -> None:
    """Note an episode that is over; what it comes to is judged with the next close."""
    account, position = books.account, books.positions[asset]
    place = account.closed
    if place < len(books.closed):
        one = books.closed[place]
        one.outcome = position.episode_cash / position.episode_in
        one.lasted = at - position.episode_at
        one.is_forced = position.is_forced
        account.closed = place + 1
    position.episode_cash = position.episode_in = 0.0
    position.episode_qty = position.is_forced = 0


def take_lots(books: Books, asset: int, units: int) -> tuple[float, float]:
    """Take a quantity from the oldest lots on; return what it had cost and the fees it owed."""
    position, lots = books.positions[asset], books.lots
    entry = fees = 0.0
    left, gone = units, 0
    while left > 0 and gone < position.lots:
        lot = lots[asset, gone]
        piece = min(lot.qty, left)
        fee = lot.fee
        if piece < lot.qty:
            fee = lot.fee * (piece / lot.qty)
            lot.qty -= piece
            lot.fee -= fee
        else:
            gone += 1
        entry += piece / UNITS * lot.price
        fees += fee
        left -= piece
    if gone > 0:
        for place in range(gone, position.lots):
            kept, lot = lots[asset, place - gone], lots[asset, place]
            kept.qty, kept.price, kept.fee = lot.qty, lot.price, lot.fee
        position.lots -= gone
    return entry, fees


def close_trade(
    books: Books,
    tape: Tape,
    at: int,
    asset: int,
    units: int,
    is_house: int,
    entry: float,
    value: float,
    net: float,
    outcome: int,
) -> None:
    """Count a closing order in the windows and the metrics, and write it down."""
    account = books.account
    account.trades += 1
    account.forced += is_house
    if outcome != 0:
        is_won = 1 if outcome > 0 else 0
        account.wins += is_won
        account.losses += 1 - is_won
        account.count_forced, account.wins_forced = counted(
            books.rings[0], account.count_forced, account.wins_forced, is_won
        )
        if is_house == 0:
            account.count_own, account.wins_own = counted(
                books.rings[1], account.count_own, account.wins_own, is_won
            )
    place = tape.counts[3]
    tape.counts[3] = place + 1
    if place < len(tape.trades):
        row = tape.trades[place]
        row.at, row.asset, row.is_house, row.qty = at, asset, is_house, units
        row.outcome, row.entry, row.exit, row.net = outcome, entry, value, net


def counted(ring: Any, count: int, wins: int, is_won: int) -> tuple[int, int]:
    """Put an outcome into a window; return how many were ever put in, and its wins now."""
    place = count % WINDOW
    if count >= WINDOW:
        wins -= ring[place]
    ring[place] = is_won
    return count + 1, wins + is_won


def note_fill(
    tape: Tape,
    at: int,
    asset: int,
    is_buy: int,
    is_house: int,
    units: int,
    price: float,
    fee_cash: float,
    fee_units: int,
) -> None:
    """Write a fill down."""
    place = tape.counts[2]
    tape.counts[2] = place + 1
    if place < len(tape.fills):
        row = tape.fills[place]
        row.at, row.asset, row.is_buy, row.is_house = at, asset, is_buy, is_house
        row.qty, row.price, row.fee_cash, row.fee_units = units, price, fee_cash, fee_units


def price_on_step(fact: Any, price: float, is_buy: bool) -> float:
    """Return the price of a fill on the instrument's step, rounded against the account."""
    return executed_price(price, is_buy, fact.places, fact.is_coin == 0)


def add_order(
    books: Books,
    row: Any,
    fact: Any,
    asset: int,
    is_buy: int,
    is_house: int,
    qty: int,
    limit: float,
    is_late: int,
) -> None:
    """Send an order; what it takes of a position is reserved from here on."""
    account, position = books.account, books.positions[asset]
    if account.orders >= len(books.orders):
        account.fault = TOO_MANY_ORDERS
        return
    order = books.orders[account.orders]
    account.orders += 1
    order.asset, order.is_buy, order.is_house, order.qty = asset, is_buy, is_house, qty
    order.at, order.traded, order.limit = row.at, row.traded, limit
    order.until = lasts(row, fact)
    order.is_leaving, order.is_late = 0, is_late
    account.until = min(account.until, order.until)
    touch(books, asset)
    if is_buy != 0:
        position.buying += qty
        position.buys += 1
        position.limit = max(position.limit, limit)
    else:
        position.selling += qty


LASTS_NS = 90 * 86_400 * 1_000_000_000
"""The venue ends a patient order after so long."""


def lasts(row: Any, fact: Any) -> int:
    """Return when an order sent now ends by itself: one for shares with the session it lives in."""
    if fact.is_coin != 0:
        return int(row.at + LASTS_NS)
    return int(row.closes_at)


def drop_leaving(books: Books) -> None:
    """Forget orders that are being cancelled, or have ended, and what they reserved."""
    account = books.account
    kept = 0
    for place in range(account.orders):
        order = books.orders[place]
        position = books.positions[order.asset]
        if order.is_leaving != 0:
            touch(books, order.asset)
            if order.is_buy != 0:
                position.buying -= order.qty
                position.buys -= 1
            else:
                position.selling -= order.qty
            continue
        if kept < place:
            move_order(books.orders[kept], order)
        kept += 1
    if kept < account.orders:
        account.orders = kept
        set_limits(books)


def cancel_purchases(books: Books) -> None:
    """Cancel every purchase under way."""
    for place in range(books.account.orders):
        if books.orders[place].is_buy != 0:
            books.orders[place].is_leaving = CANCELLED


def move_order(to: Any, order: Any) -> None:
    """Copy an order to another place."""
    to.asset, to.is_buy, to.is_house, to.qty = order.asset, order.is_buy, order.is_house, order.qty
    to.at, to.until, to.limit, to.traded = order.at, order.until, order.limit, order.traded
    to.is_leaving, to.is_late = order.is_leaving, order.is_late


def set_limits(books: Books) -> None:
    """Find the highest limit under way of every instrument anew."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        books.positions[asset].limit = 0.0
    for place in range(books.account.orders):
        order = books.orders[place]
        if order.is_buy != 0:
            position = books.positions[order.asset]
            position.limit = max(position.limit, order.limit)
