"""Makes perturbed.json, cases with every input moved: `python -m tests.golden.independent`.

The answers come from the modules `independent_…`, which share no code with what they judge; so
this takes minutes, and its result is kept. The tests compare ours with it.
"""

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
from tests.golden import (
    independent_drawdowns,
    independent_kelly,
    independent_rules,
    independent_tests,
)
from tests.golden.perturbing import close_to, perturbed
from tests.golden.vectors import read

HERE = Path(__file__).parent
FILE = HERE / "perturbed.json"

FUNCTIONS: dict[str, Callable[..., Any]] = (
    independent_rules.FUNCTIONS
    | independent_kelly.FUNCTIONS
    | independent_drawdowns.FUNCTIONS
    | independent_tests.FUNCTIONS
)


def plain(value: Any) -> Any:
    """Return numbers of any kind as those that JSON has."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    if isinstance(value, mp.mpc) and abs(value.imag) < 1e-25:  # of a root next to a square root
        value = value.real
    if isinstance(value, Fraction | mp.mpf | float | np.floating):
        number = float(value)
        return "inf" if number == float("inf") else number
    raise TypeError(f"{value!r} of {type(value).__name__}")


def judged(case: Any) -> dict[str, Any]:
    inputs = perturbed(case)
    return {
        "id": f"{case['id']}.perturbed",
        "fn": case["fn"],
        "inputs": inputs,
        "expected": plain(FUNCTIONS[case["fn"]](**inputs)),
        "tol": close_to(case),
    }


def main(names: list[str]) -> int:
    """Judge all, or the functions named, and keep what is known of the others."""
    known = {case["id"]: case for case in read(FILE)} if FILE.is_file() and names else {}
    mp.mp.dps = 30
    found = []
    for case in read(HERE / "cases.json"):
        if case["fn"] not in FUNCTIONS or "dataset" in case["inputs"]:
            continue
        old = known.get(f"{case['id']}.perturbed")
        found.append(judged(case) if not names or case["fn"] in names or old is None else old)
        print(found[-1]["id"], flush=True)
    lines = ",\n".join("  " + json.dumps(case) for case in found)
    told = "Every input of a golden case moved, and the answer of an independent evaluation."
    text = f'{{\n "format": 1,\n "description": "{told}",\n "vectors": [\n{lines}\n ]\n}}\n'
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
