"""What is checked before a ledger is written: whose the file is, and that nothing is missing."""

from contextlib import ExitStack
from pathlib import Path

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.base import Database, Durability, Head
from smart_leverage.ledger.chain import GENESIS
from smart_leverage.ledger.connections import Connect, create_file, refuse_stranger
from smart_leverage.ledger.files import (
    WITNESS,
    WriterLock,
    beside,
    is_missing,
    log_of,
    prepare,
    restrict,
    witnessed,
)
from smart_leverage.ledger.home import home_of
from smart_leverage.ledger.journal import content_fault, last_raw_entry, lost
from smart_leverage.ledger.statements import QUERIES


def claim(path: Path, durability: Durability, connect: Connect, undo: ExitStack) -> None:
    """Take the right to write a file, and make the file if there is none.

    Nothing is touched, not even the mode of a file, before it is known to be a ledger.

    Raises:
        LedgerLocked: Somebody else has the right.
        LedgerError: It is not a ledger of this version, it is gone, or it cannot be written.
    """
    if (there := home_of(path)) is not None:
        raise LedgerError(f"{path}: the ledger of this path is {there.told}, and not in a file")
    if not is_missing(path):
        refuse_stranger(path)
    prepare(path)
    undo.callback(WriterLock(path).release)
    if is_missing(path):
        _refuse_loss(path)
        create_file(path, durability, connect)
    restrict(path)


def _refuse_loss(path: Path) -> None:
    """Start no new ledger where there was one: what is left of it is evidence."""
    noted = witnessed(path)
    if noted is not None and noted.seq:
        raise LedgerCorrupt(
            f"{path}: missing or empty, but event {noted.seq} was acknowledged; if this is on "
            f"purpose, remove {beside(path, WITNESS)}"
        )
    if log := log_of(path):
        raise LedgerCorrupt(f"{path}: missing or empty, but {log} is a part of it")


def raised_epoch(connection: Database, where: str) -> int:
    """Count one more writer and return its number.

    Raises:
        LedgerCorrupt: The count was put back: an entry was written by a later one.
    """
    counted = connection.execute(QUERIES["epoch"]).fetchall()
    last = last_raw_entry(connection)
    if not counted or (last is not None and counted[0][0] < last[1]):
        raise LedgerCorrupt(f"{where}: the count of its writers is not the one of its journal")
    ((epoch,),) = connection.execute(QUERIES["raise_epoch"]).fetchall()
    return int(epoch)


def last_link(connection: Database, path: Path | None, where: str = "") -> Head:
    """Return the head, after checking its hash and that nothing acknowledged is missing.

    Args:
        connection: To the ledger.
        path: Beside which the witness is; None where there is none.
        where: The ledger as an error names it; empty means the path.

    Raises:
        LedgerCorrupt: Something is.
    """
    where, last = where or str(path), last_raw_entry(connection)
    if last is None:
        head = GENESIS
    elif what := content_fault(last):
        raise LedgerCorrupt(f"{where}: {what}")
    else:
        head = Head(last[0], last[7])
    if path is not None and (missing := lost(connection, witnessed(path))):
        advice = f"if an older copy was put here on purpose, remove {beside(path, WITNESS)}"
        raise LedgerCorrupt(f"{where}: {missing}; {advice}")
    return head
