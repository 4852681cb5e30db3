"""Reads the journal's links as they stand in the table, sound or not."""

from collections.abc import Iterator
from sqlite3 import Connection
from typing import Any

from smart_leverage.ledger.base import Entry, Head
from smart_leverage.ledger.chain import GENESIS, digest
from smart_leverage.ledger.statements import QUERIES

PAGE = 2_000
"""Links fetched at once; no read transaction lasts longer than that takes."""

Raw = tuple[Any, ...]
"""One row of the journal with its texts as bytes."""


def raw_entries(connection: Connection, after: int = 0) -> Iterator[Raw]:
    """Yield the rows after this one, oldest first, a page at a time."""
    while True:
        query = connection.execute(QUERIES["entries_after"], {"after": after, "limit": PAGE})
        page = query.fetchall()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def raw_entries_about(connection: Connection, key: str) -> list[Raw]:
    """Return the rows about one thing, oldest first."""
    return connection.execute(QUERIES["entries_about"], (key,)).fetchall()


def last_raw_entry(connection: Connection) -> Raw | None:
    """Return the last row; None when there is none."""
    found: list[Raw] = connection.execute(QUERIES["last_entry"]).fetchall()
    return found[0] if found else None


def head_of(connection: Connection) -> Head:
    """Return the last link's number and hash, unchecked."""
    last = last_raw_entry(connection)
    return GENESIS if last is None else Head(last[0], last[-1])


def hash_at(connection: Connection, seq: int) -> bytes | None:
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
    seq, prev_hash, own = raw[0], raw[6], raw[7]
    if seq != before.seq + 1:
        missing = before.seq + 1
        return f"event {missing} is missing" if seq > missing else f"event {seq} is out of place"
    if prev_hash != before.hash:
        return f"event {seq} does not name the hash of event {before.seq}"
    if own != digest(*raw[:7]):
        return f"event {seq} does not have the hash of its content"
    return None


def lost(connection: Connection, noted: Head | None) -> str | None:
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
