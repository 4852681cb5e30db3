"""What the repository promises about itself: lock, layers, licence, commands and pages."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "smart_leverage"
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]

PYTHONS = ["3.11.2", "3.12.0", "3.13.0"]
"""The oldest of each line that we support; the first is what Debian 12 ships."""


def short(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


PROJECT = toml("pyproject.toml")
LOCKED: list[dict[str, Any]] = toml("uv.lock")["package"]
OURS = next(package for package in LOCKED if package["name"] == "smart-leverage")


# --- the lock -------------------------------------------------------------------------------------


def test_the_lock_knows_the_public_index_only() -> None:
    others = [package for package in LOCKED if package is not OURS]
    assert len(others) > 20
    assert {str(package["source"]) for package in others} == {
        "{'registry': 'https://pypi.org/simple'}"
    }
    files = [file for package in others for file in all_files(package)]
    assert len(files) > len(others)
    strangers = [
        f["url"] for f in files if not f["url"].startswith("https://files.pythonhosted.org/")
    ]
    assert strangers == []
    assert all(f["hash"].startswith("sha256:") for f in files)


def all_files(package: dict[str, Any]) -> list[dict[str, Any]]:
    source = [package["sdist"]] if "sdist" in package else []
    return source + list(package.get("wheels", []))


@pytest.mark.parametrize("python", PYTHONS)
def test_every_locked_package_has_a_wheel(python: str) -> None:
    needed = installed(python)
    assert len(needed) > 20
    accepted = linux_tags(python)
    source_only = [
        f"{package['name']} {package['version']}"
        for package in needed
        if not any(accepted & tags_of(wheel["url"]) for wheel in package.get("wheels", []))
    ]
    assert source_only == []


def test_the_check_for_wheels_sees_other_machines() -> None:
    wheel = "https://host/a/thing-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert tags_of(wheel) & linux_tags("3.12.0")
    assert not tags_of(wheel) & linux_tags("3.11.2")
    assert not tags_of(wheel.replace("manylinux_2_28_x86_64", "win_amd64")) & linux_tags("3.12.0")


@cache
def linux_tags(python: str) -> frozenset[Tag]:
    major, minor, _ = (int(part) for part in python.split("."))
    glibc = [f"manylinux_2_{step}_x86_64" for step in range(36, 4, -1)]
    platforms = [*glibc, "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
    return frozenset(cpython_tags((major, minor), platforms=platforms)) | frozenset(
        compatible_tags((major, minor), f"cp{major}{minor}", platforms)
    )


def tags_of(url: str) -> frozenset[Tag]:
    return parse_wheel_filename(url.rsplit("/", 1)[1])[3]


def installed(python: str) -> list[dict[str, Any]]:
    """Return what a Linux machine with this Python installs when it asks for everything."""
    machine = {
        "python_full_version": python,
        "python_version": python.rsplit(".", 1)[0],
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "os_name": "posix",
    }
    wanted = [edge for edges in groups_of(OURS) for edge in edges]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    while wanted:
        edge = wanted.pop()
        if "marker" in edge and not Marker(edge["marker"]).evaluate(dict(machine)):
            continue
        package = locked(edge, machine)
        key = (package["name"], package["version"])
        if package is OURS or key in found:
            continue
        found[key] = package
        wanted += [following for edges in groups_of(package) for following in edges]
    return list(found.values())


def groups_of(package: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    yield package.get("dependencies", [])
    yield from package.get("optional-dependencies", {}).values()
    yield from package.get("dev-dependencies", {}).values()


def locked(edge: dict[str, Any], machine: dict[str, str]) -> dict[str, Any]:
    """Return the version an edge leads to; where several are locked, markers choose one."""
    versions = [package for package in LOCKED if package["name"] == edge["name"]]
    if "version" in edge:
        versions = [package for package in versions if package["version"] == edge["version"]]
    fitting = [
        package
        for package in versions
        if not package.get("resolution-markers")
        or any(Marker(text).evaluate(dict(machine)) for text in package["resolution-markers"])
    ]
    assert len(fitting) == 1, f"{edge['name']}: {len(fitting)} versions fit"
    return fitting[0]


def test_the_lock_is_not_older_than_what_the_project_asks_for() -> None:
    asked = PROJECT["project"]["dependencies"]
    extras = PROJECT["project"]["optional-dependencies"]
    groups = PROJECT["dependency-groups"]
    assert names(asked) == {edge["name"] for edge in OURS["dependencies"]}
    assert {extra: names(texts) for extra, texts in extras.items()} == {
        extra: {edge["name"] for edge in edges}
        for extra, edges in OURS["optional-dependencies"].items()
    }
    assert {group: names(texts) for group, texts in groups.items()} == {
        group: {edge["name"] for edge in edges} for group, edges in OURS["dev-dependencies"].items()
    }


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=;~! ]", text, maxsplit=1)[0].lower() for text in requirements}


# --- the commands ---------------------------------------------------------------------------------

PROMISED = {
    *("run", "test", "test-all", "fmt", "lint", "vectors", "docs", "clean", "help"),
    *(
        "wire",
        "simulate",
        "crash",
        "troubles",
        "power-loss",
        "io-errors",
        "audit",
        "fuzz",
        "fuzz-deep",
        "planted",
        "mutants",
        "soak",
        "browser",
    ),
    *("bench", "bench-kernel", "bench-gateway"),
}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("make")
    assert tool is not None
    return subprocess.run(
        [tool, "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@cache
def database() -> str:
    """Return what make knows after reading the Makefile, all variables filled in."""
    return make("--print-data-base", "--question", ":").stdout


def targets() -> set[str]:
    phony = re.search(r"^\.PHONY: (.*)$", database(), re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def test_make_has_the_promised_targets() -> None:
    assert targets() >= PROMISED


def test_help_is_the_default_and_lists_every_target() -> None:
    shown = make()
    listed = re.findall(r"^  make ([a-z-]+) +\S", shown.stdout, re.MULTILINE)
    assert shown.returncode == 0
    assert sorted(listed) == sorted(targets())


def test_vectors_asks_for_a_file() -> None:
    shown = make("vectors")
    assert shown.returncode == 2
    assert "FILE=" in shown.stderr


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_commands_on_a_page_exist(page: Path) -> None:
    used = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert used <= targets()


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert re.search(r"^make run\b", text, re.MULTILINE)
    assert re.search(r"^make test\b", text, re.MULTILINE)


# --- the licence ----------------------------------------------------------------------------------


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert PROJECT["project"]["license-files"] == ["LICENSE"]
    assert "Version 2.0, January 2004" in text
    assert all(re.search(rf"^ +{number}\. ", text, re.MULTILINE) for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text


# --- the pages ------------------------------------------------------------------------------------

NUMBERED = sorted(DECISIONS.glob("0*.md"))
HEADINGS = ["Question", "Decision", "Why", "Consequences", "In the code"]


def test_every_open_question_has_a_page() -> None:
    numbers = [re.sub(r"^0+", "", page.name.split("-")[0]) for page in NUMBERED]
    lettered = {"4b", "5b", "5c", "5d", "5e", "14b", "15b", "15c"}
    assert len(numbers) == len(set(numbers))
    assert set(numbers) >= lettered | {str(number) for number in range(1, 17)}


@pytest.mark.parametrize("page", NUMBERED, ids=short)
def test_a_decision_has_its_five_parts_and_its_number(page: Path) -> None:
    text = page.read_text()
    number = page.name.split("-")[0].lstrip("0")
    assert text.startswith(f"# {number}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("page", NUMBERED, ids=short)
def test_a_decision_is_in_the_index_and_in_the_menu(page: Path) -> None:
    title = page.read_text().splitlines()[0].split(". ", 1)[1]
    assert f"[{title}]({page.name})" in (DECISIONS / "index.md").read_text()
    assert f"decisions/{page.name}" in (ROOT / "mkdocs.yml").read_text()


@pytest.mark.parametrize("page", NUMBERED, ids=short)
def test_a_decision_points_at_code_that_exists(page: Path) -> None:
    places = re.findall(r"`([a-z_/]+(?:\.py|/))`", page.read_text().split("## In the code")[1])
    assert places
    assert [place for place in places if not (PACKAGE / place).exists()] == []


def test_every_page_is_in_the_menu() -> None:
    menu = set(re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").glob("**/*.md")}
    assert pages == menu


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_decisions_cited_in_the_code_exist() -> None:
    cited: dict[str, str] = {}
    for file in PACKAGE.glob("**/*.py"):
        for listed in re.findall(r"[Dd]ecisions? (\d[\da-e, and]*)", file.read_text()):
            for number in re.findall(r"\d+[a-e]?\b", listed):
                cited[number.lstrip("0")] = file.name
    known = {page.name.split("-")[0].lstrip("0") for page in NUMBERED}
    assert cited
    assert {number: file for number, file in cited.items() if number not in known} == {}


# --- the layers -----------------------------------------------------------------------------------

CONTRACTS = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
LAYERS = [re.findall(r"\w+", layer) for layer in CONTRACTS["layers"]["layers"]]


def test_the_table_of_layers_is_the_contract() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| \d \| (.*?) \|", text, re.MULTILINE)
    table = [re.findall(r"`(\w+)`", row) for row in rows]
    parts = [part for layer in LAYERS[1:-1] for part in layer]
    assert [part for row in table for part in row] == parts
    assert all(any(set(layer) <= set(row) for row in table) for layer in LAYERS[1:-1])


def test_the_drawing_of_layers_is_the_contract() -> None:
    drawing = (ROOT / "docs" / "images" / "layers.svg").read_text()
    boxes = re.findall(r">(\w+)</text>", drawing)
    drawn = [word for word in boxes if not word.isdigit()]
    assert drawn == [part for layer in LAYERS[1:] for part in layer]


def test_the_engine_is_barred_from_all_that_lies_below_it_but_three() -> None:
    below = [part for layer in LAYERS[LAYERS.index(["engine", "research"]) + 1 :] for part in layer]
    barred = {name.removeprefix("smart_leverage.") for name in forbidden("engine")}
    there = {part for part in below if (PACKAGE / part).is_dir()}
    assert there - {"policy", "domain", "books"} == barred


def forbidden(contract: str) -> list[str]:
    return list(CONTRACTS[contract]["forbidden_modules"])


# --- the tests ------------------------------------------------------------------------------------


def test_examples_are_the_same_on_every_run_of_the_checks() -> None:
    assert settings.get_profile("ci").derandomize
    assert not settings.get_profile("dev").derandomize


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        pytest.param("", 0, "deselected: 0", id="all-ran"),
        pytest.param("import pytest; pytest.skip()", 1, "not complete: 1", id="one-skipped"),
    ],
)
def test_a_complete_run_leaves_nothing_out(tmp_path: Path, body: str, code: int, says: str) -> None:
    shown = pytest_in(tmp_path, f"def test_a():\n    assert True\n    {body or 'pass'}\n")
    assert shown.returncode == code, shown.stdout
    assert says in shown.stdout


def test_what_a_machine_lacks_is_deselected_and_counted(tmp_path: Path) -> None:
    shown = pytest_in(
        tmp_path,
        "import pytest\n\ndef test_a(): pass\n\n"
        "@pytest.mark.needs('market-data')\ndef test_b(): raise AssertionError\n",
    )
    assert shown.returncode == 1
    assert "deselected: 1 (1 no market-data)" in shown.stdout
    assert "1 passed" in shown.stdout


def pytest_in(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a test file under our conftest in a folder beside which no market data lies."""
    tests = folder / "checkout" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", tests)
    shutil.copy(ROOT / "pyproject.toml", tests.parent)
    (tests / "test_some.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--complete", "-p", "no:cacheprovider"],
        cwd=tests.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
