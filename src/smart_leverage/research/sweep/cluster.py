"""A Ray cluster as an engine: tasks over all its machines, inputs once per worker.

Without an address (`RAY_ADDRESS`, or a running cluster that Ray finds by itself) a cluster of one
machine is started and ended with the engine. A task whose worker or machine is lost is given to
another one by Ray; figures do not depend on who computes them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.errors import ConfigError, InvariantViolation, WorkersLost
from smart_leverage.research.sweep.evaluating import Evaluator
from smart_leverage.research.sweep.local import LOSSES_MAX, Chunk, Done, cores
from smart_leverage.research.sweep.space import Floats
from smart_leverage.research.sweep.spool import Job, Work, arrays_of, job_of, work_of

_LOOK_S = 0.25
_STORE_BYTES = 256 * 2**20
_AHEAD = 2
"""Tasks per core that are under way; more would only wait."""


class ClusterEngine:
    """Evaluates chunks on a Ray cluster; a context that leaves it."""

    def __init__(self, work: Work, workers: int | None = None) -> None:
        """Join or start a cluster and put the inputs into its store.

        Args:
            work: The inputs.
            workers: Processes of a cluster that is started here; one per core when None. With an
                address, tasks that are under way at a time.

        Raises:
            ConfigError: Ray is not installed.
        """
        self._ray = ray = _ray()
        address = os.environ.get("RAY_ADDRESS")
        self._count = workers or cores()
        if not ray.is_initialized():
            size = sum(array.nbytes for array in arrays_of(work.inputs).values())
            own = {
                "num_cpus": self._count,
                "include_dashboard": False,
                "object_store_memory": _STORE_BYTES + 2 * size,
            }
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level="error",
                **({} if address else own),
            )
        if address:
            self._count = workers or int(ray.cluster_resources().get("CPU", 1))
        self._task = ray.remote(num_cpus=1, max_retries=LOSSES_MAX)(_evaluate)
        self._inputs = ray.put((job_of(work), arrays_of(work.inputs)))
        self._pids: dict[int, None] = {}

    @property
    def pids(self) -> list[int]:
        """The processes that have finished something, the latest last."""
        return list(self._pids)

    def evaluate(
        self, chunks: Iterable[Chunk], is_stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[Done]:
        """Yield what becomes of chunks, as it comes; see `LocalEngine.evaluate`."""
        ray, source = self._ray, iter(chunks)
        under_way: dict[Any, int] = {}
        while not is_stopped():
            while len(under_way) < self._count * _AHEAD:
                chunk = next(source, None)
                if chunk is None:
                    break
                under_way[self._task.remote([self._inputs], *chunk)] = chunk.number
            if not under_way:
                return
            ready, _ = ray.wait(list(under_way), timeout=_LOOK_S)
            for each in ready:
                yield self._taken(each, under_way.pop(each))
        for each in under_way:
            ray.cancel(each, force=True)

    def _taken(self, reference: Any, number: int) -> Done:
        errors = self._ray.exceptions
        try:
            pid, told, figures, faults = self._ray.get(reference)
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError):
            raise WorkersLost(None, number) from None
        except errors.RayTaskError as error:
            raise InvariantViolation(f"a worker of the sweep failed:\n{error}") from error
        self._pids.pop(pid, None)
        self._pids[pid] = None
        return Done(told, figures, faults)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ray.shutdown()


def _ray() -> Any:
    # Ray would start its workers through `uv run` where we were, and build an environment each.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise ConfigError(
            ["--engine ray: Ray is not installed; pip install 'smart-leverage[research,ray]'"],
            "engine",
        ) from None
    return ray


_EVALUATORS: dict[str, Evaluator] = {}
"""In a worker: one for the inputs it works on."""


def _evaluate(
    inputs: list[Any], number: int, points: Floats, share: float
) -> tuple[int, int, Floats, list[str]]:
    """Run in a worker: `inputs` holds the reference, so that it is fetched once and kept."""
    name = inputs[0].hex()
    if name not in _EVALUATORS:
        import ray

        job, arrays = ray.get(inputs[0])
        _EVALUATORS.clear()
        _EVALUATORS[name] = Evaluator(_own(job, arrays))
    return (os.getpid(), number, *_EVALUATORS[name].measure(points, share))


def _own(job: Job, arrays: dict[str, npt.NDArray[Any]]) -> Work:
    """Copy what lies read-only in the store: machine code is made for one kind of array."""
    return work_of(job, {name: np.array(array) for name, array in arrays.items()})
