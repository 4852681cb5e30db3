"""Turns the statements of the ledger into those that the driver and the server understand."""

import re
from functools import lru_cache
from itertools import count
from typing import NamedTuple

_PLACE = re.compile(r"\?|(?<!:):(\w+)( IS NULL)?")
_TABLE = re.compile(r"\b(FROM|INTO|UPDATE|JOIN|TABLE|ON)\s+(?!SET\b|CONFLICT\b|pg_)([a-z_]+)\b")
_BYTES = re.compile(r"CAST\((\w+) AS BLOB\)")
_COLUMN_TYPES = {"INTEGER": "BIGINT", "TEXT": 'TEXT COLLATE "C"', "BLOB": "BYTEA"}
_COLUMN = re.compile(rf"\b({'|'.join(_COLUMN_TYPES)})\b")
_END_OF_TABLE = re.compile(r"\) STRICT(?:, WITHOUT ROWID)?(?=;|\s*\Z)")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


class Numbered(NamedTuple):
    """A statement with numbered places; `names` are those of its values, none if by place."""

    text: str
    names: tuple[str, ...]


@lru_cache(maxsize=4_096)
def statement(text: str, schema: str) -> Numbered:
    """Return a statement of `queries.sql` for the tables of a schema.

    Every table is named with its schema: a search path is a state of the connection, which a pooler
    gives to somebody else between two statements.
    """
    names: list[str] = []
    numbers = count(1)

    def place(found: re.Match[str]) -> str:
        name, is_asked = found[1], found[2]
        if not name:
            return f"${next(numbers)}"
        if name not in names:
            names.append(name)
        # Of a value that may be none the server has to be told the type.
        return f"${names.index(name) + 1}{'::text IS NULL' if is_asked else ''}"

    numbered = _PLACE.sub(place, _BYTES.sub(r"\1", text))
    return Numbered(_qualified(numbered, schema), tuple(names))


def tables(text: str, schema: str) -> str:
    """Return a part of `schema.sql` as it makes the tables in a schema.

    Texts sort by their bytes, as in a file, whatever the language of the database is.
    """
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE)
    text = _COLUMN.sub(lambda found: _COLUMN_TYPES[found[1]], _END_OF_TABLE.sub(")", text))
    return _qualified(text, schema)


def _qualified(text: str, schema: str) -> str:
    return _TABLE.sub(rf"\1 {quoted(schema)}.\2", text)
