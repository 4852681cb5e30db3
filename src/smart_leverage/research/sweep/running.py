"""Takes a plan through an engine: parts as they come, then the result, resumed where it stopped."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from smart_leverage.research.sweep.engines import Engine, Progress, Watch, engine_for
from smart_leverage.research.sweep.figures import Inputs
from smart_leverage.research.sweep.identity import told
from smart_leverage.research.sweep.known import Known
from smart_leverage.research.sweep.parts import Folder
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.spool import Work
from smart_leverage.research.sweep.tables import best_of, judged


class Outcome(NamedTuple):
    """What a sweep left behind.

    Attributes:
        folder: Where it lives.
        table: (n_sets) rows: `set` from 1, a column per axis, figures, objectives that are no
            figure, `front` (no other set is better in every objective), `fault`.
        trials: Sets that were ever looked at, pruned and faulty ones included: whoever judges the
            best of them has to know how many there were.
        left_out: Points whose numbers exclude each other.
        best: Row of the best set by the first objective, or None where none is known.
        is_complete: False after an interruption; the same call goes on.
        sha256: Hash of the file of the result; empty while it is not complete.
    """

    folder: Path
    table: pl.DataFrame
    trials: int
    left_out: int
    best: int | None
    is_complete: bool
    sha256: str


class Way(Protocol):
    """How points come about."""

    @property
    def is_done(self) -> bool:
        """Whether every part is there."""
        ...

    @property
    def trials(self) -> int:
        """Sets that were looked at so far."""
        ...

    @property
    def left_out(self) -> int:
        """Points whose numbers exclude each other."""
        ...

    def go(self, engine: Engine, watch: Watch) -> None:
        """Fill what is missing, until it is done or somebody asks to stop."""
        ...

    def table(self) -> pl.DataFrame:
        """Return the parts that are there."""
        ...


def run_sweep(
    plan: Plan,
    inputs: Inputs,
    folder: Path,
    *,
    engine: str = "local",
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
    is_stopped: Callable[[], bool] = lambda: False,
    heard: Callable[[Engine], None] = lambda engine: None,
) -> Outcome:
    """Evaluate every set of a plan, or go on with a sweep that was interrupted.

    The result depends on plan and inputs alone, to the last bit: not on engine, workers, their
    losses, or interruptions.

    Args:
        plan: What is varied and looked for.
        inputs: Bars, signals and the account.
        folder: Where parts and result are kept.
        engine: One of `ENGINES`.
        workers: Processes; one per core when None.
        progress: Told after each part.
        is_stopped: When true, what is finished is kept and the rest is left.
        heard: Given the engine after each part; for watching it.

    Raises:
        ConfigError: The plan cannot be carried out, or the engine is not installed.
        BadData: The folder holds another sweep.
        WorkersLost: Workers died again and again; what is finished is kept.
    """
    whole = told(plan, inputs)
    place = Folder(folder, whole)
    if place.results.exists():
        return _again(plan, place)
    way = _way(plan, inputs, place)
    if not way.is_done:
        with engine_for(engine, Work(inputs, plan.space), folder, workers) as ready:
            way.go(ready, Watch(progress, is_stopped, heard))
    table, trials, left_out = way.table(), way.trials, way.left_out
    if not way.is_done:
        return Outcome(folder, table, trials, left_out, None, False, "")
    table = judged(plan, table)
    found = {"trials": trials, "left_out": left_out}
    sha256 = place.finish(table, {name: str(value) for name, value in found.items()})
    place.note(whole | found | {"sets": len(table), "sha256": sha256})
    return Outcome(folder, table, trials, left_out, best_of(plan, table), True, sha256)


def _way(plan: Plan, inputs: Inputs, place: Folder) -> Way:
    if plan.method != "optuna":
        return Known(plan, inputs.names, place)
    from smart_leverage.research.sweep.adaptive import Adaptive  # brings a database along

    return Adaptive(plan, inputs.names, place)


def _again(plan: Plan, place: Folder) -> Outcome:
    """Return a sweep that was finished before."""
    content = place.results.read_bytes()
    table = pl.read_parquet(place.results)
    noted = pl.read_parquet_metadata(place.results)
    return Outcome(
        place.path,
        table,
        int(noted["trials"]),
        int(noted["left_out"]),
        best_of(plan, table),
        True,
        hashlib.sha256(content).hexdigest(),
    )
