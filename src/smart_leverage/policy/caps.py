"""Which groups an asset counts in, and how much room each still has."""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.policy.arithmetic import finite_or_zero
from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.rule import rule

LOTS_MAX = 9007199254740991.0
"""2^53 − 1: beyond it a double does not hold every whole number, and no count can be trusted."""


class Group(IntEnum):
    """What is capped, in the order in which ties are settled."""

    CRYPTO = 0
    LEVERAGED = 1
    GROSS = 2
    SYMBOL = 3


class GroupCaps(NamedTuple):
    """Caps that bind in every preset beside the tier's, fractions of equity."""

    gross: float = 1.0
    symbol: float = 0.10
    symbol_broad: float = 0.50


@rule
def weight_of(factor: float, is_look_through: bool) -> float:
    """Return how many times its market value an asset counts as crypto and as leveraged.

    Under the gross cap and the cap of a symbol everything counts once.

    Args:
        factor: Daily multiple of a fund, signed; 1.0 for anything plain. NaN stays NaN, and
            nothing is bought then.
        is_look_through: Whether a fund counts as what it moves like.

    Returns:
        At least 1.0: looking through never counts less.

    Source:
        Decision 0004b.
    """
    if not is_look_through:
        return 1.0
    if factor < 0.0:
        factor = -factor
    return 1.0 if factor < 1.0 else factor


@rule
def headroom(cap: float, equity: float, worst: float) -> float:
    """Return the money that still fits under a cap.

    Args:
        cap: Fraction of equity.
        equity: Account equity, account currency.
        worst: Worst-case exposure: positions plus open and unknown orders, account currency.
            Less than nothing cannot be held: a negative one counts as 0 and adds no room.

    Returns:
        Account currency, at most cap × equity, at least 0.0; 0.0 when anything is NaN, infinite,
        or equity or cap is not positive.
    """
    if not (cap > 0.0 and equity > 0.0 and worst > -math.inf):  # also when one is NaN
        return 0.0
    room = cap * equity
    if worst > 0.0:
        room = room - worst
    return finite_or_zero(room)


@rule
def lots_within(room: float, lot_value: float) -> int:
    """Return how many whole lots fit into so much money.

    A quotient of two doubles is often a hair below the whole number that was meant: 0.3 / 0.1 is
    2.9999999999999996. Money that is a lot short by no more than the tolerance carries that lot,
    and the exact proof of the order has the last word.

    Args:
        room: Account currency.
        lot_value: What one lot takes of it, account currency.

    Returns:
        The lots that fit, with the one that only rounding took away: together they are worth at
        most room × (1 + 1e-12). 0 when either is NaN or not positive, and from 2^53 − 1 lots on:
        so many are an error of units.
    """
    if not (room > 0.0 and lot_value > 0.0):
        return 0
    quotient = room / lot_value
    if not quotient < LOTS_MAX:
        return 0
    lots = math.floor(quotient)
    if (lots + 1.0) * lot_value - room <= room * TOLERANCE:
        lots = lots + 1
    return int(lots)


@rule
def exposure_of(worst: float, equity: float) -> float:
    """Return exposure as a fraction of equity, for showing what an order would have made.

    Args:
        worst: Worst-case exposure, account currency. NaN stays NaN.
        equity: Account equity, account currency. Not positive or NaN: infinity, for nothing is
            there to carry it; never begin a sale on that.
    """
    if not equity > 0.0:
        return math.inf
    return worst / equity


@rule
def lots_proved(
    cap: float, equity: float, used: float, unit_worst: float, unit_loss: float, lot: float
) -> int:
    """Return the most lots that leave a group inside its cap whatever they then cost.

    The purchase adds its worst case to the group and takes its losses from equity, so with x units
    used + x × unit_worst <= cap × (equity − x × unit_loss) has to hold.

    Args:
        cap: Of the group, fraction of equity. NaN or not positive: none.
        equity: Worst-case equity, account currency.
        used: Worst case of the group before, account currency.
        unit_worst: Worst-case value of one coin or share.
        unit_loss: What buying one may cost beyond its price.
        lot: Coins or shares in a lot, positive.

    Returns:
        Whole lots; 0 when anything is NaN or there is no room.
    """
    room = cap * equity - used
    unit = unit_worst + cap * unit_loss
    if not (room > 0.0 and unit > 0.0 and lot > 0.0):
        return 0
    lots = room / unit / lot
    if not lots < LOTS_MAX:
        return 0
    return int(math.floor(lots))
