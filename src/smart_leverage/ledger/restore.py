"""Goes on from a backup in a new place, held back until a person has compared it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import RESTORED, StateChanged
from smart_leverage.ledger.base import Durability, Head
from smart_leverage.ledger.files import (
    SEALS,
    WITNESS,
    Witness,
    beside,
    log_of,
    prepare,
    sync_folder,
)
from smart_leverage.ledger.seals import Seal, month_ends, write_seals
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import Progress, Verdict, backup

HALTED = "halted"
WHO = "operator"


class Restored(NamedTuple):
    """What a restoring found; `head` is the mark that holds the account back, None if refused."""

    verdict: Verdict
    head: Head | None


def restore(
    source: Path, to: Path, at_ns: int, progress: Progress = lambda done, total: None
) -> Restored:
    """Copy a backup to where no ledger is, prove the copy, and halt the account in it.

    A backup does not know what happened after it: orders may rest at the broker that it never saw.
    The halt is the last entry of its chain, so whoever opens the ledger finds the account halted,
    and only a person lifts that. The ledger gets its name when it is marked: a program killed
    meanwhile leaves no ledger that would start to trade.

    Args:
        source: The backup, or any ledger; it is left as it is.
        to: Where the ledger will be; nothing of a ledger may be there.
        at_ns: Now, UTC; the mark is never dated before the entry that it follows.
        progress: Called while the copy is proved.

    Returns:
        The verdict on the copy; when it is not sound nothing was put in place.

    Raises:
        LedgerNewer: A newer program wrote the backup.
        LedgerCorrupt: It cannot be read to its end.
        LedgerError: There is no ledger, something is at the target, or it cannot be written.
    """
    _refuse_occupied(to)
    prepare(to)
    with _staging(to) as copy:
        verdict = backup(source, copy, progress)
        if not verdict.is_sound:
            return Restored(verdict, None)
        head, seals = _hold_back(copy, at_ns)
        _put_in_place(copy, to)
    _note(to, head, seals)
    return Restored(verdict, head)


def _refuse_occupied(to: Path) -> None:
    own = (to, beside(to, WITNESS), beside(to, SEALS))
    found = next((one for one in own if one.exists()), log_of(to))
    if found is not None:
        raise LedgerError(f"{found} belongs to a ledger and is left as it is; choose another place")


@contextmanager
def _staging(to: Path) -> Iterator[Path]:
    """Make a folder beside the target, so that a finished ledger needs only its name."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".restoring-", dir=to.absolute().parent))
    except OSError as error:
        raise LedgerError(f"{to}: cannot be written: {error.strerror}") from error
    try:
        yield folder / to.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hold_back(copy: Path, at_ns: int) -> tuple[Head, list[Seal]]:
    """Write the halt; return its link, and the seals of the months that are over."""
    with SqliteLedger(copy) as ledger:
        with ledger.reader() as reader:
            states = reader.states(limit=1)
            last = next(reader.entries(max(ledger.head.seq - 1, 0)), None)
        mark = StateChanged(
            at_ns=at_ns if last is None else max(at_ns, last.at_ns),
            before=states[0].after if states else "active",
            after=HALTED,
            why=RESTORED,
            who=WHO,
        )
        head = ledger.commit([mark])
        *seals, _ = month_ends(ledger.read())
        return head, seals


def _put_in_place(copy: Path, to: Path) -> None:
    """Give the copy its name; unlike a renaming, a link never replaces what came meanwhile."""
    if log_of(copy) is not None:
        raise LedgerError(f"{copy}: its log was not taken in; nothing was put in place")
    try:
        os.link(copy, to)
    except OSError as error:
        raise LedgerError(f"{to}: cannot be put in place: {error.strerror}") from error
    sync_folder(to.absolute().parent)


def _note(to: Path, head: Head, seals: list[Seal]) -> None:
    """Write witness and seals: what is beside a ledger that never left its place."""
    witness = Witness(to)
    witness.note(head)
    witness.close()
    if seals:
        write_seals(to, seals, Durability.FULL)
