"""Where a trailing stop stands, and when a bar's close has passed through it."""

import math

import pytest

from smart_leverage.fills.market import Outcome, Side
from smart_leverage.fills.trailing import best_price, trailing_fill_at_close, trailing_stop

NAN = math.nan
COSTS = (0.001, 0.002)


@pytest.mark.parametrize(
    ("side", "mark", "price", "best"),
    [
        pytest.param(Side.SELL, 100.0, 101.0, 101.0, id="higher-is-better-for-a-sale"),
        pytest.param(Side.SELL, 100.0, 99.0, 100.0, id="lower-changes-nothing"),
        pytest.param(Side.BUY, 100.0, 99.0, 99.0, id="lower-is-better-to-buy"),
        pytest.param(Side.BUY, 100.0, 101.0, 100.0, id="higher-changes-nothing"),
        pytest.param(Side.SELL, 100.0, NAN, 100.0, id="unknown-price"),
        pytest.param(Side.SELL, 100.0, math.inf, 100.0, id="endless-price"),
        pytest.param(Side.BUY, 100.0, 0.0, 100.0, id="no-price"),
        pytest.param(Side.SELL, NAN, 99.0, 99.0, id="first-price"),
    ],
)
def test_the_mark_is_the_best_price_so_far(
    side: Side, mark: float, price: float, best: float
) -> None:
    assert best_price(side, mark, price) == best


@pytest.mark.parametrize(
    ("side", "distance", "share", "stop"),
    [
        pytest.param(Side.SELL, 5.0, NAN, 195.0, id="sale-by-money"),
        pytest.param(Side.SELL, NAN, 0.015, 197.0, id="sale-by-percent"),
        pytest.param(Side.BUY, 5.0, NAN, 205.0, id="purchase-by-money"),
        pytest.param(Side.BUY, NAN, 0.015, 203.0, id="purchase-by-percent"),
        pytest.param(Side.SELL, 200.0, NAN, NAN, id="down-to-nothing"),
        pytest.param(Side.SELL, NAN, 1.0, NAN, id="all-of-it"),
        pytest.param(Side.SELL, NAN, NAN, NAN, id="no-distance"),
    ],
)
def test_the_stop_keeps_its_distance_from_the_mark(
    side: Side, distance: float, share: float, stop: float
) -> None:
    assert trailing_stop(side, 200.0, distance, share) == pytest.approx(stop, nan_ok=True)
    assert math.isnan(trailing_stop(side, NAN, distance, share))


@pytest.mark.parametrize(
    ("side", "close", "price"),
    [
        pytest.param(Side.SELL, 94.0, 95.0 * 0.997, id="sale-passed"),
        pytest.param(Side.SELL, 95.0, 95.0 * 0.997, id="sale-touched"),
        pytest.param(Side.SELL, 95.01, NAN, id="sale-above"),
        pytest.param(Side.BUY, 96.0, 95.0 * 1.003, id="purchase-passed"),
        pytest.param(Side.BUY, 94.99, NAN, id="purchase-below"),
    ],
)
def test_a_close_beyond_the_stop_has_passed_through_it(
    side: Side, close: float, price: float
) -> None:
    fill = trailing_fill_at_close(side, close, 95.0, *COSTS)
    assert fill.price == pytest.approx(price, nan_ok=True)
    assert fill.outcome == (Outcome.NOTHING if math.isnan(price) else Outcome.FILLED)
    assert not fill.is_maker


@pytest.mark.parametrize("unknown", [NAN, 0.0, -5.0, math.inf])
@pytest.mark.parametrize("side", list(Side))
def test_without_a_price_nothing_trades(side: Side, unknown: float) -> None:
    for close, stop in ((unknown, 95.0), (95.0, unknown)):
        assert trailing_fill_at_close(side, close, stop, *COSTS).outcome == Outcome.NO_PRICE
