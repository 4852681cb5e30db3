"""The report of an account as one HTML file: no network, readable and printable without script."""

from collections.abc import Sequence
from pathlib import Path

from smart_leverage.domain.errors import BadData
from smart_leverage.reports.html.page import rendered
from smart_leverage.reports.html.scene import Bounds, Scene
from smart_leverage.reports.inputs import Comparison, DataFile
from smart_leverage.reports.source import Source
from smart_leverage.reports.story import Progress, read_story

__all__ = ["SIZE_MAX", "Comparison", "DataFile", "write_report"]

SIZE_MAX = 400_000
"""Largest report, bytes."""

_BOUNDS = (
    Bounds(),
    Bounds(points=1_100, rows=250, marks=200),
    Bounds(points=700, rows=120, marks=150),
    Bounds(points=400, rows=60, marks=100),
    Bounds(points=200, rows=20, marks=50),
)
"""Tried one after another until the page is small enough; tables say what they leave out."""


def write_report(
    source: Source,
    to: Path,
    *,
    command: str = "",
    data: Sequence[DataFile] | None = None,
    baseline: Comparison | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the report of a ledger and return where it is.

    Args:
        source: The ledger, read once from its beginning.
        to: The file; its folder is made, and the file replaced as a whole.
        command: The command line that made the run, for whoever wants to repeat it.
        data: The bar files that were run.
        baseline: A curve to draw beside the equity, such as the same bot without the gateway.
        progress: Hears the number of entries read, now and then.

    Raises:
        BadData: The ledger holds no account.
        OSError: The file cannot be written.
    """
    story = read_story(source, keeps_figures=False, progress=progress)
    scene = Scene(story, data=data or (), baseline=baseline)
    for scene.bounds in _BOUNDS:
        page = rendered(scene, command=command).encode()
        if len(page) <= SIZE_MAX:
            break
    else:
        raise BadData(
            f"the report has {len(page):,} bytes, {SIZE_MAX:,} are allowed",
            fix="name fewer data files, or cut their names",
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.part")
    beside.write_bytes(page)
    beside.replace(to)
    return to
