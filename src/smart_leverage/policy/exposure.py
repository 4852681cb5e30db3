"""How much may be held at most: the smallest of several caps, each with a name.

A cap whose evidence is missing is *not in force* and stands as infinity, so that whoever asks sees
that it was left out; NaN is never left out: an unknown cap allows nothing.
"""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.policy.tier import Tier, TierCaps, tier_caps
from smart_leverage.rule import rule


class Cap(IntEnum):
    """What can bind, in the order in which exact ties are settled."""

    HARD = 0
    DRAWDOWN = 1
    TAIL = 2
    KELLY = 3
    VOLATILITY = 4
    EVIDENCE = 5


class ExposureCaps(NamedTuple):
    """Most exposure by each reason, fractions of equity; infinity where one is not in force."""

    hard: float
    drawdown: float
    tail: float
    kelly: float
    volatility: float
    evidence: float


class ExposureDecision(NamedTuple):
    """The most exposure allowed, fraction of equity, and what binds it."""

    exposure: float
    binding: Cap


@rule
def evidence_cap(tier: Tier, caps: TierCaps) -> float:
    """Return the crypto cap of the tier that the record has earned, fraction of equity."""
    return tier_caps(tier, caps).crypto


@rule
def volatility_cap(target: float, sigma: float) -> float:
    """Return the exposure that holds the volatility of equity at its target.

    Args:
        target: Volatility a year, above 0.
        sigma: Volatility a year at exposure 1, above 0.

    Returns:
        Fraction of equity; 0.0 when either is NaN or not positive.
    """
    if not (target > 0.0 and sigma > 0.0):
        return 0.0
    cap = target / sigma
    return cap if cap < math.inf else 0.0


@rule
def exposure_decision(caps: ExposureCaps) -> ExposureDecision:
    """Return the smallest cap and its name; exact ties go to the first in the order of `Cap`.

    Args:
        caps: NaN or negative allows nothing; infinity is not in force. The hard cap always is: an
            infinite one is an error and allows nothing.
    """
    least = _known(caps.hard) if caps.hard < math.inf else 0.0
    binding = Cap.HARD
    if _known(caps.drawdown) < least:
        least, binding = _known(caps.drawdown), Cap.DRAWDOWN
    if _known(caps.tail) < least:
        least, binding = _known(caps.tail), Cap.TAIL
    if _known(caps.kelly) < least:
        least, binding = _known(caps.kelly), Cap.KELLY
    if _known(caps.volatility) < least:
        least, binding = _known(caps.volatility), Cap.VOLATILITY
    if _known(caps.evidence) < least:
        least, binding = _known(caps.evidence), Cap.EVIDENCE
    return ExposureDecision(exposure=least, binding=binding)


@rule
def _known(cap: float) -> float:
    return cap if cap > 0.0 else 0.0


@rule
def exposure_in_force(present: float, allowed: float, band: float, is_tripped: bool) -> float:
    """Return the exposure to go by: a fall is instant, a rise needs to be worth its trades.

    Args:
        present: In force until now, fraction of equity. NaN counts as nothing.
        allowed: By the caps, fraction of equity. NaN or negative allows nothing.
        band: By which share of the present one a rise has to exceed it, 0.10 for a tenth.
        is_tripped: Whether a breaker is tripped; nothing rises then.
    """
    before = _known(present)
    now = _known(allowed)
    if now <= before:
        return now
    if is_tripped or not now > before * (1.0 + band):
        return before
    return now
