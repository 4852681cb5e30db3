"""Changes our code in small ways and asks the tests whether they notice: `make mutants`.

    python -m tests.mutants.run [SECONDS] [SEED] [MODULE ...]

Modules are those of the policy and of the engine's and the books' arithmetic of money. A sample of
their mutants is drawn by the seed. Each is judged by the tests that run the statement in which it
differs, the shortest first, until one fails. What nobody changed has to pass first: a test that
fails there judges nothing. What was judged is kept in build/mutants: the next run goes on behind
it, and asks of what survived only the tests that have changed since. Printed are the survivors and,
as the last line, a JSON object with the figures. Ends with 1 if too few were killed, or none were
judged.
"""

import gc
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.mutants import page
from tests.mutants.equivalents import Equivalents
from tests.mutants.making import SOURCES, Mutant, sample
from tests.mutants.measuring import Tests, file_of, hints
from tests.mutants.running import (
    OPTIONS,
    PATIENCE_S,
    Child,
    Chosen,
    Fate,
    Functions,
    Judge,
    Loader,
    Verdict,
    prepare,
)

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "mutants"
WORKERS = 2

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
JUDGES = (
    "unit/test_policy_*.py", "unit/test_engine_*.py", "unit/test_books_*.py",
    "unit/test_runtime_*.py", "unit/test_sim_*.py", "property/test_policy_*.py",
    "property/test_engine_*.py", "property/test_books_*.py", "property/test_margin_*.py",
    "property/test_fresh_account.py", "golden/test_golden_cases.py", "unit/test_tracking.py",
)  # fmt: skip
"""The files of tests that judge, beneath tests."""


class Judged(NamedTuple):
    """A mutant and what became of it."""

    mutant: Mutant
    verdict: Verdict

    def line(self) -> str:
        """Return it as it is kept."""
        mutant, verdict = self
        return json.dumps({
            "module": mutant.module, "line": mutant.line, "operator": mutant.operator,
            "before": mutant.before, "after": mutant.after, "fate": verdict.fate,
            "by": verdict.by, "tests": verdict.tests, "cpu_s": round(verdict.cpu_s, 3),
        })  # fmt: skip


class Run:
    """A run: the tests, what was judged before, and the processes that judge."""

    def __init__(self, judge: Judge, loader: Loader, modules: Sequence[str], seed: int) -> None:
        self._judge, self._loader = judge, loader
        self.tests = Tests(judge, modules)
        self.count, self._mutants = sample(modules, seed)
        self._functions = Functions(gc.get_objects(), SOURCES)
        self._path = KEPT / f"judged-{seed}.jsonl"
        self._killers = KEPT / "killers.json"
        self.found: list[Judged] = []
        self._old, self._seen = self._kept()
        self.before = sum(map(len, self._old.values()))
        self._known = self._learn()

    def _kept(self) -> tuple[dict[tuple[Any, ...], list[dict[str, Any]]], dict[str, str]]:
        """Return what was judged before, and the files of tests of that time."""
        told = self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else []
        found: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        for each in map(json.loads, told[1:]):
            found[each["module"], each["line"], each["before"], each["after"]].append(each)
        return found, json.loads(told[0])["files"] if told else {}

    def _learn(self) -> dict[tuple[str, str, str], str]:
        """Return who killed what, in this run or one before; whoever did is asked first."""
        known: dict[tuple[str, str, str], str] = {}
        if self._killers.is_file():
            kept = json.loads(self._killers.read_text(encoding="utf-8"))
            known = {(module, before, after): by for module, before, after, by in kept}
        known |= hints(each for old in self._old.values() for each in old)
        kept = [[*key, by] for key, by in known.items()]
        KEPT.mkdir(parents=True, exist_ok=True)
        self._killers.write_text(json.dumps(kept), encoding="utf-8")
        return known

    def _before(self, mutant: Mutant) -> Verdict | None:
        """Return what was said of a mutant before."""
        old = self._old.get((mutant.module, mutant.line, mutant.before, mutant.after))
        if not old:
            return None
        each = old.pop(0)
        return Verdict(Fate(each["fate"]), each["by"], each["tests"], each["cpu_s"])

    def _left(self, mutant: Mutant, before: Verdict | None) -> list[Chosen] | None:
        """Return the tests that have not been asked yet; None where what was said still holds.

        What was killed stays so while the test that did it is as it was. What survived has to
        survive the files of tests that are new since.
        """
        if before is None:
            return self.tests.of(mutant, self._known.get(mutant[:1] + mutant[3:5], ""))
        if before.fate is Fate.SURVIVED:
            return self.tests.of(mutant, seen=self._seen) or None
        file = file_of(before.by)
        if file in self._seen and self._seen[file] == self.tests.files.get(file):
            return None
        return self.tests.of(mutant, before.by)

    def judge(self, seconds: float) -> None:
        """Judge one mutant after the other until the time is over.

        What was judged before and does not hold any more is judged again, whatever the time.
        """
        until, busy = time.monotonic() + seconds, _Busy(self._loader, self._functions, self._judge)
        rest = self._path.with_suffix(".new")
        with rest.open("w", encoding="utf-8") as kept:

            def keep(judged: Judged) -> None:
                self.found.append(judged)
                kept.write(judged.line() + "\n")
                kept.flush()
                if judged.verdict.fate is Fate.SURVIVED:
                    print(f"survived  {judged.mutant.told()}", flush=True)

            kept.write(json.dumps({"files": self.tests.files}) + "\n")
            for mutant in self._mutants:
                before = self._before(mutant)
                chosen = self._left(mutant, before)
                if before is not None and chosen is None:
                    keep(Judged(mutant, before))
                    continue
                if before is None and time.monotonic() >= until:
                    break
                while busy.is_full(mutant):
                    keep(busy.next())
                busy.begin(mutant, chosen or [])
            while busy.count:
                keep(busy.next())
        rest.replace(self._path)


class _Busy:
    """The mutants that are being judged at the moment."""

    def __init__(self, loader: Loader, functions: Functions, judge: Judge) -> None:
        self._loader, self._functions, self._judge = loader, functions, judge
        self._children: dict[Connection, tuple[Mutant, Child]] = {}
        self._loading: Mutant | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._children) + (self._loading is not None)

    def is_full(self, mutant: Mutant) -> bool:
        """Whether one has to end before this one can begin."""
        is_waiting = mutant.is_at_import and self._loading is not None
        return is_waiting or self.count >= WORKERS

    def begin(self, mutant: Mutant, chosen: Sequence[Chosen]) -> None:
        """Let tests run against a mutant."""
        if mutant.is_at_import:
            self._loader.begin(mutant.module, mutant.source, chosen)
            self._loading = mutant
            return

        def does(told: Connection) -> Verdict:
            changed = self._functions.change(str(SOURCES / f"{mutant.module}.py"), mutant.source)
            verdict = self._judge.first_failing(chosen, told)
            assert changed or not chosen, f"nothing of it exists: {mutant.told()}"
            return verdict

        child = Child(does, PATIENCE_S)
        self._children[child.answer] = mutant, child

    def next(self) -> Judged:
        """Wait for the first that is done."""
        answers = [*self._children, *([self._loader.answer] if self._loading else [])]
        done = wait(answers, PATIENCE_S)
        answer = done[0] if done else answers[0]
        if answer is self._loader.answer:
            mutant, self._loading = self._loading, None
            assert mutant is not None
            return Judged(mutant, self._loader.verdict())
        assert isinstance(answer, Connection)
        mutant, child = self._children.pop(answer)
        return Judged(mutant, child.verdict())


def report(run: Run, alike: Equivalents, *, is_written: bool) -> int:
    """Print the sums by module, and the figures; return the exit code."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    survivors: list[Mutant] = []
    for mutant, verdict in run.found:
        is_alike = verdict.fate is Fate.SURVIVED and alike.has(mutant)
        sums[mutant.module]["alike" if is_alike else verdict.fate] += 1
        if verdict.fate is Fate.SURVIVED and not is_alike:
            survivors.append(mutant)
    for module, counts in sorted(sums.items()):
        dead = counts[Fate.KILLED] + counts[Fate.ENDLESS]
        print(f"{module:26} {dead:4} killed, {counts[Fate.SURVIVED]:3} survived, "
              f"{counts['alike']:3} change nothing")  # fmt: skip
    figures = page.Figures(
        run.count, len(run.found), len(survivors), sum(each["alike"] for each in sums.values()),
        sum(each[Fate.ENDLESS] for each in sums.values()),
    )  # fmt: skip
    if is_written and figures.judged >= page.JUDGED_LEAST:
        page.write(figures, sums, survivors, alike)
    cpu_s = sum(verdict.cpu_s for _, verdict in run.found)
    per_mutant_s = round(cpu_s / max(figures.judged, 1), 2)
    print(json.dumps({**figures.told(), "cpu_s_per_mutant": per_mutant_s}))
    return 0 if figures.score >= page.LEAST else 1


def main(arguments: Sequence[str]) -> int:
    seconds = float(arguments[0]) if arguments else 600.0
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    modules = tuple(arguments[2:]) or MODULES
    os.environ["CI"] = "1"  # the same examples for every mutant
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # what is compiled would not notice a change
    os.chdir(ROOT)
    prepare()
    loader, codes = Loader(), []

    def then(judge: Judge, _: pytest.Session) -> None:
        run = Run(judge, loader, modules, seed)
        gc.collect()
        gc.freeze()  # so that children share what they only read
        tests = run.tests
        print(f"{run.count} mutants of {len(modules)} modules; {len(tests.all)} tests judge, "
              f"{len(tests.left_out)} do not; {run.before} were judged before")  # fmt: skip
        run.judge(seconds)
        codes.append(report(run, Equivalents(), is_written=modules == MODULES and seed == 0))

    files = [str(path.relative_to(ROOT)) for pattern in JUDGES
             for path in sorted((ROOT / "tests").glob(pattern))]  # fmt: skip
    pytest.main([*OPTIONS, *files], plugins=[Judge(then)])
    loader.end()
    return codes[0] if codes else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
