"""Writes down the embedded market of a run, for who audits it: the note of its seed is enough.

    python benchmarks/gateway/prices.py FOLDER PRICES.csv

Rows are `at_ns,key,price`, four a second while the venue of the folder said something, with the
middle of bid and ask; what is not traded at an instant keeps its last row.
"""

import csv
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from smart_leverage.market.kept import kept_market
from smart_leverage.market.quotes import QuotePath
from smart_leverage.market.synthetic import generate

STEP_NS = 250_000_000
MARGIN_NS = 3_000_000_000


def main(folder: Path, out: Path) -> None:
    """Write the prices of a folder's run."""
    path = QuotePath(generate(kept_market(folder)))
    with closing(sqlite3.connect(f"file:{folder / 'broker.sqlite'}?mode=ro", uri=True)) as db:
        query = "SELECT min(at_ns), max(at_ns) FROM events WHERE at_ns > 0"
        first, last = db.execute(query).fetchone()
    with out.open("w", encoding="ascii", newline="") as text:
        rows = csv.writer(text)
        for at_ns in range(first - MARGIN_NS, last + MARGIN_NS, STEP_NS):
            rows.writerows((at_ns, one.key, repr(one.middle)) for one in path.at(at_ns))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
