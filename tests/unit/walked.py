"""A small market to walk through, shared by the tests of the walk."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import numpy as np

from smart_leverage.market.bars import BarSeries
from smart_leverage.market.recipe import ASSETS, SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.kernel import Setup, columns_of, signals_of
from smart_leverage.research.walk_forward import Candidate, Scheme, WindowDone, Work, walk
from smart_leverage.strategies.momentum import Momentum

SCHEME = Scheme(train_days=60, test_days=20, purge_days=3, embargo_days=4, folds=3)
DAYS = 150
CANDIDATES = (
    Candidate("classic", CLASSIC),
    Candidate("small", CLASSIC._replace(sizing=CLASSIC.sizing._replace(base_share=0.01))),
    Candidate("near", CLASSIC._replace(stops=CLASSIC.stops._replace(distance_max=0.041))),
)


@cache
def market() -> tuple[BarSeries, ...]:
    coins = tuple(each for each in ASSETS if each.key in ("crypto:BTC/USD", "crypto:ETH/USD"))
    recipe = SyntheticMarket(
        seed=11, first_day=date(2023, 1, 2), days=DAYS, step_s=3600, assets=coins
    )
    return tuple(generate(recipe))


def work_over(
    series: Sequence[BarSeries],
    candidates: Sequence[Candidate] = CANDIDATES,
    scheme: Scheme = SCHEME,
) -> Work:
    bars = columns_of(series)
    signals = signals_of([Momentum()], series, bars)
    return Work(bars, signals, candidates, scheme, Setup(resumes_monthly=True))


@cache
def work() -> Work:
    return work_over(market())


@cache
def done() -> tuple[WindowDone, ...]:
    return tuple(walk(work(), threads=1))


def equal(one: WindowDone, other: WindowDone) -> bool:
    """Tell whether two windows are the same, to the last bit; NaN is equal to itself."""
    from msgspec import msgpack

    return msgpack.encode(one) == msgpack.encode(other)


def same(one: Sequence[float], other: Sequence[float]) -> bool:
    return np.array_equal(np.array(one), np.array(other), equal_nan=True)
