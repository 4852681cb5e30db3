"""The six caps on a sleeve, for the oracle, and what is in force of them.

Written down again from the decisions: exact fractions, and no rounding but to whole steps.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from tests.simulation.audit_record import TIER_NAMES
from tests.simulation.oracle_limits import GROUP_NAMES, Limits

F = Fraction
NAMES = ("hard", "drawdown", "tail", "kelly", "volatility", "evidence")
"""In the order in which ties are settled."""
NEAR = F(1, 10**6)
"""Of a step: so near to a whole one, floats may land on either side."""

Caps = dict[str, Fraction | None]
"""None is not in force."""


class Sleeve(NamedTuple):
    """What the last evidence says of one sleeve; None is not known."""

    es_per_unit: Fraction | None = None
    volatility: Fraction | None = None
    volatility_target: Fraction | None = None
    mean_low: Fraction | None = None
    kelly_best: Fraction | None = None

    @classmethod
    def read(cls, figures: Mapping[str, Any]) -> "Sleeve":
        return cls(*(F(figures[name]) if figures.get(name) else None for name in cls._fields))


class Situation(NamedTuple):
    """What the caps of an instant follow from."""

    limits: dict[str, Fraction]
    tier: int
    earned: int
    is_tripped: bool
    """Whether anything is tripped, or the account is not active."""
    sleeves: Mapping[str, Sleeve]

    def on(self, name: str) -> bool:
        return bool(self.limits[name])

    @property
    def is_any_on(self) -> bool:
        switches = ("drawdown_cap", "tail_cap", "kelly_cap", "volatility_cap")
        return any(self.on(f"exposure.{name}") for name in switches)

    def tier_cap(self, tier: int, sleeve: str) -> Fraction:
        return self.limits[f"tiers.{TIER_NAMES[tier]}.{GROUP_NAMES[sleeve]}"]


def everything(limits: Limits) -> dict[str, Fraction]:
    """Return a copy of all limits, as they are now."""
    return limits.in_force | limits.fixed


def raw(at: Situation, sleeve: str, equity: Fraction, peak: Fraction) -> Caps:
    """Return all caps on a sleeve, before they are cut to whole steps."""
    known, limits = at.sleeves.get(sleeve, Sleeve()), at.limits
    caps: Caps = dict.fromkeys(NAMES)
    caps["hard"] = at.tier_cap(at.tier, sleeve)
    if at.on("exposure.drawdown_cap"):
        surplus = 1 - limits["exposure.drawdown_floor"] * peak / equity if equity > 0 else F(0)
        caps["drawdown"] = limits["exposure.drawdown_multiple"] * max(surplus, F(0))
    if at.on("exposure.tail_cap") and known.es_per_unit is not None:
        caps["tail"] = limits["exposure.shortfall_max"] / known.es_per_unit
    if at.on("exposure.kelly_cap") and known.mean_low is not None:
        caps["kelly"] = max(_growth(known, limits), limits["exposure.kelly_least"])
    if at.on("exposure.volatility_cap") and known.volatility is not None:
        target = limits["exposure.volatility_max"]
        if known.volatility_target is not None:
            target = min(target, known.volatility_target)
        caps["volatility"] = target / known.volatility
    if at.on("record.earned"):
        caps["evidence"] = at.tier_cap(at.earned, sleeve)
    return caps


def _growth(known: Sleeve, limits: Mapping[str, Fraction]) -> Fraction:
    if not known.volatility or known.kelly_best is None or known.mean_low is None:
        return F(0)
    best = limits["exposure.kelly_fraction"] * known.kelly_best
    return best * max(known.mean_low, F(0)) / known.volatility**2


def stepped(name: str, cap: Fraction | None, steps: Fraction) -> list[Fraction | None]:
    """Return what a cap may stand at: whole steps below it, two of them where it is very near one.

    Those of the tiers are no measures and stand as they are.
    """
    if cap is None or name in ("hard", "evidence"):
        return [cap]
    scaled = cap * steps
    return [F(number) / steps for number in {math.floor(scaled + NEAR), math.floor(scaled - NEAR)}
            if number >= 0]  # fmt: skip


def least(caps: Caps) -> tuple[str, Fraction]:
    """Return the smallest cap in force and its name."""
    name = min(NAMES, key=lambda name: (caps[name] is None, caps[name] or F(0)))
    cap = caps[name]
    assert cap is not None, "the hard cap is always in force"
    return name, cap


def smallest(at: Situation, sleeve: str, equity: Fraction, peak: Fraction) -> Fraction:
    """Return the most that the caps may allow, where floats land on the better side."""
    steps, found = at.limits["exposure.steps"], raw(at, sleeve, equity, peak)
    best = {name: max(stepped(name, cap, steps), key=lambda each: each or F(0))
            for name, cap in found.items()}  # fmt: skip
    return least(best)[1]


def in_force(before: Fraction, allowed: Fraction, at: Situation) -> Fraction:
    """Return what is in force after what was: a fall at once, a rise beyond its band and unhurt."""
    if not at.is_any_on or allowed <= before:
        return allowed
    is_due = allowed > before * (1 + at.limits["exposure.rise_min"])
    return allowed if is_due and not at.is_tripped else before
