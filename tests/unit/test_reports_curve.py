"""Returns, falls and ratios of a curve, against values worked out by hand."""

import math

import pytest

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.reports.curve import (
    closes,
    falls,
    mean_over_time,
    sharpe,
    sharpe_interval,
    sortino,
    underwater,
    volatility,
)

CHANGES = [0.01, -0.01, 0.03]
"""Mean 1 %, standard deviation 2 %, downside deviation √(0.0001 ÷ 3)."""


def test_a_period_is_counted_from_the_last_mark_before_it() -> None:
    times = [0, DAY_NS // 2, DAY_NS, DAY_NS * 3 // 2, 3 * DAY_NS]
    found = closes(times, [1.0, 1.2, 1.1, 1.32, 0.66], RiskCalendar("UTC").day_of)
    # The third mark lies on midnight and begins the second day.
    assert [day.label for day in found] == ["1970-01-01", "1970-01-02", "1970-01-04"]
    assert [day.nav for day in found] == [1.2, 1.32, 0.66]
    assert [day.change for day in found] == pytest.approx([0.2, 0.1, -0.5])


def test_periods_compound_to_the_whole() -> None:
    navs = [1.0, 1.1, 0.9, 1.3, 1.25]
    found = closes([day * DAY_NS for day in range(5)], navs, RiskCalendar("UTC").day_of)
    assert math.prod(1.0 + day.change for day in found) == pytest.approx(1.25)


def test_each_fall_lasts_from_its_high_to_the_next_one() -> None:
    found = falls([0, 1, 2, 3, 4, 5], [1.0, 0.9, 1.0, 1.2, 0.6, 0.9])
    assert [(fall.high_ns, fall.low_ns, fall.end_ns) for fall in found] == [(0, 1, 2), (3, 4, None)]
    assert [fall.depth for fall in found] == pytest.approx([0.1, 0.5])


def test_an_open_fall_lasts_until_now() -> None:
    (fall,) = falls([0, DAY_NS], [1.0, 0.9])
    assert fall.days(3 * DAY_NS) == 3.0


def test_a_curve_that_only_rises_never_falls() -> None:
    assert falls([0, 1, 2], [1.0, 1.0, 1.5]) == []
    assert underwater([1.0, 1.0, 1.5]) == [0.0, 0.0, 0.0]


def test_under_water_is_the_distance_to_the_best_point_before() -> None:
    assert underwater([1.0, 2.0, 1.5, 2.0, 1.0]) == [0.0, 0.0, -0.25, 0.0, -0.5]


def test_ratios_by_hand() -> None:
    assert volatility(CHANGES, 252) == pytest.approx(0.02 * math.sqrt(252))
    assert sharpe(CHANGES, 365) == pytest.approx(0.5 * math.sqrt(365))
    assert sortino(CHANGES, 252) == pytest.approx(math.sqrt(3) * math.sqrt(252))


def test_the_interval_of_the_sharpe_ratio_by_hand() -> None:
    # One period's ratio is 0.5 over n = 3: the standard error is √((1 + 0.125) ÷ 3) = 0.612372.
    interval = sharpe_interval(CHANGES, 1)
    assert interval == pytest.approx(
        (0.5 - 1.644854 * 0.612372, 0.5 + 1.644854 * 0.612372), abs=1e-5
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([], id="no-day"),
        pytest.param([0.01], id="one-day"),
        pytest.param([0.0, 0.0, 0.0], id="nothing-moved"),
    ],
)
def test_a_ratio_without_a_spread_is_not_known(changes: list[float]) -> None:
    assert sharpe(changes, 365) is None
    assert sharpe_interval(changes, 365) is None
    assert sortino(changes, 365) is None


def test_a_value_holds_until_the_next_one() -> None:
    assert mean_over_time([0, 10, 40], [1.0, 2.0, 99.0]) == pytest.approx(70 / 40)
    assert mean_over_time([5], [1.0]) is None
    assert mean_over_time([], []) is None
