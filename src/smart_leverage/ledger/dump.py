"""Tables as bytes, so that two ledgers can be compared to the letter."""

import re
from collections.abc import Iterator
from sqlite3 import Connection
from typing import Any, NamedTuple

import msgspec

from smart_leverage.ledger.statements import SCHEMA

TABLES = tuple(re.findall(r"CREATE TABLE (\w+)", SCHEMA["projections"]))
"""The projected tables, in the order of the schema."""

_encode = msgspec.json.Encoder().encode


def columns(connection: Connection, table: str) -> tuple[list[str], list[str]]:
    """Return a table's columns and those of its primary key; both empty if there is no table."""
    found = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    keys = sorted((place, name) for _, name, _, _, _, place in found if place)
    return [name for _, name, *_ in found], [name for _, name in keys]


class Line(NamedTuple):
    """One row: its primary key, and all of it as a JSON array."""

    key: tuple[Any, ...]
    text: bytes


def lines(connection: Connection, table: str) -> Iterator[Line]:
    """Yield each row of a table in the order of its primary key."""
    names, keys = columns(connection, table)
    if not names:
        return
    order = ", ".join(f'"{key}"' for key in keys)
    places = [names.index(key) for key in keys]
    for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY {order}'):  # noqa: S608
        yield Line(tuple(row[place] for place in places), _encode(row))


def dump(connection: Connection) -> bytes:
    """Return every projected table: its name and columns, then its rows, a line each."""
    out = []
    for table in TABLES:
        out.append(f"# {table} {' '.join(columns(connection, table)[0])}".encode())
        out.extend(line.text for line in lines(connection, table))
    return b"\n".join(out)


def unequal(
    ours: Iterator[Line], theirs: Iterator[Line]
) -> Iterator[tuple[Line | None, Line | None]]:
    """Yield the rows of two tables that are not the same, side by side; None where one lacks it."""
    left, right = next(ours, None), next(theirs, None)
    while left or right:
        if left is None or (right is not None and right.key < left.key):
            yield None, right
            right = next(theirs, None)
        elif right is None or left.key < right.key:
            yield left, None
            left = next(ours, None)
        else:
            if left != right:
                yield left, right
            left, right = next(ours, None), next(theirs, None)
