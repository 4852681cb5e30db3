"""A whole ledger from a file to a server and back: the same rows, and the proof that they are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from hashlib import sha256
from itertools import count
from typing import Any, NamedTuple

import msgspec
from psycopg.sql import SQL, Identifier

from smart_leverage.ledger.base import Database, Head
from smart_leverage.ledger.connections import create_tables
from smart_leverage.ledger.dump import TABLES, columns
from smart_leverage.ledger.journal import head_of
from smart_leverage.ledger.postgres.connections import ServerDatabase, errors
from smart_leverage.ledger.statements import QUERIES

JOURNAL = "journal"
COPIED = (JOURNAL, *TABLES)
"""Every table of a ledger but its version and the count of its writers."""

_PAGE = 2_000
_CURSORS = count()
_encode = msgspec.json.Encoder().encode


class Contents(NamedTuple):
    """What a ledger holds: its last link, the rows of each table, and two digests over all of them.

    `journal_sha256` is over the rows of the journal, `results_sha256` over those of every other
    table: orders, fills, positions, cash, marks, decisions and the rest.
    """

    head: Head
    rows: dict[str, int]
    journal_sha256: str
    results_sha256: str


def contents_of_file(connection: sqlite3.Connection) -> Contents:
    """Read a ledger in a file to its end and return what it holds."""
    return _contents(connection, lambda table: _rows_of_file(connection, table))


def contents_of_server(database: ServerDatabase) -> Contents:
    """Read a ledger on a server to its end, in the transaction that is open.

    Raises:
        LedgerError: The server refused, or is gone.
    """
    return _contents(database, lambda table: _rows_of_server(database, table))


def fill_file(connection: sqlite3.Connection, source: ServerDatabase) -> None:
    """Write the tables of a server into an empty file, in one transaction each.

    Raises:
        LedgerError: The server refused, or is gone.
        sqlite3.Error: The file cannot be written.
    """
    create_tables(connection)
    connection.execute("BEGIN IMMEDIATE")
    for table in COPIED:
        names, _ = _shape()[table]
        places = ", ".join("?" * len(names))
        into = f'INSERT INTO "{table}" ({_listed(names)}) VALUES ({places})'  # noqa: S608 - ours
        connection.executemany(into, _rows_of_server(source, table))
    ((epoch,),) = source.execute(QUERIES["epoch"]).fetchall()
    connection.execute(_SET_EPOCH, (epoch,))
    connection.execute("COMMIT")


def fill_server(database: ServerDatabase, source: sqlite3.Connection) -> None:
    """Write the tables of a file into those of a server, in the transaction that is open.

    Raises:
        LedgerError: The server refused, or is gone.
    """
    for table in COPIED:
        names, _ = _shape()[table]
        into = SQL("COPY {}.{} ({}) FROM STDIN").format(
            Identifier(database.schema),
            Identifier(table),
            SQL(", ").join(map(Identifier, names)),
        )
        with (
            errors(database.address),
            database.connection.cursor() as cursor,
            cursor.copy(into) as copy,
        ):
            for row in _rows_of_file(source, table):
                copy.write_row(row)
    ((epoch,),) = source.execute(QUERIES["epoch"]).fetchall()
    database.execute(_SET_EPOCH, (epoch,))


_SET_EPOCH = "UPDATE writer SET epoch = ?"


def _contents(connection: Database, rows_of: Any) -> Contents:
    counts: dict[str, int] = {}
    journal, results = sha256(), sha256()
    for table in COPIED:
        digest = journal if table == JOURNAL else results
        digest.update(f"# {table} {' '.join(_shape()[table][0])}\n".encode())
        counts[table] = 0
        for row in rows_of(table):
            digest.update(_encode(row) + b"\n")
            counts[table] += 1
    return Contents(head_of(connection), counts, journal.hexdigest(), results.hexdigest())


def _rows_of_file(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    names, keys = _shape()[table]
    yield from connection.execute(
        f'SELECT {_listed(names)} FROM "{table}" ORDER BY {_listed(keys)}'  # noqa: S608 - ours
    )


def _rows_of_server(database: ServerDatabase, table: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows a page at a time; the transaction has to stay open meanwhile."""
    names, keys = _shape()[table]
    ask = SQL("SELECT {} FROM {}.{} ORDER BY {}").format(
        SQL(", ").join(map(Identifier, names)),
        Identifier(database.schema),
        Identifier(table),
        SQL(", ").join(map(Identifier, keys)),
    )
    name = f"ledger_{next(_CURSORS)}"
    with errors(database.address), database.connection.cursor(name) as cursor:
        cursor.itersize = _PAGE
        cursor.execute(ask)
        yield from cursor


@cache
def _shape() -> dict[str, tuple[list[str], list[str]]]:
    """Return the columns of each table and those that order it, as the schema has them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_tables(connection)
        return {table: columns(connection, table) for table in COPIED}


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
