"""Which groups an asset counts in, and how much room each still has."""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.rule import rule


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
def headroom(cap: float, equity: float, worst: float) -> float:
    """Return the money that still fits under a cap; 0 when anything is unknown.

    Args:
        cap: Fraction of equity.
        equity: Account equity.
        worst: Worst-case exposure: positions plus open and unknown orders, account currency.
    """
    room = cap * equity - worst
    if not room > 0.0:
        return 0.0
    return room


@rule
def lots_within(room: float, lot_value: float) -> int:
    """Return how many whole lots fit into so much money; 0 when either is unknown."""
    if not (room > 0.0 and lot_value > 0.0):
        return 0
    lots = room / lot_value
    if not lots < 9007199254740992.0:
        return 0
    return int(math.floor(lots))


@rule
def exposure_of(worst: float, equity: float) -> float:
    """Return exposure as a fraction of equity; infinity when there is no equity to carry it."""
    if not equity > 0.0:
        return math.inf
    return worst / equity
