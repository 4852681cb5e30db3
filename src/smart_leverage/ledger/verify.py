"""Proves a ledger: the chain link by link, then every projection made again and compared."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

import msgspec

from smart_leverage.domain.errors import LedgerCorrupt
from smart_leverage.ledger.base import Durability, Entry, Head
from smart_leverage.ledger.chain import GENESIS
from smart_leverage.ledger.connections import DAMAGE, connect, file_uri, open_reader
from smart_leverage.ledger.dump import TABLES, Line, columns, lines, unequal
from smart_leverage.ledger.files import witnessed
from smart_leverage.ledger.home import home_of
from smart_leverage.ledger.journal import fault, hash_at, head_of, lost, parse, raw_entries
from smart_leverage.ledger.projections import rebuild
from smart_leverage.ledger.seals import Seal, altered, read_seals
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
        LedgerError: There is no ledger at the path, or the copy cannot be made.
    """
    return _verified(path, _kept_beside(path), progress)


class _Kept(NamedTuple):
    """What is known of a ledger from the files beside it; `fault` is why seals were not read."""

    noted: Head | None
    seals: list[Seal]
    fault: Fault | None


def _kept_beside(path: Path) -> _Kept:
    """Read it before the ledger itself, so that what is acknowledged later is not missing."""
    noted = witnessed(path)
    try:
        return _Kept(noted, read_seals(path), None)
    except LedgerCorrupt as error:
        return _Kept(noted, [], Fault(None, str(error)))


def _verified(path: Path, kept: _Kept, progress: Progress) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        copy = Path(folder) / "copy.sqlite"
        damage = None
        try:
            snapshot(path, copy, Durability.NONE)
        except LedgerCorrupt as error:
            damage = (None if home_of(path) else salvage(path, copy)) or str(error)
        if not copy.exists():
            return Verdict(GENESIS, (Fault(None, damage or "cannot be copied"),))
        try:
            return _judge(copy, kept, damage, progress)
        except LedgerCorrupt as error:  # Not even its list of tables can be read.
            return Verdict(GENESIS, (Fault(None, damage or f"cannot be read: {error.__cause__}"),))


def backup(path: Path, to: Path, progress: Progress = lambda done, total: None) -> Verdict:
    """Copy a ledger, running or at rest, to a new file, and verify the copy.

    The copy is judged by what was acknowledged in the original: one that lost its end is not sound.

    Raises:
        LedgerCorrupt: It cannot be read to its end.
        LedgerError: There is no ledger, something is at the target, or it cannot be written.
    """
    kept = _kept_beside(path)
    snapshot(path, to)
    return _verified(to, kept, progress)


def _judge(copy: Path, kept: _Kept, damage: str | None, progress: Progress) -> Verdict:
    walk = _Walk(progress)
    with (
        closing(open_reader(file_uri(copy, "ro"), str(copy))) as source,
        closing(connect(f"{(copy.parent / 'fresh.sqlite').as_uri()}?mode=rwc")) as fresh,
    ):
        fresh.execute("PRAGMA synchronous = OFF")
        broken = _chain_fault(walk, source, fresh, damage)
        faults = [broken] if broken else list(_table_faults(walk, source, fresh, kept.noted))
        faults += _seal_faults(walk, source, kept)
    return Verdict(walk.head, tuple(faults))


def _chain_fault(
    walk: "_Walk", source: Connection, fresh: Connection, damage: str | None
) -> Fault | None:
    """Walk the chain and fold it into fresh tables; return the first thing that is wrong."""
    try:
        rebuild(walk.entries(source), fresh)
    except _Broken as broken:
        return broken.fault
    except msgspec.MsgspecError as error:
        return Fault(walk.head.seq, f"event {walk.head.seq} is not a record: {error}")
    except (ArithmeticError, sqlite3.IntegrityError) as error:
        return Fault(None, f"the journal contradicts itself: {error!r}")
    except DAMAGE as error:
        seq = walk.head.seq + 1
        return Fault(seq, f"event {seq} cannot be read: {damage or error}")
    return None


def _table_faults(
    walk: "_Walk", source: Connection, fresh: Connection, noted: Head | None
) -> Iterator[Fault]:
    """Yield what is wrong although the chain is sound as far as it goes."""
    try:
        yield from _count_faults(source, walk)
        if missing := lost(source, noted):  # Then the tables may well know more than the journal.
            yield Fault(walk.head.seq + 1, missing)
        else:
            yield from _differences(source, fresh)
        yield from _page_faults(source)
    except DAMAGE as error:
        yield Fault(None, f"the tables cannot be read: {error}")


def _seal_faults(walk: "_Walk", source: Connection, kept: _Kept) -> Iterator[Fault]:
    """Yield the first month that is not what was sealed, as far as the chain is sound."""
    if kept.fault is not None:
        yield kept.fault

    def proved(seq: int) -> bytes | None:
        return hash_at(source, seq) if seq <= walk.head.seq else None

    with suppress(*DAMAGE):  # Told already.
        if what := altered(kept.seals, proved):
            yield Fault(None, what)


class _Broken(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


class _Walk:
    """Goes along the chain while it is sound and remembers how far it came."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.head = GENESIS
        self.epoch = 0

    def entries(self, connection: Connection) -> Iterator[Entry]:
        """Yield the links; raises at the first that is wrong."""
        total = 0
        with suppress(*DAMAGE):  # Damage is met, and told, where the walk meets it.
            total = head_of(connection).seq
        for raw in raw_entries(connection):
            if what := fault(raw, self.head):
                raise _Broken(Fault(self.head.seq + 1, what))
            self.head, self.epoch = Head(raw[0], raw[7]), raw[1]
            yield parse(raw)
            if self.head.seq % _PROGRESS_EVERY == 0:
                self._progress(self.head.seq, total)
        self._progress(total, total)


def _count_faults(source: Connection, walk: _Walk) -> Iterator[Fault]:
    """Yield where the numbers of entries and of writers do not fit the chain."""
    ((total,),) = source.execute(QUERIES["entry_count"]).fetchall()
    if total != walk.head.seq:
        yield Fault(None, f"the journal holds {total} rows, {walk.head.seq} of them in the chain")
    epochs = source.execute(QUERIES["epoch"]).fetchall()
    if not epochs or epochs[0][0] < walk.epoch:
        yield Fault(None, f"table writer does not count to {walk.epoch}, as the journal does")


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
        except (*DAMAGE, TypeError) as error:  # TypeError: a key of another type.
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
