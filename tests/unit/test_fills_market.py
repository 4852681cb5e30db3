"""Market and limit orders against an opening and inside a bar."""

import math

import pytest

from smart_leverage.fills.market import (
    Bar,
    Outcome,
    Side,
    limit_fill_at_open,
    limit_fill_in_bar,
    market_fill,
    market_fill_price,
)

NAN = math.nan
HALF_SPREAD, SLIPPAGE = 0.001, 0.002
BAR = Bar(open=100.0, high=110.0, low=90.0)


@pytest.mark.parametrize(
    ("side", "price"),
    [pytest.param(Side.BUY, 100.3, id="buy"), pytest.param(Side.SELL, 99.7, id="sell")],
)
def test_the_market_is_taken_at_the_open_and_costs(side: Side, price: float) -> None:
    fill = market_fill(side, 100.0, HALF_SPREAD, SLIPPAGE)
    assert fill.outcome == Outcome.FILLED
    assert fill.price == pytest.approx(price)
    assert not fill.is_maker


@pytest.mark.parametrize("price", [NAN, 0.0, -1.0, math.inf])
@pytest.mark.parametrize("side", list(Side))
def test_without_a_price_nothing_trades(side: Side, price: float) -> None:
    assert math.isnan(market_fill_price(side, price, HALF_SPREAD, SLIPPAGE))
    assert market_fill(side, price, HALF_SPREAD, SLIPPAGE).outcome == Outcome.NO_PRICE
    at_open = limit_fill_at_open(side, price, 100.0, HALF_SPREAD, SLIPPAGE)
    assert at_open.outcome == Outcome.NO_PRICE
    by_limit = limit_fill_at_open(side, 100.0, price, HALF_SPREAD, SLIPPAGE)
    assert by_limit.outcome == Outcome.NO_PRICE
    in_bar = limit_fill_in_bar(side, BAR._replace(low=price), 100.0, HALF_SPREAD, SLIPPAGE)
    assert in_bar.outcome == Outcome.NO_PRICE
    assert math.isnan(in_bar.price)


def test_costs_that_eat_the_price_sell_nothing() -> None:
    assert market_fill(Side.SELL, 100.0, 0.5, 0.5).outcome == Outcome.NO_PRICE


@pytest.mark.parametrize(
    ("side", "limit", "outcome"),
    [
        pytest.param(Side.BUY, 101.0, Outcome.FILLED, id="buy-within-the-cushion"),
        pytest.param(Side.BUY, 100.0 * 1.003, Outcome.FILLED, id="buy-at-the-limit"),
        pytest.param(Side.BUY, 100.29, Outcome.UNFILLED, id="buy-limit-below-the-costs"),
        pytest.param(Side.BUY, 99.0, Outcome.UNFILLED, id="buy-gapped-away"),
        pytest.param(Side.SELL, 99.0, Outcome.FILLED, id="sell-within-the-cushion"),
        pytest.param(Side.SELL, 99.71, Outcome.UNFILLED, id="sell-limit-above-the-costs"),
    ],
)
def test_a_limit_at_its_first_opening(side: Side, limit: float, outcome: Outcome) -> None:
    fill = limit_fill_at_open(side, 100.0, limit, HALF_SPREAD, SLIPPAGE)
    assert fill.outcome == outcome
    if outcome == Outcome.FILLED:
        assert fill.price == market_fill_price(side, 100.0, HALF_SPREAD, SLIPPAGE)
    else:
        assert math.isnan(fill.price)


@pytest.mark.parametrize(
    ("side", "limit", "outcome", "price", "is_maker"),
    [
        pytest.param(Side.BUY, 95.0, Outcome.FILLED, 95.0, True, id="buy-waits"),
        pytest.param(Side.BUY, 105.0, Outcome.FILLED, 100.3, False, id="buy-takes-the-open"),
        pytest.param(Side.BUY, 90.0, Outcome.NOTHING, NAN, False, id="middle-touches-only"),
        pytest.param(Side.BUY, 90.1, Outcome.FILLED, 90.1, True, id="far-side-reaches"),
        pytest.param(Side.BUY, 89.0, Outcome.NOTHING, NAN, False, id="buy-not-reached"),
        pytest.param(Side.SELL, 105.0, Outcome.FILLED, 105.0, True, id="sell-waits"),
        pytest.param(Side.SELL, 95.0, Outcome.FILLED, 99.7, False, id="sell-takes-the-open"),
        pytest.param(Side.SELL, 110.0, Outcome.NOTHING, NAN, False, id="high-touches-only"),
        pytest.param(Side.SELL, 111.0, Outcome.NOTHING, NAN, False, id="sell-not-reached"),
    ],
)
def test_a_resting_limit_while_a_bar_passes(
    side: Side, limit: float, outcome: Outcome, price: float, is_maker: bool
) -> None:
    fill = limit_fill_in_bar(side, BAR, limit, HALF_SPREAD, SLIPPAGE)
    assert fill.outcome == outcome
    assert fill.price == pytest.approx(price, nan_ok=True)
    assert fill.is_maker is is_maker


def test_without_a_spread_a_touch_is_enough() -> None:
    assert limit_fill_in_bar(Side.BUY, BAR, 90.0, 0.0, SLIPPAGE).outcome == Outcome.FILLED
