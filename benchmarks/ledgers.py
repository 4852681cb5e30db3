"""Measures durable commits of a ledger on PostgreSQL beside one in a file; the last line is JSON.

    python benchmarks/ledgers.py [SECONDS [URL]]

Each of 1, 8 or 64 threads appends what an order writes (its decision and its intent) and waits
until it is durable, again and again for SECONDS (default 3) in all of a case. URL is a database on
a server whose user may make schemas; without one a server is started in the temporary folder, as
for the tests, and its files and those of SQLite share a disk then. Both sync every commit: SQLite
with synchronous FULL, the server with fsync and synchronous_commit on. Several accounts at once,
each with a writer of its own, show what one server takes. Rounds alternate, since others may share
the machine; the median of three is shown. `bare` is a loop on each database that only inserts one
row and commits.
"""

import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from tests.postgres import drop_schema, server

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Side
from smart_leverage.domain.records import Decided, Intended, Record, encode
from smart_leverage.ledger.connections import SQLITE_VERSION
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.writing import WritingLedger

THREADS = (1, 8, 64)
ACCOUNTS = (1, 4)
ROUNDS = 3
NOW_NS = 1_700_000_000_000_000_000


class Rate(NamedTuple):
    """Orders made durable and commits made, each per second, and what one order waited, median."""

    orders: float
    commits: float
    wait_ms: float


def order(name: str) -> list[Record]:
    """Return what an order writes before it may leave: its decision and its intent."""
    key = Key("crypto:BTC/USD")
    money = Decimal("5012.34")
    decided = Decided(
        at_ns=NOW_NS, decision_id=name, bot="alpha", source="wire", key=key, side=Side.BUY,
        asked=Decimal("0.0798"), allowed=money, given=money, price=Decimal("62811.37"),
        verdict="approved", reason="none", unit="fraction", bound=Decimal("0.40"),
        would_be=Decimal("0.1234"), figures={"equity": "100234.56", "cap": "0.40", "held": "0.07"},
    )  # fmt: skip
    wanted = Order(client_order_id=name, bot="alpha", key=key, side=Side.BUY, qty=Decimal("0.0798"))
    intended = Intended(at_ns=NOW_NS, order=wanted, decision_id=name, reserve_price=money)
    return [decided, intended]


def rate(ledgers: list[WritingLedger], threads: int, seconds: float) -> Rate:
    """Let so many threads write to each ledger, and count."""
    end = time.monotonic() + seconds
    waits: list[float] = []

    def write(ledger: WritingLedger, thread: int) -> None:
        number = 0
        while (began := time.monotonic()) < end:
            ledger.commit(order(f"{thread:02}-{number:06}"))
            waits.append(time.monotonic() - began)
            number += 1

    started = time.monotonic()
    writers = [
        threading.Thread(target=write, args=(ledger, number))
        for ledger in ledgers
        for number in range(threads)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    spent = time.monotonic() - started
    commits = sum(ledger.counts.commits for ledger in ledgers)
    return Rate(len(waits) / spent, commits / spent, median(waits) * 1_000)


def bare_sqlite(path: Path, seconds: float) -> Rate:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE journal (seq INTEGER PRIMARY KEY, payload)")
        return bare(lambda row: connection.execute(_INSERT.format("?"), row), seconds)


def bare_postgres(url: str, seconds: float) -> Rate:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS journal")
        connection.execute("CREATE TABLE journal (seq bigserial PRIMARY KEY, payload text)")
        return bare(lambda row: connection.execute(_INSERT.format("%s"), row), seconds)


_INSERT = "INSERT INTO journal (payload) VALUES ({})"


def bare(insert: Callable[[tuple[str]], object], seconds: float) -> Rate:
    row = (encode(order("bare")[0]).decode(),)
    waits: list[float] = []
    started = time.monotonic()
    while (began := time.monotonic()) < started + seconds:
        insert(row)
        waits.append(time.monotonic() - began)
    spent = time.monotonic() - started
    return Rate(len(waits) / spent, len(waits) / spent, median(waits) * 1_000)


@contextmanager
def in_files(folder: Path, accounts: int) -> "Iterator[list[WritingLedger]]":
    paths = [folder / f"{number}.sqlite" for number in range(accounts)]
    ledgers: list[WritingLedger] = [SqliteLedger(path) for path in paths]
    yield ledgers
    for ledger in ledgers:
        ledger.close()


@contextmanager
def on_server(url: str, folder: Path, accounts: int) -> "Iterator[list[WritingLedger]]":
    addresses = [Address(url, f"bench_{number}") for number in range(accounts)]
    ledgers: list[WritingLedger] = [
        PostgresLedger(each, folder / f"served-{each.account}.sqlite") for each in addresses
    ]
    yield ledgers
    for ledger, address in zip(ledgers, addresses, strict=True):
        ledger.close()
        drop_schema(url, address.schema)


def measure(url: str, folder: Path, seconds: float) -> dict[str, list[Rate]]:
    """Return the rates of every case, a round at a time so that the machine's moods are shared."""
    found: dict[str, list[Rate]] = {}
    each = seconds / ROUNDS
    for number in range(ROUNDS):
        place = folder / str(number)
        place.mkdir()
        found.setdefault("sqlite_bare", []).append(bare_sqlite(place / "bare", each))
        found.setdefault("postgres_bare", []).append(bare_postgres(url, each))
        for accounts in ACCOUNTS:
            for threads in THREADS if accounts == 1 else (THREADS[1],):
                name = f"a{accounts}_t{threads}"
                own = place / name
                own.mkdir()
                with in_files(own, accounts) as ledgers:
                    found.setdefault(f"sqlite_{name}", []).append(rate(ledgers, threads, each))
                with on_server(url, own, accounts) as ledgers:
                    found.setdefault(f"postgres_{name}", []).append(rate(ledgers, threads, each))
    return found


def show(found: dict[str, list[Rate]]) -> None:
    figures: dict[str, float] = {}
    print(f"{'case':18} {'orders/s':>9} {'commits/s':>10} {'wait ms':>8} {'of SQLite':>10}")
    for name, rates in found.items():
        orders = median(rate.orders for rate in rates)
        commits = median(rate.commits for rate in rates)
        wait_ms = median(rate.wait_ms for rate in rates)
        twin = name.replace("postgres", "sqlite")
        ratio = orders / median(rate.orders for rate in found[twin])
        print(f"{name:18} {orders:9,.0f} {commits:10,.0f} {wait_ms:8.2f} {ratio:10.2f}")
        figures[f"{name}_orders_per_s"] = round(orders, 1)
        figures[f"{name}_commits_per_s"] = round(commits, 1)
        figures[f"{name}_wait_ms"] = round(wait_ms, 3)
    print(json.dumps(figures))


def main(seconds: float, url: str | None) -> None:
    load, *_ = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        if url is None:
            with server() as one:
                told = told_of(one.address())
                found = measure(one.address(), Path(folder), seconds)
        else:
            told = told_of(url)
            found = measure(url, Path(folder), seconds)
    print(f"SQLite {SQLITE_VERSION}, {told}, {seconds:g} s a case, load {load:.1f}")
    show(found)


def told_of(url: str) -> str:
    def shown(name: str) -> str:
        row = line.execute(f"SHOW {name}").fetchone()
        return str(row and row[0])

    with psycopg.connect(url) as line:
        sync = f"fsync {shown('fsync')}, synchronous_commit {shown('synchronous_commit')}"
        return f"PostgreSQL {shown('server_version')} ({sync})"


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 3.0,
        sys.argv[2] if len(sys.argv) > 2 else None,
    )
