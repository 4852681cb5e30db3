"""Figures of a course that can be worked out by hand."""

import math

import numpy as np
import pytest

from smart_leverage.research.compare.figures import figures_of, month_returns, years_of
from smart_leverage.research.compare.running import Course


def course(days: list[list[float]], start: float = 100.0, **more: float) -> Course:
    """Return a course whose days have these marks."""
    marks = [value for day in days for value in day]
    counts = [len(day) for day in days]
    zeros = np.zeros(len(marks))
    lasts = [start]
    for day in days:
        lasts.append(day[-1] if day else lasts[-1])
    return Course(
        start=start,
        at=np.arange(len(marks)),
        equity=np.array(marks),
        exposure=zeros + 0.25,
        exposure_crypto=zeros + 0.125,
        cap_crypto=zeros + 0.4,
        is_halted=np.arange(len(marks)) < 2,
        mark_day=np.repeat(np.arange(len(days)), counts),
        day_equity=np.array(lasts[1:]),
        traded=more.get("traded", 0.0),
        fees=more.get("fees", 0.0),
        trades=3,
        records=0,
        curves=0,
    )


def test_growth_falls_and_costs_of_a_short_course() -> None:
    one = course([[110.0, 99.0], [108.0], [], [103.5]], traded=2.0, fees=0.01)
    found = figures_of(one, np.array([0, 0, 1, 1]))
    assert found.growth == pytest.approx(1.035 ** (365.25 / 4) - 1.0)
    assert found.drawdown == pytest.approx(0.1), "from the mark of 110, inside the day"
    assert found.turnover == pytest.approx(2.0 * 365.25 / 4)
    assert found.fees == pytest.approx(0.01 * 365.25 / 4)
    assert (found.exposure, found.exposure_crypto, found.cap_crypto) == (0.25, 0.125, 0.4)
    assert found.halted == 0.5
    assert one.log_returns[2] == 0.0, "a day without marks changed nothing"
    # The worst 2.5 % of four days are a tenth of the worst one.
    assert found.shortfall == pytest.approx(1.0 - 103.5 / 108.0)
    for name in ("calm", "good_months", "both", "year_low", "fall_low", "fall_high"):
        assert math.isnan(getattr(found, name)), f"{name}: no whole year and no whole month"
    assert (found.years, found.months) == (0, 0)


def test_a_fall_counts_from_the_equity_before_the_first_day() -> None:
    assert figures_of(course([[90.0]] * 2), np.zeros(2, dtype=int)).drawdown == pytest.approx(0.1)


def test_every_stretch_of_365_days_is_a_year() -> None:
    days = [[100.0]] * 10 + [[100.0, 95.0, 130.0]] + [[130.0]] * 354 + [[200.0]]
    found = years_of(course(days))
    assert found.growth.tolist() == pytest.approx([0.3, 1.0])
    assert found.fall.tolist() == pytest.approx([0.05, 0.05])
    told = figures_of(course(days), np.zeros(366, dtype=int))
    assert (told.years, told.calm, told.both) == (2, 1.0, 0.5), "one made 79.6 %"


def test_a_wild_year_is_no_calm_one_however_much_it_made() -> None:
    days = [[100.0]] * 10 + [[91.9]] + [[200.0]] * 355
    found = figures_of(course(days), np.zeros(366, dtype=int))
    assert (found.calm, found.both) == (0.0, 0.0)
    edge = figures_of(course([[100.0]] * 10 + [[92.5]] + [[200.0]] * 355), np.zeros(366, dtype=int))
    assert (edge.calm, edge.both) == (1.0, 1.0)


def test_only_whole_months_count() -> None:
    one = course([[100.0], [101.0], [103.0], [107.0], [106.05], [112.0], [500.0]])
    months = np.array([0, 0, 1, 1, 2, 2, 3])
    assert month_returns(one, months).tolist() == pytest.approx([107 / 101 - 1, 112 / 107 - 1])
    assert figures_of(one, months).good_months == 0.5, "4.7 % is none"


def test_a_year_falls_from_the_equity_that_it_begins_with() -> None:
    days = [[100.0], [94.0], [94.0], *([[97.0]] * 364)]
    found = years_of(course(days))
    assert found.fall.tolist() == pytest.approx([0.06, 0.06, 0.0])
    assert found.growth.tolist() == pytest.approx([-0.03, -0.03, 97 / 94 - 1])
