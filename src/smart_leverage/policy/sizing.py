"""How large a position should be, before any headroom is looked at."""

import math
from typing import NamedTuple

from smart_leverage.policy.arithmetic import finite_or_zero
from smart_leverage.rule import rule


class Sizing(NamedTuple):
    """Shares of the available capital and the bounds of their adjustment."""

    base_share: float = 0.05
    share_max: float = 0.10
    confidence_scale: float = 1.5
    confidence_neutral: float = 2.0 / 3.0
    adjustment_min: float = 0.5
    adjustment_max: float = 1.5
    top_up_min: float = 0.25
    """A position short of its size by less than this share of it is left as it is."""
    volatility_ratio_min: float = 0.01
    volatility_ratio_max: float = 100.0


class EdgeTerms(NamedTuple):
    """Whether a size follows the edge of a calibrated confidence, and how."""

    is_edge_sized: bool = False
    reference: float = 2.0 / 3.0
    """Confidence of a size as it is, unless a profitable account needs more than that."""
    factor_max: float = 1.5
    uncalibrated: float = 0.5
    """Factor where a source has not yet shown what its confidence is worth."""


@rule
def volatility_adjustment(volatility_ratio: float, at: Sizing) -> float:
    """Return the factor that shrinks a position in a wild market and lets it grow in a calm one.

    Args:
        volatility_ratio: Realised over reference volatility of the same period; 1 is normal.
            NaN, zero and negative values give the smallest factor.
        at: Bounds of the factor.

    Returns:
        A factor in [`adjustment_min`, `adjustment_max`].

    Source:
        Decision 0005.
    """
    if not volatility_ratio > 0.0:
        return at.adjustment_min
    factor = 1.0 / volatility_ratio
    if factor < at.adjustment_min:
        return at.adjustment_min
    if factor > at.adjustment_max:
        return at.adjustment_max
    return factor


@rule
def is_sizing_input_sane(confidence: float, volatility_ratio: float, at: Sizing) -> bool:
    """Tell whether a confidence and a volatility ratio can be what they claim to be.

    A ratio below 0.01 or above 100 is a volatility in another unit, not a ratio.

    Args:
        confidence: A probability in [0, 1]. NaN is not sane.
        volatility_ratio: 1 is normal. NaN is not sane.
        at: The bounds of a ratio, which belong to it.

    Source:
        Decisions 0005 and 0005d.
    """
    return (
        confidence >= 0.0
        and confidence <= 1.0
        and volatility_ratio >= at.volatility_ratio_min
        and volatility_ratio <= at.volatility_ratio_max
    )


@rule
def position_size(
    equity: float, cap: float, confidence: float, volatility_ratio: float, at: Sizing
) -> float:
    """Return the wanted size of a position in account currency, before headroom.

    Args:
        equity: Account equity, account currency. NaN, infinite or not positive gives 0.
        cap: Cap of the asset's group in force, fraction of equity. NaN or not positive gives 0.
        confidence: In [0, 1]; two thirds is neutral. NaN or not positive gives 0.
        volatility_ratio: Realised over reference volatility. NaN gives the smallest factor;
            `is_sizing_input_sane` refuses it before.
        at: Shares and bounds.

    Returns:
        Account currency, at most `share_max` of equity × cap, never negative.

    Source:
        Decisions 0005 and 0011.
    """
    return size_by_factor(equity, cap, at.confidence_scale * confidence, volatility_ratio, at)


@rule
def size_by_factor(
    equity: float, cap: float, factor: float, volatility_ratio: float, at: Sizing
) -> float:
    """Return the wanted size by a factor that stands for the confidence, account currency.

    Args:
        equity: Account equity, account currency. NaN, infinite or not positive gives 0.
        cap: Fraction of equity. NaN or not positive gives 0.
        factor: 1 is the base share. NaN or not positive gives 0.
        volatility_ratio: See `position_size`.
        at: Shares and bounds.
    """
    if not (0.0 < equity < math.inf and cap > 0.0 and factor > 0.0):  # also when one is NaN
        return 0.0
    share = at.base_share * (factor * volatility_adjustment(volatility_ratio, at))
    if share > at.share_max:
        share = at.share_max
    return finite_or_zero(equity * cap * share)


@rule
def edge_multiplier(confidence: float, breakeven: float, reference: float, upper: float) -> float:
    """Return the factor of a size: nothing at break-even, one at the reference confidence.

    A size in proportion to confidence still buys half a position where every trade loses money.

    Args:
        confidence: Calibrated probability to win, in [0, 1].
        breakeven: Win rate at which trades earn nothing, in [0, 1].
        reference: Confidence of a size as it is, above `breakeven`.
        upper: Largest factor, above 0.

    Returns:
        (confidence − breakeven) ÷ (reference − breakeven), within [0, `upper`]; 0.0 when anything
        is NaN or out of range.
    """
    if not (0.0 <= confidence <= 1.0 and breakeven >= 0.0 and upper > 0.0):
        return 0.0
    if not reference > breakeven:
        return 0.0
    factor = (confidence - breakeven) / (reference - breakeven)
    if not factor > 0.0:
        return 0.0
    return factor if factor < upper else upper
