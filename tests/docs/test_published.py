"""The Python of these pages runs, and prints what stands below it, from the page's own words."""

import shutil
from pathlib import Path

import pytest
from tests.conftest import MARKET_DATA
from tests.docs.pages import blocks_of, printed, renewed

CONCEPTS = Path(__file__).parents[2] / "docs" / "concepts"
PUBLISHED = sorted((CONCEPTS / "published").glob("*.md"))
FACTORS = "factors.parquet"
"""What a page calls the factor data that its reader is to bring along."""


def ran(page: Path) -> object:
    marks = [pytest.mark.needs("market-data")] if FACTORS in page.read_text() else []
    return pytest.param(page, id=page.stem, marks=marks)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "page",
    [
        ran(page)
        for page in [*sorted(CONCEPTS.glob("*.md")), *PUBLISHED]
        if blocks_of(page.read_text())
    ],
)
def test_a_page_prints_what_it_shows(page: Path, folder: Path) -> None:
    if FACTORS in page.read_text():
        shutil.copy(MARKET_DATA / "factors" / "FF3-MOM.1d.parquet", folder / FACTORS)
    assert printed(page) == [block.shown for block in blocks_of(page.read_text())]


@pytest.mark.parametrize("page", PUBLISHED, ids=lambda page: page.stem)
def test_no_block_of_a_published_example_goes_without_its_output(page: Path) -> None:
    text = page.read_text()
    blocks = blocks_of(text)
    assert len(blocks) == text.count("```python\n") >= 2
    assert all(block.shown.strip() for block in blocks)
    assert "## What it means for you" in text


def test_a_page_that_shows_something_else_is_seen_and_can_be_renewed(folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(
        "# Sums\n\n```python\nhalf = 0.5\nprint(half + half)\n```\n\n```text\n2.0\n```\n\n"
        "```python\nprint(half)\n```\n\n```text\n0.5\n```\n\nAnd `half` stays.\n"
    )
    assert [block.shown for block in blocks_of(page.read_text())] == ["2.0\n", "0.5\n"]
    assert printed(page) == ["1.0\n", "0.5\n"]
    assert renewed(page) == page.read_text().replace("2.0", "1.0")


def test_an_error_names_the_line_of_the_page(folder: Path) -> None:
    page = folder / "page.md"
    page.write_text("# Broken\n\n```python\n1 / 0\n```\n\n```text\n```\n")
    with pytest.raises(ZeroDivisionError) as raised:
        printed(page)
    last = raised.traceback[-1]
    assert (last.path, last.lineno + 1) == (page, 4)
