"""What was measured of an account's past by a process of its own, as the journal keeps it.

Numbers are the shortest text that gives the same double again; empty where one is not known.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from smart_leverage.domain.stamps import iso
from smart_leverage.policy.calibration import CalibrationKnots
from smart_leverage.policy.sleeve import UNKNOWN, SleeveEvidence

SLEEVES = ("crypto", "leveraged")
"""The parts of an account that have a cap of their own."""

DAYS_MIN = 20
"""Fewer daily returns of a sleeve say nothing of its volatility and of its worst days."""

DAYS_MIN_MEAN = 60
"""Fewer daily returns of a sleeve say nothing of its mean."""

OUTCOMES_MIN = 50
"""Fewer outcomes say nothing of what a confidence is worth."""

EARLY = ("es_per_unit", "volatility", "volatility_target")
"""Figures that need `DAYS_MIN` days."""

LATE = ("mean_low", "kelly_best")
"""Figures that need `DAYS_MIN_MEAN` days."""


class SleeveFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of one sleeve from its daily returns at exposure 1; see `policy.sleeve`."""

    days: int = 0
    es_per_unit: str = ""
    volatility: str = ""
    volatility_target: str = ""
    mean_low: str = ""
    kelly_best: str = ""


class Calibration(Struct, frozen=True, kw_only=True):
    """The curve from what a source said to what came, by its knots; `method` is how it was fit."""

    source: str
    outcomes: int
    method: str
    scores: tuple[str, ...]
    probabilities: tuple[str, ...]


class Measured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that one look at the past gave.

    It was made from what happened from `from_ns` to `until_ns`, `days` risk days; what of
    it was used has the hash `sha256`. From `expires_ns` on it is not in force.
    """

    from_ns: int
    until_ns: int
    expires_ns: int
    days: int
    sha256: str
    sleeves: dict[str, SleeveFigures]
    calibrations: tuple[Calibration, ...] = ()


def told(measured: Measured) -> str:
    """Return what evidence is about, in one line."""
    sleeves = ", ".join(f"{name} {measured.sleeves[name].days} days" for name in SLEEVES)
    curves = ", ".join(f"{each.source} {each.outcomes} outcomes" for each in measured.calibrations)
    return (
        f"evidence of {measured.days} risk days until {iso(measured.until_ns)[:10]}: {sleeves}"
        f"{f', {curves}' if curves else ''}; in force until {iso(measured.expires_ns)[:10]}"
    )


# -- in numbers -----------------------------------------------------------------------------------


class Evidence(NamedTuple):
    """The latest evidence in numbers; nothing is known before the first."""

    measured: Measured | None = None
    sleeves: Mapping[str, SleeveEvidence] = {}
    curves: Mapping[str, CalibrationKnots] = {}

    def is_in_force(self, now_ns: int) -> bool:
        """Tell whether there is evidence that has not expired."""
        return self.measured is not None and now_ns < self.measured.expires_ns

    def sleeve(self, now_ns: int, name: str) -> SleeveEvidence:
        """Return what is known of a sleeve."""
        return self.sleeves.get(name, UNKNOWN) if self.is_in_force(now_ns) else UNKNOWN

    def curve(self, now_ns: int, source: str) -> CalibrationKnots | None:
        """Return the curve of a source, None where its confidence is no evidence."""
        return self.curves.get(source) if self.is_in_force(now_ns) else None


def evidence_of(measured: Measured) -> Evidence:
    """Return what was measured in numbers.

    Raises:
        ValueError: A text is no number; what came in was asked for that before.
    """
    return Evidence(
        measured,
        {name: _sleeve(figures) for name, figures in measured.sleeves.items()},
        {each.source: knots_of(each) for each in measured.calibrations},
    )


def _sleeve(figures: SleeveFigures) -> SleeveEvidence:
    return SleeveEvidence(
        days=float(figures.days),
        es_per_unit=_number(figures.es_per_unit),
        volatility=_number(figures.volatility),
        volatility_target=_number(figures.volatility_target),
        mean_low=_number(figures.mean_low),
        kelly_best=_number(figures.kelly_best),
    )


def _number(text: str) -> float:
    return float(text) if text else math.nan


def knots_of(calibration: Calibration) -> CalibrationKnots:
    """Return the knots of a curve in numbers."""
    return CalibrationKnots(
        scores=tuple(float(each) for each in calibration.scores),
        probabilities=tuple(float(each) for each in calibration.probabilities),
    )
