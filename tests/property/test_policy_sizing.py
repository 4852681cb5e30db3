"""Whatever the input: a size is money inside its bounds, and more evidence never wants less."""

import math

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.sizing import (
    Sizing,
    is_sizing_input_sane,
    position_size,
    volatility_adjustment,
)

AT = Sizing()

any_float = st.floats(allow_nan=True, allow_infinity=True)
equities = st.floats(1.0, 1e12)
caps = st.floats(0.01, 1.0)
confidences = st.floats(0.0, 1.0)
ratios = st.floats(0.01, 100.0)


@given(any_float, any_float, any_float, any_float)
def test_a_size_is_finite_and_not_negative(
    equity: float, cap: float, confidence: float, ratio: float
) -> None:
    assert 0.0 <= position_size(equity, cap, confidence, ratio, AT) < math.inf


@given(equities, caps, any_float, any_float)
def test_a_size_is_at_most_its_share_of_the_available_capital(
    equity: float, cap: float, confidence: float, ratio: float
) -> None:
    assert position_size(equity, cap, confidence, ratio, AT) <= equity * cap * AT.share_max


@given(equities, caps, confidences, confidences, ratios)
def test_more_confidence_never_wants_less(
    equity: float, cap: float, a: float, b: float, ratio: float
) -> None:
    low, high = (position_size(equity, cap, each, ratio, AT) for each in sorted((a, b)))
    assert low <= high


@given(equities, caps, confidences, ratios, ratios)
def test_a_wilder_market_never_wants_more(
    equity: float, cap: float, confidence: float, a: float, b: float
) -> None:
    calm, wild = (position_size(equity, cap, confidence, each, AT) for each in sorted((a, b)))
    assert wild <= calm


@given(equities, equities, caps, caps, confidences, ratios)
def test_more_capital_never_wants_less(
    a: float, b: float, c: float, d: float, confidence: float, ratio: float
) -> None:
    low = position_size(min(a, b), min(c, d), confidence, ratio, AT)
    high = position_size(max(a, b), max(c, d), confidence, ratio, AT)
    assert low <= high


@given(any_float)
def test_the_adjustment_never_leaves_its_bounds(ratio: float) -> None:
    assert AT.adjustment_min <= volatility_adjustment(ratio, AT) <= AT.adjustment_max


@given(any_float, any_float)
def test_only_a_probability_and_a_ratio_are_sane(confidence: float, ratio: float) -> None:
    expected = 0.0 <= confidence <= 1.0 and 0.01 <= ratio <= 100.0
    assert is_sizing_input_sane(confidence, ratio, AT) is expected
