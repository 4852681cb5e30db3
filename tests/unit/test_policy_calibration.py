"""A confidence goes through its curve: straight between knots, flat beyond, unknown stays so."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.calibration import CalibrationKnots, are_knots, calibrated

KNOTS = CalibrationKnots(scores=(0.2, 0.6, 0.8), probabilities=(0.3, 0.5, 0.9))
SHARES = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("confidence", "probability"),
    [
        pytest.param(0.0, 0.3, id="below-the-first"),
        pytest.param(0.2, 0.3, id="the-first"),
        pytest.param(0.4, 0.4, id="between"),
        pytest.param(0.6, 0.5, id="a-knot"),
        pytest.param(0.7, 0.7, id="in-the-last-part"),
        pytest.param(0.8, 0.9, id="the-last"),
        pytest.param(1.0, 0.9, id="beyond-the-last"),
        pytest.param(math.nan, math.nan, id="nan"),
        pytest.param(-0.01, math.nan, id="below-0"),
        pytest.param(1.01, math.nan, id="above-1"),
        pytest.param(math.inf, math.nan, id="infinite"),
    ],
)
def test_a_confidence_goes_through_its_curve(confidence: float, probability: float) -> None:
    assert calibrated(confidence, KNOTS) == pytest.approx(probability, nan_ok=True)


def test_one_knot_says_the_same_of_everything() -> None:
    flat = CalibrationKnots(scores=(0.5,), probabilities=(0.4,))
    assert [calibrated(each, flat) for each in (0.0, 0.5, 1.0)] == [0.4, 0.4, 0.4]


@st.composite
def curves(draw: st.DrawFn) -> CalibrationKnots:
    """Draw knots of a curve that rises."""
    scores = sorted(draw(st.sets(SHARES, min_size=1, max_size=9)))
    heights = st.lists(SHARES, min_size=len(scores), max_size=len(scores))
    return CalibrationKnots(scores=tuple(scores), probabilities=tuple(sorted(draw(heights))))


@given(curves(), SHARES, SHARES)
def test_more_confidence_is_never_worth_less(
    knots: CalibrationKnots, one: float, other: float
) -> None:
    assert are_knots(knots)
    low, high = sorted((one, other))
    below, above = calibrated(low, knots), calibrated(high, knots)
    assert knots.probabilities[0] <= below <= above + 1e-12
    assert above <= knots.probabilities[-1] + 1e-12


@pytest.mark.parametrize(
    ("scores", "probabilities"),
    [
        pytest.param((), (), id="none"),
        pytest.param((0.1, 0.2), (0.5,), id="unequal"),
        pytest.param((0.2, 0.2), (0.1, 0.2), id="a-score-twice"),
        pytest.param((0.3, 0.2), (0.1, 0.2), id="scores-fall"),
        pytest.param((0.2, 0.3), (0.2, 0.1), id="probabilities-fall"),
        pytest.param((0.2, math.nan), (0.1, 0.2), id="a-score-is-nan"),
        pytest.param((0.2, 0.3), (math.nan, 0.2), id="a-probability-is-nan"),
        pytest.param((-0.2, 0.3), (0.1, 0.2), id="a-score-below-0"),
        pytest.param((0.2, 0.3), (0.1, 1.2), id="a-probability-above-1"),
    ],
)
def test_what_is_no_curve(scores: tuple[float, ...], probabilities: tuple[float, ...]) -> None:
    assert not are_knots(CalibrationKnots(scores=scores, probabilities=probabilities))
