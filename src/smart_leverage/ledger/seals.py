"""The last link of every month that is over, noted beside the ledger."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.base import Database, Durability, Entry, Head
from smart_leverage.ledger.files import FILE_MODE, SEALS, beside, put_in_place, sync_folder
from smart_leverage.ledger.journal import hash_at, last_raw_entry
from smart_leverage.ledger.statements import QUERIES

NEVER_NS = 1 << 64
"""Later than any record: the end of the month of a ledger that keeps no seals."""

_LOG = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINE = re.compile(r"(\d{4}-\d{2}) (\d{20}) ([0-9a-f]{64})", re.ASCII)


_NS_MIN = -(2**63)
"""The earliest time that a record can bear."""


class Seal(NamedTuple):
    """A month in UTC, as 2024-03, and the link with which it ended."""

    month: str
    head: Head


def month_of(at_ns: int) -> str:
    """Return the month of an instant in UTC, as 2024-03."""
    return f"{_EPOCH + timedelta(microseconds=at_ns // 1_000):%Y-%m}"


def month_span(month: str) -> tuple[int, int]:
    """Return the first instant of a month and that of the next one, UTC nanoseconds."""
    year, number = map(int, month.split("-"))
    following = (year, number + 1) if number < 12 else (year + 1, 1)
    return _ns(year, number), _ns(*following)


def _ns(year: int, month: int) -> int:
    return (datetime(year, month, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 1_000


def month_ends(entries: Iterable[Entry]) -> Iterator[Seal]:
    """Yield the last link of each month of a journal; that of the last month is not final.

    Months only go forward: an entry dated before the month that has begun belongs to it all the
    same. A month without entries has no end.
    """
    month, until_ns, head = "", -NEVER_NS, Head(0, b"")
    for entry in entries:
        if entry.at_ns >= until_ns:
            if head.seq:
                yield Seal(month, head)
            month = month_of(entry.at_ns)
            _, until_ns = month_span(month)
        head = Head(entry.seq, entry.hash)
    if head.seq:
        yield Seal(month, head)


def read_seals(path: Path) -> list[Seal]:
    """Return the seals beside a ledger, oldest first; none when there is no such file.

    Raises:
        LedgerCorrupt: A line is not a seal; the sentence names it.
        LedgerError: The file cannot be read.
    """
    file = beside(path, SEALS)
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(f"{file}: cannot be read: {error.strerror}") from error
    found = list[Seal]()
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise LedgerCorrupt(f"{file}: line {number} is not a seal")
        found.append(Seal(match[1], Head(int(match[2]), bytes.fromhex(match[3]))))
    return found


def write_seals(path: Path, seals: Sequence[Seal], durability: Durability) -> None:
    """Write the seals of a ledger, all of them or none.

    Raises:
        OSError: The disk refused.
        LedgerError: The file cannot get its name.
    """
    new = beside(path, f"{SEALS}.new")
    text = "".join(f"{month} {head.seq:020d} {head.hash.hex()}\n" for month, head in seals)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        if durability is Durability.FULL:
            os.fsync(handle)
    put_in_place(new, beside(path, SEALS))
    if durability is Durability.FULL:
        sync_folder(new.parent)


def altered(seals: Iterable[Seal], hash_at: Callable[[int], bytes | None]) -> str | None:
    """Name the first sealed month that is not what it was; None when all are.

    Args:
        seals: As they were written, oldest first.
        hash_at: Returns the hash at a number; None when the journal has no such link, or when the
            chain is not sound up to there.
    """
    first = 1
    for month, (seq, sealed) in seals:
        found = hash_at(seq)
        if found is None:
            return f"month {month} was sealed with event {seq}, which the journal does not prove"
        if found != sealed:
            return f"month {month}, events {first} to {seq}, is not what was sealed"
        first = seq + 1
    return None


class Sealer:
    """Seals each month when the first record of a later one is durable; for the writer only.

    Raises:
        LedgerCorrupt: A sealed month is not what it was.
        LedgerError: The seals cannot be read.
    """

    def __init__(self, path: Path, connection: Database, durability: Durability) -> None:
        self._path = path
        self._durability = durability
        self._seals = read_seals(path)
        self._month = ""
        self.until_ns = -NEVER_NS
        self.is_due = False
        if what := altered(self._seals, lambda seq: hash_at(connection, seq)):
            raise LedgerCorrupt(
                f"{path}: {what}; if an older copy was put here on purpose, remove "
                f"{beside(path, SEALS)}"
            )
        self._catch_up(connection)

    def turn(self, before: Head, at_ns: int) -> int:
        """Begin the month of a record; return its end, before which nothing is to be done."""
        if self._month:
            self._seals.append(Seal(self._month, before))
            self.is_due = True
        self._month = month_of(at_ns)
        _, self.until_ns = month_span(self._month)
        return self.until_ns

    def write(self) -> None:
        """Write what is due. The ledger is sound without it, and the next start makes it good."""
        self.is_due = False
        try:
            write_seals(self._path, self._seals, self._durability)
        except (OSError, LedgerError) as error:
            _LOG.warning("month %s could not be sealed: %s", self._seals[-1].month, error)

    def _catch_up(self, connection: Database) -> None:
        """Find the month that is running, and seal the one before if that was missed.

        Only entries after the last seal are looked at, and of those, up to the first of the month.
        """
        last = last_raw_entry(connection)
        after = self._seals[-1].head.seq if self._seals else 0
        if last is None or last[0] == after:
            return  # Whatever comes next begins a month.
        at_ns = last[2]
        if self._seals and month_of(at_ns) <= self._seals[-1].month:  # It was dated back.
            ((at_ns,),) = connection.execute(QUERIES["latest_after"], (after,)).fetchall()
        self._month = month_of(at_ns)
        start_ns, self.until_ns = month_span(self._month)
        # The first month that nanoseconds can tell began before the first of them.
        since_ns = max(start_ns, _NS_MIN)
        ((first,),) = connection.execute(QUERIES["first_since"], (after, since_ns)).fetchall()
        if first - 1 > after:
            self._seal_missed(connection, first - 1)

    def _seal_missed(self, connection: Database, seq: int) -> None:
        ((at_ns, own),) = connection.execute(QUERIES["link_at"], (seq,)).fetchall()
        self._seals.append(Seal(month_of(at_ns), Head(seq, own)))
        self.write()
