"""How an account that is over its cap comes back inside: stages, band and order of sale."""

import math
from typing import NamedTuple

from smart_leverage.policy.tier import TOLERANCE
from smart_leverage.rule import rule


class Deleveraging(NamedTuple):
    """Stages and band of a deleveraging plan; minutes count only while the class trades.

    `first_ceiling` and `slice_at_once` are fractions of equity, the band is in fractions of a cap,
    `step_over` is one of a running plan's ceiling: closer to it nothing is sold.
    """

    first_ceiling: float = 0.40
    first_minutes: float = 30.0
    last_minutes: float = 120.0
    pace_minutes: float = 60.0
    slices: int = 4
    slice_at_once: float = 0.05
    band_over: float = 1.05
    band_to: float = 0.98
    step_over: float = 1.005


@rule
def is_over_band(exposure: float, cap: float, at: Deleveraging) -> bool:
    """Tell whether selling must begin: entries stop at the cap, trims start beyond the band.

    Args:
        exposure: Fraction of equity. NaN: no, for nothing is sold on missing data.
        cap: Cap in force, fraction of equity. NaN: no.
        at: The band; its edge is still inside.

    Source:
        Decision 0013.
    """
    return exposure > cap * at.band_over + TOLERANCE


@rule
def trim_target(cap: float, at: Deleveraging) -> float:
    """Return the exposure at which a trim ends: a little inside the cap, so that it holds.

    Args:
        cap: Fraction of equity; NaN stays NaN, and nothing is sold then.
        at: The band.
    """
    return cap * at.band_to


@rule
def ceiling_now(start: float, cap: float, elapsed_minutes: float, at: Deleveraging) -> float:
    """Return the exposure that a running plan allows at this minute.

    What lies above the first ceiling is sold at once; the rest goes in equal slices until
    `pace_minutes`, well before the last deadline, or at once when it is small.

    Args:
        start: Exposure at which the plan began, fraction of equity. NaN counts as above the first
            ceiling.
        cap: Cap in force now, fraction of equity. NaN gives NaN, and nothing is sold then.
        elapsed_minutes: Minutes since the plan began in which the class traded. NaN gives the end
            of the plan, a negative number its beginning.
        at: Stages and band.

    Returns:
        Fraction of equity; never rises with time. Above `start` only where the plan began inside
        the cap, and nothing is sold then.

    Source:
        Decisions 0003 and 0013.
    """
    target = trim_target(cap, at)
    first = trim_target(at.first_ceiling, at)
    if start < first:
        first = start
    is_small = first - target <= at.slice_at_once + TOLERANCE
    if is_small or at.slices < 1 or not at.pace_minutes > 0.0:
        return target
    passed = elapsed_minutes * at.slices / at.pace_minutes
    if not passed < at.slices - 1.0:  # also when it is NaN
        return target
    if passed < 0.0:
        passed = 0.0
    return first + (target - first) * (math.floor(passed) + 1.0) / at.slices


@rule
def deadline_minutes(start: float, at: Deleveraging) -> float:
    """Return the minutes until the next stage is due: 40 % first, then the tier's cap.

    Args:
        start: Exposure now, fraction of equity. NaN gives the later deadline.
        at: Stages.
    """
    if start > at.first_ceiling + TOLERANCE:
        return at.first_minutes
    return at.last_minutes


@rule
def kept_lots(lots: int, exposure: float, ceiling: float) -> int:
    """Return the lots of one position that may stay when its group shrinks pro rata.

    Args:
        lots: Lots held, not negative.
        exposure: Exposure of the group, fraction of equity. NaN sells nothing: a trim is not made
            on missing data.
        ceiling: Exposure at which the group may stay, fraction of equity. NaN sells nothing; not
            positive sells everything.

    Returns:
        Whole lots, rounded toward less exposure.
    """
    if not exposure > ceiling:
        return lots
    if not ceiling > 0.0:
        return 0
    return int(math.floor(lots * (ceiling / exposure)))
