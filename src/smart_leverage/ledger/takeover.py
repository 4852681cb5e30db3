"""How what was written in trouble comes into the ledger: in one commit, and never twice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Filled, FillRevised, Noted, Record, decode
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.connections import DAMAGE
from smart_leverage.ledger.emergency import EmergencyJournal, Found, Note, peek
from smart_leverage.ledger.reader import Reader

TAKEN = "emergency.taken"
"""Code of the note that ends a take-over; its text names the mark of the emergency journal."""
LEFT_ASIDE = "emergency.left_aside"
"""Code of the note that says which emergency journal does not belong to what the ledger holds."""


def take_over(
    journal: EmergencyJournal,
    reader: Reader,
    commit: Callable[[Sequence[Record]], Head],
    owed: Sequence[Record] = (),
) -> int:
    """Commit what an emergency journal holds, then clear it; return the number of records.

    Records and their closing note are one commit. When the process ends between that commit and the
    clearing, the next one finds the mark in the ledger and only clears. `owed` are records on which
    the notes stand and which the ledger does not hold; they come first.

    Raises:
        LedgerError: The commit failed, or the journal could not be cleared.
    """
    found = journal.read()
    records: list[Record] = []
    if not is_taken(found, reader):
        records = [record for record in known(found) if not _is_held(record, reader)]
        commit([*owed, *records, _closing(found, len(records), reader)])
    journal.clear()
    return len(records)


def put_aside(
    journal: EmergencyJournal, reader: Reader, commit: Callable[[Sequence[Record]], Head]
) -> Path:
    """Keep what a journal holds in another file, note that it is not in the books, and clear it.

    For notes of an owner who was replaced meanwhile: what they stand on is not what the ledger
    holds. What became of its orders the broker tells whoever compares with it.

    Raises:
        LedgerError: The commit failed, or the files cannot be written.
    """
    found = journal.read()
    kept = journal.copied(found.mark[:12])
    last = next(reader.entries(max(reader.head().seq - 1, 0)), None)
    text = (
        f"{len(found.notes)} records of emergency journal {found.mark} were not taken over: "
        f"somebody else wrote the ledger meanwhile; they are kept in {kept.name}"
    )
    commit([Noted(at_ns=0 if last is None else last.at_ns, code=LEFT_ASIDE, text=text)])
    journal.clear()
    return kept


def is_taken(found: Found, reader: Reader) -> bool:
    """Tell whether a ledger holds what an emergency journal still shows."""
    taken = reader.notes(code=TAKEN, limit=1_000)
    return bool(found.mark) and any(found.mark in note.text for note in taken)


def known(found: Found) -> Iterator[Record]:
    """Yield the records of the notes, in order; what is no record of this version is left out."""
    for note in found.notes:
        record = _record(note)
        if record is not None:
            yield record


def waiting(path: Path) -> Found:
    """Return what waits beside a ledger to be taken over, without touching either.

    Raises:
        LedgerError: The emergency journal is there and cannot be read.
    """
    found = peek(path)
    if found.mark:
        with suppress(LedgerError, *DAMAGE), Reader.open(path) as reader:
            if is_taken(found, reader):
                return Found()
    return found


def _record(note: Note) -> Record | None:
    try:
        return decode(note.payload)
    except (msgspec.MsgspecError, ValueError):
        return None


def _is_held(record: Record, reader: Reader) -> bool:
    """Tell whether the ledger has counted a fill already, in a commit that nobody acknowledged."""
    if isinstance(record, FillRevised):
        about = reader.entries_about(record.before.client_order_id)
        return any(decode(each.payload) == record for each in about if each.kind == "fill.revised")
    if not isinstance(record, Filled):
        return False
    counted = {row.execution_id for row in reader.fills_of(record.fill.client_order_id)}
    return record.fill.execution_id in counted


def _closing(found: Found, taken: int, reader: Reader) -> Noted:
    last = next(reader.entries(max(reader.head().seq - 1, 0)), None)
    times = [record.at_ns for record in known(found)]
    at_ns = max([*times, 0 if last is None else last.at_ns])
    text = f"{taken} records of emergency journal {found.mark} were taken over"
    if found.torn:
        text += f"; torn, left out: blocks {', '.join(map(str, found.torn))}"
    if strange := [note.block for note in found.notes if _record(note) is None]:
        text += f"; no records, left out: blocks {', '.join(map(str, strange))}"
    return Noted(at_ns=at_ns, code=TAKEN, text=text)
