"""A new account under `steady` has no evidence of anything, and must be able to earn some."""

import random
from array import array

import numpy as np
import pytest

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel import Setup, columns_of, run
from smart_leverage.research.kernel.results import Run
from smart_leverage.research.kernel.signals import from_arrays
from smart_leverage.settings import load
from smart_leverage.wiring.policy import policy_of

STEADY = policy_of(load(None, {"SMART_LEVERAGE_POLICY__PRESET": "steady"}).settings)
COINS = ("BTC/USD", "ETH/USD", "SOL/USD")
HOURS = 90 * 24
HELD = 12
"""Hours between a purchase and the sale."""

FIRST_NS = 450_000 * HOUR_NS


def coin(name: str, chance: random.Random) -> BarSeries:
    """Return a coin that wanders by 1.2 % an hour."""
    instrument = Registry.builtin().resolve(name)
    price, opens, closes = float(instrument.reference_price), [], []
    for _ in range(HOURS):
        opens.append(round(price, 6))
        price *= 1.0 + chance.gauss(0.0, 0.012)
        closes.append(round(price, 6))
    starts = [FIRST_NS + hour * HOUR_NS for hour in range(HOURS)]
    return BarSeries(
        key=instrument.key,
        step_ns=HOUR_NS,
        starts=array("q", starts),
        ends=array("q", [start + HOUR_NS for start in starts]),
        opens=array("d", opens),
        highs=array("d", map(max, opens, closes)),
        lows=array("d", map(min, opens, closes)),
        closes=array("d", closes),
        volumes=array("d", [1.0] * HOURS),
        source=Source("a coin that wanders", ""),
    )


def lived(seed: int, skill: float) -> Run:
    """Return the life of an account whose source buys what rises in so many of a hundred cases."""
    chance = random.Random(seed)
    series = sorted((coin(name, chance) for name in COINS), key=lambda each: each.key)
    rows: list[tuple[int, int, bool]] = []
    for place, each in enumerate(series):
        for hour in range(48, HOURS - HELD - 2, 2 * HELD):
            does_rise = each.closes[hour + HELD] > each.closes[hour]
            if does_rise == (chance.random() < skill):
                rows += [(hour, place, True), (hour + HELD, place, False)]
    rows.sort()
    at = np.array([FIRST_NS + (hour + 1) * HOUR_NS for hour, _, _ in rows], dtype=np.int64)
    bars = columns_of(series)
    signals = from_arrays(
        bars,
        at,
        np.array([place for _, place, _ in rows], dtype=np.int64),
        np.array([is_buy for *_, is_buy in rows]),
        np.full(len(rows), 0.7),
        np.full(len(rows), 1.0),
    )
    return run(bars, signals, STEADY, Setup())


@pytest.mark.parametrize("seed", range(4))
def test_with_a_good_source_it_makes_its_first_round_trip_and_its_first_rise(seed: int) -> None:
    life = lived(seed, skill=0.8)
    assert life.metrics.trades[0] > 20
    assert life.curve["tier"][0] == Tier.LEARNING
    assert life.curve["tier"].max() > Tier.LEARNING
    first = int(np.argmax(life.curve["tier"] > Tier.LEARNING))
    closed = int((life.trades["at"] <= life.curve["at"][first]).sum())
    assert closed >= STEADY.record.trades_min_1


@pytest.mark.parametrize("seed", range(4))
def test_with_a_source_that_is_wrong_it_never_rises(seed: int) -> None:
    life = lived(seed, skill=0.4)
    assert life.metrics.trades[0] > 20
    assert life.curve["tier"].max() == Tier.LEARNING
