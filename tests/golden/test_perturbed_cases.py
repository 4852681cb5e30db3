"""Cases with every input moved, against an evaluation that shares no code with ours.

`python -m tests.golden.independent` makes the file; a few cheap cases are made anew here, so that
file and script cannot part.
"""

from pathlib import Path
from typing import Any

import mpmath as mp
import pytest
from tests.golden import independent, public, vectors
from tests.golden.perturbing import perturbed

HERE = Path(__file__).parent
CASES = {case["id"]: case for case in vectors.read(HERE / "cases.json")}
PERTURBED = vectors.read(independent.FILE)
PUBLIC = public.Public()

CHEAP = {"kelly_binary", "payoff_thresholds", "steady_breaker_path", "tipp_path", "log_loss"}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in PERTURBED])
def test_ours_agrees_with_the_independent_evaluation(case: Any) -> None:
    found = vectors.answer(case, PUBLIC)
    assert vectors.difference(case["expected"], found, case["tol"]) == ""


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"]) for case in PERTURBED if case["fn"] in CHEAP],
)
def test_the_file_is_what_the_script_makes(case: Any) -> None:
    with mp.workdps(30):
        made = independent.judged(CASES[case["id"].removesuffix(".perturbed")])
    assert made["inputs"] == case["inputs"]
    assert vectors.difference(case["expected"], made["expected"], {"abs": 1e-12}) == ""


def test_every_input_is_another_one() -> None:
    numeric = [
        (case, name)
        for case in PERTURBED
        for name, value in case["inputs"].items()
        if isinstance(value, int | float)
    ]
    same = [
        (case["id"], name)
        for case, name in numeric
        if CASES[case["id"].removesuffix(".perturbed")]["inputs"][name] == case["inputs"][name]
    ]
    assert same == []


def test_the_new_functions_are_covered() -> None:
    covered = {case["fn"] for case in PERTURBED}
    assert len(covered) >= 60
    for case in PERTURBED:
        assert case["inputs"] == perturbed(CASES[case["id"].removesuffix(".perturbed")])
