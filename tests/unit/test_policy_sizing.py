"""How large a position is wanted: the numbers of the classic preset, worked by hand."""

import math

import pytest

from smart_leverage.policy.sizing import (
    Sizing,
    is_sizing_input_sane,
    position_size,
    volatility_adjustment,
)

AT = Sizing()
NEUTRAL = AT.confidence_neutral


@pytest.mark.parametrize(
    ("cap", "confidence", "ratio", "size"),
    [
        # 100,000 × 0.40 = 40,000 available; × 5 % = 2,000; × 1.5 × 2/3 × 1/1 = 2,000
        pytest.param(0.40, NEUTRAL, 1.0, 2_000.0, id="neutral-in-the-stable-tier"),
        # 25,000 × 5 % = 1,250
        pytest.param(0.25, NEUTRAL, 1.0, 1_250.0, id="neutral-in-the-learning-tier"),
        # 60,000 × 5 % × 1.5 × 0.8 × 1/0.8 = 3,000 × 1.2 × 1.25
        pytest.param(0.60, 0.8, 0.8, 4_500.0, id="confident-and-calm"),
        # 40,000 × 5 % × 1.5 × 0.5 × 1/1.25 = 2,000 × 0.75 × 0.8
        pytest.param(0.40, 0.5, 1.25, 1_200.0, id="doubtful-and-wild"),
        # the factor 1/3 is raised to 0.5: 2,000 × 1 × 0.5
        pytest.param(0.40, NEUTRAL, 3.0, 1_000.0, id="very-wild-is-half"),
        # the factor 5 is cut to 1.5: 2,000 × 1 × 1.5
        pytest.param(0.40, NEUTRAL, 0.2, 3_000.0, id="very-calm-is-half-more"),
        # 1.5 × 1.0 × 1.5 = 2.25 would be 11.25 %, cut to 10 % of 60,000
        pytest.param(0.60, 1.0, 0.5, 6_000.0, id="largest-position-is-six-per-cent"),
        # 1.5 × 0.89 × 1.5 = 2.0025: the bound of 10 % just bites
        pytest.param(0.40, 0.89, 0.5, 4_000.0, id="the-bound-just-bites"),
        # 1.5 × 0.88 × 1.5 = 1.98 stays below it: 2,000 × 1.98
        pytest.param(0.40, 0.88, 0.5, 3_960.0, id="the-bound-just-does-not"),
        pytest.param(0.40, 0.0, 1.0, 0.0, id="no-confidence-no-position"),
    ],
)
def test_the_size_of_the_classic_preset(
    cap: float, confidence: float, ratio: float, size: float
) -> None:
    assert position_size(100_000.0, cap, confidence, ratio, AT) == pytest.approx(size, rel=1e-12)


@pytest.mark.parametrize(
    ("ratio", "factor"),
    [
        pytest.param(1.0, 1.0, id="normal"),
        pytest.param(0.8, 1.25, id="calm"),
        pytest.param(2.0 / 3.0, 1.5, id="the-upper-bound"),
        pytest.param(0.6, 1.5, id="beyond-the-upper-bound"),
        pytest.param(2.0, 0.5, id="the-lower-bound"),
        pytest.param(2.1, 0.5, id="beyond-the-lower-bound"),
        pytest.param(5e-324, 1.5, id="smallest-number"),
        pytest.param(math.inf, 0.5, id="infinite"),
        pytest.param(math.nan, 0.5, id="unknown"),
        pytest.param(0.0, 0.5, id="zero"),
        pytest.param(-1.0, 0.5, id="negative"),
        pytest.param(-math.inf, 0.5, id="minus-infinite"),
    ],
)
def test_the_adjustment_stays_in_its_bounds(ratio: float, factor: float) -> None:
    assert volatility_adjustment(ratio, AT) == pytest.approx(factor, rel=1e-15)


@pytest.mark.parametrize(
    ("confidence", "ratio", "is_sane"),
    [
        pytest.param(0.0, 1.0, True, id="no-confidence"),
        pytest.param(1.0, 1.0, True, id="full-confidence"),
        pytest.param(0.5, 0.01, True, id="smallest-ratio"),
        pytest.param(0.5, 100.0, True, id="largest-ratio"),
        pytest.param(-0.01, 1.0, False, id="less-than-none"),
        pytest.param(1.01, 1.0, False, id="more-than-full"),
        pytest.param(70.0, 1.0, False, id="confidence-in-per-cent"),
        pytest.param(math.nan, 1.0, False, id="unknown-confidence"),
        pytest.param(math.inf, 1.0, False, id="infinite-confidence"),
        pytest.param(0.5, 0.009, False, id="ratio-below-a-hundredth"),
        pytest.param(0.5, 100.1, False, id="ratio-above-a-hundred"),
        pytest.param(0.5, 0.0, False, id="zero-ratio"),
        pytest.param(0.5, -1.0, False, id="negative-ratio"),
        pytest.param(0.5, math.nan, False, id="unknown-ratio"),
        pytest.param(0.5, math.inf, False, id="infinite-ratio"),
    ],
)
def test_input_in_another_unit_is_not_sane(confidence: float, ratio: float, is_sane: bool) -> None:
    assert is_sizing_input_sane(confidence, ratio, AT) is is_sane


@pytest.mark.parametrize(
    ("equity", "cap", "confidence", "ratio"),
    [
        pytest.param(math.nan, 0.4, 0.5, 1.0, id="unknown-equity"),
        pytest.param(math.inf, 0.4, 0.5, 1.0, id="infinite-equity"),
        pytest.param(0.0, 0.4, 0.5, 1.0, id="no-equity"),
        pytest.param(-100_000.0, 0.4, 0.5, 1.0, id="debt"),
        pytest.param(100_000.0, math.nan, 0.5, 1.0, id="unknown-cap"),
        pytest.param(100_000.0, 0.0, 0.5, 1.0, id="no-cap"),
        pytest.param(100_000.0, -0.4, 0.5, 1.0, id="negative-cap"),
        pytest.param(100_000.0, 0.4, math.nan, 1.0, id="unknown-confidence"),
        pytest.param(100_000.0, 0.4, -0.5, 1.0, id="negative-confidence"),
        pytest.param(-100_000.0, -0.4, 0.5, 1.0, id="two-negatives-make-no-size"),
        pytest.param(-100_000.0, 0.4, -0.5, 1.0, id="debt-and-negative-confidence"),
        pytest.param(1.7e308, 4.0, 1.0, 1.0, id="overflow"),
    ],
)
def test_what_is_unknown_or_impossible_wants_no_position(
    equity: float, cap: float, confidence: float, ratio: float
) -> None:
    assert position_size(equity, cap, confidence, ratio, AT) == 0.0


def test_the_neutral_confidence_cancels_its_scale() -> None:
    assert AT.confidence_scale * NEUTRAL == 1.0


def test_ten_positions_fill_a_cap() -> None:
    """The largest size is a tenth of what is available, so nine of them leave room."""
    largest = position_size(100_000.0, 0.60, 1.0, 0.01, AT)
    assert 9 * largest < 60_000.0 <= 10 * largest
