"""Whatever the market does: a trailing stop only ever comes nearer to it."""

import math

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.fills.market import Outcome, Side, sign_of
from smart_leverage.fills.trailing import best_price, trailing_fill_at_close, trailing_stop

prices = st.floats(1e-6, 1e6)
sides = st.sampled_from(list(Side))
seen = st.lists(prices | st.sampled_from([math.nan, math.inf, 0.0, -1.0]), max_size=40)
trails = st.tuples(st.floats(1e-6, 1e6), st.just(math.nan)) | st.tuples(
    st.just(math.nan), st.floats(1e-9, 0.999)
)


@given(seen, prices, trails)
def test_the_stop_of_a_sale_never_falls(
    path: list[float], mark: float, trail: tuple[float, float]
) -> None:
    before = trailing_stop(Side.SELL, mark, *trail)
    for price in path:
        mark = best_price(Side.SELL, mark, price)
        stop = trailing_stop(Side.SELL, mark, *trail)
        if not math.isnan(before):
            assert stop >= before
        before = stop


@given(seen, prices, trails)
def test_the_stop_of_a_purchase_never_rises(
    path: list[float], mark: float, trail: tuple[float, float]
) -> None:
    before = trailing_stop(Side.BUY, mark, *trail)
    for price in path:
        mark = best_price(Side.BUY, mark, price)
        stop = trailing_stop(Side.BUY, mark, *trail)
        assert stop <= before
        before = stop


@given(sides, seen, prices, trails)
def test_the_stop_stands_on_the_losing_side_of_the_best_price(
    side: Side, path: list[float], mark: float, trail: tuple[float, float]
) -> None:
    for price in path:
        mark = best_price(side, mark, price)
    stop = trailing_stop(side, mark, *trail)
    assert math.isnan(stop) or sign_of(side) * stop >= sign_of(side) * mark
    known = [price for price in path if 0.0 < price < math.inf]
    assert all(sign_of(side) * mark <= sign_of(side) * price for price in known)


@given(sides, prices, prices, st.floats(0.0, 0.05), st.floats(0.0, 0.05))
def test_a_passed_stop_trades_no_better_than_itself(
    side: Side, close: float, stop: float, half: float, slip: float
) -> None:
    fill = trailing_fill_at_close(side, close, stop, half, slip)
    if fill.outcome == Outcome.FILLED:
        assert sign_of(side) * fill.price >= sign_of(side) * stop
        assert sign_of(side) * close >= sign_of(side) * stop
    else:
        assert sign_of(side) * close < sign_of(side) * stop
