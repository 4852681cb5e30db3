"""Reads the journal's links as they stand in the table, sound or not."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from sqlite3 import DatabaseError
from typing import Any

from smart_leverage.domain.errors import LedgerCorrupt
from smart_leverage.ledger.base import Database, Entry, Head
from smart_leverage.ledger.chain import GENESIS, digest
from smart_leverage.ledger.statements import QUERIES

PAGE = 2_000
"""Links fetched at once; no read transaction lasts longer than that takes."""

Raw = tuple[Any, ...]
"""One row of the journal with its texts as bytes."""


def raw_entries(connection: Database, after: int = 0) -> Iterator[Raw]:
    """Yield the rows after this one, oldest first, a page at a time.

    Raises:
        sqlite3.DatabaseError: The file is damaged, right behind the last row that was yielded.
    """
    while True:
        page, damage = _page(connection, after)
        yield from page
        if damage is not None:
            raise damage
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _page(connection: Database, after: int) -> tuple[list[Raw], DatabaseError | None]:
    """Return the next rows, as many as can be read, and what stopped the reading."""
    page: list[Raw] = []
    try:
        # What came before an error stays in the list.
        page.extend(connection.execute(QUERIES["entries_after"], {"after": after, "limit": PAGE}))
    except DatabaseError as error:
        # The driver reads one row ahead, so that the last one before the damage was lost as well.
        last = {"after": page[-1][0] if page else after, "limit": 1}
        with suppress(DatabaseError):
            page.extend(connection.execute(QUERIES["entries_after"], last))
        return page, error
    return page, None


def chained(connection: Database, after: int = 0) -> Iterator[Entry]:
    """Yield the links after this one, oldest first, each proved to follow the one before.

    Raises:
        LedgerCorrupt: One does not; nothing after it can be trusted.
    """
    before = Head(after, hash_at(connection, after) or GENESIS.hash)
    try:
        for raw in raw_entries(connection, after):
            if what := fault(raw, before):
                raise LedgerCorrupt(what)
            before = Head(raw[0], raw[7])
            yield parse(raw)
    except DatabaseError as error:
        raise LedgerCorrupt(f"event {before.seq + 1} cannot be read: {error}") from error


def raw_entries_about(connection: Database, key: str) -> list[Raw]:
    """Return the rows about one thing, oldest first."""
    return connection.execute(QUERIES["entries_about"], (key,)).fetchall()


def last_raw_entry(connection: Database) -> Raw | None:
    """Return the last row; None when there is none."""
    found: list[Raw] = connection.execute(QUERIES["last_entry"]).fetchall()
    return found[0] if found else None


def head_of(connection: Database) -> Head:
    """Return the last link's number and hash, unchecked."""
    last = last_raw_entry(connection)
    return GENESIS if last is None else Head(last[0], last[-1])


def hash_at(connection: Database, seq: int) -> bytes | None:
    """Return the hash that stands at a number; None when there is no such link."""
    found = connection.execute(QUERIES["hash_at"], (seq,)).fetchall()
    return found[0][0] if found else None


def parse(raw: Raw) -> Entry:
    """Return a row as an entry; letters that are not UTF-8 are replaced."""
    seq, epoch, at_ns, kind, key, payload, prev_hash, own = raw
    texts = kind.decode(errors="replace"), key.decode(errors="replace")
    return Entry(seq, epoch, at_ns, *texts, payload, prev_hash, own)


def fault(raw: Raw, before: Head) -> str | None:
    """Say what is wrong with a row that should follow a head; None when nothing is."""
    seq, prev_hash = raw[0], raw[6]
    if seq != before.seq + 1:
        missing = before.seq + 1
        return f"event {missing} is missing" if seq > missing else f"event {seq} is out of place"
    if prev_hash != before.hash:
        return f"event {seq} does not name the hash of event {before.seq}"
    return content_fault(raw)


def content_fault(raw: Raw) -> str | None:
    """Say what is wrong with a row by itself; None when it has the hash of its content."""
    try:
        is_sound = raw[7] == digest(*raw[:7])
    except (struct.error, TypeError):  # Damage made a column null, negative or of another type.
        is_sound = False
    return None if is_sound else f"event {raw[0]} does not have the hash of its content"


def lost(connection: Database, noted: Head | None) -> str | None:
    """Say what is missing of the links that were acknowledged; None when nothing is."""
    if noted is None or not noted.seq:
        return None
    found = hash_at(connection, noted.seq)
    if found is None:
        end = head_of(connection).seq
        return f"the journal ends at event {end}, but event {noted.seq} was acknowledged"
    if found != noted.hash:
        return f"event {noted.seq} is not the one that was acknowledged"
    return None
