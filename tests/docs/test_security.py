"""The pages on security name tests that exist, and call nothing met without one."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGES = sorted((TESTS.parent / "docs" / "security").glob("*.md"))
NAMED = re.compile(r"`([a-z_/]+\.py)(?:::(\w+))?`")
ROW = re.compile(r"^\| (V\d+(?:\.\d+)?) [^|]+\| ([a-z ]+) \| (.+) \|$", re.MULTILINE)
SECTIONS = {
    1: 5,
    2: 4,
    3: 7,
    4: 4,
    5: 4,
    6: 8,
    7: 6,
    8: 4,
    9: 2,
    11: 6,
    12: 3,
    13: 4,
    14: 3,
    15: 4,
    16: 5,
}
"""How many sections of a chapter are judged; the other two chapters are one line each."""

WHOLE = {"V10", "V17"}


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text())
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = NAMED.findall(page.read_text())
    assert len(named) > 50
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (TESTS / file).exists() or name not in names_in(file)
    ]
    assert missing == []


def rows() -> list[tuple[str, str, str]]:
    return ROW.findall((TESTS.parent / "docs" / "security" / "asvs.md").read_text())


def test_every_section_is_judged_once() -> None:
    wanted = {f"V{chapter}.{n}" for chapter, most in SECTIONS.items() for n in range(1, most + 1)}
    assert sorted(section for section, _, _ in rows()) == sorted(wanted | WHOLE)


@pytest.mark.parametrize(("section", "verdict", "why"), rows(), ids=lambda each: each.split()[0])
def test_what_is_met_is_proved_and_what_is_not_says_why(
    section: str, verdict: str, why: str
) -> None:
    assert verdict in ("met", "partly", "not met", "not applicable")
    if verdict == "met":
        assert NAMED.search(why)
    assert len(why) > 10


def controls() -> list[str]:
    text = (TESTS.parent / "docs" / "security" / "index.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if not row.startswith(("| Area |", "| ---"))]


def test_every_control_has_a_test() -> None:
    assert len(controls()) > 20
    assert [row for row in controls() if not NAMED.search(row)] == []
