"""Worlds with faults on all cores until the time is over.

    python -m tests.simulation.simulate SECONDS [FIRST_SEED] [classic]

With 0 seconds one world is played, twice. Every world draws its settings from its seed, unless the
last word says that all are played under `classic`.

Prints what was seen, a paragraph for each world in which something was wrong, and as its last line
one JSON object with `account_days_per_min` and `violations`. Ends with 1 if there was a violation.
"""

import json
import multiprocessing
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tests.simulation.faulty_world import Result, play
from tests.simulation.regime import CLASSIC, Regime

SHOWN = 3
"""Violations told of one world; the first is usually the cause of the others."""


def worlds(
    first: int, step: int, until: float, folder: Path, regime: Regime | None
) -> Iterator[Result]:
    """Play worlds one after the other until the time is over."""
    seed = first
    while time.monotonic() < until:
        yield play(seed, folder, regime=regime)
        seed += step


def _work(
    first: int,
    step: int,
    until: float,
    results: "multiprocessing.Queue[Result]",
    regime: Regime | None,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for result in worlds(first, step, until, Path(folder), regime):
            results.put(result)


def simulate(seconds: float, first: int, regime: Regime | None = None) -> list[Result]:
    """Play on all cores; the monotonic clock is the same in every process of a machine."""
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[Result] = context.Queue()
    until = time.monotonic() + seconds
    workers = [
        context.Process(target=_work, args=(first + core, cores, until, results, regime))
        for core in range(cores)
    ]
    for worker in workers:
        worker.start()
    found: list[Result] = []
    while any(worker.is_alive() for worker in workers) or not results.empty():
        try:
            result = results.get(timeout=0.2)
        except queue.Empty:
            continue
        found.append(result)
        if result.violations:
            print(told(result), flush=True)
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError(f"a worker ended with {worker.exitcode}")
    return found


def commit() -> str:
    """Return which state of the program this is; empty outside of a repository."""
    git = ["git", "describe", "--always", "--dirty"]
    with suppress(OSError):
        return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def told(result: Result) -> str:
    """Return what was wrong with a world, and how to see it again."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(result.faults.items()) if count)
    lines = [f"seed {result.seed}: {len(result.violations)} violations ({kinds or 'no faults'})"]
    lines += [f"  {each}" for each in result.violations[:SHOWN]]
    again = f"python -m tests.simulation.simulate 0 {result.seed}"
    lines.append(f"  again: {again}, at commit {commit()}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    seconds = float(arguments[0])
    first = int(arguments[1]) if len(arguments) > 1 else 0
    regime = CLASSIC if arguments[2:] == ["classic"] else None
    began = time.monotonic()
    if seconds:
        found = simulate(seconds, first, regime)
    else:  # one world, twice
        with tempfile.TemporaryDirectory() as folder:
            found = [play(first, Path(folder), regime=regime)]
            again = play(first, Path(folder), regime=regime)
        print(f"trace {found[0].trace}", f"again {again.trace}", sep="\n")
        if again.trace != found[0].trace:
            found[0].violations.append("INV-20 the same seed left another trace")
        for each in found:
            print(told(each))
    minutes = (time.monotonic() - began) / 60
    return report(found, minutes)


def report(found: Sequence[Result], minutes: float) -> int:
    """Print the sums of all worlds and return the exit code."""
    faults: Counter[str] = Counter()
    for each in found:
        faults.update(each.faults)
    days = sum(each.days for each in found)
    violations = sum(len(each.violations) for each in found)
    print(
        f"{len(found)} worlds, {days:.0f} account-days, {sum(each.events for each in found):,} "
        f"events, {sum(each.sent for each in found):,} orders, "
        f"{sum(each.restarts for each in found):,} restarts"
    )
    print("faults: " + ", ".join(f"{kind} {count}" for kind, count in sorted(faults.items())))
    wrong = [each.seed for each in found if each.violations]
    print(f"violations: {violations}" + (f", seeds {sorted(wrong)}" if wrong else ""))
    figures = {
        "account_days_per_min": round(days / minutes, 1),
        "violations": violations,
        "worlds": len(found),
    }
    print(json.dumps(figures))
    return 1 if violations or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
