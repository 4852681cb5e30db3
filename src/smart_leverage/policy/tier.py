"""Which tier an account has earned, which it is granted, and the caps of each."""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.rule import rule

TOLERANCE = 1e-12
"""Slack of every comparison with a limit, toward the better state: 95/100 − 1 is not below −5 %."""


class Tier(IntEnum):
    """How much the record supports; a higher number may hold more."""

    EMERGENCY = 0
    LEARNING = 1
    STABLE = 2
    PROFITABLE = 3


class TierThresholds(NamedTuple):
    """Lower edges, fractions; each edge belongs to the better tier."""

    month_return_emergency: float = -0.05
    win_rate_stable: float = 0.45
    win_rate_profitable: float = 0.60
    trades_min: int = 20


class Caps(NamedTuple):
    """Most exposure allowed, as fractions of equity."""

    crypto: float
    leveraged: float


class TierCaps(NamedTuple):
    """The caps of each tier."""

    emergency: Caps = Caps(crypto=0.20, leveraged=0.28)
    learning: Caps = Caps(crypto=0.25, leveraged=0.35)
    stable: Caps = Caps(crypto=0.40, leveraged=0.60)
    profitable: Caps = Caps(crypto=0.60, leveraged=0.80)


@rule
def win_rate_of(wins: int, closed: int, trades_min: int) -> float:
    """Return the win rate, or NaN while there are too few closed trades to call it a record.

    Args:
        wins: Closed trades with a net profit, fees included.
        closed: Closed trades, scratches left out.
        trades_min: Fewest closed trades that count as a record; at least one is always needed.

    Returns:
        Fraction in [0, 1]; NaN also for more wins than trades, which is a miscount.
    """
    if closed < trades_min or closed < 1 or wins < 0 or wins > closed:
        return math.nan
    return wins / closed


@rule
def select_tier(win_rate: float, month_return: float, at: TierThresholds) -> Tier:
    """Return the tier an account has earned.

    The month is judged first: a losing month cannot be outvoted by a good win rate.

    Args:
        win_rate: Winning trades over closed trades, fraction in [0, 1].
            NaN means "no record yet" and earns LEARNING, and so does a rate above 1, which is
            a percentage.
        month_return: Return since the month opened, fraction, flows excluded.
            NaN or infinity means "account state unknown" and earns EMERGENCY; where that is
            because equity is unknown, `decide` denies increases.
        at: Lower edges; each edge belongs to the better tier.

    Returns:
        The tier. Never raises.

    Source:
        Decisions 0001 (ties) and 0006 (no record).
    """
    if not math.inf > month_return >= at.month_return_emergency - TOLERANCE:  # also when NaN
        return Tier.EMERGENCY
    if not win_rate <= 1.0:  # also when it is NaN
        return Tier.LEARNING
    if win_rate >= at.win_rate_profitable - TOLERANCE:
        return Tier.PROFITABLE
    if win_rate >= at.win_rate_stable - TOLERANCE:
        return Tier.STABLE
    return Tier.LEARNING


@rule
def tier_of(number: int) -> Tier:
    """Return the tier of a number; one that is none is EMERGENCY."""
    if number == 1:
        return Tier.LEARNING
    if number == 2:
        return Tier.STABLE
    return Tier.PROFITABLE if number == 3 else Tier.EMERGENCY


@rule
def tier_caps(tier: Tier, caps: TierCaps) -> Caps:
    """Return the caps of a tier, fractions of equity; an unknown tier gets those of EMERGENCY."""
    if tier == Tier.PROFITABLE:
        return caps.profitable
    if tier == Tier.STABLE:
        return caps.stable
    if tier == Tier.LEARNING:
        return caps.learning
    return caps.emergency


@rule
def tighter(caps: Caps, others: Caps) -> Caps:
    """Return the smaller cap of each group; where either is NaN it is NaN, which allows nothing."""
    return Caps(
        crypto=_smaller(caps.crypto, others.crypto),
        leveraged=_smaller(caps.leveraged, others.leveraged),
    )


@rule
def _smaller(one: float, other: float) -> float:
    if one <= other:
        return one
    if other < one:
        return other
    return math.nan


@rule
def granted_tier(
    granted: Tier, earned: Tier, ceiling: Tier, is_rise_due: bool, is_tripped: bool
) -> Tier:
    """Return the tier to be in force: a fall is instant, a rise goes one step at a time.

    Args:
        granted: The tier in force.
        earned: What the record supports now.
        ceiling: The highest tier that an admin lets the machine grant.
        is_rise_due: Whether no rise has happened yet today.
        is_tripped: Whether a breaker is tripped; nothing rises then.

    Source:
        Decision 0016.
    """
    target = earned
    if ceiling < target:
        target = ceiling
    if target <= granted:
        return target
    if is_tripped or not is_rise_due:
        return granted
    if granted == Tier.EMERGENCY:
        return Tier.LEARNING
    if granted == Tier.LEARNING:
        return Tier.STABLE
    return Tier.PROFITABLE
