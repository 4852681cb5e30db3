"""Momentum: once a day, on closed bars, silent in its warm-up, gone when the sign flips."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.market.feed import instants
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.policy.volatility import VolatilityMemory
from smart_leverage.strategies.momentum import Momentum, MomentumConfig

BTC, TQQQ = Key("crypto:BTC/USD"), Key("us_equity:TQQQ")
QUICK = MomentumConfig(lookback=3, memory=VolatilityMemory(0.94, 0.99, 3))


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def bar(end_ns: int, close: float, length_ns: int = HOUR_NS) -> Bar:
    return Bar(end_ns - length_ns, end_ns, close, close, close, close, 1.0)


def run(strategy: Momentum, key: Key, bars: Iterable[Bar]) -> list[Opportunity]:
    return [each for one in bars for each in strategy.on_bars(one.end_ns, [(key, one)])]


def days(closes: list[float], first: int = 1) -> list[Bar]:
    return [bar((first + day) * DAY_NS, close, DAY_NS) for day, close in enumerate(closes)]


def told(found: list[Opportunity]) -> list[tuple[int, str]]:
    return [(each.at_ns // DAY_NS, each.side.value) for each in found]


def test_the_warm_up_offers_nothing() -> None:
    assert run(Momentum(QUICK), BTC, days([100.0, 101.0, 103.0])) == []


def test_a_rise_over_the_lookback_is_offered_every_day_it_lasts() -> None:
    found = run(Momentum(QUICK), BTC, days([100.0, 101.0, 103.0, 104.0, 107.0]))

    assert told(found) == [(4, "buy"), (5, "buy")]
    assert found[0].id == f"momentum:crypto:BTC/USD:{4 * DAY_NS}"
    assert found[0].horizon_s == 86_400


def test_the_flip_asks_once_to_leave() -> None:
    closes = [100.0, 101.0, 103.0, 104.0, 101.0, 90.0, 80.0, 70.0, 95.0, 96.0]

    # Day 5 stands where day 2 stood: what has not risen is left.
    assert told(run(Momentum(QUICK), BTC, days(closes))) == [
        (4, "buy"),
        (5, "sell"),
        (9, "buy"),
        (10, "buy"),
    ]


def test_the_first_judgement_may_be_to_leave() -> None:
    assert told(run(Momentum(QUICK), BTC, days([100.0, 99.0, 98.0, 97.0, 96.0]))) == [(4, "sell")]


def test_confidence_is_the_documented_function_of_strength() -> None:
    closes = [100.0, 102.0, 101.0, 105.0]
    (found,) = run(Momentum(QUICK), BTC, days(closes))

    variance = math.nan
    for before, after in pairwise(closes):
        square = (after / before - 1.0) ** 2
        variance = square if math.isnan(variance) else 0.99 * variance + 0.01 * square
    strength = (105.0 / 100.0 - 1.0) / math.sqrt(3 * variance)
    assert found.confidence == pytest.approx(0.5 + 0.5 * strength / (1.0 + strength), rel=1e-12)
    assert 0.5 < found.confidence < 1.0


def test_the_volatility_ratio_is_above_one_after_a_burst_and_below_in_a_lull() -> None:
    calm = [100.0 + day % 2 + 0.1 * day for day in range(60)]
    wild = [*calm, *(110.0 + 8 * (day % 2) + day for day in range(8))]
    lull = [*wild, *(130.0 + 0.1 * day for day in range(60))]

    ratios = {
        each.at_ns // DAY_NS: (each.volatility_ratio or 0.0)
        for each in run(Momentum(), BTC, days(lull))
    }

    assert ratios[68] > 1.5
    assert ratios[120] < 0.7


def test_a_price_that_never_moved_offers_nothing() -> None:
    assert [each.side for each in run(Momentum(QUICK), BTC, days([100.0] * 9))] == [Side.SELL]


def test_a_coin_is_judged_at_the_first_bar_closed_on_a_utc_day() -> None:
    strategy = Momentum(QUICK)
    hourly = [bar((24 + hour) * HOUR_NS, 100.0 + hour) for hour in range(1, 24 * 5)]

    found = run(strategy, BTC, hourly)

    # The bar that ends at midnight carries the first close of the new day.
    assert [each.at_ns % DAY_NS for each in found] == [0]
    assert found[0].at_ns == 5 * DAY_NS


def test_after_an_outage_over_midnight_the_first_bar_decides() -> None:
    strategy = Momentum(QUICK)
    bars = days([100.0, 101.0, 103.0])
    late = bar(4 * DAY_NS + 5 * HOUR_NS, 104.0)

    assert [each.at_ns for each in run(strategy, BTC, [*bars, late])] == [late.end_ns]
    assert told(run(strategy, BTC, days([105.0], first=5))) == [(5, "buy")]


def test_a_share_is_judged_at_the_close_of_its_session_only() -> None:
    closes = [
        ns(f"2024-03-{day:02d}T{hour}:00:00") for day, hour in ((6, 21), (7, 21), (8, 21), (11, 20))
    ]
    bars = []
    for number, close_ns in enumerate(closes):
        bars += [bar(close_ns - hours * HOUR_NS, 90.0 + number - hours) for hours in (3, 2, 1, 0)]

    found = run(Momentum(QUICK), TQQQ, bars)

    # New York has moved its clocks over the weekend: the session ends an hour earlier in UTC.
    assert [each.at_ns for each in found] == [ns("2024-03-11T20:00:00")]


def test_a_session_without_its_last_bar_gives_no_close() -> None:
    bars = [
        bar(ns("2024-03-06T21:00:00"), 100.0),
        bar(ns("2024-03-07T20:00:00"), 500.0),
        bar(ns("2024-03-08T15:00:00"), 500.0),
        bar(ns("2024-03-08T21:00:00"), 101.0),
        bar(ns("2024-03-11T20:00:00"), 102.0),
        bar(ns("2024-03-12T20:00:00"), 104.0),
    ]

    assert [each.at_ns for each in run(Momentum(QUICK), TQQQ, bars)] == [bars[-1].end_ns]


def test_after_a_long_silence_the_past_is_forgotten_and_a_holding_left() -> None:
    bars = days([100.0, 101.0, 103.0, 104.0])
    back = days([0.5, 0.6, 0.7, 0.8], first=20)

    found = run(Momentum(QUICK), BTC, [*bars, *back])

    assert told(found) == [(4, "buy"), (20, "sell"), (23, "buy")]


def test_a_silence_within_bounds_is_spanned() -> None:
    found = run(Momentum(QUICK), BTC, [*days([100.0, 101.0, 103.0]), *days([104.0], first=10)])

    assert told(found) == [(10, "buy")]


def test_assets_do_not_disturb_each_other() -> None:
    eth = Key("crypto:ETH/USD")
    rising, falling = days([100.0, 101.0, 103.0, 104.0]), days([100.0, 99.0, 98.0, 97.0])
    strategy = Momentum(QUICK)

    found = [
        each
        for up, down in zip(rising, falling, strict=True)
        for each in strategy.on_bars(up.end_ns, [(BTC, up), (eth, down)])
    ]

    assert [(each.key, each.side) for each in found] == [(BTC, Side.BUY), (eth, Side.SELL)]


def test_a_lookback_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="lookback 1: at least 2"):
        Momentum(MomentumConfig(lookback=1))


@settings(max_examples=60)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60))
def test_every_opportunity_is_within_the_bounds_of_the_policy(closes: list[float]) -> None:
    for each in run(Momentum(QUICK), BTC, days(closes)):
        assert 0.5 <= each.confidence <= 1.0
        assert 0.01 <= (each.volatility_ratio or 0.0) <= 100.0


@settings(max_examples=60)
@given(st.lists(st.floats(50.0, 200.0), min_size=5, max_size=40), st.integers(1, 39))
def test_what_comes_later_never_changes_what_was_said(closes: list[float], cut: int) -> None:
    whole = run(Momentum(QUICK), BTC, days(closes))
    shorter = run(Momentum(QUICK), BTC, days(closes[:cut]))

    assert whole[: len(shorter)] == shorter


def test_equal_markets_give_equal_opportunities_and_memory_stays_bounded() -> None:
    recipe = SyntheticMarket(seed=3, days=60, step_s=3600)

    def play() -> tuple[list[Opportunity], Momentum]:
        strategy = Momentum(MomentumConfig(lookback=10))
        return [
            each
            for instant in instants(generate(recipe))
            for each in strategy.on_bars(instant.at_ns, instant.closes)
        ], strategy

    (first, strategy), (second, _) = play(), play()

    assert first == second
    assert {each.side for each in first} == {Side.BUY, Side.SELL}
    assert all(len(asset.closes) <= 11 for asset in strategy._assets.values())
