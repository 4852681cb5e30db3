"""Measures, once for each test, what it takes and which lines of the changed modules it runs.

What was measured is kept in build/mutants, as long as nothing changes that it depends on. A test
that fails where nothing was changed, or takes too long, judges no mutant.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutants.making import SOURCES, Mutant
from tests.mutants.running import PATIENCE_S, Child, Chosen, Judge

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "mutants" / "measured.json"
BUDGET_S = 6.0
"""No mutant is judged by more tests than take so long together where nothing was changed."""
LONGEST_S = 3.0
"""A test that takes longer than this judges no mutant."""
NEARER = 0.2
"""The tests of a module's own file count as so much shorter than others, so they run sooner."""
FILES_MOST = 10
"""So many files of tests are loaded for a mutant for which all has to be loaded anew."""


class Measured(NamedTuple):
    """A test: its CPU time, and the lines of each module that it runs, as bits of a number."""

    name: str
    cpu_s: float
    lines: dict[str, int]


def digest_of(paths: Iterable[Path]) -> str:
    """Return what changes when any of the files does."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:24]


UNDER = ("policy", "books", "engine", "domain")
"""Folders of our code that the changed modules, and so what was said of them, rest on."""


def beneath() -> str:
    """Return the digest of what all tests depend on: code under what is changed, shared code."""
    shared = (each for each in (ROOT / "tests").rglob("*.py")
              if not each.name.startswith("test_") and "mutants" not in each.parts)  # fmt: skip
    ours = (path for folder in UNDER for path in (SOURCES / folder).rglob("*.py"))
    return digest_of([*ours, *shared])


def _measured(judge: Judge, names: Sequence[str], modules: Sequence[str]) -> list[Any]:
    import coverage  # comes with mutmut, and only there

    paths = {str(SOURCES / f"{module}.py"): module for module in modules}
    watch = coverage.Coverage(data_file=None, config_file=False, include=list(paths))
    taken: dict[str, float] = {}
    watch.start()
    for name in names:
        watch.switch_context(name)
        began_s = time.process_time()
        if judge.passes(name):
            taken[name] = time.process_time() - began_s
    watch.stop()
    found: dict[str, dict[str, int]] = {name: {} for name in taken}
    with warnings.catch_warnings(action="ignore"):  # of tests that run none of these lines
        content = watch.get_data()
    for path in content.measured_files():
        for line, contexts in content.contexts_by_lineno(path).items():
            for name in contexts:
                if name in found:
                    lines = found[name]
                    lines[paths[path]] = lines.get(paths[path], 0) | 1 << line
    return [[name, cpu_s, found[name]] for name, cpu_s in taken.items()]


def file_of(test: str) -> str:
    """Return the file of a test's name."""
    return test.partition("::")[0]


class Tests:
    """The tests that can judge mutants, by what they run."""

    def __init__(self, judge: Judge, modules: Sequence[str]) -> None:
        """Measure what is not known yet."""
        files: dict[str, list[str]] = {}
        for name in judge.items:
            files.setdefault(file_of(name), []).append(name)
        kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
        below = beneath() + ",".join(modules)
        self.all: list[Measured] = []
        self.left_out: list[str] = []
        self.files: dict[str, str] = {}
        """What changes for each file of tests with all that it depends on."""
        for file, names in files.items():
            digest = hashlib.sha256(f"{below}{digest_of([ROOT / file])}".encode()).hexdigest()[:24]
            self.files[file] = digest
            if kept.get(file, {}).get("digest") != digest:
                kept[file] = {"digest": digest, "tests": self._of_file(judge, names, modules)}
                KEPT.parent.mkdir(parents=True, exist_ok=True)
                KEPT.write_text(json.dumps(kept), encoding="utf-8")
            found = [Measured(name, cpu_s, {module: int(bits) for module, bits in lines.items()})
                     for name, cpu_s, lines in kept[file]["tests"]]  # fmt: skip
            fit = [each for each in found if each.cpu_s <= LONGEST_S]
            self.left_out += sorted(set(names) - {each.name for each in fit})
            self.all += fit

    def _of_file(self, judge: Judge, names: Sequence[str], modules: Sequence[str]) -> Any:
        def does(_: Connection) -> Any:
            return _measured(judge, names, modules)

        answer, cpu_s = Child(does, PATIENCE_S).result()
        found = answer if isinstance(answer, list) else []
        print(f"measured {len(found)} of {len(names)} in {cpu_s:.1f} s: {names[0]}", flush=True)
        return [[name, took_s, {module: str(bits) for module, bits in lines.items()}]
                for name, took_s, lines in found]  # fmt: skip

    def of(
        self, mutant: Mutant, first: str = "", seen: Mapping[str, str] | None = None
    ) -> list[Chosen]:
        """Return the tests that run what was changed, the shortest and nearest first.

        Args:
            mutant: What they are to judge.
            first: The test that has killed it before.
            seen: Files of tests that it has survived, as they were: only others are asked.
        """
        statement = sum(1 << line for line in range(mutant.first, mutant.last + 1))
        own = own_files(mutant.module)
        found = [each for each in self.all if self._runs(each, mutant, statement)]
        if seen is not None:
            found = [each for each in found if seen.get(file_of(each.name)) != self._file(each)]

        def order(each: Measured) -> tuple[bool, float, str]:
            is_own = each.name.startswith(own)
            return each.name != first, each.cpu_s * (NEARER if is_own else 1.0), each.name

        found.sort(key=order)
        if mutant.is_at_import:
            found = _of_few_files(found, own)
        chosen: list[Chosen] = []
        spent_s = 0.0
        for each in found:
            spent_s += each.cpu_s
            if chosen and spent_s > BUDGET_S:
                break
            chosen.append(Chosen(each.name, each.cpu_s))
        return chosen

    def _file(self, test: Measured) -> str:
        return self.files[file_of(test.name)]

    @staticmethod
    def _runs(test: Measured, mutant: Mutant, statement: int) -> bool:
        lines = test.lines.get(mutant.module, 0)
        if mutant.is_at_import:
            return lines != 0 or test.name.startswith(own_files(mutant.module))
        return lines & statement != 0


def own_files(module: str) -> tuple[str, ...]:
    """Return how the names of a module's own tests begin; the figures of a folder share a file."""
    folder, _, name = module.partition("/")
    return (
        f"tests/unit/test_{folder}_{name}",
        f"tests/property/test_{folder}_{name}",
        f"tests/unit/test_{folder}_figures",
    )


def _of_few_files(tests: Sequence[Measured], own: tuple[str, ...]) -> list[Measured]:
    """Return the tests of the files that know a module best: its own, and where most run it."""
    counts: dict[str, float] = {}
    for number, each in enumerate(tests):
        file = file_of(each.name)
        counts[file] = counts.get(file, 0.0) + (1e6 if file.startswith(own) or not number else 1.0)
    best = set(sorted(counts, key=lambda file: (-counts[file], file))[:FILES_MOST])
    return [each for each in tests if file_of(each.name) in best]


def hints(lines: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], str]:
    """Return, of what was judged before, the test that killed each mutant."""
    return {(each["module"], each["before"], each["after"]): each["by"] for each in lines
            if each["by"]}  # fmt: skip
