"""Measures durable commits of the ledger beside a bare SQLite loop; the last line is JSON.

    python benchmarks/ledger.py [SECONDS [FOLDER]]

Each of 1, 8 or 64 threads appends 1 or 50 records and waits until they are durable, again and again
for SECONDS (default 2). The bare loop inserts as many rows of the same length into one table and
commits: what the disk and the library allow at best to a single thread that keeps no chain, no
tables and no queue. Both sync every commit (synchronous FULL) in FOLDER (default: the temporary
folder), which should be on the disk that will hold the ledger. Runs alternate, since others may
share the disk; the median of three is shown.
"""

import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import NamedTuple

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Side
from smart_leverage.domain.records import Filled, Marked, Record, encode
from smart_leverage.ledger.connections import SQLITE_VERSION
from smart_leverage.ledger.sqlite import SqliteLedger

THREADS = (1, 8, 64)
GROUPS = (1, 50)
ROUNDS = 3


class Rate(NamedTuple):
    """Commits made and events made durable, each per second."""

    commits: float
    events: float


def records(number: int, size: int) -> list[Record]:
    """Return alternating fills and valuations, as a trading account writes them."""
    return [fill(number * size + n) if n % 2 == 0 else mark(n) for n in range(size)]


def fill(number: int) -> Filled:
    return Filled(
        at_ns=1_700_000_000_000_000_000 + number,
        fill=Fill(
            execution_id=f"execution-{threading.get_ident()}-{number}",
            client_order_id="alpha-20240304-000017",
            key=Key("crypto:BTC/USD"),
            side=Side.BUY,
            qty=Decimal("0.00125"),
            price=Decimal("62811.37"),
            fee=Decimal("0.0000031"),
            fee_asset="BTC",
            at_ns=1_700_000_000_000_000_000,
        ),
    )


def mark(number: int) -> Marked:
    money = Decimal("100234.56")
    return Marked(
        at_ns=1_700_000_000_000_000_000 + number,
        equity=money,
        cash=money,
        crypto=money,
        leveraged=money,
        gross=money,
        crypto_cap=Decimal("0.4"),
        leveraged_cap=Decimal("0.6"),
    )


def ledger_rate(path: Path, threads: int, group: int, seconds: float) -> Rate:
    with SqliteLedger(path) as ledger:
        end = time.monotonic() + seconds

        def write() -> None:
            number = 0
            while time.monotonic() < end:
                ledger.commit(records(number, group))
                number += 1

        started = time.monotonic()
        writers = [threading.Thread(target=write) for _ in range(threads)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        spent = time.monotonic() - started
        return Rate(ledger.counts.commits / spent, ledger.counts.records / spent)


def bare_rate(path: Path, group: int, seconds: float) -> Rate:
    row = ("x" * 32, "y" * 32, encode(fill(0)))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE journal (seq INTEGER PRIMARY KEY, prev, hash, payload)")
        started, commits = time.monotonic(), 0
        while time.monotonic() < started + seconds:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO journal (prev, hash, payload) VALUES (?, ?, ?)", [row] * group
            )
            connection.execute("COMMIT")
            commits += 1
        spent = time.monotonic() - started
    return Rate(commits / spent, commits * group / spent)


def measure(folder: Path, seconds: float) -> dict[str, list[Rate]]:
    """Return the rates of every case, a round at a time so that the disk's moods are shared."""
    found: dict[str, list[Rate]] = {}
    for number in range(ROUNDS):
        for group in GROUPS:
            name = f"bare_g{group}"
            path = folder / f"{name}-{number}.sqlite"
            found.setdefault(name, []).append(bare_rate(path, group, seconds / ROUNDS))
            for threads in THREADS:
                name = f"t{threads}_g{group}"
                path = folder / f"{name}-{number}.sqlite"
                rate = ledger_rate(path, threads, group, seconds / ROUNDS)
                found.setdefault(name, []).append(rate)
    return found


def main(seconds: float, folder: Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        found = measure(Path(place), seconds)
    load, *_ = os.getloadavg()
    print(f"SQLite {SQLITE_VERSION}, synchronous FULL, {seconds:g} s a case, load {load:.1f}")
    print(f"{'case':10} {'commits/s':>10} {'events/s':>10} {'of bare':>8}")
    figures: dict[str, float] = {}
    for name, rates in found.items():
        commits = median(rate.commits for rate in rates)
        events = median(rate.events for rate in rates)
        bare = median(rate.events for rate in found[f"bare_{name.rsplit('_')[-1]}"])
        print(f"{name:10} {commits:10,.0f} {events:10,.0f} {events / bare:8.2f}")
        figures[f"{name}_commits_per_s"] = round(commits, 1)
        figures[f"{name}_events_per_s"] = round(events, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 2.0,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
