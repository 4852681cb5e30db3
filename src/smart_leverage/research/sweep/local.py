"""The cores of this machine as an engine: a process each, and none of them irreplaceable."""

import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from smart_leverage.domain.errors import InvariantViolation, WorkersLost
from smart_leverage.research.sweep.space import Floats
from smart_leverage.research.sweep.spool import Work, job_of, spool

LOSSES_MAX = 3
"""A chunk under which so many workers died is given up: it would kill the next one too."""

_LOOK_S = 0.25
"""How often it is looked whether somebody asked to stop."""


class Chunk(NamedTuple):
    """Points that one worker takes at a time, (n, n_axes), and the share of the bars."""

    number: int
    points: Floats
    share: float = 1.0


class Done(NamedTuple):
    """Figures of a chunk, (n, n_figures), and a fault or an empty text for each point."""

    number: int
    figures: Floats
    faults: list[str]


class _Worker:
    """A process and the line to it."""

    def __init__(self, folder: Path, job: Any) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "smart_leverage.research.sweep.worker"]
        # A session of its own: Ctrl-C is for the parent, which decides what becomes of workers.
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self.line: Connection = Connection(ours.detach())
        self.chunk: Chunk | None = None
        self.is_ready = False
        with suppress(OSError):  # it died at once; the line will tell
            self.line.send((str(folder), job))

    def give(self, chunk: Chunk) -> None:
        self.chunk = chunk
        with suppress(OSError):
            self.line.send(tuple(chunk))

    def end(self) -> None:
        self.line.close()
        self.process.kill()
        self.process.wait()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalEngine:
    """Evaluates chunks in processes; a context that ends them."""

    def __init__(self, work: Work, folder: Path, workers: int | None = None) -> None:
        """Write the inputs where workers find them; processes start with the first chunk.

        Args:
            work: The inputs.
            folder: Where they are written, to be removed by the caller.
            workers: Processes; one per core when None.
        """
        spool(folder, work.inputs)
        self._folder = folder
        self._job = job_of(work)
        self._count = workers or cores()
        self._workers: list[_Worker] = []
        self._losses: dict[int, int] = {}
        self.lost = 0

    @property
    def pids(self) -> list[int]:
        """The processes that work now."""
        return [worker.process.pid for worker in self._workers]

    def evaluate(
        self, chunks: Iterable[Chunk], is_stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[Done]:
        """Yield what becomes of chunks, as it comes; a worker that dies is replaced.

        Args:
            chunks: Taken when a worker is free.
            is_stopped: When true, workers are ended and nothing more is yielded.

        Raises:
            WorkersLost: Workers died again and again.
            InvariantViolation: A worker met an error of ours.
        """
        waiting, source = deque[Chunk](), iter(chunks)
        self._losses.clear()
        while not is_stopped():
            self._hand_out(waiting, source)
            lines = [worker.line for worker in self._workers if worker.chunk or not worker.is_ready]
            if not any(worker.chunk for worker in self._workers) and not waiting:
                return
            for line in wait(lines, _LOOK_S):
                worker = next(each for each in self._workers if each.line is line)
                done = self._hear(worker, waiting)
                if done is not None:
                    yield done
        self._end()

    def _hand_out(self, waiting: deque[Chunk], source: Iterator[Chunk]) -> None:
        # One alone at first: it compiles the kernel, if need be, for all others.
        is_warm = any(worker.is_ready for worker in self._workers)
        if not self._workers:
            waiting.extend(chunk for chunk in [next(source, None)] if chunk is not None)
            if not waiting:
                return
        while len(self._workers) < (self._count if is_warm else 1):
            self._workers.append(_Worker(self._folder, self._job))
        for worker in self._workers:
            if worker.is_ready and worker.chunk is None:
                chunk = waiting.popleft() if waiting else next(source, None)
                if chunk is None:
                    return
                worker.give(chunk)

    def _hear(self, worker: _Worker, waiting: deque[Chunk]) -> Done | None:
        try:
            told = worker.line.recv()
        except (EOFError, OSError):
            self._replace(worker, waiting)
            return None
        if told == "ready":
            worker.is_ready = True
            return None
        worker.chunk = None
        number, figures, faults = told
        if figures is None:
            raise InvariantViolation(f"a worker of the sweep failed:\n{faults}")
        return Done(number, figures, faults)

    def _replace(self, worker: _Worker, waiting: deque[Chunk]) -> None:
        """Give the chunk of a dead worker back; another worker is started when chunks are due."""
        worker.end()
        self._workers.remove(worker)
        self.lost += 1
        number = -1 if worker.chunk is None else worker.chunk.number
        self._losses[number] = self._losses.get(number, 0) + 1
        if self._losses[number] >= LOSSES_MAX:
            raise WorkersLost(worker.process.returncode, number)
        if worker.chunk is not None:
            waiting.appendleft(worker.chunk)

    def _end(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
