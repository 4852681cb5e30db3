"""How much exposure the mean of the worst days allows."""

from smart_leverage.policy.arithmetic import finite_or_zero
from smart_leverage.rule import rule


@rule
def tail_cap(limit: float, es_per_unit: float) -> float:
    """Return the exposure at which the expected shortfall of a day reaches its limit.

    Args:
        limit: Expected shortfall allowed, positive fraction of equity.
        es_per_unit: Expected shortfall at exposure 1, positive fraction.

    Returns:
        Fraction of equity; 0.0 when either is NaN or not positive.
    """
    if not (limit > 0.0 and es_per_unit > 0.0):
        return 0.0
    return finite_or_zero(limit / es_per_unit)


@rule
def es_exposure_cap(limit: float, es_per_unit: float, cap: float) -> float:
    """Return the same, at most `cap`; 0.0 also when the cap is NaN or not positive.

    Args:
        limit: Expected shortfall allowed, positive fraction of equity.
        es_per_unit: Expected shortfall at exposure 1, positive fraction.
        cap: Most exposure, fraction of equity.
    """
    if not cap > 0.0:
        return 0.0
    exposure = tail_cap(limit, es_per_unit)
    return exposure if exposure < cap else cap
