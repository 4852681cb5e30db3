"""The best of all rules: its value, its simulation, and where it lies among the others."""

import numpy as np
import pytest

from smart_leverage.research.feasibility.answer import most
from smart_leverage.research.feasibility.best_rule import Goal, best_rule, best_rule_value
from smart_leverage.research.feasibility.histories import Target
from smart_leverage.research.feasibility.joint import surplus_policy_joint


@pytest.mark.parametrize(
    ("sharpe", "known"), [(1.0, 0.027), (2.0, 0.15), (3.0, 0.47), (4.0, 0.81), (6.0, 1.00)]
)
def test_it_is_that_of_another_dynamic_programme(sharpe: float, known: float) -> None:
    """Another grid, another bound of the volatility: they agree to what both of them leave open."""
    assert best_rule_value(Goal(sharpe)) == pytest.approx(known, abs=0.015)


@pytest.mark.parametrize(
    "goal",
    [
        pytest.param(Goal(3.0), id="a-year"),
        pytest.param(Goal(2.0, months=1), id="a-month"),
        pytest.param(Goal(1.0, monthly=0.01, drawdown=0.15, days=365), id="coins-and-more-room"),
        pytest.param(Goal(0.0, monthly=0.002, drawdown=0.3), id="a-goal-nearer-than-the-floor"),
    ],
)
def test_a_simulation_of_it_makes_what_the_grid_says(goal: Goal) -> None:
    paths = 20_000
    rule = best_rule(goal, keeps=True)
    error = np.sqrt(rule.value * (1.0 - rule.value) / paths)
    assert rule.simulated(paths) == pytest.approx(rule.value, abs=0.01 + 2.0 * error)


def test_it_lies_between_a_simple_rule_and_what_no_sizing_passes() -> None:
    target = Target()
    for sharpe in (1.0, 3.0):
        value = best_rule_value(Goal(sharpe))
        simple = surplus_policy_joint(sharpe, 3.75 / sharpe, 0.92, 3.0, paths=4000).joint
        assert simple - 0.015 < value < most(sharpe, target)


@pytest.mark.parametrize("target", [Target(0.001, 0.5), Target(0.05, 0.08)])
def test_without_an_edge_a_bet_at_once_is_the_bound(target: Target) -> None:
    start = target.drawdown / ((1.0 + target.monthly) ** 12 - 1.0 + target.drawdown)
    assert most(-3.0, target) == most(0.0, target) == pytest.approx(start)
    assert best_rule_value(Goal(-1.0, target.monthly, target.drawdown)) <= start + 0.01


def test_more_skill_more_time_and_more_room_never_hurt() -> None:
    values = [
        best_rule_value(goal)
        for goal in (
            Goal(1.0, 0.01, 0.15, 3),
            Goal(2.0, 0.01, 0.15, 3),
            Goal(2.0, 0.01, 0.30, 3),
            Goal(2.0, 0.005, 0.30, 3),
        )
    ]
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (Goal(float("nan")), "sharpe"),
        (Goal(1.0, monthly=0.0), "monthly"),
        (Goal(1.0, drawdown=1.0), "drawdown"),
        (Goal(1.0, months=0), "months"),
    ],
)
def test_what_is_no_goal_is_refused(goal: Goal, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        best_rule(goal)
