"""Takes a plan through an engine: parts as they come, then the result, resumed where it stopped."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl

from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.stamps import iso
from smart_leverage.research.compile import fingerprint
from smart_leverage.research.kernel.loop import advance
from smart_leverage.research.kernel.setup import leaves
from smart_leverage.research.sweep.figures import WHOLE_NUMBERS, Inputs
from smart_leverage.research.sweep.local import Chunk, Done, LocalEngine
from smart_leverage.research.sweep.objectives import front
from smart_leverage.research.sweep.parts import INPUTS, STUDY, Folder
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Floats, Space
from smart_leverage.research.sweep.spool import Work, arrays_of

ENGINES = ("local", "ray")

Progress = Callable[[int, int], None]
"""Hears how many sets are done, of how many."""


class Engine(Protocol):
    """Who evaluates: see `local.LocalEngine`."""

    @property
    def pids(self) -> list[int]:
        """The processes that work."""
        ...

    def evaluate(
        self, chunks: Iterator[Chunk], is_stopped: Callable[[], bool] = ...
    ) -> Iterator[Done]:
        """Yield what becomes of chunks, in any order."""
        ...


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


def engine_for(
    name: str, work: Work, folder: Path, workers: int | None
) -> AbstractContextManager[Engine]:
    """Return an engine by its name.

    Raises:
        ConfigError: There is none of that name, or it is not installed.
    """
    if name == "local":
        return LocalEngine(work, folder / INPUTS, workers)
    if name == "ray":
        from smart_leverage.research.sweep.cluster import ClusterEngine

        return ClusterEngine(work, workers)
    raise ConfigError([f"engine = {name!r}; {' or '.join(ENGINES)}"], "engine")


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
    place = Folder(folder, _told(plan, inputs))
    if place.results.exists():
        return _again(plan, place)
    watch = _Watch(progress, is_stopped, heard)
    work = Work(inputs, plan.space)
    way = _Adaptive(plan, inputs, place) if plan.method == "optuna" else _Known(plan, inputs, place)
    if not way.is_done:
        with engine_for(engine, work, folder, workers) as ready:
            way.go(ready, watch)
    if not way.is_done:
        return Outcome(folder, way.table(), way.trials, way.left_out, None, False, "")
    table = judged(plan, way.table())
    found = {"trials": way.trials, "left_out": way.left_out}
    sha256 = place.finish(table, {name: str(value) for name, value in found.items()})
    place.note(_told(plan, inputs) | found | {"sets": len(table), "sha256": sha256})
    return Outcome(folder, table, way.trials, way.left_out, best_of(plan, table), True, sha256)


class _Watch(NamedTuple):
    progress: Progress
    is_stopped: Callable[[], bool]
    heard: Callable[[Engine], None]


class _Known:
    """All points are known beforehand; they are cut into parts, and every part is a chunk."""

    def __init__(self, plan: Plan, inputs: Inputs, place: Folder) -> None:
        points = plan.points()
        kept = [not plan.space.fault(point) for point in points]
        self.left_out = len(points) - sum(kept)
        self._points = points[np.array(kept, dtype=bool)]
        if not len(self._points):
            raise ConfigError([_nothing_left(plan.space, points)], "space")
        self.trials = len(self._points)
        self._size = chunk_size(self.trials)
        self._plan, self._inputs, self._place = plan, inputs, place

    @property
    def _count(self) -> int:
        return math.ceil(len(self._points) / self._size)

    @property
    def is_done(self) -> bool:
        return all(map(self._place.has_part, range(self._count)))

    def go(self, engine: Engine, watch: _Watch) -> None:
        missing = [each for each in range(self._count) if not self._place.has_part(each)]
        total = len(self._points)
        done = total - sum(len(self._chunk(number).points) for number in missing)
        watch.progress(done, total)
        for each in engine.evaluate(map(self._chunk, missing), watch.is_stopped):
            points = self._chunk(each.number).points
            first = each.number * self._size
            self._place.put(each.number, part_of(self._plan, self._inputs, first, points, each))
            done += len(points)
            watch.progress(done, total)
            watch.heard(engine)

    def _chunk(self, number: int) -> Chunk:
        first = number * self._size
        return Chunk(number, self._points[first : first + self._size])

    def table(self) -> pl.DataFrame:
        parts = [
            part for each in range(self._count) if (part := self._place.part(each)) is not None
        ]
        return pl.concat(parts) if parts else pl.DataFrame()


_PIECE = 4
"""Trials of a batch that one worker takes at a time."""


class _Adaptive:
    """Points are proposed batch by batch; every batch is a part."""

    def __init__(self, plan: Plan, inputs: Inputs, place: Folder) -> None:
        from smart_leverage.research.sweep.study import Study

        storage = plan.search.storage or f"sqlite:///{(place.path / STUDY).resolve()}"
        self._study = Study(plan, place.key, storage)
        self._plan, self._inputs, self._place = plan, inputs, place
        self._count = math.ceil(plan.sets / plan.search.batch)

    @property
    def is_done(self) -> bool:
        return all(map(self._place.has_part, range(self._count)))

    @property
    def trials(self) -> int:
        size = self._plan.search.batch
        done = sum(map(self._place.has_part, range(self._count)))
        return min(done * size, self._plan.sets)

    @property
    def left_out(self) -> int:
        table = self.table()
        return 0 if table.is_empty() else int(table["fault"].str.starts_with(_EXCLUDED).sum())

    def go(self, engine: Engine, watch: _Watch) -> None:
        for number in range(self._count):
            if not self._place.has_part(number) and not self._fill(number, engine, watch):
                return
            self._tell(number)
            watch.progress(self.trials, self._plan.sets)
            watch.heard(engine)

    def _fill(self, number: int, engine: Engine, watch: _Watch) -> bool:
        """Evaluate a batch and keep it; False when somebody asked to stop meanwhile."""
        from smart_leverage.research.sweep.study import values_of

        batch = self._study.batch(number)
        first = number * self._plan.search.batch
        end = min(first + self._plan.search.batch, self._plan.sets)
        faults = {each.number: self._plan.space.fault(each.point) for each in batch}
        possible = [each for each in batch if not faults[each.number]]

        def measured(asked: Sequence[Any], share: float) -> Floats:
            figures = self._figures([each.point for each in asked], share, engine, watch)[0]
            return values_of(self._plan, figures, self._inputs.names)[:, 0]

        try:
            given_up = self._study.climb(possible, measured)
            given_up |= self._study.pruned(first, end)
            left = [each for each in possible if each.number not in given_up]
            figures, told = self._figures([each.point for each in left], 1.0, engine, watch)
        except _StoppedError:
            return False
        faults = {each: f"{_EXCLUDED}: {fault}" for each, fault in faults.items() if fault}
        faults |= {
            each: f"pruned after {share:.0%} of the bars" for each, share in given_up.items()
        }
        faults |= {each.number: text for each, text in zip(left, told, strict=True)}
        rows = np.full((end - first, len(self._inputs.names)), math.nan)
        for each, row in zip(left, figures, strict=True):
            rows[each.number - first] = row
        points = np.array([self._study.point(each) for each in range(first, end)])
        done = Done(number, rows, [faults[each] for each in range(first, end)])
        self._place.put(number, part_of(self._plan, self._inputs, first, points, done))
        return True

    def _figures(
        self, points: Sequence[Sequence[float]], share: float, engine: Engine, watch: _Watch
    ) -> tuple[Floats, list[str]]:
        pieces = [
            Chunk(place, np.array(points[place : place + _PIECE]), share)
            for place in range(0, len(points), _PIECE)
        ]
        found = {each.number: each for each in engine.evaluate(iter(pieces), watch.is_stopped)}
        if len(found) < len(pieces):
            raise _StoppedError
        if not pieces:
            return np.zeros((0, len(self._inputs.names))), []
        figures = np.concatenate([found[each.number].figures for each in pieces])
        return figures, [fault for each in pieces for fault in found[each.number].faults]

    def _tell(self, number: int) -> None:
        from smart_leverage.research.sweep.study import values_of

        waiting = self._study.batch(number)
        part = self._place.part(number)
        if not waiting or part is None:
            return
        figures = part.select(self._inputs.names).to_numpy().astype(np.float64)
        values = values_of(self._plan, figures, self._inputs.names)
        for each in waiting:
            self._study.tell(each.number, values[each.number - number * self._plan.search.batch])

    def table(self) -> pl.DataFrame:
        parts = [
            part for each in range(self._count) if (part := self._place.part(each)) is not None
        ]
        return pl.concat(parts) if parts else pl.DataFrame()


_EXCLUDED = "left out"


class _StoppedError(Exception):
    """Somebody asked to stop in the middle of a batch."""


def chunk_size(sets: int) -> int:
    """Return how many sets make a part: by their number alone, so that resuming finds the same."""
    lanes = 32
    return max(1, min(32 * lanes, lanes * math.ceil(sets / 64 / lanes)))


def part_of(plan: Plan, inputs: Inputs, first: int, points: Floats, done: Done) -> pl.DataFrame:
    """Return a part as a table: number of the set, its values, its figures, its fault."""
    columns: dict[str, Any] = {"set": np.arange(first + 1, first + 1 + len(points))}
    for place, axis in enumerate(plan.space.axes):
        column = points[:, place]
        columns[axis.key] = column.astype(np.int64) if axis.is_whole else column
    table = pl.DataFrame(columns)
    figures = pl.DataFrame(dict(zip(inputs.names, done.figures.T, strict=True))).fill_nan(None)
    whole = [pl.col(name).cast(pl.Int64) for name in inputs.names if name in WHOLE_NUMBERS]
    return table.hstack(figures.with_columns(whole)).with_columns(
        pl.Series("fault", done.faults, dtype=pl.String)
    )


def judged(plan: Plan, table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with its objectives and whether a set is on the front of them."""
    values = objectives_in(plan, table)
    new = [
        pl.Series(each.name, values[:, place]).fill_nan(None)
        for place, each in enumerate(plan.objectives)
        if each.name not in table.columns
    ]
    return table.with_columns(*new, pl.Series("front", front(losses_of(plan, values)))).select(
        *(name for name in table.columns if name != "fault"),
        *(each.name for each in new),
        "front",
        "fault",
    )


def objectives_in(plan: Plan, table: pl.DataFrame) -> Floats:
    """Return the objectives of all sets, (n_sets, n_objectives), NaN where not known."""
    columns = {
        name: table[name].cast(pl.Float64).fill_null(math.nan).to_numpy()
        for name in table.columns
        if table[name].dtype.is_numeric()
    }
    return np.stack([each.value(columns, plan.goal) for each in plan.objectives], axis=1)


def losses_of(plan: Plan, values: Floats) -> Floats:
    """Return objectives turned so that less is better; see `Objective.losses`."""
    return np.stack(
        [each.losses(values[:, place]) for place, each in enumerate(plan.objectives)], axis=1
    )


def best_of(plan: Plan, table: pl.DataFrame) -> int | None:
    """Return the row of the best set by the first objective, the first of equals."""
    losses = losses_of(plan, objectives_in(plan, table))[:, 0]
    place = int(np.argmin(losses))
    return place if math.isfinite(losses[place]) else None


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


def _nothing_left(space: Space, points: Floats) -> str:
    return f"no combination can be a policy; the first: {space.fault(points[0])}"


# -- what the result depends on -------------------------------------------------------------------


def _told(plan: Plan, inputs: Inputs) -> dict[str, Any]:
    """Return everything that the result depends on, as JSON holds it, with its hash as the key."""
    at = inputs.bars.instants["at"]
    told: dict[str, Any] = {
        "kernel": fingerprint(advance),
        "bars": {
            "instruments": list(map(str, inputs.bars.keys)),
            "count": inputs.bars.bars,
            "first": iso(int(at[0])),
            "last": iso(int(at[-1])),
        },
        "inputs": _digest(inputs),
        "setup": _numbers(inputs.setup),
        "timezone": inputs.timezone,
        "policy": dict(leaves(plan.space.base)),
        "space": [axis._asdict() for axis in plan.space.axes],
        "method": plan.method,
        "count": plan.sets if plan.method != "grid" else 0,
        "seed": plan.seed,
        "objectives": [each.name for each in plan.objectives],
        "goal": plan.goal._asdict(),
        "months": inputs.has_months,
        "optuna": _searched(plan),
    }
    told = json.loads(json.dumps(told))  # as it will be read again
    text = json.dumps(told, sort_keys=True)
    return told | {"key": hashlib.sha256(text.encode()).hexdigest()}


def _searched(plan: Plan) -> dict[str, Any]:
    """Return what of the search matters: not where the study is kept."""
    return plan.search._replace(storage="")._asdict() if plan.method == "optuna" else {}


def _numbers(record: Any) -> Any:
    if hasattr(record, "_asdict"):
        return {name: _numbers(value) for name, value in record._asdict().items()}
    return record


def _digest(inputs: Inputs) -> str:
    digest = hashlib.sha256()
    for name, array in arrays_of(inputs).items():
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
