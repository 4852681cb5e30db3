"""Runs reference numbers through the public functions: `python -m tests.golden.vectors FILE`.

A file holds cases: the name of a function, inputs, the expected output and a tolerance. `FUNCTIONS`
says for each name how the inputs reach our functions. What has no entry there, or needs a function
that does not exist, is reported as not built; a case whose data set is not on this machine is
reported as such. Both are listed and neither counts as passed.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.golden import entries_policy, entries_research
from tests.golden.public import Case, DataNotPresent, NotBuilt, Public

FUNCTIONS: dict[str, Callable[..., Any]] = entries_policy.FUNCTIONS | entries_research.FUNCTIONS
"""The one place that knows which of our functions answers a case."""

# --- comparing ---------------------------------------------------------------------------------


def tolerances_of(key: str, tol: Mapping[str, float]) -> Mapping[str, float]:
    """Return the tolerance of one output: its own where `tol` names it or a word of its name."""
    for name in (key, *key.split("_")):
        if name in tol and name not in ("abs", "rel"):
            return {"abs": tol[name]}
    return tol


def difference(expected: Any, actual: Any, tol: Mapping[str, float], where: str = "") -> str:
    """Return what differs beyond the tolerance, in words; empty when nothing does."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{where or 'answer'}: expected fields, got {actual!r}"
        pairs = [(key, value, actual.get(key)) for key, value in expected.items()]
        return first(
            difference(value, got, tolerances_of(key, tol), f"{where}.{key}".strip("."))
            for key, value, got in pairs
        )
    if isinstance(expected, list):
        got = list(actual) if isinstance(actual, Iterable) else None
        if got is None or len(got) != len(expected):
            return f"{where or 'answer'}: expected {len(expected)} values, got {actual!r}"
        pairs = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(expected, got, strict=True))]
        return first(difference(value, item, tol, place) for place, value, item in pairs)
    if is_close(expected, actual, tol):
        return ""
    return f"{where or 'answer'}: expected {expected!r}, got {actual!r}"


def first(differences: Iterable[str]) -> str:
    return next((found for found in differences if found), "")


def is_close(expected: Any, actual: Any, tol: Mapping[str, float]) -> bool:
    """Tell whether two values agree: absolutely or relatively, either is enough."""
    if isinstance(expected, str) and expected.lower() in ("nan", "inf", "-inf"):
        expected = float(expected)
    if expected is None:
        return actual is None
    if isinstance(expected, str | bool):
        return bool(type(actual) is type(expected) and actual == expected)
    if isinstance(actual, bool) or not isinstance(actual, int | float):
        return False
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    if math.isinf(expected) or math.isinf(actual):
        return bool(expected == actual)
    apart = abs(actual - expected)
    return bool(apart <= tol.get("abs", 0.0) or apart <= tol.get("rel", 0.0) * abs(expected))


# --- running -----------------------------------------------------------------------------------


@dataclass
class Tally:
    """What became of the cases of one function."""

    passed: int = 0
    failed: int = 0
    not_built: int = 0
    data_not_present: int = 0
    failures: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        parts = []
        if self.passed or self.failed:
            parts.append(f"{self.passed:>4} passed {self.failed:>4} failed")
        if self.not_built:
            parts.append(f"{self.not_built:>4} not built")
        if self.data_not_present:
            parts.append(f"{self.data_not_present:>4} data not present")
        return f"{name:<38}" + "   ".join(parts)


def answer(case: Case, public: Public) -> Any:
    """Return what our functions say to a case.

    Raises:
        NotBuilt: There is no entry, or a function that it needs does not exist.
        DataNotPresent: The data set of the case is not on this machine.
    """
    if case["fn"] not in FUNCTIONS:
        raise NotBuilt(case["fn"])
    return FUNCTIONS[case["fn"]](public, **case["inputs"])


def judge(case: Case, public: Public, tally: Tally) -> None:
    """Count one case; an exception of ours is a failure like a wrong number."""
    try:
        found = difference(case["expected"], answer(case, public), case["tol"])
    except NotBuilt:
        tally.not_built += 1
        return
    except DataNotPresent:
        tally.data_not_present += 1
        return
    except Exception as error:  # noqa: BLE001 - reported with the case, and counted as failed
        found = f"{type(error).__name__}: {error}"
    if found:
        tally.failed += 1
        tally.failures.append(f"{case['id']}: {found}")
    else:
        tally.passed += 1


def run(cases: Iterable[Case], public: Public) -> dict[str, Tally]:
    """Judge all cases and return the tallies by function, in the order of the file."""
    tallies: dict[str, Tally] = {}
    for case in cases:
        judge(case, public, tallies.setdefault(case["fn"], Tally()))
    return tallies


def read(file: Path) -> list[Case]:
    """Return the cases of a file.

    Raises:
        ValueError: It holds no cases, or one without the parts that every case has.
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    cases = content.get("vectors") if isinstance(content, dict) else None
    if not isinstance(cases, list) or not cases:
        raise ValueError("there are no cases under `vectors`")
    for index, case in enumerate(cases):
        missing = {"id", "fn", "inputs", "expected", "tol"} - set(case)
        if missing:
            raise ValueError(f"case {index} has no {', '.join(sorted(missing))}")
    return cases


def report(tallies: Mapping[str, Tally]) -> None:
    for name, tally in tallies.items():
        print(tally.line(name))
        for failure in tally.failures:
            print(f"    {failure}")
    kinds = ("passed", "failed", "not_built", "data_not_present")
    totals = {kind: sum(getattr(tally, kind) for tally in tallies.values()) for kind in kinds}
    words = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in totals.items())
    print(f"{sum(totals.values())} cases of {len(tallies)} functions: {words}")


def main(arguments: list[str]) -> int:
    """Return 0 when no case failed, 1 when one did, 2 when the file cannot be used."""
    if len(arguments) != 1:
        print("usage: python -m tests.golden.vectors FILE", file=sys.stderr)
        return 2
    try:
        cases = read(Path(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"vectors: {arguments[0]} cannot be read: {error}", file=sys.stderr)
        return 2
    tallies = run(cases, Public())
    report(tallies)
    return 1 if any(tally.failed for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
