"""What the account is worth, what it may become at worst, and how much of a purchase holds then."""

from typing import Any, NamedTuple

from smart_leverage.policy.caps import GroupCaps, weight_of
from smart_leverage.policy.params import Policy
from smart_leverage.research.kernel.books import CANCELLED, UNFIT, Books, cash_of
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.kernel.setup import Setup

HAIRCUT_FRESH, HAIRCUT_OLD = 0.005, 0.10
"""How far a price may be off: a print of this moment, and one that has grown old."""


class Valuation(NamedTuple):
    """Equity and what is held at the last good prices, money.

    Crypto and what is leveraged are counted as their caps count them, the gross is market value.
    """

    equity: float
    crypto: float
    leveraged: float
    gross: float


class Bounds(NamedTuple):
    """The caps in force on groups, fractions of equity."""

    crypto: float
    leveraged: float
    gross: float


class Worst(NamedTuple):
    """The worst case if everything under way fills, and the equity left then.

    Crypto and what is leveraged are counted as their caps count them, all else is market value.
    """

    equity: float
    crypto: float
    leveraged: float
    gross: float
    reserved: float


def weight(fact: Any, policy: Policy) -> float:
    """Return how many times its market value an instrument counts as crypto and as leveraged."""
    return weight_of(fact.factor, policy.exposure.is_look_through)


def value(books: Books, facts: Any, policy: Policy) -> Valuation:
    """Value the account at the last good prices, without haircuts: what loss limits judge."""
    plain = leveraged = crypto = more_leveraged = more_crypto = 0.0
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.qty > 0:
            amount = position.held * position.mark
            if facts[asset].is_leveraged == 0:
                plain += amount
            elif facts[asset].is_crypto != 0:
                crypto += amount
                more_crypto += amount * (weight(facts[asset], policy) - 1.0)
            else:
                leveraged += amount
                more_leveraged += amount * (weight(facts[asset], policy) - 1.0)
    cash = cash_of(books.account)
    return valuation_of(cash, plain, leveraged, crypto, more_leveraged, more_crypto)


def valuation_of(
    cash: float,
    plain: float,
    leveraged: float,
    crypto: float,
    more_leveraged: float,
    more_crypto: float,
) -> Valuation:
    """Return a valuation from what is held of each kind, always added up in one order.

    `more_…` is what the caps count beyond market value.
    """
    leveraged = leveraged + crypto
    gross = plain + leveraged
    counted = leveraged + (more_leveraged + more_crypto)
    return Valuation(cash + gross, crypto + more_crypto, counted, gross)


def worst_of(books: Books, facts: Any, setup: Setup, policy: Policy) -> Worst:
    """Return the worst case over positions and purchases under way; those leaving do not count.

    Every position counts at its price plus a haircut for its age, every purchase at its limit.
    Equity counts old prices lower, and pays for the purchases' limits and fees.
    """
    equity = cash_of(books.account)
    crypto = leveraged = gross = reserved = 0.0
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.qty <= 0 and position.buys <= 0:
            position.worst = position.worst_units = position.unit_worst = 0.0
            continue
        bought, limit, cost = bought_of(books, asset)
        haircut = HAIRCUT_FRESH if position.is_fresh != 0 else HAIRCUT_OLD
        price = position.mark
        top, low = price * (1.0 + haircut), price * (1.0 - haircut)
        if position.doubt > 0.0:
            top, low = max(top, position.doubt), min(low, position.doubt)
            price = min(price, position.doubt)
        held = position.held
        position.worst_units = held + bought
        position.unit_worst = max(top, limit)
        worst = position.worst_units * position.unit_worst
        position.worst = worst
        equity += held * low
        if bought > 0.0:
            equity -= bought * max(limit - price, 0.0) + cost * setup.cost_rate
            reserved += cost * (1.0 + setup.cost_rate)
        gross += worst
        if facts[asset].is_leveraged != 0:
            counted = worst * weight(facts[asset], policy)
            leveraged += counted
            if facts[asset].is_crypto != 0:
                crypto += counted
    return Worst(equity, crypto, leveraged, gross, reserved)


def bought_of(books: Books, asset: int) -> tuple[float, float, float]:
    """Return quantity, highest limit and cost of the purchases of an instrument under way."""
    bought = limit = cost = 0.0
    if books.positions[asset].buys > 0:
        for place in range(books.account.orders):
            order = books.orders[place]
            if order.asset == asset and order.is_buy != 0 and order.is_leaving <= CANCELLED:
                bought += order.qty / UNITS
                limit = max(limit, order.limit)
                cost += order.qty / UNITS * order.limit
    return bought, limit, cost


def symbol_cap(fact: Any, groups: GroupCaps) -> float:
    """Return the cap on one instrument, fraction of equity."""
    return groups.symbol_broad if fact.is_broad != 0 else groups.symbol


def groups_hold(worst: Worst, caps: Bounds) -> bool:
    """Tell whether the cap of every group holds in the worst case."""
    if worst.crypto > caps.crypto * worst.equity or worst.gross > caps.gross * worst.equity:
        return False
    return worst.leveraged <= caps.leveraged * worst.equity


def symbol_holds(books: Books, facts: Any, worst: Worst, groups: GroupCaps, asset: int) -> bool:
    """Tell whether the cap of one instrument holds in the worst case."""
    cap = symbol_cap(facts[asset], groups)
    return bool(books.positions[asset].worst <= cap * worst.equity)


def holds_for(
    books: Books, facts: Any, worst: Worst, caps: Bounds, groups: GroupCaps, asset: int
) -> bool:
    """Tell whether every cap holds that a purchase of this instrument counts towards."""
    fact = facts[asset]
    own = Worst(
        worst.equity,
        worst.crypto if fact.is_crypto != 0 else 0.0,
        worst.leveraged if fact.is_leveraged != 0 else 0.0,
        worst.gross,
        worst.reserved,
    )
    return groups_hold(own, caps) and symbol_holds(books, facts, worst, groups, asset)


def holds(books: Books, facts: Any, worst: Worst, caps: Bounds, groups: GroupCaps) -> bool:
    """Tell whether every cap holds in the worst case, for all instruments that are being bought."""
    if not groups_hold(worst, caps):
        return False
    for place in range(books.account.orders):
        order = books.orders[place]
        is_counted = order.is_buy != 0 and order.is_leaving in (0, UNFIT)
        if is_counted and not symbol_holds(books, facts, worst, groups, order.asset):
            return False
    return True
