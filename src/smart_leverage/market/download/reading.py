"""Reads a series that is kept as if it were one bar file."""

import hashlib
from pathlib import Path

from smart_leverage.market.columns import Columns
from smart_leverage.market.download.rows import Wanted, columns_of
from smart_leverage.market.download.store import is_series, open_series, refuse_mixed

__all__ = ["is_series", "read_series"]


def read_series(path: Path) -> tuple[Wanted, Columns, str]:
    """Return what a series is, its rows in time order, and one hash over the parts' own.

    Raises:
        BadData: A part is missing or damaged, the parts were adjusted on different dates, or these
            are quotes.
    """
    series = open_series(path)
    refuse_mixed(series)
    rows = [row for part in series.manifest.parts.values() for row in series.bars(part)]
    hashes = "".join(part.sha256 for part in series.manifest.parts.values())
    return series.manifest.wanted, columns_of(rows), hashlib.sha256(hashes.encode()).hexdigest()
