"""Where a protective stop stands, and when the price has gone through it."""

import math

import pytest

from smart_leverage.policy.stops import (
    Stops,
    is_through_stop,
    stop_distance,
    stop_limit_price,
    stop_price,
)

AT = Stops()


@pytest.mark.parametrize(
    ("volatility_daily", "distance"),
    [
        pytest.param(0.02, 0.06, id="three-daily-volatilities"),
        pytest.param(0.04 / 3.0, 0.04, id="the-nearest"),
        pytest.param(0.01, 0.04, id="quieter-than-the-nearest"),
        pytest.param(0.05, 0.15, id="the-farthest"),
        pytest.param(0.08, 0.15, id="wilder-than-the-farthest"),
        pytest.param(math.inf, 0.15, id="infinitely-wild"),
        pytest.param(math.nan, 0.04, id="unknown-is-the-nearest"),
        pytest.param(0.0, 0.04, id="no-volatility"),
        pytest.param(-0.02, 0.04, id="negative-volatility"),
        pytest.param(-math.inf, 0.04, id="minus-infinite-volatility"),
    ],
)
def test_the_distance_follows_volatility_within_bounds(
    volatility_daily: float, distance: float
) -> None:
    assert stop_distance(volatility_daily, AT) == pytest.approx(distance, rel=1e-15)


def test_the_levels_of_a_position() -> None:
    """Bought at 100 with a daily volatility of 2 %: stop at 94, sold at 92.12 or better."""
    stop = stop_price(100.0, stop_distance(0.02, AT))
    assert stop == pytest.approx(94.0, rel=1e-15)
    assert stop_limit_price(stop, AT) == pytest.approx(92.12, rel=1e-15)


def test_a_level_of_an_unknown_price_is_unknown() -> None:
    assert math.isnan(stop_price(math.nan, 0.06))
    assert math.isnan(stop_limit_price(math.nan, AT))


@pytest.mark.parametrize(
    ("price", "stop", "is_through"),
    [
        pytest.param(94.01, 94.0, False, id="above"),
        pytest.param(94.0, 94.0, True, id="reached"),
        pytest.param(80.0, 94.0, True, id="jumped"),
        pytest.param(0.0, 94.0, True, id="worthless"),
        pytest.param(math.nan, 94.0, False, id="unknown-price"),
        pytest.param(80.0, math.nan, False, id="unknown-stop"),
    ],
)
def test_a_stop_is_hit_when_it_is_reached(price: float, stop: float, is_through: bool) -> None:
    assert is_through_stop(price, stop) is is_through
