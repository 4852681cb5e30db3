"""What a source's confidence was worth so far, as a curve that only rises."""

import math
from typing import NamedTuple

from smart_leverage.rule import rule


class CalibrationKnots(NamedTuple):
    """A curve through points: straight between them, flat beyond the first and the last one.

    The curve without an opinion says of each confidence that it is right.
    """

    scores: tuple[float, ...] = (0.0, 1.0)
    """Confidences as they were said, in [0, 1], each above the one before."""
    probabilities: tuple[float, ...] = (0.0, 1.0)
    """Share that was won, in [0, 1], none below the one before."""


@rule
def calibrated(confidence: float, knots: CalibrationKnots) -> float:
    """Return the probability to win that stands behind a confidence.

    Args:
        confidence: As the source says it, in [0, 1].
        knots: As `are_knots` accepts them.

    Returns:
        Probability in [0, 1]; NaN, which buys nothing, where the confidence is NaN or outside of
        [0, 1], and where there are not as many scores as probabilities.
    """
    if not 0.0 <= confidence <= 1.0 or len(knots.scores) != len(knots.probabilities):
        return math.nan
    last = len(knots.scores) - 1
    if confidence <= knots.scores[0]:
        return knots.probabilities[0]
    if confidence >= knots.scores[last]:
        return knots.probabilities[last]
    right = 1
    while confidence > knots.scores[right]:
        right += 1
    width = knots.scores[right] - knots.scores[right - 1]
    share = (confidence - knots.scores[right - 1]) / width
    low = knots.probabilities[right - 1]
    return low + share * (knots.probabilities[right] - low)


def are_knots(knots: CalibrationKnots) -> bool:
    """Tell whether points make a curve: as many of each, in [0, 1], none of them falling.

    Asked once, where knots come in; a rule is not given others.
    """
    scores, probabilities = knots
    if not scores or len(scores) != len(probabilities):
        return False
    if not all(0.0 <= each <= 1.0 for each in (*scores, *probabilities)):  # also when one is NaN
        return False
    steps = zip(scores[1:], scores[:-1], probabilities[1:], probabilities[:-1], strict=True)
    return all(right > left and above >= below for right, left, above, below in steps)
