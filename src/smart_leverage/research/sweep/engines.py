"""Who evaluates chunks of points: the cores of this machine, or a cluster."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.local import Chunk, Done, LocalEngine
from smart_leverage.research.sweep.parts import INPUTS
from smart_leverage.research.sweep.spool import Work

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


class Watch(NamedTuple):
    """Who is told of progress, may stop it, and is given the engine after each part."""

    progress: Progress
    is_stopped: Callable[[], bool]
    heard: Callable[[Engine], None]


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
