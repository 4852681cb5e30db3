"""Changes our code in small ways and asks the tests whether they notice: `make mutants`.

    python -m tests.mutants.run [SECONDS] [SEED] [MODULE ...]

Modules are those of the policy and of the engine's and the books' arithmetic of money. A sample of
their mutants is drawn by the seed. Each is judged by the tests that are nearest to its module, by
more of its folder if it survives those, and by the golden cases in the end. What nobody changed has
to pass first, or every mutant would look dead. Printed are the survivors and, as the last line, a
JSON object with the figures. Ends with 1 if too few were killed, or none were judged.
"""

import json
import multiprocessing
import os
import queue
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from tests.mutants.making import SOURCES, Mutant, sample
from tests.mutants.running import Fate, fate_of, prepare

ROOT = Path(__file__).parents[2]
LEAST = 0.85
"""The part of the judged mutants that has to be killed."""

POLICY = (
    "arithmetic", "breakers", "calibration", "caps", "decide", "deleverage", "drawdown", "earning",
    "evidence", "exposure", "kelly", "margin", "sizing", "sleeve", "steady_breakers", "stops",
    "tail", "tier", "volatility",
)  # fmt: skip
ENGINE = (
    "buying", "changing", "exits", "exposure", "judging", "ladder", "limiting", "proof",
    "protecting", "reconciling", "releasing", "reserving", "resolving", "selling", "shares",
    "shrinking", "subaccount", "tracked", "tracked_orders",
)  # fmt: skip
BOOKS = ("baselines", "book", "exact", "lots", "peaks", "positions", "sharing", "statistics")
MODULES = (
    *(f"policy/{name}" for name in POLICY),
    *(f"engine/{name}" for name in ENGINE),
    *(f"books/{name}" for name in BOOKS),
)
WIDE = {
    "policy": ("unit/test_policy_*.py",),
    "engine": ("unit/test_engine_*.py", "unit/test_runtime_trader.py"),
    "books": ("unit/test_books_*.py", "property/test_books_*.py", "unit/test_engine_losses.py",
              "unit/test_engine_fold.py"),
}  # fmt: skip
"""What a folder's mutants have to pass beside the tests that name their module."""

NEAR = {
    "engine/exposure": ("unit/test_engine_buys.py",),
    "engine/proof": ("unit/test_engine_buys.py", "unit/test_engine_shares_of_bots.py"),
    "engine/buying": ("unit/test_engine_buys.py", "unit/test_engine_ordering.py"),
    "engine/changing": ("unit/test_engine_changes.py",),
    "engine/judging": ("unit/test_engine_losses.py", "unit/test_engine_tiers.py"),
    "engine/ladder": ("unit/test_engine_buys.py", "unit/test_engine_again.py"),
    "engine/limiting": ("unit/test_engine_limits.py",),
    "engine/protecting": ("unit/test_engine_stops.py",),
    "engine/reconciling": ("unit/test_engine_losses.py", "unit/test_engine_again.py"),
    "engine/releasing": ("unit/test_engine_sells.py",),
    "engine/resolving": ("unit/test_engine_again.py", "unit/test_engine_sells.py"),
    "engine/selling": ("unit/test_engine_sells.py",),
    "engine/shrinking": ("unit/test_engine_tiers.py",),
    "engine/tracked": ("unit/test_engine_changes.py",),
    "engine/tracked_orders": ("unit/test_engine_exits.py", "unit/test_engine_changes.py"),
}
"""Where a module of the engine is tried first; it is known by what it does, not by its name."""

LAST = {"policy": ("golden/test_golden_cases.py",)}
"""What takes longest, for those that have survived all else."""

NAMED_MOST = 5
"""Of tests that name a module so many are near; a module that all name has its own."""


def _found(patterns: Sequence[str]) -> list[str]:
    tests = ROOT / "tests"
    return [str(path) for pattern in patterns for path in sorted(tests.glob(pattern))]


@cache
def stages(module: str) -> list[list[str]]:
    """Return the tests that judge a module's mutants: the nearest, then others of its folder."""
    folder, _, name = module.partition("/")
    own = [f"unit/test_{folder}_{name}*.py", f"property/test_{folder}_{name}.py"]
    near = list(dict.fromkeys(_found([*own, *NEAR.get(module, ())])))
    dotted = re.compile(rf"smart_leverage\.{folder}\.{name}\b")
    named = [
        path
        for path in _found(["unit/test_*.py", "property/test_*.py"])
        if path not in near and dotted.search(Path(path).read_text(encoding="utf-8"))
    ]
    then = [*named[:NAMED_MOST], *_found(WIDE[folder])]
    rest = [path for path in dict.fromkeys(then) if path not in near]
    return [each for each in (near, rest, _found(LAST.get(folder, ()))) if each]


def judge(mutant: Mutant) -> Fate:
    """Return what became of a mutant once all that could notice it has looked."""
    for tests in stages(mutant.module):
        fate = fate_of(mutant.module, mutant.source, tests)
        if fate is not Fate.SURVIVED:
            return fate
    return Fate.SURVIVED


def _work(
    mutants: "multiprocessing.Queue[Mutant | None]",
    fates: "multiprocessing.Queue[tuple[Mutant, Fate]]",
) -> None:
    prepare()
    while (mutant := mutants.get()) is not None:
        fates.put((mutant, judge(mutant)))


def unchanged(module: str) -> Mutant:
    """Return a mutant in which nothing was changed: it has to survive."""
    source = (SOURCES / f"{module}.py").read_text(encoding="utf-8")
    return Mutant(module, 0, "none", "nothing", "nothing", source)


def judged(mutants: Iterable[Mutant], seconds: float) -> list[tuple[Mutant, Fate]]:
    """Judge one mutant after the other on all cores until the time is over."""
    cores, context = os.cpu_count() or 1, multiprocessing.get_context("spawn")
    waiting: multiprocessing.Queue[Mutant | None] = context.Queue(cores)
    fates: multiprocessing.Queue[tuple[Mutant, Fate]] = context.Queue()
    workers = [context.Process(target=_work, args=(waiting, fates)) for _ in range(cores)]
    for worker in workers:
        worker.start()
    until, found, sent = time.monotonic() + seconds, [], 0
    for mutant in mutants:
        while time.monotonic() < until:
            try:
                waiting.put(mutant, timeout=0.2)
            except queue.Full:
                pass
            else:
                sent += 1
                break
            while not fates.empty():
                found.append(_told(*fates.get()))
        if time.monotonic() >= until:
            break
    while len(found) < sent:
        found.append(_told(*fates.get()))
    for _ in workers:
        waiting.put(None)
    for worker in workers:
        worker.join()
    return found


def _told(mutant: Mutant, fate: Fate) -> tuple[Mutant, Fate]:
    if fate is Fate.SURVIVED and mutant.line:
        print(f"survived  {mutant.told()}", flush=True)
    return mutant, fate


def report(found: Sequence[tuple[Mutant, Fate]], of: int) -> int:
    """Print the sums by module, and the figures; return the exit code."""
    by_module: dict[str, Counter[Fate]] = defaultdict(Counter)
    for mutant, fate in found:
        by_module[mutant.module][fate] += 1
    for module, counts in sorted(by_module.items()):
        lived = counts[Fate.SURVIVED]
        print(f"{module:26} {counts.total() - lived:4} killed, {lived:3} survived")
    fates = Counter(fate for _, fate in found)
    dead = fates[Fate.KILLED] + fates[Fate.ENDLESS]
    score = dead / len(found) if found else 0.0
    figures = {
        "mutants": of,
        "judged": len(found),
        "killed": dead,
        "endless": fates[Fate.ENDLESS],
        "survived": fates[Fate.SURVIVED],
        "score": round(score, 4),
    }
    print(json.dumps(figures))
    return 0 if found and score >= LEAST else 1


def main(arguments: Sequence[str]) -> int:
    seconds = float(arguments[0]) if arguments else 600.0
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    os.environ["CI"] = "1"  # the same examples for every mutant
    modules = arguments[2:] or MODULES
    count, mutants = sample(modules, seed)
    controls = [
        unchanged(next(each for each in modules if each.startswith(folder)))
        for folder in dict.fromkeys(each.partition("/")[0] for each in modules)
    ]
    dead = [each.module for each, fate in judged(controls, 600) if fate is not Fate.SURVIVED]
    if dead:
        print(f"tests fail where nothing was changed: {', '.join(dead)}", file=sys.stderr)
        return 2
    print(f"{count} mutants of {len(modules)} modules; what is unchanged passes", flush=True)
    return report(judged(mutants, seconds), count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
