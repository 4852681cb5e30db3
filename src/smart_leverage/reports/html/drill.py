"""The page of a drill: every attempt, what stopped it or got through, and how to look again."""

from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.reports.html.frame import rendered_page


class Line(NamedTuple):
    """One attempt, as the page shows it; levels are ok, near or hit."""

    name: str
    what: str
    verdict: str
    level: str
    why: str
    notes: str
    explain: str
    replay: str
    seconds: str


class Page(NamedTuple):
    """All that the page says."""

    head: str
    score: str
    ladder: str
    lines: Sequence[Line]


def drill_page(page: Page) -> str:
    """Return the page, what got through first."""
    order = {"hit": 0, "near": 1, "ok": 2}
    lines = sorted(page.lines, key=lambda one: order[one.level])
    return rendered_page("drill.html.j2", {"title": "Drill", **page._asdict(), "lines": lines})
