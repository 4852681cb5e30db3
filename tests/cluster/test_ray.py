"""The cluster engine gives the bytes of the local one, also when a worker is killed.

Ray is an extra of its own, so these run by `make cluster` and are no part of `make test`.
"""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.sweeps import made

from smart_leverage.research.sweep.engines import Engine
from smart_leverage.research.sweep.running import Outcome, run_sweep

QUASI = {"method": "quasi", "count": 10_000, "seed": 5}
TPE = {"method": "optuna", "count": 24, "optuna": {"batch": 8}}


def went(folder: Path, tree: dict[str, Any], engine: str, **how: Any) -> Outcome:
    plan, inputs = made(**tree)
    return run_sweep(plan, inputs, folder, engine=engine, workers=2, **how)


class Killer:
    """Kills a worker after some parts, once."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.killed: int | None = None

    def hear(self, engine: Engine) -> None:
        self.left -= 1
        if self.left <= 0 and self.killed is None:
            self.killed = engine.pids[-1]
            os.kill(self.killed, signal.SIGKILL)


def test_ten_thousand_sets_are_the_same_file_with_a_worker_killed_in_each(tmp_path: Path) -> None:
    found = {}
    for engine in ("local", "ray"):
        killer = Killer(after=20)
        found[engine] = went(tmp_path / engine, QUASI, engine, heard=killer.hear)
        assert killer.killed is not None
    local, ray = ((tmp_path / engine / "results.parquet").read_bytes() for engine in found)
    assert local == ray
    assert found["ray"].trials == 10_000


def test_a_study_is_the_same_on_both(tmp_path: Path) -> None:
    local, ray = (went(tmp_path / engine, TPE, engine) for engine in ("local", "ray"))
    assert local.sha256 == ray.sha256


def test_a_sweep_begun_on_one_is_finished_by_the_other(tmp_path: Path) -> None:
    few = {**QUASI, "count": 200}
    heard: list[Engine] = []
    begun = went(
        tmp_path / "both", few, "ray", heard=heard.append, is_stopped=lambda: len(heard) > 0
    )
    assert not begun.is_complete
    ended = went(tmp_path / "both", few, "local")
    assert ended.sha256 == went(tmp_path / "local", few, "local").sha256


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
