"""What is told apart is apart, what is luck is not, and the search among many is counted."""

import math

import numpy as np
import pytest
from arch.bootstrap import MCS

from smart_leverage.domain.errors import BadData
from smart_leverage.research.compare.judging import judge
from smart_leverage.research.kernel.results import Floats
from smart_leverage.research.verify.resampling import stationary_mean_variance
from smart_leverage.research.verify.sharpe import (
    expected_max_sharpe,
    moments,
    probabilistic_sharpe,
)

DAYS, COUNT = 600, 400


def noise(columns: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0.0, 0.01, (DAYS, columns))


def shifted(*means: float, seed: int = 1, common: float = 0.0) -> Floats:
    """Return columns of those means, exactly, with a part that all share."""
    own = noise(len(means), seed)
    shared = noise(1, seed + 50) * common
    found = own + shared
    return np.asarray(found - found.mean(axis=0) + np.array(means))


def test_what_is_far_apart_is_ranked() -> None:
    judged = judge(shifted(0.0, 0.004, -0.004), count=COUNT)
    assert [tuple(rank) for rank in judged.ranks] == [(2, 2), (1, 1), (3, 3)]
    assert judged.best == [1]
    assert all(pair.p == 0.0 for pair in judged.pairs)
    assert judged.spa < 0.02


def test_what_is_alike_is_not_ranked() -> None:
    judged = judge(shifted(0.0, 0.0001, -0.0001), count=COUNT)
    assert [tuple(rank) for rank in judged.ranks] == [(1, 3)] * 3
    assert judged.best == [0, 1, 2]
    assert judged.spa > 0.2


def test_a_rank_may_be_known_in_part() -> None:
    judged = judge(shifted(0.0, 0.0001, 0.006), count=COUNT)
    assert [tuple(rank) for rank in judged.ranks] == [(2, 3), (2, 3), (1, 1)]


def test_days_that_all_share_do_not_hide_a_difference() -> None:
    apart = shifted(0.0, 0.0008, common=20.0)
    apart[:, 1] = apart[:, 0] + 0.0008 + 0.1 * noise(1, 9)[:, 0]
    assert judge(apart, count=COUNT).best == [1]
    assert judge(shifted(0.0, 0.0008), count=COUNT).best == [0, 1], "unpaired it is luck"


def test_the_more_pairs_are_looked_at_the_more_one_has_to_show() -> None:
    two = judge(shifted(0.0, 0.0012), count=COUNT).pairs[0].p
    ten = judge(np.column_stack([shifted(0.0, 0.0012), noise(8, 3)]), count=COUNT).pairs[0].p
    assert two < 0.1 < ten


def test_a_fluke_among_many_is_rarely_called_a_winner() -> None:
    """At 90 % at most one search in ten may find something where there is nothing."""
    found = 0
    for seed in range(20):
        returns = np.random.default_rng(100 + seed).normal(0.0, 0.01, (250, 6))
        judged = judge(returns, count=200)
        found += any(pair.p <= 0.1 for pair in judged.pairs)
    assert found <= 5


def test_the_confidence_set_of_arch_keeps_and_drops_the_same() -> None:
    for means in ((0.0, 0.004, -0.004), (0.0, 0.0001, -0.0001), (0.0, 0.0001, 0.006)):
        returns = shifted(*means)
        judged = judge(returns, count=COUNT)
        theirs = MCS(-returns, 0.1, COUNT, block_size=max(round(judged.block), 1), seed=3)
        theirs.compute()
        assert judged.best == theirs.included


def test_intervals_are_those_of_the_means() -> None:
    returns = shifted(0.0002, 0.0006)
    judged = judge(returns, count=2_000)
    value = math.expm1(0.0006 * 365.25)
    assert judged.growth[1].value == pytest.approx(value)
    error = math.sqrt(stationary_mean_variance(returns[:, 1], judged.block).variance_of_mean)
    width = math.log1p(judged.growth[1].upper) - math.log1p(judged.growth[1].lower)
    assert width == pytest.approx(2 * 1.645 * error * 365.25, rel=0.1)
    assert judged.difference[0] == (0.0, 0.0, 0.0), "the baseline itself"
    assert judged.difference[1].value == pytest.approx(math.expm1(0.0004 * 365.25))


def test_policies_that_did_the_same_are_not_told_apart() -> None:
    one = shifted(0.0, 0.004)
    judged = judge(np.column_stack([one[:, 0], one[:, 0], one[:, 1]]), count=COUNT)
    assert judged.pairs[0].p == 1.0
    assert [tuple(rank) for rank in judged.ranks] == [(2, 3), (2, 3), (1, 1)]
    alike = judge(np.column_stack([one[:, 0]] * 2), count=COUNT)
    assert math.isnan(alike.spa)
    assert alike.best == [0, 1]


def test_the_sharpe_ratio_is_deflated_by_the_number_of_policies() -> None:
    two, ten = shifted(0.0, 0.0006), np.column_stack([shifted(0.0, 0.0006), noise(8, 3)])
    few, many = judge(two, count=COUNT), judge(ten, count=COUNT)
    simple = np.expm1(two[:, 1])
    ratio = simple.mean() / simple.std(ddof=1)
    assert few.sharpe[1] == many.sharpe[1] == pytest.approx(ratio * math.sqrt(365.25))
    assert few.deflated[0] < few.deflated[1]
    spread = float(np.var([*map(daily, two.T)], ddof=1))
    bar = expected_max_sharpe(2, spread)
    skewness, kurtosis = moments(simple)
    expected = probabilistic_sharpe(ratio, bar, DAYS, skewness, kurtosis)
    assert few.deflated[1] <= expected + 1e-12
    assert few.deflated[1] == pytest.approx(expected, abs=0.05)
    assert many.deflated[1] != few.deflated[1]


def daily(column: Floats) -> float:
    simple = np.expm1(column)
    return float(simple.mean() / simple.std(ddof=1))


def test_an_account_that_never_moved_has_no_sharpe_ratio() -> None:
    judged = judge(np.column_stack([np.zeros(DAYS), shifted(0.0006)]), count=COUNT)
    assert math.isnan(judged.sharpe[0])
    assert math.isnan(judged.deflated[0])
    assert math.isfinite(judged.deflated[1])


def test_one_seed_gives_one_answer() -> None:
    returns = shifted(0.0, 0.001)
    assert judge(returns, seed=4, count=COUNT) == judge(returns, seed=4, count=COUNT)
    assert judge(returns, seed=4, count=COUNT) != judge(returns, seed=5, count=COUNT)


def test_what_says_nothing_is_refused() -> None:
    with pytest.raises(BadData, match="29 days are too few"):
        judge(noise(2)[:29])
    with pytest.raises(BadData, match="no policy ever held anything"):
        judge(np.zeros((40, 2)))
