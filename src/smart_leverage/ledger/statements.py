"""The SQL of the ledger, read by name from the files beside this module."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_LAST_WORDS = re.compile(r"(?:^--.*\n*)+\Z", re.MULTILINE)
_ROW = re.compile(r"VALUES (\([^()]*\))")


def load(file: str, package: str = __package__) -> dict[str, str]:
    """Return the statements of one SQL file by the name in the `-- name:` line above each.

    Comments that end a part belong to the next one and are left out.
    """
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {
        name: _LAST_WORDS.sub("", sql).strip().rstrip(";")
        for name, sql in zip(parts[::2], parts[1::2], strict=True)
    }


QUERIES = load("queries.sql")
SCHEMA = load("schema.sql")


@cache
def widened(name: str, rows: int) -> str:
    """Return the named statement for that many rows at once: its row of VALUES is repeated.

    Every step of a statement gives up the interpreter lock. Beside a busy thread a writer that
    steps once per row waits up to 5 ms for each (measured: 317 ms for 64 rows, 17 ms when widened).
    """
    return _ROW.sub(lambda row: "VALUES " + ", ".join([row[1]] * rows), QUERIES[name], count=1)
