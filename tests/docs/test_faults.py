"""Every fault has its row, and whatever shows it is a test that pytest knows."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
FAULTS: list[dict[str, Any]] = tomllib.loads((TESTS / "faults.toml").read_text("utf-8"))["fault"]
COUNTS = {"B": 28, "M": 9, "P": 10, "D": 10, "N": 9, "T": 6, "I": 12, "U": 20, "C": 8, "O": 8}
"""How many faults of each kind there are."""


def test_every_fault_has_its_row() -> None:
    wanted = [f"F-{kind}{n:02}" for kind, most in COUNTS.items() for n in range(1, most + 1)]
    assert [each["id"] for each in FAULTS] == wanted
    for each in FAULTS:
        assert set(each) == {"id", "what", "must", "tests", "missing"}
        assert each["what"]
        assert each["must"]


def test_what_no_test_shows_is_said() -> None:
    assert [each["id"] for each in FAULTS if not (each["tests"] or each["missing"])] == []


def test_every_test_that_is_named_is_collected() -> None:
    named = {name for each in FAULTS for name in each["tests"]}
    files = sorted({name.partition("::")[0] for name in named})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--long", "-p", "no:cacheprovider",
         *(str(TESTS / file) for file in files)],
        capture_output=True, text=True, check=False, cwd=TESTS.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    collected = set(re.findall(r"^tests/(\S+?::\w+)", done.stdout, re.MULTILINE))
    assert len(named) > 200
    assert sorted(named - collected) == []
