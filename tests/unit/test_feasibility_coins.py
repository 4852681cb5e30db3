"""Rules on days that happened: by hand on a few, and the published figures on real coins."""

from datetime import date, timedelta

import numpy as np
import pytest
from tests.conftest import MARKET_DATA

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.registry import Registry
from smart_leverage.market.files import Reading, load
from smart_leverage.research.feasibility.coins import (
    WARM_UP,
    YEAR,
    Book,
    Coins,
    closes_of,
    coins_of,
    played,
    rules,
)
from smart_leverage.research.feasibility.histories import Target
from smart_leverage.research.feasibility.tables import resampled_row
from smart_leverage.research.numbers import FloatArray

TARGET = Target()
DAYS = WARM_UP + YEAR + 40


def dates(number: int) -> list[date]:
    return [date(2020, 1, 1) + timedelta(days=each) for each in range(number)]


def flat(number: int = DAYS, coins: int = 2) -> FloatArray:
    return np.full((number, coins), 100.0)


def test_a_purchase_costs_once_and_a_rise_is_shared_by_what_is_held() -> None:
    """Two fifths in two coins cost 0.1 % of 0.4; one of them doubles on the last day: +20 %."""
    closes = flat()
    closes[-1, 0] = 200.0
    found = played(rules()["40 % always"], coins_of(dates(DAYS), closes), TARGET)
    days = DAYS - 1 - WARM_UP
    assert 1.0 + found.growth == pytest.approx(((1 - 0.0004) * 1.2) ** (YEAR / days), rel=1e-12)
    assert found.fall == pytest.approx(0.0004, rel=1e-9)
    assert (found.below, found.total) == (1.0, 0.0)
    assert found.exposure == pytest.approx(0.4)


def test_a_timed_coin_is_held_the_day_after_a_close_above_its_mean() -> None:
    closes = flat()
    closes[300:, 1] = 103.0
    coins = coins_of(dates(DAYS), closes, average=3)
    assert not coins.is_held[:, 0].any()
    # Day 300 of the returns comes after close 300; three closes later the mean has caught up.
    assert np.flatnonzero(coins.is_held[:, 1]).tolist() == [300, 301]


def test_nothing_knows_the_day_that_it_decides() -> None:
    source = np.random.default_rng(3)
    steps = source.normal(0.001, 0.03, (DAYS, 2))
    closes = np.asarray(100.0 * np.cumprod(1.0 + steps, axis=0), dtype=np.float64)
    other = closes.copy()
    other[WARM_UP + 200 :] *= 0.5
    for average in (0, 20):
        first, second = (coins_of(dates(DAYS), each, average=average) for each in (closes, other))
        for name in rules():
            seen = [exposures(name, coins, WARM_UP + 200) for coins in (first, second)]
            assert seen[0] == seen[1]


def exposures(name: str, coins: Coins, until: int) -> list[float]:
    """Return what a rule allows before each day up to one whose return differs."""
    rule, book, found = rules()[name], Book(coins), []
    for day in range(WARM_UP, until):
        found.append(rule(book))
        book.wealth.append(book.wealth[-1] * (1.0 + found[-1] * book.sleeve[day]))
        book.now = day + 1
    return found


@pytest.mark.parametrize(
    ("drop", "says"), [(slice(0, WARM_UP), "too few"), (slice(300, 301), "follows on")]
)
def test_a_history_that_is_too_short_or_has_a_hole_is_refused(drop: slice, says: str) -> None:
    days = dates(DAYS)
    del days[drop]
    with pytest.raises(BadData, match=says):
        coins_of(days, flat(len(days)))


@pytest.fixture(scope="module")
def real() -> tuple[list[date], FloatArray]:
    """Daily closes of both coins, from the summer of 2017 to the end of 2023."""
    files = [MARKET_DATA / "crypto" / f"{name}-USDT.1d.parquet" for name in ("BTC", "ETH")]
    return closes_of(load(files, Registry.builtin(), reading=Reading(quote_alias={"USDT": "USD"})))


@pytest.mark.needs("market-data")
@pytest.mark.parametrize(
    ("average", "name", "published"),
    [
        (0, "40 % always", (0.17, 0.53, 0.00, 0.21)),
        (0, "classic", (0.19, 0.45, 0.00, 0.21)),  # 0.203 here: a day more or less of 1,840
        (0, "steady, m 4", (0.09, 0.08, 1.00, 0.00)),
        (50, "40 % always", (0.22, 0.27, 0.07, 0.19)),
        (50, "classic", (0.27, 0.25, 0.07, 0.20)),
        (50, "steady, m 4", (0.08, 0.07, 1.00, 0.00)),
    ],
)
def test_what_rules_made_of_real_coins(real, average: int, name: str, published) -> None:
    """Growth a year, deepest fall, windows below 8 %, windows of 79.6 %: to the last digit told."""
    days, closes = real
    found = played(rules()[name], coins_of(days, closes, average=average), TARGET)
    slack = 0.0075 if (average, name) == (0, "classic") else 0.005
    assert found[:3] == pytest.approx(published[:3], abs=0.005)
    assert found.total == pytest.approx(published[3], abs=slack)
    assert found.joint == 0.0  # no rule had one window with both


@pytest.mark.needs("market-data")
def test_under_the_peak_of_all_times_it_stays_at_the_floor_for_years(real) -> None:
    days, closes = real
    found = played(rules()["steady, peak of all times"], coins_of(days, closes), TARGET)
    assert found.growth == pytest.approx(-0.01, abs=0.005)
    assert found.exposure < 0.01


@pytest.mark.needs("market-data")
@pytest.mark.parametrize(
    ("sharpe", "known"),
    [
        (1.0, ((0.02, 23, 0.31), (0.01, 23, 0.31), (0.97, 6, 0.08), (1.00, 6, 0.06))),
        (2.0, ((0.05, 55, 0.40), (0.01, 64, 0.44), (0.96, 18, 0.14), (1.00, 16, 0.11))),
    ],
)
def test_policies_on_blocks_of_real_coins(real, sharpe: float, known) -> None:
    """What is constant agrees within its error; rules that look back are off by a little more.

    The published index is not named. On BTC and ETH in equal parts, with 4,000 paths, `classic`
    has a median 3 and 4 points lower, and `steady` with m 4 stays below in 0.025 fewer of the
    years; its months and those with m 2.8 make the target in 0.015 fewer.
    """
    closes = real[1]
    index = (closes[1:] / closes[:-1] - 1.0).mean(axis=1)
    row = resampled_row("crypto blocks", index, sharpe, paths=2000)
    for place, (cell, (below, median, month)) in enumerate(zip(row.cells, known, strict=True)):
        apart = 0.025 if place else 0.0
        assert cell.below == pytest.approx(below, abs=0.01 + apart + 2.0 * row.error)
        assert cell.month == pytest.approx(month, abs=0.02 + 2.0 * row.error)
        points = (4.0 if place == 1 else 0.0) + 1.5 + 0.06 * abs(median)
        assert 100.0 * cell.median == pytest.approx(median, abs=points)
