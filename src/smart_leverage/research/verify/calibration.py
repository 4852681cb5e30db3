"""Whether a confidence means what it says, and what it should have said.

Fit on the past only. Below 200 outcomes use Platt's curve, above 1000 the isotonic one; with fewer
than 50 outcomes a confidence is no evidence at all.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_leverage.research.numbers import FloatArray, series, whole

CLIP = 1e-15


class BrierParts(NamedTuple):
    """Brier score = reliability − resolution + uncertainty; small, small, large, given."""

    brier: float
    reliability: float
    resolution: float
    uncertainty: float


class PlattCurve(NamedTuple):
    """P(win | score) = 1/(1 + exp(A·score + B)); A is negative where a high score is good."""

    A: float
    B: float

    def probability(self, score: float) -> float:
        """Return the calibrated probability of a score."""
        exponent = self.A * score + self.B
        if exponent >= 0.0:
            return math.exp(-exponent) / (1.0 + math.exp(-exponent))
        return 1.0 / (1.0 + math.exp(exponent))


class IsotonicCurve(NamedTuple):
    """A rising curve by its knots; between them it is straight, beyond them flat."""

    scores: FloatArray
    probabilities: FloatArray

    def probability(self, score: float) -> float:
        """Return the calibrated probability of a score."""
        return float(np.interp(score, self.scores, self.probabilities))


class Bin(NamedTuple):
    """One point of a reliability diagram."""

    low: float
    high: float
    outcomes: int
    mean_probability: float
    share_won: float


def _outcomes(outcomes: ArrayLike, count: int) -> FloatArray:
    won = series(outcomes, "outcomes")
    if won.size != count:
        raise ValueError(f"outcomes: {count} are needed, there are {won.size}")
    if not np.all((won == 0.0) | (won == 1.0)):
        raise ValueError("outcomes: each is 0 or 1")
    return won


def _forecasts(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[FloatArray, FloatArray]:
    said = series(probabilities, "probabilities")
    if said.min() < 0.0 or said.max() > 1.0:
        raise ValueError("probabilities: each is in [0, 1]")
    return said, _outcomes(outcomes, said.size)


def brier_decomposition(probabilities: ArrayLike, outcomes: ArrayLike) -> BrierParts:
    """Return the mean squared error of forecasts and its parts, grouped by distinct forecast.

    Args:
        probabilities: (n,), forecasts in [0, 1].
        outcomes: (n,), 0 or 1.

    Source:
        Brier 1950; Murphy 1973.
    """
    said, won = _forecasts(probabilities, outcomes)
    levels, group, counts = np.unique(said, return_inverse=True, return_counts=True)
    shares = np.bincount(group, weights=won) / counts
    weights, base = counts / said.size, float(np.mean(won))
    return BrierParts(
        brier=float(np.mean((said - won) ** 2)),
        reliability=float(np.sum(weights * (levels - shares) ** 2)),
        resolution=float(np.sum(weights * (shares - base) ** 2)),
        uncertainty=base * (1.0 - base),
    )


def log_loss(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the mean negative log likelihood; forecasts of 0 and 1 count as 1e-15 from there.

    Args:
        probabilities: (n,), forecasts in [0, 1].
        outcomes: (n,), 0 or 1.
    """
    said, won = _forecasts(probabilities, outcomes)
    clipped = np.clip(said, CLIP, 1.0 - CLIP)
    return float(-np.mean(won * np.log(clipped) + (1.0 - won) * np.log1p(-clipped)))


def reliability_bins(probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 10) -> list[Bin]:
    """Return the points of a reliability diagram, over bins of equal width; empty ones left out.

    Args:
        probabilities: (n,), forecasts in [0, 1].
        outcomes: (n,), 0 or 1.
        bins: 1 at least; a forecast on an edge counts in the upper bin, 1.0 in the last.
    """
    said, won = _forecasts(probabilities, outcomes)
    count = whole(bins, "bins", 1)
    index = np.minimum(np.floor(said * count).astype(int), count - 1)
    return [
        Bin(
            low=each / count,
            high=(each + 1) / count,
            outcomes=int(np.sum(index == each)),
            mean_probability=float(np.mean(said[index == each])),
            share_won=float(np.mean(won[index == each])),
        )
        for each in np.unique(index).tolist()
    ]


def expected_calibration_error(
    probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 10
) -> float:
    """Return the mean distance of what was said from what came, over bins of equal width.

    Args:
        probabilities: (n,), forecasts in [0, 1].
        outcomes: (n,), 0 or 1.
        bins: 1 at least.
    """
    points = reliability_bins(probabilities, outcomes, bins)
    total = sum(point.outcomes for point in points)
    return sum(
        point.outcomes / total * abs(point.mean_probability - point.share_won) for point in points
    )


def isotonic_fit(scores: ArrayLike, outcomes: ArrayLike) -> FloatArray:
    """Return the calibrated probability of each score, in the order of the scores.

    Args:
        scores: (n,).
        outcomes: (n,), 0 or 1.
    """
    from sklearn.isotonic import IsotonicRegression  # a second to load

    value = series(scores, "scores")
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    fitted: FloatArray = model.fit_transform(value, _outcomes(outcomes, value.size))
    return fitted


def isotonic_curve(scores: ArrayLike, outcomes: ArrayLike) -> IsotonicCurve:
    """Return the isotonic curve through its knots, to be kept and interpolated later.

    Args:
        scores: (n,).
        outcomes: (n,), 0 or 1.
    """
    value = series(scores, "scores")
    fitted = isotonic_fit(value, outcomes)
    knots, first = np.unique(value, return_index=True)
    level = fitted[first]
    inner = np.ones(level.size, dtype=bool)
    inner[1:-1] = (level[1:-1] != level[:-2]) | (level[1:-1] != level[2:])
    return IsotonicCurve(scores=knots[inner], probabilities=level[inner])


def platt_fit(scores: ArrayLike, outcomes: ArrayLike) -> PlattCurve:
    """Return the logistic curve of a score, with targets drawn in from 0 and 1.

    The target of a win is (wins + 1)/(wins + 2), that of a loss 1/(losses + 2), so that a perfect
    past makes no certainty. A soft target is one weighted win and one weighted loss, which is what
    a logistic regression takes; the library's own class for this stops three digits earlier.

    Args:
        scores: (n,); two different ones at least.
        outcomes: (n,), 0 or 1.

    Source:
        Platt 1999; Lin, Lin and Weng 2007.
    """
    from sklearn.linear_model import LogisticRegression  # a second to load

    value = series(scores, "scores", 2)
    won = _outcomes(outcomes, value.size)
    centre, width = float(np.mean(value)), float(np.std(value))
    if width == 0.0:
        raise ValueError("scores: two different ones at least are needed")
    wins = float(np.sum(won))
    target = np.where(won == 1.0, (wins + 1.0) / (wins + 2.0), 1.0 / (won.size - wins + 2.0))
    model = LogisticRegression(C=math.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(
        np.tile((value - centre) / width, 2)[:, np.newaxis],
        np.repeat([1, 0], value.size),
        sample_weight=np.concatenate((target, 1.0 - target)),
    )
    slope = float(model.coef_[0, 0]) / width
    return PlattCurve(A=-slope, B=-(float(model.intercept_[0]) - slope * centre))
