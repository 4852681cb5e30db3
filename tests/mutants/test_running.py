"""A mutant that breaks a rule is killed, what changes nothing survives, and no file is written."""

import gc
import os
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from types import FunctionType

import pytest
from tests.mutants.running import Child, Chosen, Fate, Functions, Judge, Verdict

from smart_leverage.policy import tier

ROOT = Path(__file__).parents[2]
PATH = ROOT / "src" / "smart_leverage" / "policy" / "tier.py"
EDGE = ("at.win_rate_profitable - TOLERANCE", "at.win_rate_profitable + TOLERANCE")
ANEW = """
import sys
from tests.mutants.running import Chosen, loaded_anew, prepare
path = "src/smart_leverage/policy/tier.py"
source = open(path, encoding="utf-8").read()
old, new = sys.argv[1:]
assert old in source
prepare()
file = "tests/unit/test_policy_tier.py"
name = f"{file}::test_an_edge_belongs_to_the_better_tier[sixty-per-cent-is-profitable]"
print(loaded_anew("policy/tier", source.replace(old, new), [Chosen(name, 0.01)]).fate)
"""


@pytest.mark.parametrize(
    ("old", "new", "fate"),
    [
        pytest.param("class Tier(", "class Tier(", "survived", id="nothing"),
        pytest.param("TOLERANCE = 1e-12", "TOLERANCE = -1e-12", "killed", id="a-constant"),
        pytest.param("class Tier(", "raise OSError\nclass Tier(", "killed", id="no-module"),
        pytest.param("class Tier(", "while True:\n    pass\nclass Tier(", "endless", id="no-end",
                     marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_a_mutant_of_an_import_meets_its_fate(old: str, new: str, fate: str) -> None:
    before = PATH.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", ANEW, old, new],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.stdout.strip() == fate, done.stderr
    assert PATH.read_bytes() == before


def functions() -> Functions:
    """Return those of the modules as they are loaded; other tests may hold copies of their own."""
    loaded = {id(vars(module)) for module in list(sys.modules.values())}
    found = [each for each in gc.get_objects() if type(each) is FunctionType]
    return Functions([one for one in found if id(one.__globals__) in loaded], ROOT / "src")


def test_a_function_that_exists_gets_changed_code_in_a_child_only() -> None:
    at = tier.TierThresholds()
    assert tier.select_tier(at.win_rate_profitable, 0.0, at) is tier.Tier.PROFITABLE
    source = PATH.read_text(encoding="utf-8")
    assert EDGE[0] in source
    changed = source.replace(*EDGE)

    def does(_: object) -> str:
        assert functions().change(str(PATH), changed) == 1
        return tier.select_tier(at.win_rate_profitable, 0.0, at).name

    answer, _ = Child(does, 60).result()
    assert answer == "STABLE"
    assert tier.select_tier(at.win_rate_profitable, 0.0, at) is tier.Tier.PROFITABLE


def test_what_is_unchanged_changes_no_function() -> None:
    assert functions().change(str(PATH), PATH.read_text(encoding="utf-8")) == 0


def test_a_child_that_breaks_has_noticed_and_one_that_never_ends_too() -> None:
    def breaks(_: object) -> Verdict:
        os._exit(1)

    def endless(_: object) -> Verdict:
        while True:
            pass

    assert Child(breaks, 60).verdict().fate is Fate.KILLED
    assert Child(endless, 0.2).verdict().fate is Fate.ENDLESS


class _Asked(Judge):
    """Answers as if tests had run."""

    def passes(self, name: str) -> bool:
        return name != "fails"


def test_the_first_that_fails_ends_it() -> None:
    judge = _Asked(lambda *_: None)
    judge.items = dict.fromkeys(["passes", "fails", "later"])  # type: ignore[assignment]
    _, told = Pipe(duplex=False)
    chosen = [Chosen(name, 1.0) for name in ("gone", "passes", "fails", "later")]
    assert judge.first_failing(chosen, told) == Verdict(Fate.KILLED, "fails", 3)
    assert judge.first_failing(chosen[:2], told) == Verdict(Fate.SURVIVED, "", 2)
