"""Curves of sources: which method, how many outcomes, and never one that falls."""

from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from smart_leverage.domain.evidence import knots_of
from smart_leverage.policy.calibration import are_knots, calibrated
from smart_leverage.research.refit import Outcome
from smart_leverage.research.refit.curves import (
    KNOTS_MAX,
    SOURCES_MAX,
    calibration,
    calibrations,
    quality,
)
from smart_leverage.research.refit.picture import SOURCES_MAX as DRAWN_MAX
from smart_leverage.research.refit.picture import reliability_picture


def outcomes(count: int, slope: float = 0.8, source: str = "momentum") -> list[Outcome]:
    """Return outcomes of which a share of `slope` × what was said was won."""
    rng = np.random.default_rng(count)
    said = rng.uniform(0.3, 0.95, count)
    won = rng.random(count) < slope * said
    return [
        Outcome(source, float(one), bool(two), n)
        for n, (one, two) in enumerate(zip(said, won, strict=True))
    ]


@pytest.mark.parametrize(
    ("count", "method"),
    [(49, None), (50, "platt"), (1000, "platt"), (1001, "isotonic")],
)
def test_the_method_goes_by_the_number_of_outcomes(count: int, method: str | None) -> None:
    made = calibrations(outcomes(count))
    assert [each.method for each in made] == ([] if method is None else [method])


@pytest.mark.parametrize("count", [400, 4_000])
def test_a_curve_finds_what_a_confidence_was_worth(count: int) -> None:
    made = calibration("momentum", outcomes(count))
    knots = knots_of(made)
    assert are_knots(knots)
    assert len(knots.scores) <= KNOTS_MAX
    for said in (0.45, 0.6, 0.75):
        assert calibrated(said, knots) == pytest.approx(0.8 * said, abs=0.08)


def test_more_confidence_that_is_worth_less_makes_a_flat_curve() -> None:
    against = [each._replace(is_won=each.confidence < 0.6) for each in outcomes(100)]
    won = sum(each.is_won for each in against)
    knots = knots_of(calibration("momentum", against))
    assert len(set(knots.probabilities)) == 1
    assert knots.probabilities[0] == pytest.approx((won + 1) / 102, abs=1e-6)


def test_one_confidence_for_everything_is_worth_the_share_that_was_won() -> None:
    same = [each._replace(confidence=2 / 3, is_won=n < 30) for n, each in enumerate(outcomes(60))]
    knots = knots_of(calibration("momentum", same))
    assert knots.scores == (0.666667,)
    assert knots.probabilities[0] == pytest.approx(31 / 62)


@pytest.mark.parametrize("count", [60, 1_200])
def test_whatever_was_won_no_certainty_follows(count: int) -> None:
    every = [each._replace(is_won=True) for each in outcomes(count)]
    knots = knots_of(calibration("momentum", every))
    assert are_knots(knots)
    if count < 1_000:
        assert knots.probabilities[-1] < 1.0


def test_a_lucky_end_of_many_outcomes_is_no_certainty() -> None:
    many = [each._replace(confidence=min(each.confidence, 0.9)) for each in outcomes(2_000)]
    lucky = [Outcome("momentum", 0.99, True, n) for n in range(5)]
    assert knots_of(calibration("momentum", [*many, *lucky])).probabilities[-1] < 0.9


def test_the_sources_with_the_most_outcomes_get_their_curves() -> None:
    every = [
        each for n in range(SOURCES_MAX + 2) for each in outcomes(50 + n, source=f"source-{n:02d}")
    ]
    made = calibrations(every)
    assert [each.source for each in made] == [f"source-{n:02d}" for n in range(2, SOURCES_MAX + 2)]


def test_the_score_has_its_parts_and_is_better_after_the_curve() -> None:
    told = quality("momentum", outcomes(400))
    parts = told.brier
    assert parts.brier == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty)
    assert told.calibrated is not None
    assert told.calibrated.brier < parts.brier
    assert sum(each.outcomes for each in told.bins) == told.outcomes == 400
    assert told.error == pytest.approx(0.2 * 0.625, abs=0.05)
    assert quality("momentum", outcomes(20)).calibrated is None


def test_the_picture_shows_five_sources_and_names_the_rest() -> None:
    told = [quality(f"<{n}>", outcomes(60 + n)) for n in range(DRAWN_MAX + 2)]
    picture = reliability_picture(told)
    root = fromstring(picture)
    text = " ".join(root.itertext())
    assert root.tag.endswith("svg")
    assert all(f"<{n}>: " in text for n in range(DRAWN_MAX))
    assert "2 more sources are left out" in text
    assert fromstring(reliability_picture([])).tag.endswith("svg")
