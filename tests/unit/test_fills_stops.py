"""Stops, stop-limits and linked exits against a bar, gaps included."""

import math

import pytest

from smart_leverage.fills.market import Bar, Outcome, Side
from smart_leverage.fills.stops import (
    Leg,
    exit_fill_in_bar,
    is_stop_reached,
    stop_fill_in_bar,
    stop_limit_fill_in_bar,
    stop_price_met,
)

NAN = math.nan
COSTS = (0.001, 0.002)
BAR = Bar(open=100.0, high=110.0, low=90.0)
GAP_DOWN = Bar(open=80.0, high=85.0, low=75.0)
GAP_UP = Bar(open=120.0, high=125.0, low=115.0)


@pytest.mark.parametrize(
    ("side", "bar", "stop", "met"),
    [
        pytest.param(Side.SELL, BAR, 95.0, 95.0, id="inside"),
        pytest.param(Side.SELL, BAR, 90.0, 90.0, id="touched"),
        pytest.param(Side.SELL, GAP_DOWN, 95.0, 80.0, id="jumped-over"),
        pytest.param(Side.BUY, BAR, 105.0, 105.0, id="buy-inside"),
        pytest.param(Side.BUY, BAR, 110.0, 110.0, id="buy-touched"),
        pytest.param(Side.BUY, GAP_UP, 105.0, 120.0, id="buy-jumped-over"),
    ],
)
def test_a_stop_trades_at_the_worse_of_open_and_stop_with_costs(
    side: Side, bar: Bar, stop: float, met: float
) -> None:
    fill = stop_fill_in_bar(side, bar, stop, *COSTS)
    assert fill.outcome == Outcome.FILLED
    assert fill.price == pytest.approx(met * (0.997 if side == Side.SELL else 1.003))
    assert not fill.is_maker
    assert stop_price_met(side, bar.open, stop) == met


@pytest.mark.parametrize(
    ("side", "stop"),
    [pytest.param(Side.SELL, 89.9, id="sell"), pytest.param(Side.BUY, 110.1, id="buy")],
)
def test_a_stop_that_is_not_reached_stays(side: Side, stop: float) -> None:
    assert stop_fill_in_bar(side, BAR, stop, *COSTS).outcome == Outcome.NOTHING
    assert not is_stop_reached(side, BAR, stop)


@pytest.mark.parametrize("unknown", [NAN, 0.0, -5.0, math.inf])
@pytest.mark.parametrize("side", list(Side))
def test_without_a_price_no_stop_trades(side: Side, unknown: float) -> None:
    assert stop_fill_in_bar(side, BAR, unknown, *COSTS).outcome == Outcome.NO_PRICE
    assert not is_stop_reached(side, BAR, unknown)
    for bar in (BAR._replace(open=unknown), BAR._replace(low=unknown), BAR._replace(high=unknown)):
        assert stop_fill_in_bar(side, bar, 100.0, *COSTS).outcome == Outcome.NO_PRICE
        assert not is_stop_reached(side, bar, 100.0)
        exit_ = exit_fill_in_bar(side, bar, 100.0, 100.0, *COSTS)
        assert (exit_.leg, exit_.fill.outcome) == (Leg.NONE, Outcome.NO_PRICE)
    limit = stop_limit_fill_in_bar(side, BAR, 100.0, unknown, *COSTS)
    assert limit.outcome == Outcome.NO_PRICE


@pytest.mark.parametrize(
    ("side", "bar", "stop", "limit", "outcome", "price"),
    [
        pytest.param(Side.SELL, BAR, 95.0, 94.0, Outcome.FILLED, 95.0 * 0.997, id="slow-fall"),
        pytest.param(Side.SELL, BAR, 95.0, 94.9, Outcome.RESTING, NAN, id="costs-beyond-limit"),
        pytest.param(Side.SELL, GAP_DOWN, 95.0, 93.0, Outcome.RESTING, NAN, id="gap-beyond-limit"),
        pytest.param(Side.SELL, GAP_DOWN, 95.0, 79.0, Outcome.FILLED, 79.76, id="gap-within-limit"),
        pytest.param(Side.SELL, BAR, 85.0, 84.0, Outcome.NOTHING, NAN, id="not-reached"),
        pytest.param(Side.BUY, BAR, 105.0, 106.0, Outcome.FILLED, 105.315, id="slow-rise"),
        pytest.param(Side.BUY, GAP_UP, 105.0, 106.0, Outcome.RESTING, NAN, id="gap-up"),
    ],
)
def test_a_stop_limit_protects_only_against_slow_markets(
    side: Side, bar: Bar, stop: float, limit: float, outcome: Outcome, price: float
) -> None:
    fill = stop_limit_fill_in_bar(side, bar, stop, limit, *COSTS)
    assert fill.outcome == outcome
    assert fill.price == pytest.approx(price, nan_ok=True)


def test_a_stop_limit_trades_at_its_very_limit() -> None:
    fill = stop_limit_fill_in_bar(Side.SELL, BAR, 95.0, 95.0, 0.0, 0.0)
    assert (fill.outcome, fill.price) == (Outcome.FILLED, 95.0)


@pytest.mark.parametrize(
    ("bar", "stop", "target", "leg", "price"),
    [
        pytest.param(BAR, 95.0, 105.0, Leg.STOP, 95.0 * 0.997, id="both-touched-stop-first"),
        pytest.param(BAR, 85.0, 105.0, Leg.TARGET, 105.0, id="target"),
        pytest.param(BAR, 85.0, 115.0, Leg.NONE, NAN, id="neither"),
        pytest.param(GAP_DOWN, 95.0, 105.0, Leg.STOP, 80.0 * 0.997, id="gap-through-the-stop"),
        pytest.param(GAP_UP, 95.0, 105.0, Leg.TARGET, 120.0 * 0.997, id="gap-over-the-target"),
        pytest.param(BAR, NAN, 105.0, Leg.TARGET, 105.0, id="only-a-target"),
        pytest.param(BAR, 95.0, NAN, Leg.STOP, 95.0 * 0.997, id="only-a-stop"),
    ],
)
def test_linked_exits_take_the_stop_first(
    bar: Bar, stop: float, target: float, leg: Leg, price: float
) -> None:
    exit_ = exit_fill_in_bar(Side.SELL, bar, stop, target, *COSTS)
    assert exit_.leg == leg
    assert exit_.fill.price == pytest.approx(price, nan_ok=True)


@pytest.mark.parametrize(
    ("stop", "target"),
    [pytest.param(85.0, NAN, id="no-target"), pytest.param(NAN, 115.0, id="no-stop")],
)
def test_a_single_exit_that_is_not_reached_is_no_missing_price(stop: float, target: float) -> None:
    assert exit_fill_in_bar(Side.SELL, BAR, stop, target, *COSTS).fill.outcome == Outcome.NOTHING
