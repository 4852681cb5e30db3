"""Groups that have a cap: what counts in each of them, and which is over."""

from typing import Any

from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import (
    is_over_band,
)
from smart_leverage.policy.intraday import is_of_night
from smart_leverage.policy.params import Policy
from smart_leverage.research.kernel.books import (
    Books,
)
from smart_leverage.research.kernel.worst import Bounds, Valuation, symbol_cap

NONE, CRYPTO, LEVERAGED, GROSS, SYMBOL, FLATTEN, BY_DAY = -1, 0, 1, 2, 3, 4, 5
"""What a plan is about; the last one is about what may not stay over a close."""

AT_ONCE = 3
"""The last stage: no ceilings on the way and no band."""


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
