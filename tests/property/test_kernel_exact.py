"""The kernel's floats land where the venue's and the engine's decimals do."""

import math
import random
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.brokers.sim.exact import fee_up, worse_price
from smart_leverage.brokers.sim.exact import meant as meant_exactly
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.core import round_down
from smart_leverage.engine.events import Rung
from smart_leverage.engine.ladder import LadderConfig, PriceLadder
from smart_leverage.engine.proof import exact
from smart_leverage.research.kernel.exact import (
    UNITS,
    added,
    ceil_price,
    ceil_quotient,
    decimals_of,
    executed_price,
    floor_price,
    floor_product,
    meant,
    rounded,
    units_up,
)
from smart_leverage.research.kernel.ladder import Ladder, Seen, is_fresh, ratio_of, see

REGISTRY = Registry.builtin()
INSTRUMENTS = [REGISTRY.resolve(name) for name in ("BTC/USD", "SHIB/USD", "DOGE/USD", "TQQQ")]

magnitudes = st.floats(1e-8, 1e8)
prices = st.one_of(
    magnitudes,
    st.tuples(st.integers(1, 10**9), st.integers(0, 9)).map(lambda pair: pair[0] / 10.0 ** pair[1]),
)
costs = st.sampled_from((0.999, 0.9998, 1.0002, 1.001, 1.0))


@given(prices, costs)
def test_fourteen_digits_are_the_digits_that_the_venue_reads(price: float, cost: float) -> None:
    x = price * cost
    decimals = decimals_of(x)
    assert Decimal(meant(x, decimals)).scaleb(-decimals) == meant_exactly(x)


@given(prices, costs, st.sampled_from(INSTRUMENTS), st.booleans())
def test_a_fill_is_priced_as_the_venue_prices_it(price, cost, instrument, is_buy) -> None:
    x = price * cost
    side = Side.BUY if is_buy else Side.SELL
    places = -instrument.tick.adjusted()
    ours = executed_price(x, is_buy, places, not instrument.is_crypto)
    assert ours == float(worse_price(x, side, instrument))


@given(st.one_of(st.floats(1e-12, 9e8), prices.map(lambda price: price * 0.0025)))
def test_a_fee_is_rounded_up_as_the_venue_rounds_it(fee: float) -> None:
    assert units_up(fee) == int(fee_up(fee) * UNITS)


@pytest.mark.parametrize("nothing", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_fee_is_none(nothing: float) -> None:
    assert units_up(nothing) == 0


@given(prices, st.integers(2, 10))
def test_a_float_is_rounded_as_its_shortest_decimal(price: float, places: int) -> None:
    step = Decimal(1).scaleb(-places)
    down = (exact(price) / step).to_integral_value(rounding=ROUND_DOWN) * step
    up = (exact(price) / step).to_integral_value(rounding=ROUND_CEILING) * step
    if price * 10.0**places < 2**52:
        assert floor_price(price, places) == float(down)
        assert ceil_price(price, places) == float(up)


@given(st.integers(1, 10**7), st.integers(0, 6), st.sampled_from(("0.005", "0.01", "0.0")))
def test_a_limit_is_the_exact_product_rounded_down(count: int, digits: int, collar: str) -> None:
    price, places = count / 10.0**digits, digits + 1
    step = Decimal(1).scaleb(-places)
    limit = round_down(exact(price) * (1 + Decimal(collar)), step)
    assert floor_product(price * (1.0 + float(collar)), places) == float(limit)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_quotient_that_is_whole_is_not_rounded_up(whole: int, below: int) -> None:
    assert ceil_quotient(whole * 0.1 * below / below / 0.1) == whole
    assert ceil_quotient(whole + 0.25) == whole + 1


@given(st.floats(0.0, 4.0))
def test_an_exposure_is_rounded_as_the_journal_keeps_it(fraction: float) -> None:
    kept = float(exact(fraction).quantize(Decimal("0.000001")))
    assert rounded(fraction) == pytest.approx(kept, abs=1.01e-6)
    if abs(fraction * 1e6 % 1.0 - 0.5) > 1e-6:
        assert rounded(fraction) == kept


def test_a_sum_of_many_amounts_loses_nothing() -> None:
    chance = random.Random(7)
    amounts = [chance.uniform(-1e4, 1e4) / 7.0 for _ in range(20_000)]
    high, low = 1e9, 0.0
    for amount in amounts:
        high, low = added(high, low, amount)
    assert high + low == math.fsum([1e9, *amounts])


# --- prices that are believed --------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3_600), st.floats(0.5, 2.0)), max_size=60))
def test_prices_are_believed_as_the_engine_believes_them(moves) -> None:
    """Bit for bit: the same prices, doubts, ages and volatilities after every print."""
    key, config = INSTRUMENTS[0].key, LadderConfig(volatility_warm_up_days=0.05)
    ladder, ours = PriceLadder(config), Ladder(volatility_warm_up_days=0.05)
    seen = Seen(math.nan, 0, 0, math.nan, math.nan, 0.0, 0)
    price, now = 100.0, 10**18
    for wait_s, move in moves:
        now += wait_s * 10**9
        price = round(price * move, 2) or 0.01
        ladder.see(key, exact(price), now, Rung.TRADE)
        seen = see(seen, price, now, ours)
        best = ladder.best(key, now)
        assert best is not None
        assert seen.mark == float(best.price)
        assert is_fresh(seen, now, 60 * 10**9) == best.is_fresh
        assert (seen.suspect > 0.0) == (ladder.doubted(key) is not None)
        if seen.suspect > 0.0:
            assert seen.suspect == float(ladder.doubted(key) or 0)
        warm_up = ours.volatility_warm_up_days * 86_400 * 10**9
        for one, other in (
            (math.sqrt(seen.slow), ladder.volatility_daily(key)),
            (ratio_of(seen, warm_up), ladder.volatility_ratio(key)),
        ):
            assert np.array([one]).tobytes() == np.array([other]).tobytes() or one != one != other
