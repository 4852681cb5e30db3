"""How much exposure is earned: a cap by each reason, the smallest of them, and what is in force.

Every cap can be switched on alone. With none of them on only the tier counts, at once, and that is
the preset `classic`.
"""

import math
from typing import NamedTuple

from smart_leverage.policy.drawdown import surplus_exposure
from smart_leverage.policy.exposure import (
    ExposureCaps,
    ExposureDecision,
    exposure_decision,
    exposure_in_force,
    volatility_cap,
)
from smart_leverage.policy.kelly import kelly_cap
from smart_leverage.policy.sleeve import SleeveEvidence
from smart_leverage.policy.tail import tail_cap
from smart_leverage.rule import rule

SLACK = 1e-9
"""Of a step: so far below a whole step counts as that step, whatever floats make of it."""

STEPS_MAX = 1e9
"""Of more steps than these none is left out: no account comes near them."""


class ExposureTerms(NamedTuple):
    """Which caps are on, what counts under them, and their numbers; fractions of equity."""

    is_drawdown_capped: bool = False
    is_tail_capped: bool = False
    is_kelly_capped: bool = False
    is_volatility_capped: bool = False
    drawdown_multiple: float = 4.0
    """Exposure per unit of equity above the floor."""
    drawdown_floor: float = 0.93
    """Floor as a fraction of the peak."""
    peak_days: int = 365
    """The peak is the best equity of so many risk days."""
    shortfall_max: float = 0.015
    """Expected shortfall of a day at 97.5 %."""
    kelly_fraction: float = 0.5
    kelly_least: float = 0.05
    """What Kelly's cap leaves whatever the record says, or no record could ever say otherwise."""
    volatility_max: float = 0.10
    """A year, of equity."""
    rise_min: float = 0.10
    """By which share of the present one a rise has to exceed it."""
    steps: float = 100.0
    """Caps move in so many steps per unit; in between they stand, so that nothing trades on it."""
    is_look_through: bool = False
    """A fund counts with its daily multiple; see `caps.weight_of`."""


@rule
def is_any_capped(at: ExposureTerms) -> bool:
    """Tell whether any cap is on beside that of the tier."""
    is_measured = at.is_tail_capped or at.is_kelly_capped or at.is_volatility_capped
    return at.is_drawdown_capped or is_measured


@rule
def named_caps(
    hard: float,
    earned: float,
    equity: float,
    peak: float,
    sleeve: SleeveEvidence,
    at: ExposureTerms,
) -> ExposureCaps:
    """Return every cap on one sleeve; one that is off, or has no evidence, is not in force.

    Args:
        hard: Cap of the granted tier, fraction of equity.
        earned: Cap of the tier that the record has earned; infinity where it does not decide.
        equity: Now, account currency. NaN leaves no exposure where the drawdown cap is on.
        peak: Best equity of the last `peak_days`, flow-adjusted, the present one included.
        sleeve: What is known of its returns.
        at: Which caps are on.
    """
    drawdown = tail = kelly = volatility = math.inf
    if at.is_drawdown_capped:
        surplus = surplus_exposure(at.drawdown_multiple, at.drawdown_floor, equity, peak)
        drawdown = whole_steps(surplus, at.steps)
    if at.is_tail_capped and not math.isnan(sleeve.es_per_unit):
        tail = whole_steps(tail_cap(at.shortfall_max, sleeve.es_per_unit), at.steps)
    if at.is_kelly_capped and not math.isnan(sleeve.mean_low):
        mean, sigma = sleeve.mean_low, sleeve.volatility
        growth = kelly_cap(at.kelly_fraction, sleeve.kelly_best, mean, sigma)
        kelly = whole_steps(max(growth, at.kelly_least), at.steps)
    if at.is_volatility_capped and not math.isnan(sleeve.volatility):
        target = at.volatility_max
        if sleeve.volatility_target < target:
            target = sleeve.volatility_target
        volatility = whole_steps(volatility_cap(target, sleeve.volatility), at.steps)
    return ExposureCaps(
        hard=hard,
        drawdown=drawdown,
        tail=tail,
        kelly=kelly,
        volatility=volatility,
        evidence=earned,
    )


@rule
def whole_steps(exposure: float, steps: float) -> float:
    """Return the whole steps in an exposure, fraction of equity.

    Args:
        exposure: Fraction of equity; NaN gives 0.0.
        steps: Per unit, above 0.
    """
    if not (exposure > 0.0 and steps > 0.0):
        return 0.0
    scaled = exposure * steps + SLACK
    if not scaled < STEPS_MAX:
        return exposure
    return float(int(scaled)) / steps


@rule
def step_exposure(
    present: float, caps: ExposureCaps, at: ExposureTerms, is_tripped: bool
) -> ExposureDecision:
    """Return the exposure to go by from here on, and which cap binds now.

    Args:
        present: In force until now, fraction of equity; 0.0 at first.
        caps: All of them.
        at: Which are on; with none a rise is not held back, for the tier rises slowly by itself.
        is_tripped: Whether anything is tripped, reduced or halted; nothing rises then.
    """
    allowed = exposure_decision(caps)
    if not is_any_capped(at):
        return allowed
    in_force = exposure_in_force(present, allowed.exposure, at.rise_min, is_tripped)
    return ExposureDecision(exposure=in_force, binding=allowed.binding)


class QuietShare(NamedTuple):
    """Between these shares of the peak a drawdown cap leaves the exposure in force as it is."""

    least: float
    most: float


@rule
def quiet_share(present: float, others: float, at: ExposureTerms) -> QuietShare:
    """Return between which shares of the peak equity may be without a change of what is in force.

    It may be too narrow and is never too wide: whoever looks at many prices at once goes by it.

    Args:
        present: In force, fraction of equity, whatever binds it.
        others: The smallest of the other caps; above it nothing rises.
        at: Terms, with the drawdown cap on.
    """
    if not at.steps > 0.0:
        return QuietShare(least=math.inf, most=0.0)
    multiple, risen = at.drawdown_multiple, present * (1.0 + at.rise_min)
    highest = whole_steps(multiple * (1.0 - at.drawdown_floor), at.steps)
    may_rise = others > risen and highest > risen
    # The first whole step at or above what is in force, and the first one beyond a rise.
    kept = whole_steps(present, at.steps)
    kept = kept if kept >= present else kept + 1.0 / at.steps
    next_up = whole_steps(risen, at.steps) + 1.0 / at.steps
    return QuietShare(
        least=_share_at(kept, at) if present > 0.0 else 0.0,
        most=_share_at(next_up, at) if may_rise else math.inf,
    )


@rule
def _share_at(exposure: float, at: ExposureTerms) -> float:
    """Return the share of the peak from which on a drawdown cap allows an exposure."""
    if not 0.0 <= exposure < at.drawdown_multiple:
        return math.inf
    left = 1.0 - exposure / at.drawdown_multiple
    return at.drawdown_floor / left if left > 0.0 else math.inf
