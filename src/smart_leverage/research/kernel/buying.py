"""Whether something may be bought or sold: the policy answers, the proof has the last word."""

import math
from typing import Any

from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.caps import lots_proved, lots_within
from smart_leverage.policy.decide import (
    UNLIMITED,
    Account,
    Asset,
    Decision,
    Proposal,
    decide,
    is_sized,
    refusal,
    size_of,
)
from smart_leverage.policy.intraday import Phase, is_entry_over, is_lent_on, power_lent
from smart_leverage.policy.margin import MarginAccount
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Caps
from smart_leverage.research.kernel.books import (
    CANCELLED,
    SOUND,
    TOO_LARGE,
    Books,
    Tape,
    activate,
    add_order,
    cash_of,
    note_decision,
    sellable,
    touch,
)
from smart_leverage.research.kernel.exact import (
    UNITS,
    UNITS_MAX,
    ceil_price,
    ceil_quotient,
    floor_product,
    places_at,
)
from smart_leverage.research.kernel.groups import AT_ONCE, BY_DAY, CRYPTO, LEVERAGED, NONE
from smart_leverage.research.kernel.setup import Setup
from smart_leverage.research.kernel.stops import send_sale
from smart_leverage.research.kernel.worst import (
    HAIRCUT_FRESH,
    HAIRCUT_OLD,
    Bounds,
    Worst,
    holds_for,
    symbol_cap,
    weight,
    worst_of,
)

COUNTABLE = UNITS_MAX / UNITS * 0.99
"""Coins or shares that can be counted in units for certain."""

ONE_SIDE = Reason.OPPOSITE_BOT.value


def is_frozen(account: Any, fact: Any) -> bool:
    """Tell whether a running plan keeps an instrument from being bought."""
    if account.plan == NONE:
        return False
    if account.stage == AT_ONCE:
        return True
    if account.plan == BY_DAY:
        return bool(fact.is_by_day != 0)
    if account.plan == CRYPTO:
        return bool(fact.is_crypto != 0)
    return bool(fact.is_leveraged != 0) if account.plan == LEVERAGED else True


def power_of(books: Books, facts: Any, worst: Worst, lift: float, fact: Any, setup: Setup) -> float:
    """Return what may be spent on an instrument: own cash, or what margin carries by day."""
    power = max(cash_of(books.account) - worst.reserved, 0.0)
    if is_lent_on(books.account.phase, fact.is_coin != 0):
        return power_by_day(books, facts, worst, lift, fact, setup, power)
    return power


def power_by_day(
    books: Books, facts: Any, worst: Worst, lift: float, fact: Any, setup: Setup, cash: float
) -> float:
    """Return what may be spent on a security while money is lent."""
    margin = margin_account(books, facts, worst, lift, fact)
    return power_lent(cash, margin, fact.maintenance, setup.margin)


def account_of(
    books: Books, worst: Worst, lift: float, fact: Any, power: float, phase: int, policy: Policy
) -> Account:
    """Return the account as the policy sees it, with one instrument counted at its dearest."""
    account = books.account
    counted = lift * weight(fact, policy)
    return Account(
        state=account.state,
        breakers=BreakerState(
            is_day_tripped=account.is_day_tripped != 0,
            is_month_tripped=account.is_month_tripped != 0,
            is_emergency=account.is_emergency != 0,
            is_drawdown_tripped=account.is_drawdown_tripped != 0,
        ),
        tier=account.tier,
        equity=worst.equity,
        crypto_worst=worst.crypto + (counted if fact.is_crypto != 0 else 0.0),
        leveraged_worst=worst.leveraged + (counted if fact.is_leveraged != 0 else 0.0),
        gross_worst=worst.gross + lift,
        power=power,
        exposure=Caps(account.earned_crypto, account.earned_leveraged),
        breakeven=account.breakeven,
        phase=phase,  # type: ignore[arg-type]
    )


def margin_account(books: Books, facts: Any, worst: Worst, lift: float, fact: Any) -> MarginAccount:
    """Return the account at its worst case as the margin rules see it."""
    coins, maintenance, initial = 0.0, lift * fact.maintenance, lift * fact.initial
    for rank in range(books.account.active):
        asset = books.active[rank]
        amount = books.positions[asset].worst
        if facts[asset].is_coin != 0:
            coins += amount
        else:
            maintenance += facts[asset].maintenance * amount
            initial += facts[asset].initial * amount
    gross = worst.gross + lift
    return MarginAccount(
        cash=worst.equity - gross,
        long_value=gross,
        short_value=0.0,
        crypto_value=coins,
        initial_margin=initial,
        maintenance_margin=maintenance,
        equity_last=math.nan,
        maintenance_margin_last=math.nan,
        power_used_today=math.nan,
        is_day_trader=False,
    )


def proved(
    fact: Any,
    lots: int,
    unit_worst: float,
    unit_loss: float,
    account: Account,
    own: float,
    caps: Bounds,
    policy: Policy,
) -> tuple[int, int]:
    """Return the lots for which every cap holds in the worst case, and what would break first."""
    reason = Reason.NONE.value
    lot, equity = fact.lot_size, account.equity
    counted = unit_worst * weight(fact, policy)
    if fact.is_crypto != 0:
        fits = lots_proved(caps.crypto, equity, account.crypto_worst, counted, unit_loss, lot)
        if fits < lots:
            lots, reason = fits, Reason.CAP_CRYPTO.value
    if fact.is_leveraged != 0:
        used = account.leveraged_worst
        fits = lots_proved(caps.leveraged, equity, used, counted, unit_loss, lot)
        if fits < lots:
            lots, reason = fits, Reason.CAP_LEVERAGED.value
    fits = lots_proved(caps.gross, equity, account.gross_worst, unit_worst, unit_loss, lot)
    if fits < lots:
        lots, reason = fits, Reason.CAP_GROSS.value
    fits = lots_proved(symbol_cap(fact, policy.groups), equity, own, unit_worst, unit_loss, lot)
    if fits < lots:
        lots, reason = fits, Reason.CAP_SYMBOL.value
    return lots, reason


def asset_of(
    books: Books,
    row: Any,
    fact: Any,
    position: Any,
    lot_value: float,
    lot_cost: float,
    own: float,
    lots_min: int,
) -> Asset:
    """Return an instrument as the policy sees it."""
    is_fresh = position.mark == position.mark and position.is_fresh != 0
    is_locked = position.locked_until > row.at
    # By place: so many names in one call cannot be compiled.
    return Asset(
        lot_value,
        lot_cost,
        fact.is_crypto != 0,
        fact.is_leveraged != 0,
        fact.is_broad != 0,
        is_fresh,
        True,
        is_locked,
        is_frozen(books.account, fact),
        own,
        0,
        0,
        fact.step // fact.lot,
        lots_min,
        fact.factor,
        fact.is_by_day != 0,
    )


def wish_of(confidence: float, ratio: float, is_calibrated: bool) -> Proposal:
    """Return a purchase that the policy sizes, as it is asked."""
    return Proposal(
        is_buy=True,
        lots=0,
        confidence=confidence,
        volatility_ratio=ratio,
        bot_room=UNLIMITED,
        is_calibrated=is_calibrated,
    )


def is_sated(
    books: Books,
    row: Any,
    facts: Any,
    worst: Worst,
    policy: Policy,
    asset: int,
    confidence: float,
    ratio: float,
    is_calibrated: bool,
) -> bool:
    """Tell whether a purchase would be denied for certain because the position has its size.

    That is what most proposals come to. An instrument counts here with its worst case before the
    purchase, and it counts with no less when it is decided; so what has its size here has it there.
    So does what has its size by a worst case from before another order of this instant was sent,
    for that left no more equity.
    """
    position, fact = books.positions[asset], facts[asset]
    if position.worst_units == 0.0:
        return False
    phase = books.account.phase
    if phase != Phase.OFF and is_entry_over(phase, fact.is_by_day != 0):
        return False
    lot_value = fact.lot_size * position.mark
    thing = asset_of(books, row, fact, position, lot_value, 0.0, position.worst, 1)
    account, wish = (
        account_of(books, worst, 0.0, fact, 0.0, Phase.OFF, policy),
        wish_of(confidence, ratio, is_calibrated),
    )
    if refusal(account, thing, wish, policy) != Reason.NONE:
        return False
    size = size_of(account, thing, wish, policy)
    return size < position.mark * COUNTABLE and is_sized(
        size, position.worst, policy.sizing.top_up_min
    )


def propose_purchase(
    books: Books,
    row: Any,
    facts: Any,
    setup: Setup,
    tape: Tape,
    worst: Worst,
    caps: Bounds,
    policy: Policy,
    asset: int,
    confidence: float,
    ratio: float,
    is_calibrated: bool,
) -> bool:
    """Decide a purchase that the policy sizes, and send what holds; tell whether any was sent."""
    position, fact = books.positions[asset], facts[asset]
    price = position.mark
    is_known = price == price
    limit = unit_worst = unit_loss = 0.0
    if is_known:
        places = places_at(price, fact.places, fact.is_coin == 0)
        limit = max(floor_product(price * (1.0 + setup.collar), places), ceil_price(price, places))
        haircut = HAIRCUT_FRESH if position.is_fresh != 0 else HAIRCUT_OLD
        unit_worst = max(max(limit, price * (1.0 + haircut)), position.unit_worst)
        unit_loss = max(limit - price, 0.0) + limit * setup.cost_rate
    else:
        price = 0.0
    lift = position.worst_units * unit_worst - position.worst
    own = position.worst + lift
    power = power_of(books, facts, worst, lift, fact, setup)
    account = account_of(books, worst, lift, fact, power, books.account.phase, policy)
    lots_min = 1
    if price > 0.0:
        lots_min = max(ceil_quotient(fact.notional_min / price / fact.lot_size), 1)
    lot_value = fact.lot_size * (unit_worst + unit_loss)
    lot_cost = fact.lot_size * (limit * (1.0 + setup.cost_rate))
    thing = asset_of(books, row, fact, position, lot_value, lot_cost, own, lots_min)
    wish = wish_of(confidence, ratio, is_calibrated)
    decision = decide(account, thing, wish, policy)
    lots, reason = decision.lots, decision.reason.value
    if lots > 0 and position.selling > 0:
        lots, reason = 0, ONE_SIDE
    if lots > 0:
        lots, cut_by = proved(fact, lots, unit_worst, unit_loss, account, own, caps, policy)
        reason = cut_by if cut_by != Reason.NONE.value else reason
    if decision.size > thing.lot_value * UNITS_MAX / fact.lot:
        books.account.fault = TOO_LARGE
        return False
    given = lots * fact.lot - lots * fact.lot % fact.step
    if given / UNITS * price < fact.notional_min:
        given = 0
    if given == 0 and reason == Reason.NONE.value:
        reason = Reason.MINIMUM.value
    asked = wanted(decision, thing, fact)
    note_decision(tape, row.at, asset, 1, 0, asked, given, reason)
    if given > 0:
        books.account.bought += 1
        send_purchase(books, row, facts, setup, caps, policy, asset, given, limit)
    elif reason != Reason.SIZE.value:
        books.account.denied += 1
    return bool(given > 0)


def wanted(decision: Decision, thing: Asset, fact: Any) -> int:
    """Return what the policy would have sized, in units."""
    units = lots_within(decision.size - thing.worst, thing.lot_value) * fact.lot
    return int(units - units % fact.step)


def send_purchase(
    books: Books,
    row: Any,
    facts: Any,
    setup: Setup,
    caps: Bounds,
    policy: Policy,
    asset: int,
    qty: int,
    limit: float,
) -> None:
    """Send a purchase; the stop of the instrument gives way to it until it has ended.

    One that had to wait for that is proved once more, against every group that it counts towards.
    """
    position, fact = books.positions[asset], facts[asset]
    has_waited = position.has_stop != 0
    if has_waited:
        position.has_stop = position.is_triggered = 0
        position.is_bare = 1
    activate(books, asset)
    touch(books, asset)
    if fact.is_coin != 0 and qty / UNITS * limit > setup.coin_order_max:
        return  # the venue refuses it
    add_order(books, row, fact, asset, 1, 0, qty, limit, 0)
    if has_waited and books.account.fault == SOUND:
        worst = worst_of(books, facts, setup, policy)
        if not holds_for(books, facts, worst, caps, policy.groups, asset):
            books.orders[books.account.orders - 1].is_leaving = CANCELLED


def propose_sale(books: Books, row: Any, facts: Any, tape: Tape, asset: int) -> bool:
    """Decide a sale of everything that is held; tell whether any was sent."""
    free = max(sellable(books.positions[asset]), 0)
    if free // facts[asset].lot > 0:
        send_sale(books, row, facts, tape, asset, free, Reason.NONE.value, 0, 0)
        return True
    note_decision(tape, row.at, asset, 0, 0, free, 0, Reason.NOT_HELD.value)
    return False
