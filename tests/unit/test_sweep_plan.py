"""A plan in TOML: what is understood, and what is refused with what would be right."""

from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.plan import plan_of, read_plan

SPACE = {"limits.symbol_cap": [0.05, 0.1]}


def test_a_plan_needs_nothing_but_what_is_varied() -> None:
    plan = plan_of({"space": SPACE})
    assert plan.method == "grid"
    assert [each.name for each in plan.objectives] == ["goal_reached", "growth_bounded"]
    assert (plan.goal.month, plan.goal.drawdown, plan.goal.level) == (0.05, 0.08, 0.975)
    assert plan.points().tolist() == [[0.05], [0.1]]


def test_without_months_the_usual_objective_needs_none() -> None:
    plan = plan_of({"space": SPACE, "months": False})
    assert [each.name for each in plan.objectives] == ["growth_bounded"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param({"methode": "grid"}, "methode: no such key; did you mean method?", id="key"),
        pytest.param({"method": "annealing"}, "grid or random or quasi or optuna", id="method"),
        pytest.param({"count": 10}, "as many sets as there are combinations", id="grid-count"),
        pytest.param({"method": "random", "count": 0}, "from 1 to 10,000,000", id="no-sets"),
        pytest.param({"seed": -1}, "a whole number from 0", id="seed"),
        pytest.param({"months": "no"}, "true or false", id="months"),
        pytest.param({"goal": {"drawdown": 8}}, "between 0 and 1", id="per-cent"),
        pytest.param({"goal": {"dradown": 0.1}}, "did you mean drawdown?", id="goal-key"),
        pytest.param({"optuna": {"sampler": "gp"}}, "tpe or nsga2 or random", id="sampler"),
        pytest.param({"optuna": {"rungs": [0.5, 0.25]}}, "rising fractions", id="rungs"),
        pytest.param({"optuna": {"rungs": 0.5}}, "rising fractions", id="one-rung"),
        pytest.param({"optuna": {"pruner": "median"}}, "judges by one objective", id="pruner"),
        pytest.param({"objectives": ["profit"]}, "no such objective", id="objective"),
        pytest.param({"space": 3}, "a table, [space]", id="space"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        plan_of({"space": SPACE, **more})
    assert told in str(refused.value)


def test_what_was_typed_counts_instead_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('seed = 3\n[space]\n"limits.symbol_cap" = { from = 0.05, to = 0.2 }\n')
    plan = read_plan(path, method="random", count=7, seed=None)
    assert (plan.method, plan.sets, plan.seed) == ("random", 7, 3)
    assert plan.points().shape == (7, 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(None, "cannot be read: No such file", id="missing"),
        pytest.param(b"[space", "is not TOML", id="broken"),
        pytest.param(b"\xff", "is not TOML", id="not-text"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: bytes | None, told) -> None:
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_plan(path)
    assert told in str(refused.value)
