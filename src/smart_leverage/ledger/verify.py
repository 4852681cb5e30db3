"""Proves a ledger: the chain link by link, then every projection made again and compared."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

import msgspec

from smart_leverage.domain.errors import LedgerCorrupt
from smart_leverage.ledger.base import Entry, Head
from smart_leverage.ledger.chain import GENESIS
from smart_leverage.ledger.connections import connect, file_uri, open_reader
from smart_leverage.ledger.dump import TABLES, Line, columns, lines, unequal
from smart_leverage.ledger.files import witnessed
from smart_leverage.ledger.journal import fault, lost, parse, raw_entries
from smart_leverage.ledger.projections import rebuild
from smart_leverage.ledger.snapshot import salvage, snapshot
from smart_leverage.ledger.statements import QUERIES

Progress = Callable[[int, int], None]
"""Called now and then with the number of events done and of all events."""

_PROGRESS_EVERY = 2_000
_TABLE_FAULTS_MAX = 5


class Fault(NamedTuple):
    """One thing that is wrong; `seq` is the event it belongs to, None when it cannot be told."""

    seq: int | None
    what: str


class Verdict(NamedTuple):
    """What a verification found; `head` is the last link up to which the chain is sound."""

    head: Head
    faults: tuple[Fault, ...]

    @property
    def events(self) -> int:
        """Number of events whose links are sound."""
        return self.head.seq

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    @property
    def bad_seq(self) -> int | None:
        """The first event that is wrong; None when none is, or when it cannot be told."""
        return min((fault.seq for fault in self.faults if fault.seq is not None), default=None)

    @property
    def summary(self) -> str:
        """One line for a person."""
        if self.is_sound:
            return f"{self.events:,} events, chain sound, projections equal"
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        return f"{self.events:,} events with a sound chain; {self.faults[0].what}{more}"


def verify(path: Path, progress: Progress = lambda done, total: None) -> Verdict:
    """Walk the journal of a ledger and compare every projection with one made anew.

    It works on a copy taken in one short transaction, so a running writer is not disturbed; the
    temporary folder needs room for two such files.

    Raises:
        LedgerNewer: A newer program wrote it.
        LedgerError: There is no ledger at the path.
    """
    noted = witnessed(path)  # Before the copy: what is acknowledged after it is not missing.
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        copy = Path(folder) / "copy.sqlite"
        damage = None
        try:
            snapshot(path, copy)
        except LedgerCorrupt as error:
            damage = salvage(path, copy) or str(error)
        if not copy.exists():
            return Verdict(GENESIS, (Fault(None, damage or "cannot be copied"),))
        return _judge(copy, noted, damage, progress)


def backup(path: Path, to: Path) -> Verdict:
    """Copy a ledger, running or at rest, to a new file, and verify the copy.

    Raises:
        LedgerCorrupt: It cannot be read to its end.
        LedgerError: There is no ledger, or something is already at the target.
    """
    snapshot(path, to)
    return verify(to)


def _judge(copy: Path, noted: Head | None, damage: str | None, progress: Progress) -> Verdict:
    walk = _Walk(progress)
    faults: list[Fault] = []
    with (
        closing(open_reader(file_uri(copy, "ro"), str(copy))) as source,
        closing(connect(f"{(copy.parent / 'fresh.sqlite').as_uri()}?mode=rwc")) as fresh,
    ):
        fresh.execute("PRAGMA synchronous = OFF")
        try:
            rebuild(walk.entries(source), fresh)
            if missing := lost(source, noted):
                faults.append(Fault(walk.head.seq + 1, missing))
            faults += _differences(source, fresh)
            faults += _page_faults(source)
        except _Broken as broken:
            faults.append(broken.fault)
        except msgspec.MsgspecError as error:
            faults.append(Fault(walk.head.seq, f"event {walk.head.seq} is not a record: {error}"))
        except sqlite3.DatabaseError as error:
            seq = walk.head.seq + 1
            faults.append(Fault(seq, f"event {seq} cannot be read: {damage or error}"))
    return Verdict(walk.head, tuple(faults))


class _Broken(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


class _Walk:
    """Goes along the chain while it is sound and remembers how far it came."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.head = GENESIS

    def entries(self, connection: Connection) -> Iterator[Entry]:
        """Yield the links; raises at the first that is wrong."""
        ((total,),) = connection.execute(QUERIES["entry_count"]).fetchall()
        for raw in raw_entries(connection):
            if what := fault(raw, self.head):
                raise _Broken(Fault(self.head.seq + 1, what))
            self.head = Head(raw[0], raw[7])
            yield parse(raw)
            if self.head.seq % _PROGRESS_EVERY == 0:
                self._progress(self.head.seq, total)
        self._progress(total, total)


def _differences(source: Connection, fresh: Connection) -> Iterator[Fault]:
    """Yield where a projected table is not, byte for byte, what the journal adds up to."""
    for table in TABLES:
        names, _ = columns(source, table)
        if names != columns(fresh, table)[0]:
            yield Fault(None, f"table {table} does not have the columns of this version")
            continue
        pairs = unequal(lines(source, table), lines(fresh, table))
        try:
            for ours, theirs in islice(pairs, _TABLE_FAULTS_MAX):
                yield _difference(table, names, ours, theirs)
        except (sqlite3.DatabaseError, TypeError) as error:  # TypeError: a key of another type.
            yield Fault(None, f"table {table} cannot be read: {error}")


def _difference(table: str, names: list[str], ours: Line | None, theirs: Line | None) -> Fault:
    """Say what differs between a stored row and the one made anew."""
    stored = _named(names, ours)
    anew = _named(names, theirs)
    row = anew or stored
    seq = next((row[name] for name in ("seq", "moved_seq") if name in row), None)
    where = f"table {table}, row {'/'.join(map(str, (theirs or ours or Line((), b'')).key))}"
    if not stored or not anew:
        return Fault(seq, f"{where} {'is missing' if anew else 'comes from no event'}")
    wrong = [
        f"{name} is {stored[name]!r}, the journal says {anew[name]!r}"
        for name in names
        if stored[name] != anew[name]
    ]
    return Fault(seq, f"{where}: {', '.join(wrong)}")


def _named(names: list[str], line: Line | None) -> dict[str, Any]:
    return {} if line is None else dict(zip(names, msgspec.json.decode(line.text), strict=True))


def _page_faults(source: Connection) -> Iterator[Fault]:
    """Yield what the database itself finds wrong with its pages and indexes."""
    for (what,) in source.execute("PRAGMA integrity_check(5)").fetchall():
        if what != "ok":
            yield Fault(None, f"the database says: {what}")
