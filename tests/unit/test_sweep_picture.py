"""Pictures of a sweep: well-formed, complete, and true to the table."""

import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest

from smart_leverage.research.sweep.picture import pictures, spread
from smart_leverage.research.sweep.plan import Plan, plan_of
from smart_leverage.research.sweep.tables import best_of, judged

SVG = "{http://www.w3.org/2000/svg}"
OBJECTIVES = ["growth_bounded", "shortfall"]


def swept(space: dict, growth, drawdown=None, shortfall=None) -> tuple[Plan, pl.DataFrame]:  # type: ignore[type-arg]
    """Return a plan and a result whose figures are made up."""
    plan = plan_of({"space": space, "objectives": OBJECTIVES})
    points = plan.points()
    figures = {
        "growth": np.array(growth, dtype=float),
        "drawdown": np.full(len(points), 0.01) if drawdown is None else np.array(drawdown),
        "shortfall": np.arange(len(points), dtype=float) if shortfall is None else shortfall,
    }
    columns = {axis.key: points[:, place] for place, axis in enumerate(plan.space.axes)}
    table = pl.DataFrame({"set": np.arange(1, len(points) + 1), **columns, **figures})
    return plan, judged(plan, table.fill_nan(None).with_columns(fault=pl.lit("")))


TWO = {"limits.symbol_cap": [0.1, 0.2, 0.3], "stops.distance_min": [0.01, 0.02]}


def test_a_map_has_a_cell_per_combination_and_outlines_the_best() -> None:
    plan, table = swept(TWO, [0.1, 0.2, 0.9, 0.3, 0.2, 0.1])
    drawn = ET.fromstring(pictures(plan, table)["map"])
    titles = [str(each.text) for each in drawn.iter(f"{SVG}title")]
    assert sorted(titles)[2] == "set 3: growth_bounded 0.9"
    assert len(titles) == 6
    outlined = [each for each in drawn.iter(f"{SVG}rect") if each.get("class") == "best"]
    assert len(outlined) == 1
    best = next(
        each for each in drawn.iter(f"{SVG}rect") if (t := each.find(f"{SVG}title")) is not None
        and t.text == "set 3: growth_bounded 0.9"
    )  # fmt: skip
    assert [outlined[0].get(name) for name in "xy"] == [best.get(name) for name in "xy"]


def test_a_map_of_many_numbers_takes_the_two_that_matter_most() -> None:
    space = {"limits.symbol_cap": [0.1, 0.2], "stops.distance_min": [0.01, 0.02]}
    space["sizing.base_share"] = [0.01, 0.02]
    plan, _ = swept(space, [0.0] * 8)
    points = plan.points()
    plan, table = swept(space, 5 * points[:, 0] + 90 * points[:, 2])
    title = ET.fromstring(pictures(plan, table)["map"]).find(f"{SVG}text")
    assert title is not None
    assert title.text == "growth_bounded by limits.symbol_cap and sizing.base_share"


def test_what_breaks_the_bound_or_is_not_known_takes_no_colour() -> None:
    growth = [0.1, 0.2, 9.0, np.nan, 0.2, 0.1]
    plan, table = swept(TWO, growth, drawdown=[0.01, 0.01, 0.5, 0.01, 0.01, 0.01])
    drawn = ET.fromstring(pictures(plan, table)["map"])
    grey = [each for each in drawn.iter(f"{SVG}rect") if each.get("class") == "none"]
    assert len(grey) == 2


def test_parallel_lines_are_drawn_for_every_known_set() -> None:
    plan, table = swept(TWO, [0.1, 0.2, 0.9, np.nan, 0.2, 0.1])
    drawn = ET.fromstring(pictures(plan, table)["parallel"])
    assert len([each for each in drawn.iter(f"{SVG}path") if each.get("class") == "path"]) == 5


def test_the_front_joins_what_nothing_beats() -> None:
    plan, table = swept(TWO, [0.1, 0.2, 0.3, 0.1, 0.1, 0.1])
    drawn = ET.fromstring(pictures(plan, table)["front"])
    rings = [each for each in drawn.iter(f"{SVG}circle") if each.get("class") == "front"]
    assert len(rings) == table["front"].sum() == 3


def test_one_number_makes_a_curve_and_no_known_set_makes_nothing() -> None:
    one = {"limits.symbol_cap": [0.1, 0.2]}
    assert "curve" in pictures(*swept(one, [0.1, 0.2]))
    assert pictures(*swept(one, [np.nan, np.nan])) == {}


def test_equal_sets_are_ranked_by_the_next_objective() -> None:
    plan, table = swept(TWO, [0.1] * 6, shortfall=np.array([5.0, 4.0, 1.0, 2.0, 3.0, 6.0]))
    assert best_of(plan, table) == 2


@pytest.mark.parametrize(("best", "near"), [(2, {0.0, 3.0, 4.0}), (0, {1.0, 2.0})])
def test_neighbours_are_one_step_away(best: int, near: set[float]) -> None:
    plan, table = swept(TWO, np.arange(6.0))
    assert set(spread(plan, table, best, count=len(near))) == near


def test_sets_without_a_growth_are_no_neighbours() -> None:
    plan, table = swept(TWO, [0.0, np.nan, 2.0, 3.0, 4.0, 5.0])
    assert np.isfinite(spread(plan, table, 0)).all()
