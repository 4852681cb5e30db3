"""The reference numbers hold, interpreted and compiled, and the script that says so is honest."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.golden import entries_policy, public, vectors

from smart_leverage.research.compile import RuleCompiler
from smart_leverage.rule import RULES

HERE = Path(__file__).parent
CASES_FILE = HERE / "cases.json"
CASES = vectors.read(CASES_FILE)
RULE_CASES = [case for case in CASES if case["fn"] in entries_policy.FUNCTIONS]
COMPILER = RuleCompiler(HERE.parents[1] / "build" / "numba")


def prepare(function: Callable[..., Any]) -> Callable[..., Any]:
    if function in RULES.values():
        return COMPILER.compile(function)
    return COMPILER.link(function)


def marked(case: Any) -> Any:
    """Return a case under its name; one that names a file of market data needs that."""
    names_file = ".parquet" in str(case["inputs"].get("dataset", ""))
    marks = [pytest.mark.needs("market-data")] if names_file else []
    return pytest.param(case, id=case["id"], marks=marks)


INTERPRETED = public.Public()
COMPILED = public.Public(prepare=prepare)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_a_golden_case_holds(case: Any) -> None:
    found = vectors.answer(case, INTERPRETED)
    assert vectors.difference(case["expected"], found, case["tol"]) == ""


@pytest.mark.parametrize("case", [marked(case) for case in RULE_CASES])
def test_a_golden_case_holds_compiled(case: Any) -> None:
    found = vectors.answer(case, COMPILED)
    assert vectors.difference(case["expected"], found, case["tol"]) == ""


@pytest.mark.parametrize("case", [marked(case) for case in RULE_CASES])
def test_both_ways_give_the_same_answer_to_the_last_bit(case: Any) -> None:
    assert repr(vectors.answer(case, COMPILED)) == repr(vectors.answer(case, INTERPRETED))


def test_every_entry_of_the_table_has_a_case() -> None:
    assert vectors.FUNCTIONS.keys() >= {case["fn"] for case in CASES}


# --- the script ----------------------------------------------------------------------------------


def write(folder: Path, *cases: Mapping[str, Any]) -> str:
    file = folder / "some.json"
    file.write_text(json.dumps({"format": 1, "vectors": cases}))
    return str(file)


def a_case(**changed: Any) -> dict[str, Any]:
    case = {
        "id": "daily_simple.x",
        "fn": "daily_simple",
        "inputs": {"monthly": 0.05, "days": 20},
        "expected": 0.0025,
        "tol": {"abs": 1e-12},
    }
    return case | changed


def test_the_script_passes_its_own_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vectors.main([write(tmp_path, *RULE_CASES)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["seed_tier", "11", "passed", "0", "failed"]
    names = {case["fn"] for case in RULE_CASES}
    assert lines[-1] == (
        f"{len(RULE_CASES)} cases of {len(names)} functions: {len(RULE_CASES)} passed, 0 failed,"
        " 0 not built, 0 data not present"
    )


def test_a_wrong_number_fails_the_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vectors.main([write(tmp_path, a_case(), a_case(expected=0.0025001))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["daily_simple", "1", "passed", "1", "failed"]
    assert lines[1].strip() == "daily_simple.x: answer: expected 0.0025001, got 0.0025"


def test_an_exception_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert vectors.main([write(tmp_path, a_case(inputs={"monthly": "many", "days": 20}))]) == 1
    assert "ValueError" in capsys.readouterr().out


def test_what_is_not_built_is_named_and_not_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vectors.main([write(tmp_path, a_case(), a_case(fn="philosophers_stone"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["philosophers_stone", "1", "not", "built"]
    assert lines[-1].endswith("1 passed, 0 failed, 1 not built, 0 data not present")


def test_an_entry_without_its_function_is_not_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("policy.target.alchemy", "policy.alchemy.gold", "alchemy.gold.refine"):
        monkeypatch.setitem(vectors.FUNCTIONS, "daily_simple", public.plainly(path))
        assert vectors.main([write(tmp_path, a_case())]) == 0
        assert capsys.readouterr().out.splitlines()[0].split()[1:] == ["1", "not", "built"]


def test_a_module_that_cannot_be_imported_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'lead'", name="lead")

    monkeypatch.setattr("tests.golden.public.importlib.import_module", broken)
    assert vectors.main([write(tmp_path, a_case())]) == 1
    assert "No module named 'lead'" in capsys.readouterr().out


def test_a_missing_data_set_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_data(public: Any, **inputs: Any) -> Any:
        return public.dataset("nowhere/GOLD.1d.parquet of the shared market data")

    monkeypatch.setitem(vectors.FUNCTIONS, "daily_simple", from_data)
    assert vectors.main([write(tmp_path, a_case())]) == 0
    assert "1 data not present" in capsys.readouterr().out


def test_a_data_set_is_found_by_the_name_in_the_case(tmp_path: Path) -> None:
    (tmp_path / "gold.csv").touch()
    found = public.Public(data=tmp_path).dataset("gold.csv of somebody")
    assert found == tmp_path / "gold.csv"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{", id="no-json"),
        pytest.param("[]", id="no-record"),
        pytest.param('{"vectors": []}', id="no-cases"),
        pytest.param('{"vectors": [{"id": "a"}]}', id="half-a-case"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    assert vectors.main([str(file)]) == 2
    assert str(file) in capsys.readouterr().err


def test_the_script_wants_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert vectors.main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expected", "actual", "tol", "agrees"),
    [
        pytest.param(1.0, 1.0 + 9e-7, {"abs": 1e-6}, True, id="within-absolute"),
        pytest.param(1.0, 1.0 + 2e-6, {"abs": 1e-6}, False, id="beyond-absolute"),
        pytest.param(1e9, 1e9 + 1.0, {"rel": 1e-6}, True, id="within-relative"),
        pytest.param(1e9, 1e9 + 1.0, {"abs": 1e-6, "rel": 1e-6}, True, id="either-is-enough"),
        pytest.param(1.0, 1.0 + 1e-15, {}, False, id="without-tolerance-exact"),
        pytest.param("nan", float("nan"), {"abs": 1.0}, True, id="nan"),
        pytest.param(1.0, float("nan"), {"abs": 1.0}, False, id="nan-is-no-number"),
        pytest.param("inf", float("inf"), {"abs": 0}, True, id="infinity"),
        pytest.param("inf", -float("inf"), {"abs": 0}, False, id="wrong-infinity"),
        pytest.param(1.0, float("inf"), {"rel": 1.0}, False, id="infinity-is-no-number"),
        pytest.param(None, None, {}, True, id="null"),
        pytest.param(None, 0.0, {"abs": 1.0}, False, id="null-is-not-zero"),
        pytest.param(0.0, None, {"abs": 1.0}, False, id="zero-is-not-null"),
        pytest.param("stable", "stable", {}, True, id="text"),
        pytest.param("stable", "learning", {"abs": 1.0}, False, id="other-text"),
        pytest.param(True, 1, {}, False, id="one-is-not-true"),
        pytest.param(1, True, {}, False, id="true-is-not-one"),
        pytest.param([1.0, 2.0], (1.0, 2.0), {}, True, id="sequence"),
        pytest.param([1.0, 2.0], [1.0], {"abs": 9.0}, False, id="shorter-sequence"),
        pytest.param([1.0], 1.0, {}, False, id="no-sequence"),
        pytest.param({"a": 1.0}, {"a": 1.0, "b": 2.0}, {}, True, id="more-fields"),
        pytest.param({"a": 1.0}, {"b": 1.0}, {"abs": 9.0}, False, id="missing-field"),
        pytest.param({"a": 1.0}, {"a": 1.1}, {"abs": 0, "a": 0.2}, True, id="tolerance-of-a-field"),
        pytest.param({"a": 1.0}, {"a": 1.1}, {"abs": 1, "a": 0}, False, id="field-is-stricter"),
        pytest.param({"a_p_low": 0.5}, {"a_p_low": 0.52}, {"p": 0.03}, True, id="word-of-a-field"),
        pytest.param({"a": {"b": [1.0]}}, {"a": {"b": [2.0]}}, {"abs": 0.5}, False, id="deep"),
    ],
)
def test_values_agree_within_their_tolerance(
    expected: Any, actual: Any, tol: dict[str, float], agrees: bool
) -> None:
    assert (vectors.difference(expected, actual, tol) == "") is agrees
