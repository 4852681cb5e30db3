"""A mutant that breaks a rule is killed, what changes nothing survives, and no file is written."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from tests.mutants.running import fate_of, prepare
path = "src/smart_leverage/policy/tier.py"
source = open(path, encoding="utf-8").read()
old, new = sys.argv[1:]
assert old in source
prepare()
print(fate_of("policy/tier", source.replace(old, new), ["tests/unit/test_policy_tier.py"]))
"""


@pytest.mark.parametrize(
    ("old", "new", "fate"),
    [
        pytest.param("class Tier(", "class Tier(", "survived", id="nothing"),
        pytest.param(
            "at.win_rate_profitable - TOLERANCE", "at.win_rate_profitable + TOLERANCE",
            "killed", id="an-edge",
        ),
        pytest.param("class Tier(", "raise OSError\nclass Tier(", "killed", id="no-module"),
        pytest.param("class Tier(", "while True:\n    pass\nclass Tier(", "endless", id="no-end",
                     marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_a_mutant_meets_its_fate(old: str, new: str, fate: str) -> None:
    before = (ROOT / "src/smart_leverage/policy/tier.py").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, old, new],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.stdout.strip() == fate, done.stderr
    assert (ROOT / "src/smart_leverage/policy/tier.py").read_bytes() == before
