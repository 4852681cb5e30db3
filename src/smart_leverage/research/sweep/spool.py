"""Inputs on the way to the workers: written once, mapped by every process of the machine."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.instruments import Key
from smart_leverage.research.kernel import Columns, Setup, Signals
from smart_leverage.research.kernel.columns import FACT
from smart_leverage.research.sweep.figures import Goal, Inputs
from smart_leverage.research.sweep.space import Space

_BARS = ("instants", "cells", "low", "close", "ratio", "facts", "sessions")
_SIGNALS = ("rows", "first")


class Job(NamedTuple):
    """Everything that a worker needs beside arrays."""

    keys: tuple[Key, ...]
    bars: int
    setup: Setup
    goal: Goal
    timezone: str
    has_months: bool
    space: Space


class Work(NamedTuple):
    """What a worker works on."""

    inputs: Inputs
    space: Space


def job_of(work: Work) -> Job:
    """Return what a worker has to be told beside the arrays."""
    inputs = work.inputs
    return Job(
        keys=inputs.bars.keys,
        bars=inputs.bars.bars,
        setup=inputs.setup,
        goal=inputs.goal,
        timezone=inputs.timezone,
        has_months=inputs.has_months,
        space=work.space,
    )


def arrays_of(inputs: Inputs) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of inputs by name."""
    found = {name: getattr(inputs.bars, name) for name in _BARS}
    return found | {name: getattr(inputs.signals, name) for name in _SIGNALS}


def work_of(job: Job, arrays: dict[str, npt.NDArray[Any]]) -> Work:
    """Return inputs from their parts; the opposite of `job_of` and `arrays_of`."""
    bars = Columns(keys=job.keys, bars=job.bars, **{name: arrays[name] for name in _BARS})
    inputs = Inputs(
        bars=bars,
        signals=Signals(**{name: arrays[name] for name in _SIGNALS}),
        setup=job.setup,
        goal=job.goal,
        timezone=job.timezone,
        has_months=job.has_months,
    )
    return Work(inputs, job.space)


def spool(folder: Path, inputs: Inputs) -> None:
    """Write the arrays of inputs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays_of(inputs).items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def fetch(folder: Path, job: Job) -> Work:
    """Return inputs from a folder.

    The arrays are mapped, so all processes of a machine share one copy in memory. Machine code is
    made for one kind of array, so they look writable, though a write would stay private, and facts
    are said to be aligned, which a file does not keep.
    """
    arrays = {}
    for name in (*_BARS, *_SIGNALS):
        mapped = np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False)
        arrays[name] = mapped.view(np.ndarray)
    arrays["facts"] = arrays["facts"].view(FACT)
    return work_of(job, arrays)
