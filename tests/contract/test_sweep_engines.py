"""A sweep gives the same bytes however it is interrupted, and whoever dies meanwhile."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import quick_and_long
from tests.contract.sweeps import made, market

from smart_leverage.domain.errors import BadData, WorkersLost
from smart_leverage.research.kernel import run, sweep
from smart_leverage.research.sweep.engines import Engine
from smart_leverage.research.sweep.figures import day_returns, measure, periods_of
from smart_leverage.research.sweep.running import Outcome, run_sweep
from smart_leverage.research.sweep.spool import Work, arrays_of, fetch, job_of, spool

SETS = 200
QUASI = {"method": "quasi", "count": SETS, "seed": 5}
TPE = {"method": "optuna", "count": 24, "optuna": {"batch": 8}}
PRUNED = {
    "method": "optuna",
    "count": 40,
    "objectives": ["growth_bounded"],
    "optuna": {"batch": 8, "pruner": "median", "rungs": [0.5, 0.75]},
}
GENETIC = {"method": "optuna", "count": 24, "optuna": {"batch": 8, "sampler": "nsga2"}}


def went(folder: Path, tree: dict[str, Any], workers: int = 1, **how: Any) -> Outcome:
    plan, inputs = made(**tree)
    return run_sweep(plan, inputs, folder, workers=workers, **how)


class Stopper:
    """Asks to stop once so many parts were heard of."""

    def __init__(self, after: int) -> None:
        self.left = after

    def hear(self, engine: Engine) -> None:
        self.left -= 1

    def is_asked(self) -> bool:
        return self.left <= 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outcome]:
    """Sweeps that nobody disturbed, by name."""
    kept: dict[str, Outcome] = {}
    trees = {"quasi": QUASI, "tpe": TPE, "pruned": PRUNED, "genetic": GENETIC}

    def get(name: str) -> Outcome:
        if name not in kept:
            kept[name] = went(tmp_path_factory.mktemp(name) / "sweep", trees[name])
        return kept[name]

    return get


# -- what it holds --------------------------------------------------------------------------------


def test_a_sweep_tells_of_every_set_what_one_account_would_tell(whole) -> None:
    plan, inputs = made(**QUASI)
    table = whole("quasi").table
    assert table["set"].to_list() == list(range(1, SETS + 1))
    periods = periods_of(inputs.bars)
    for place in (0, 77, SETS - 1):
        row = table.row(place, named=True)
        policy = plan.space.policy([row[axis.key] for axis in plan.space.axes])
        figures, faults = measure(inputs, periods, [policy])
        assert faults == [""]
        assert [row[name] for name in inputs.names] == pytest.approx(figures[0], rel=0, nan_ok=True)
        one = run(inputs.bars, inputs.signals, policy)
        assert row["equity"] == one.curve["equity"][-1]
        assert row["months"] == 3


def test_a_worker_needs_no_other_machine_code_than_who_sends_it(tmp_path: Path) -> None:
    plan, inputs = made(**QUASI)
    work = Work(inputs, plan.space)
    spool(tmp_path, inputs)
    there = arrays_of(fetch(tmp_path, job_of(work)).inputs)
    here = arrays_of(inputs)
    assert {name: numba.typeof(each) for name, each in there.items()} == {
        name: numba.typeof(each) for name, each in here.items()
    }
    assert {name: each.tobytes() for name, each in there.items()} == {
        name: each.tobytes() for name, each in here.items()
    }


def test_the_days_behind_the_shortfall_are_those_of_the_metrics() -> None:
    inputs = market()
    one = run(inputs.bars, inputs.signals)
    days = day_returns(one.curve["equity"], periods_of(inputs.bars).day, 100_000.0)
    assert len(days) == one.metrics.days[0]
    assert days.mean() == pytest.approx(one.metrics.day_mean[0], abs=1e-15)


def test_the_first_part_of_the_bars_is_the_beginning_of_the_whole() -> None:
    inputs = market()
    part = inputs.until(0.4)
    begun, whole_run = run(part.bars, part.signals), run(inputs.bars, inputs.signals)
    assert 0 < len(begun.curve) < len(whole_run.curve)
    assert (begun.curve == whole_run.curve[: len(begun.curve)]).all()


def test_without_months_the_figures_are_those_of_the_fast_way(tmp_path: Path) -> None:
    plan, inputs = made(**QUASI, months=False)
    outcome = run_sweep(plan, inputs, tmp_path / "fast", workers=1)
    policies = [plan.space.policy(point) for point in plan.points()]
    metrics = sweep(inputs.bars, inputs.signals, policies)
    assert "months" not in outcome.table.columns
    for name, column in metrics._asdict().items():
        assert np.array_equal(outcome.table[name].to_numpy(), column)


def test_the_number_of_trials_travels_with_the_result(whole) -> None:
    outcome = whole("quasi")
    assert pl.read_parquet_metadata(outcome.folder / "results.parquet")["trials"] == str(SETS)
    noted = json.loads((outcome.folder / "sweep.json").read_text())
    assert (noted["trials"], noted["sha256"]) == (SETS, outcome.sha256)


def test_a_finished_sweep_is_read_and_not_computed_again(whole) -> None:
    outcome = whole("quasi")
    again = went(outcome.folder, QUASI, heard=lambda engine: pytest.fail("it was computed again"))
    assert again.table.equals(outcome.table)
    assert (again.sha256, again.best, again.trials) == (outcome.sha256, outcome.best, SETS)


def test_points_that_are_no_policy_are_counted_and_left_out(tmp_path: Path) -> None:
    tree = {"space": {"sizing.base_share": [0.02, 0.2], "sizing.share_max": [0.1, 0.3]}}
    outcome = went(tmp_path / "sweep", tree)
    assert (len(outcome.table), outcome.left_out, outcome.trials) == (3, 1, 3)


# -- interruptions and losses ---------------------------------------------------------------------


@settings(max_examples=2)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=2))
def test_an_interrupted_sweep_goes_on_to_the_same_bytes(whole, tmp_path_factory, stops) -> None:
    folder = tmp_path_factory.mktemp("resumed") / "sweep"
    for after in stops:
        stopper = Stopper(after)
        outcome = went(folder, QUASI, heard=stopper.hear, is_stopped=stopper.is_asked)
        assert outcome.is_complete == (len(outcome.table) == SETS)
    assert went(folder, QUASI, workers=2).sha256 == whole("quasi").sha256


@pytest.mark.parametrize("name", quick_and_long(["tpe", "pruned", "genetic"], {"pruned"}))
def test_an_interrupted_study_goes_on_to_the_same_bytes(whole, tmp_path: Path, name: str) -> None:
    tree = {"tpe": TPE, "pruned": PRUNED, "genetic": GENETIC}[name]
    folder = stopped_between_looks(tmp_path, tree)
    first = Stopper(1)
    assert not went(folder, tree, heard=first.hear, is_stopped=first.is_asked).is_complete
    assert went(folder, tree).sha256 == whole(name).sha256


def stopped_between_looks(tmp_path: Path, tree: dict[str, Any]) -> Path:
    """Return the folder of a study that was stopped in the middle of a batch and of its rungs.

    The engine looks as often as it has to wait, so how far so many looks take it is not known.
    """
    for most in (14, 9, 6, 4, 2):
        folder, looks = tmp_path / f"stopped-{most}", iter(range(10_000))
        if not went(folder, tree, is_stopped=partial(is_past, looks, most)).is_complete:
            return folder
    pytest.fail("it was complete within two looks")


def is_past(looks: Iterator[int], most: int) -> bool:
    return next(looks) >= most


def test_a_pruner_gives_up_and_the_trial_counts_all_the_same(whole) -> None:
    outcome = whole("pruned")
    pruned = outcome.table.filter(pl.col("fault").str.starts_with("pruned after"))
    assert 0 < len(pruned) < 32
    assert pruned["equity"].null_count() == len(pruned)
    assert outcome.trials == 40


def test_a_killed_worker_is_replaced_and_leaves_no_trace(whole, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(engine: Engine) -> None:
        if len(killed) < 2:
            killed.append(engine.pids[0])
            os.kill(engine.pids[0], signal.SIGKILL)

    assert went(tmp_path / "sweep", QUASI, workers=2, heard=kill).sha256 == whole("quasi").sha256
    assert len(set(killed)) == 2


def test_workers_that_die_over_and_over_end_the_sweep_and_keep_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(7)\n")
    with pytest.raises(WorkersLost) as lost:
        went(tmp_path / "sweep", QUASI)
    assert "with code 7 at their start" in str(lost.value)
    monkeypatch.delenv("PYTHONPATH")
    assert went(tmp_path / "sweep", QUASI).is_complete


def test_no_worker_is_left_behind(tmp_path: Path) -> None:
    seen: set[int] = set()
    went(tmp_path / "sweep", QUASI, 2, heard=lambda engine: seen.update(engine.pids))
    assert seen
    for pid in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


# -- folders --------------------------------------------------------------------------------------


def test_another_sweep_in_the_folder_is_left_alone(whole) -> None:
    with pytest.raises(BadData) as refused:
        went(whole("quasi").folder, {**QUASI, "seed": 6})
    assert "holds another sweep: seed differs" in str(refused.value)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadData) as refused:
        went(tmp_path, QUASI)
    assert "holds something else" in str(refused.value)


def test_a_part_that_was_being_written_is_written_anew(whole, tmp_path: Path) -> None:
    stopper = Stopper(1)
    folder = tmp_path / "sweep"
    went(folder, QUASI, heard=stopper.hear, is_stopped=stopper.is_asked)
    (folder / "parts" / ".000006.parquet.new").write_bytes(b"PAR1 and no more")
    assert went(folder, QUASI).sha256 == whole("quasi").sha256
