"""What the confidence of a source was worth: a curve by its knots, and how far off it was."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.evidence import OUTCOMES_MIN, Calibration
from smart_leverage.policy.calibration import CalibrationKnots, calibrated
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.refit.figures import number
from smart_leverage.research.refit.past import Outcome
from smart_leverage.research.verify.calibration import (
    Bin,
    BrierParts,
    brier_decomposition,
    expected_calibration_error,
    isotonic_curve,
    platt_fit,
    reliability_bins,
)

ISOTONIC_ABOVE = 1000
"""With so many outcomes or fewer a curve of two numbers is steadier than one of many."""

KNOTS_MAX = 33
PLACES = 6
SOURCES_MAX = 30
"""So many sources get a curve, those with the most outcomes: a command carries no more."""


class Quality(NamedTuple):
    """How a source's confidence stood to what came.

    `calibrated` is of the curve on the outcomes that it was made from, so it flatters; None where
    there are too few of them for a curve.
    """

    source: str
    outcomes: int
    brier: BrierParts
    error: float
    bins: list[Bin]
    calibrated: BrierParts | None


def sources_of(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return outcomes by source, those with the most first."""
    found: dict[str, list[Outcome]] = {}
    for each in outcomes:
        found.setdefault(each.source, []).append(each)
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def calibrations(outcomes: Sequence[Outcome]) -> tuple[Calibration, ...]:
    """Return the curve of each source that has outcomes enough, by name."""
    enough = [
        calibration(source, own)
        for source, own in sources_of(outcomes).items()
        if len(own) >= OUTCOMES_MIN
    ]
    return tuple(sorted(enough[:SOURCES_MAX], key=lambda each: each.source))


def calibration(source: str, outcomes: Sequence[Outcome]) -> Calibration:
    """Return the curve of a source: Platt's up to 1,000 outcomes, isotonic above.

    A curve never falls: where more confidence was worth less, it is flat at the share that was won,
    drawn in from 0 and 1 by one win and one loss. So it is where only one confidence was ever said.

    Args:
        source: Its name.
        outcomes: 50 at least.
    """
    said, won = _columns(outcomes)
    method = "isotonic" if len(outcomes) > ISOTONIC_ABOVE else "platt"
    knots = _isotonic(said, won) if method == "isotonic" else _platt(said, won)
    return Calibration(
        source=source,
        outcomes=len(outcomes),
        method=method,
        scores=tuple(map(number, knots.scores)),
        probabilities=tuple(map(number, knots.probabilities)),
    )


def _platt(said: FloatArray, won: FloatArray) -> CalibrationKnots:
    if np.ptp(said) > 0.0:
        curve = platt_fit(said, won)
        if curve.A < 0.0:
            return _knots(
                np.linspace(said.min(), said.max(), KNOTS_MAX).round(PLACES).tolist(),
                curve.probability,
            )
    share = (float(np.sum(won)) + 1.0) / (won.size + 2.0)
    return _knots([float(said.min())], lambda score: share)


def _isotonic(said: FloatArray, won: FloatArray) -> CalibrationKnots:
    """Return knots as far apart as as many outcomes each: the few at an end prove no certainty."""
    places = (np.arange(KNOTS_MAX) + 0.5) / KNOTS_MAX
    scores = np.quantile(said, places, method="inverted_cdf")
    return _knots(scores.tolist(), isotonic_curve(said, won).probability)


def _knots(scores: Sequence[float], probability: Callable[[float], float]) -> CalibrationKnots:
    distinct = sorted(set(scores))
    heights = np.maximum.accumulate([round(probability(each), PLACES) for each in distinct])
    return CalibrationKnots(scores=tuple(distinct), probabilities=tuple(heights.tolist()))


def quality(source: str, outcomes: Sequence[Outcome]) -> Quality:
    """Return how far a source's confidence was off, and how far its curve is."""
    said, won = _columns(outcomes)
    after = None
    if len(outcomes) >= OUTCOMES_MIN:
        made = calibration(source, outcomes)
        knots = CalibrationKnots(
            scores=tuple(map(float, made.scores)),
            probabilities=tuple(map(float, made.probabilities)),
        )
        after = brier_decomposition([calibrated(each, knots) for each in said.tolist()], won)
    return Quality(
        source=source,
        outcomes=len(outcomes),
        brier=brier_decomposition(said, won),
        error=expected_calibration_error(said, won),
        bins=reliability_bins(said, won),
        calibrated=after,
    )


def _columns(outcomes: Sequence[Outcome]) -> tuple[FloatArray, FloatArray]:
    said = np.round([each.confidence for each in outcomes], PLACES)
    return said, np.array([float(each.is_won) for each in outcomes])
