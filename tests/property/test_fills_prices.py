"""Whatever the bar: limits hold, costs never help, a stop is never better than its gap."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.fills.costs import (
    STOCK_FEES_2026,
    CostModel,
    FeeSchedule,
    crypto_fee,
    crypto_fee_rate,
    rounded_up,
    stock_fee,
    trade_fee,
)
from smart_leverage.fills.financing import FinancingTerms, margin_interest
from smart_leverage.fills.market import (
    Bar,
    Fill,
    Outcome,
    Side,
    limit_fill_at_open,
    limit_fill_in_bar,
    market_fill,
    sign_of,
)
from smart_leverage.fills.stops import (
    Leg,
    exit_fill_in_bar,
    stop_fill_in_bar,
    stop_limit_fill_in_bar,
)

prices = st.floats(1e-6, 1e6)
fractions = st.floats(0.0, 0.05)
sides = st.sampled_from(list(Side))
numbers = st.floats(allow_nan=False)
any_float = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def bars(draw: Any) -> Bar:
    open_ = draw(prices)
    return Bar(
        open=open_,
        high=open_ * (1.0 + draw(st.floats(0.0, 0.5))),
        low=open_ * (1.0 - draw(st.floats(0.0, 0.5))),
    )


@st.composite
def bars_and_levels(draw: Any) -> tuple[Bar, float, float]:
    """A bar and two prices around it, so that they are reached about as often as not."""
    bar = draw(bars())
    near = st.floats(0.4, 1.7).map(lambda factor: bar.open * factor)
    return bar, draw(near), draw(near)


def all_fills(side: Side, bar: Bar, a: float, b: float, half: float, slip: float) -> list[Fill]:
    return [
        market_fill(side, bar.open, half, slip),
        limit_fill_at_open(side, bar.open, a, half, slip),
        limit_fill_in_bar(side, bar, a, half, slip),
        stop_fill_in_bar(side, bar, a, half, slip),
        stop_limit_fill_in_bar(side, bar, a, b, half, slip),
        exit_fill_in_bar(side, bar, a, b, half, slip).fill,
    ]


@given(sides, st.builds(Bar, *[any_float] * 3), *[any_float] * 4)
def test_a_price_is_there_exactly_when_something_was_filled(
    side: Side, bar: Bar, a: float, b: float, half: float, slip: float
) -> None:
    for fill in all_fills(side, bar, a, b, half, slip):
        if fill.outcome == Outcome.FILLED:
            assert 0.0 < fill.price < math.inf
        else:
            assert math.isnan(fill.price)
            assert not fill.is_maker


@given(sides, bars_and_levels(), fractions, fractions)
def test_a_limit_is_never_broken(
    side: Side, market: tuple[Bar, float, float], half: float, slip: float
) -> None:
    bar, limit, _ = market
    for fill in (
        limit_fill_at_open(side, bar.open, limit, half, slip),
        limit_fill_in_bar(side, bar, limit, half, slip),
        stop_limit_fill_in_bar(side, bar, bar.open, limit, half, slip),
    ):
        if fill.outcome == Outcome.FILLED:
            assert sign_of(side) * fill.price <= sign_of(side) * limit


@given(sides, bars_and_levels(), fractions, fractions)
def test_a_stop_trades_no_better_than_the_open_and_the_stop(
    side: Side, market: tuple[Bar, float, float], half: float, slip: float
) -> None:
    bar, stop, _ = market
    fill = stop_fill_in_bar(side, bar, stop, half, slip)
    if fill.outcome == Outcome.FILLED:
        assert sign_of(side) * fill.price >= sign_of(side) * stop
        assert sign_of(side) * fill.price >= sign_of(side) * bar.open
    else:
        assert bar.low > stop if side == Side.SELL else bar.high < stop


@given(sides, bars_and_levels(), fractions, fractions, fractions)
def test_more_slippage_never_helps(
    side: Side, market: tuple[Bar, float, float], half: float, slip: float, more: float
) -> None:
    bar, a, b = market
    before = all_fills(side, bar, a, b, half, slip)
    after = all_fills(side, bar, a, b, half, slip + more)
    for cheap, dear in zip(before[:2] + before[3:4], after[:2] + after[3:4], strict=True):
        if dear.outcome == Outcome.FILLED:
            assert cheap.outcome == Outcome.FILLED
            assert sign_of(side) * dear.price >= sign_of(side) * cheap.price


@given(sides, bars_and_levels(), fractions, fractions)
def test_a_reached_stop_always_outranks_the_target(
    side: Side, market: tuple[Bar, float, float], half: float, slip: float
) -> None:
    bar, stop, target = market
    stopped = stop_fill_in_bar(side, bar, stop, half, slip)
    exit_ = exit_fill_in_bar(side, bar, stop, target, half, slip)
    assert (exit_.leg == Leg.STOP) is (stopped.outcome == Outcome.FILLED)


@given(bars_and_levels(), fractions, fractions)
def test_a_lower_limit_buys_no_more_often(
    market: tuple[Bar, float, float], half: float, slip: float
) -> None:
    bar, *limits = market
    low, high = sorted(limits)
    if limit_fill_in_bar(Side.BUY, bar, low, half, slip).outcome == Outcome.FILLED:
        assert limit_fill_in_bar(Side.BUY, bar, high, half, slip).outcome == Outcome.FILLED


@given(sides, prices, prices, st.just(0.0) | st.floats(1e-9, 0.01))
def test_a_fee_for_coins_is_charged_once_and_in_what_is_received(
    side: Side, quantity: float, price: float, rate: float
) -> None:
    fee = crypto_fee(side, quantity, price, rate)
    assert fee.cash == 0.0 or fee.coins == 0.0
    assert fee.coins == 0.0 or side == Side.BUY
    assert math.isclose(fee.cash + fee.coins * price, quantity * price * rate, rel_tol=1e-12)


@given(numbers, numbers, st.booleans())
def test_a_larger_volume_never_costs_more(a: float, b: float, is_maker: bool) -> None:
    low, high = sorted((a, b))
    table = FeeSchedule()
    assert crypto_fee_rate(high, is_maker, table) <= crypto_fee_rate(low, is_maker, table)


@given(st.booleans(), sides, st.booleans(), any_float, any_float)
def test_a_fee_is_never_negative_nor_unknown(
    is_crypto: bool, side: Side, is_maker: bool, quantity: float, price: float
) -> None:
    fee = trade_fee(is_crypto, side, is_maker, quantity, price, CostModel())
    assert fee.cash >= 0.0
    assert fee.coins >= 0.0


@given(st.floats(0.0, 1e9), st.sampled_from([0.01, 0.001, 1.0]))
def test_rounding_up_adds_less_than_a_step(amount: float, step: float) -> None:
    assert amount - 1e-6 * step <= rounded_up(amount, step) <= amount + step * (1.0 + 1e-6)


@given(st.floats(0.001, 1e6), prices)
def test_selling_stock_costs_at_least_as_much_as_buying_it(quantity: float, price: float) -> None:
    sold = stock_fee(Side.SELL, quantity, price, STOCK_FEES_2026)
    assert sold >= stock_fee(Side.BUY, quantity, price, STOCK_FEES_2026)


@given(st.integers(-(10**11), 10**11), st.integers(-5, 400))
def test_only_a_debit_over_night_costs_interest(cents: int, days: int) -> None:
    cash = cents / 100.0
    interest = margin_interest(cash, days, FinancingTerms())
    assert interest >= 0.0
    assert interest == 0.0 or (cash < 0.0 and days > 0)
    assert interest <= abs(cash) * 0.065 * max(days, 0) / 360.0 * (1.0 + 1e-12)
