"""Figures of a sleeve against values found another way; too few days leave them empty."""

import math
from datetime import date, timedelta

import numpy as np
import pytest

from smart_leverage.domain.evidence import EARLY, LATE
from smart_leverage.research.refit import Returns, sleeve_figures
from smart_leverage.research.refit.figures import TARGET_MAX, mean_low, number

T_100 = 1.2901614420
"""Quantile at 90 % of Student's t with 99 degrees of freedom, from a printed table to 4 digits."""


def returns(count: int, mean: float = 0.0, deviation: float = 0.02, *, step: int = 1) -> Returns:
    """Return days that go up and down by turns, so that every sum is known."""
    first = date(2024, 1, 1)
    dates = [(first + timedelta(step * number)).isoformat() for number in range(count)]
    return Returns(dates, [mean + (deviation if n % 2 else -deviation) for n in range(count)])


@pytest.mark.parametrize(
    ("days", "known"),
    [
        pytest.param(0, (), id="none"),
        pytest.param(19, (), id="one-less-than-twenty"),
        pytest.param(20, EARLY, id="twenty"),
        pytest.param(59, EARLY, id="one-less-than-sixty"),
        pytest.param(60, (*EARLY, *LATE), id="sixty"),
    ],
)
def test_a_figure_is_empty_until_there_are_days_enough(days: int, known: tuple[str, ...]) -> None:
    figures = sleeve_figures(returns(days))
    assert figures.days == days
    assert tuple(name for name in (*EARLY, *LATE) if getattr(figures, name)) == known


def test_returns_that_never_differ_say_nothing() -> None:
    assert sleeve_figures(returns(100, 0.01, 0.0)) == sleeve_figures(returns(100, 0.0, 0.0))
    assert not sleeve_figures(returns(100, 0.01, 0.0)).volatility


def test_the_figures_of_a_hundred_days() -> None:
    figures = sleeve_figures(returns(100, 0.004))
    deviation = 0.02 * math.sqrt(100 / 99)
    low = (0.004 - T_100 * deviation / 10) * 365
    theta = low / (deviation * math.sqrt(365))
    assert float(figures.mean_low) == pytest.approx(low, rel=1e-4)
    years = 100 / 365
    shrunk = theta**2 * years / (1 + theta**2 * years)
    assert float(figures.kelly_best) == pytest.approx(shrunk, rel=1e-4)
    # Of Student's distribution with 4 degrees: 5.65 % at 2 %, from the reference; sample 1.6 %.
    assert float(figures.es_per_unit) == pytest.approx(0.0565 * deviation / 0.02, rel=2e-3)
    assert 0.0 < float(figures.volatility_target) <= TARGET_MAX


def test_the_worst_day_of_the_sample_counts_where_it_is_worse_than_student() -> None:
    calm = returns(40, deviation=0.001)
    values = [*calm.values[:-1], -0.2]
    assert float(sleeve_figures(calm._replace(values=values)).es_per_unit) == pytest.approx(0.2)


def test_volatility_forgets_and_is_annualised_by_the_days_there_are() -> None:
    every_day, weekly = sleeve_figures(returns(40)), sleeve_figures(returns(40, step=7))
    assert float(every_day.volatility) == pytest.approx(0.02 * math.sqrt(365))
    assert float(weekly.volatility) == pytest.approx(0.02 * math.sqrt(252))  # Mondays only
    calmer = returns(80)._replace(values=[0.05, -0.05] * 20 + [0.01, -0.01] * 20)
    assert float(sleeve_figures(calmer).volatility) == pytest.approx(
        math.sqrt((0.05**2 * 0.94**40 + 0.01**2 * (1 - 0.94**40)) * 365)
    )


@pytest.mark.parametrize(
    ("mean", "target"),
    [
        pytest.param(-0.002, 0.044, id="without-an-edge"),
        pytest.param(0.02, TARGET_MAX, id="with-more-than-is-believed"),
    ],
)
def test_the_volatility_target_is_that_of_the_drawdown_budget(mean: float, target: float) -> None:
    """4.4 % is the printed value at a Sharpe ratio of 0, of which nothing below it is asked."""
    figures = sleeve_figures(returns(100, mean))
    assert float(figures.volatility_target) == pytest.approx(target, abs=0.0005)


def test_the_lower_bound_lies_below_the_mean_in_nine_of_ten_records() -> None:
    rng = np.random.default_rng(7)
    truth = 0.001 * 365
    bounds = [mean_low(rng.normal(0.001, 0.02, 60).tolist(), 365).low for _ in range(2_000)]
    assert np.mean([low <= truth for low in bounds]) == pytest.approx(0.9, abs=0.025)


def test_without_an_edge_kelly_is_nothing() -> None:
    figures = sleeve_figures(returns(100, -0.001))
    assert float(figures.mean_low) < 0.0
    assert float(figures.kelly_best) == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1 + 0.2, "0.3"), (math.nan, ""), (math.inf, ""), (-0.5, "-0.5"), (1 / 3, "0.3333333333")],
)
def test_a_figure_is_text_of_ten_digits(value: float, text: str) -> None:
    assert number(value) == text
