"""The policy as every peer can hold it: our rules, and the bookkeeping that they need.

Nothing here belongs to a peer. A strategy in Python keeps the books in lists; the callbacks of
vectorbt keep them in arrays and have these very functions compiled. What the rules of
`smart_leverage.policy` say is called and never repeated. Every instrument is a coin, so the groups
crypto, leveraged and gross are one sum. Orders last for one opening, and a sale sells everything.

Left out, since no peer can say it: sales in stages until a cap holds again, stops that rest at the
venue and fill inside a bar, the second proof of a purchase at the open, fees taken in coins, prices
on the venue's steps, and the ladder of doubtful prices.
"""

import math
from typing import Any, NamedTuple

from smart_leverage.policy.breakers import (
    BreakerOpens,
    BreakerState,
    is_asset_locked,
    loss_since,
    step_breakers,
)
from smart_leverage.policy.caps import lots_proved
from smart_leverage.policy.decide import UNLIMITED, Account, Asset, Proposal, decide
from smart_leverage.policy.intraday import Phase
from smart_leverage.policy.params import Policy
from smart_leverage.policy.stops import is_through_stop, stop_distance, stop_price
from smart_leverage.policy.tier import Caps, granted_tier, select_tier, tier_caps, win_rate_of

WINDOW = 100
ACTIVE, REDUCING, HALTED = range(3)
NEVER = -1
HAIRCUT = 0.005
"""How far a fresh price may be off."""

DAY_OPEN, MONTH_OPEN, LAST = range(3)
STATE, DAY_LOSS, DAY_TRIPPED, MONTH_TRIPPED, EMERGENCY, TIER, RISEN, HALTED_IN = range(8)
ALL, WINS, OWN, OWN_WINS = range(8, 12)
COUNTS = 12


class Books(NamedTuple):
    """One account; lists or arrays, which functions here change.

    `money` and `flags` are read by the names above. By instrument: units held, what they cost
    without and with fees, the value at the day's opening with what was put in since, the stop's
    price (0 without one), whether it was held today, is locked today, and is to be sold at the next
    opening (1 by the bot, 2 by the house). `bids` are units to buy then and `limits` their highest
    price. Two rings of outcomes: all closings, and those that nobody forced.
    """

    money: Any
    flags: Any
    held: Any
    paid: Any
    cost: Any
    invested: Any
    stops: Any
    touched: Any
    locked: Any
    selling: Any
    bids: Any
    limits: Any
    ring: Any
    ring_own: Any


class Terms(NamedTuple):
    """What is the same for every account: collar, costs of the venue, fee assumed in the proof."""

    collar: float
    cost_rate: float
    half_spread: float
    slippage: float
    fee: float
    ceiling: int
    resumes_monthly: bool


class Fact(NamedTuple):
    """A coin: units in a lot, lots in an order step, least value of a purchase."""

    lot: float
    step: int
    notional_min: float


class Room(NamedTuple):
    """The worst case while the signals of one bar are decided, money."""

    equity: float
    exposed: float
    power: float


def books_of(assets: int, cash: float) -> Books:
    """Return the books of an account that holds nothing but cash, in lists."""
    flags = [0] * COUNTS
    flags[TIER], flags[HALTED_IN] = 1, NEVER
    floats = [[0.0] * assets for _ in range(7)]
    held, paid, cost, invested, stops, bids, limits = floats
    touched, locked, selling = ([0] * assets for _ in range(3))
    return Books(
        money=[cash, cash, cash],
        flags=flags,
        held=held,
        paid=paid,
        cost=cost,
        invested=invested,
        stops=stops,
        touched=touched,
        locked=locked,
        selling=selling,
        bids=bids,
        limits=limits,
        ring=[0] * WINDOW,
        ring_own=[0] * WINDOW,
    )


# --- what a fill changes --------------------------------------------------------------------------


def bought(
    books: Books, asset: int, units: float, price: float, fee: float, vol: float, policy: Policy
) -> None:
    """Book a purchase; the stop moves with the average price."""
    value = units * price
    books.held[asset] += units
    books.paid[asset] += value
    books.cost[asset] += value + fee
    books.invested[asset] += value + fee
    books.touched[asset] = 1
    entry = books.paid[asset] / books.held[asset]
    books.stops[asset] = stop_price(entry, stop_distance(vol, policy.stops))


def sold(books: Books, asset: int, price: float, fee: float) -> None:
    """Book the sale of everything held of an instrument, and the trade that it closes."""
    value = books.held[asset] * price
    net = value - fee - books.cost[asset]
    books.invested[asset] += fee - value
    flags = books.flags
    is_won = 1 if net > 0.0 else 0
    flags[ALL], flags[WINS] = counted(books.ring, flags[ALL], flags[WINS], is_won)
    if books.selling[asset] == 1:
        flags[OWN], flags[OWN_WINS] = counted(books.ring_own, flags[OWN], flags[OWN_WINS], is_won)
    books.held[asset] = books.paid[asset] = books.cost[asset] = books.stops[asset] = 0.0
    books.selling[asset] = 0


def counted(ring: Any, count: int, wins: int, is_won: int) -> tuple[int, int]:
    """Put an outcome into a window; return how many were ever put in, and its wins now."""
    place = count % WINDOW
    if count >= WINDOW:
        wins -= ring[place]
    ring[place] = is_won
    return count + 1, wins + is_won


# --- what a close is judged by --------------------------------------------------------------------


def roll(books: Books, is_month_new: bool, opens: Any) -> None:
    """Open a new risk day, and month, at the last mark."""
    money, flags = books.money, books.flags
    money[DAY_OPEN] = money[LAST]
    if is_month_new:
        money[MONTH_OPEN] = money[LAST]
    flags[RISEN] = flags[DAY_TRIPPED] = 0
    if flags[STATE] == REDUCING and flags[DAY_LOSS] != 0:
        flags[STATE] = ACTIVE
        flags[DAY_LOSS] = 0
    for asset in range(len(books.held)):
        books.touched[asset] = 1 if books.held[asset] > 0.0 else 0
        books.invested[asset] = books.held[asset] * opens[asset]
        books.locked[asset] = 0


def judge(books: Books, policy: Policy, terms: Terms, cash: float, closes: Any, month: int) -> None:
    """Take the closes in: losses of day, month and coins, tier, mark and stops."""
    held, money = books.held, books.money
    equity = cash
    for asset in range(len(held)):
        equity += held[asset] * closes[asset]
    judge_losses(books, policy, equity)
    for asset in range(len(held)):
        if books.touched[asset] != 0 and books.locked[asset] == 0:
            loss = books.invested[asset] - held[asset] * closes[asset]
            if is_asset_locked(loss, money[DAY_OPEN], policy.limits):
                books.locked[asset] = 1
                sell(books, asset, 2)
    judge_tier(books, policy, equity, terms.ceiling)
    money[LAST] = equity
    for asset in range(len(held)):
        if held[asset] > 0.0 and is_through_stop(closes[asset], books.stops[asset]):
            sell(books, asset, 2)
    if terms.resumes_monthly and books.flags[STATE] == HALTED:
        lift_halt(books, equity, month)


def sell(books: Books, asset: int, by: int) -> None:
    """Sell everything at the next opening, unless that is under way."""
    if books.held[asset] > 0.0 and books.selling[asset] == 0:
        books.selling[asset] = by


def judge_losses(books: Books, policy: Policy, equity: float) -> None:
    """Trip what is over its limit; a tripped month sells everything and halts."""
    money, flags = books.money, books.flags
    was_day, was_month = flags[DAY_TRIPPED] != 0, flags[MONTH_TRIPPED] != 0
    after = step_breakers(
        BreakerState(was_day, was_month, flags[EMERGENCY] != 0, False),
        equity,
        BreakerOpens(money[DAY_OPEN], money[MONTH_OPEN]),
        policy.limits,
        policy.thresholds.month_return_emergency,
    )
    flags[DAY_TRIPPED] = 1 if after.is_day_tripped else 0
    flags[MONTH_TRIPPED] = 1 if after.is_month_tripped else 0
    flags[EMERGENCY] = 1 if after.is_emergency else 0
    if after.is_month_tripped and not was_month:
        flags[STATE] = HALTED
        for asset in range(len(books.held)):
            sell(books, asset, 2)
    elif after.is_day_tripped and not was_day and flags[STATE] == ACTIVE:
        flags[STATE] = REDUCING
        flags[DAY_LOSS] = 1


def win_rate(flags: Any, trades_min: int) -> float:
    """Return the lower of the win rates with and without forced closings."""
    closed, wins = min(flags[ALL], WINDOW), flags[WINS]
    closed_own, wins_own = min(flags[OWN], WINDOW), flags[OWN_WINS]
    if closed == 0 or closed_own == 0:
        is_own = closed_own <= closed
    else:
        left, right = wins_own * closed, wins * closed_own
        is_own = left < right or (left == right and closed_own <= closed)
    if is_own:
        return win_rate_of(wins_own, closed_own, trades_min)
    return win_rate_of(wins, closed, trades_min)


def judge_tier(books: Books, policy: Policy, equity: float, ceiling: int) -> None:
    """Grant the tier that record and month support: down at once, up one step a day."""
    flags, at = books.flags, policy.thresholds
    month = -loss_since(books.money[MONTH_OPEN], equity)
    earned = select_tier(win_rate(flags, at.trades_min), month, at)
    is_tripped = flags[DAY_TRIPPED] != 0 or flags[MONTH_TRIPPED] != 0
    is_kept = is_tripped or flags[STATE] != ACTIVE
    granted = granted_tier(flags[TIER], earned, ceiling, flags[RISEN] == 0, is_kept)
    if granted > flags[TIER]:
        flags[RISEN] = 1
    flags[TIER] = granted


def lift_halt(books: Books, equity: float, month: int) -> None:
    """Play the person who lifts a halt once a new month has begun."""
    money, flags = books.money, books.flags
    if flags[HALTED_IN] == NEVER:
        flags[HALTED_IN] = month
    if month == flags[HALTED_IN]:
        return
    money[DAY_OPEN] = money[MONTH_OPEN] = money[LAST] = equity
    flags[MONTH_TRIPPED] = flags[EMERGENCY] = 0
    flags[STATE] = ACTIVE
    flags[HALTED_IN] = NEVER


# --- what a signal may do -------------------------------------------------------------------------


def room_of(books: Books, cash: float, closes: Any) -> Room:
    """Return the worst case before any signal of a bar; nothing is under way then."""
    value = 0.0
    for asset in range(len(books.held)):
        value += books.held[asset] * closes[asset]
    return Room(
        equity=cash + value * (1.0 - HAIRCUT), exposed=value * (1.0 + HAIRCUT), power=max(cash, 0.0)
    )


def propose(
    books: Books,
    policy: Policy,
    terms: Terms,
    fact: Fact,
    room: Room,
    asset: int,
    price: float,
    confidence: float,
    ratio: float,
) -> Room:
    """Decide a purchase that the policy sizes; note the bid, return the room that is left."""
    if books.selling[asset] != 0:
        return room
    limit = price * (1.0 + terms.collar)
    unit_worst = max(limit, price * (1.0 + HAIRCUT))
    unit_loss = max(limit - price, 0.0) + limit * terms.cost_rate
    own = books.held[asset] * unit_worst
    lots_min = max(int(math.ceil(fact.notional_min / price / fact.lot)), 1)
    lot_value = fact.lot * (unit_worst + unit_loss)
    lot_cost = fact.lot * limit * (1.0 + terms.cost_rate)
    is_locked = books.locked[asset] != 0
    thing = coin_of(fact, lot_value, lot_cost, is_locked, own, lots_min)
    account = account_of(books, room)
    wish = Proposal(
        is_buy=True,
        lots=0,
        confidence=confidence,
        volatility_ratio=ratio,
        bot_room=UNLIMITED,
        is_calibrated=False,
    )
    lots = decide(account, thing, wish, policy).lots
    lots = proved(lots, policy, account, own, unit_worst, unit_loss, fact.lot)
    lots -= lots % fact.step
    units = lots * fact.lot
    if units * price < fact.notional_min:
        return room
    books.bids[asset], books.limits[asset] = units, limit
    return Room(
        equity=room.equity - units * unit_loss,
        exposed=room.exposed + units * unit_worst,
        power=room.power - units * limit * (1.0 + terms.cost_rate),
    )


def coin_of(
    fact: Fact, lot_value: float, lot_cost: float, is_locked: bool, own: float, lots_min: int
) -> Asset:
    """Return a coin as the policy sees it."""
    # By place, in the order of `Asset`: so many names in one call cannot be compiled.
    return Asset(
        lot_value,
        lot_cost,
        True,  # crypto
        True,  # leveraged
        False,  # broad
        True,  # fresh
        True,  # tradable
        is_locked,
        False,  # deleveraging
        own,
        0,
        0,
        fact.step,
        lots_min,
        1.0,
        False,  # by day only
    )


def account_of(books: Books, room: Room) -> Account:
    """Return the account as the policy sees it."""
    flags = books.flags
    return Account(
        state=flags[STATE],
        breakers=BreakerState(
            is_day_tripped=flags[DAY_TRIPPED] != 0,
            is_month_tripped=flags[MONTH_TRIPPED] != 0,
            is_emergency=flags[EMERGENCY] != 0,
            is_drawdown_tripped=False,
        ),
        tier=flags[TIER],
        equity=room.equity,
        crypto_worst=room.exposed,
        leveraged_worst=room.exposed,
        gross_worst=room.exposed,
        power=room.power,
        exposure=Caps(math.inf, math.inf),
        breakeven=0.5,
        phase=Phase.OFF,
    )


def proved(
    lots: int,
    policy: Policy,
    account: Account,
    own: float,
    unit_worst: float,
    unit_loss: float,
    lot: float,
) -> int:
    """Return the lots for which every cap holds in the worst case."""
    caps = tier_caps(account.tier, policy.tiers)
    equity, used = account.equity, account.gross_worst
    for cap in (caps.crypto, caps.leveraged, policy.groups.gross):
        lots = min(lots, lots_proved(cap, equity, used, unit_worst, unit_loss, lot))
    return min(lots, lots_proved(policy.groups.symbol, equity, own, unit_worst, unit_loss, lot))


# --- a bar --------------------------------------------------------------------------------------


def close_bar(
    books: Books,
    policy: Policy,
    terms: Terms,
    facts: Any,
    cash: float,
    bars: Any,
    signals: Any,
    t: int,
) -> None:
    """Take a bar that ended: judge it, then decide its signals one after the other.

    What is to be done at the next opening then stands in `selling`, `bids` and `limits`.

    Args:
        books: Of the account.
        policy: Its numbers.
        terms: Of the venue.
        facts: Lots, steps and least values, one sequence each.
        cash: What the peer says is there.
        bars: A `Bars`.
        signals: A `Signals`.
        t: Number of the bar.
    """
    closes = bars.closes[t]
    if bars.is_day_new[t]:
        roll(books, bars.is_month_new[t], bars.opens[t])
    judge(books, policy, terms, cash, closes, bars.month[t])
    first, last = signals.first[t], signals.first[t + 1]
    if first == last:
        return
    room = room_of(books, cash, closes)
    for place in range(first, last):
        asset = signals.asset[place]
        if not signals.is_buy[place]:
            sell(books, asset, 1)
            continue
        fact = Fact(facts[0][asset], facts[1][asset], facts[2][asset])
        room = propose(
            books,
            policy,
            terms,
            fact,
            room,
            asset,
            closes[asset],
            signals.confidence[place],
            signals.ratio[place],
        )


class Bars(NamedTuple):
    """Bars that end together; by bar, prices by bar and coin."""

    opens: Any
    closes: Any
    volatility: Any
    is_day_new: Any
    is_month_new: Any
    month: Any


class Signals(NamedTuple):
    """Signals of bar t stand in [first[t], first[t + 1])."""

    first: Any
    asset: Any
    is_buy: Any
    confidence: Any
    ratio: Any
