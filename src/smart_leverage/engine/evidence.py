"""What was measured of the past and is in force: read here, made in a process of its own."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from smart_leverage.domain.evidence import Calibration, Measured, SleeveFigures
from smart_leverage.policy.calibration import CalibrationKnots
from smart_leverage.policy.sleeve import UNKNOWN, SleeveEvidence


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
        {each.source: _knots(each) for each in measured.calibrations},
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


def _knots(calibration: Calibration) -> CalibrationKnots:
    return CalibrationKnots(
        scores=tuple(float(each) for each in calibration.scores),
        probabilities=tuple(float(each) for each in calibration.probabilities),
    )
