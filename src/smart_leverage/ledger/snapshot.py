"""Copies of a ledger, taken in one short read transaction while its writer goes on."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.connections import connect, file_uri, open_reader
from smart_leverage.ledger.files import FILE_MODE

_HEADER = 100
_PAGE_SIZE = slice(16, 18)
_PAGE_COUNT = slice(28, 32)


def snapshot(path: Path, to: Path) -> None:
    """Copy a ledger to a new file through the database's own backup.

    Raises:
        LedgerCorrupt: It cannot be read to its end; nothing is left at the target.
        LedgerError: There is no ledger, or something is already at the target.
    """
    if to.exists():
        raise LedgerError(f"{to}: exists already; a copy never writes over anything")
    with closing(open_reader(file_uri(path, "ro"), str(path))) as source:
        to.touch(mode=FILE_MODE)
        try:
            with closing(connect(file_uri(to, "rw"))) as target:
                source.backup(target)
        except sqlite3.DatabaseError as error:
            to.unlink()
            raise LedgerCorrupt(f"{path}: cannot be copied ({error})") from error


def salvage(path: Path, to: Path) -> str | None:
    """Copy a file that was cut short, with nothing in place of what is missing.

    The database refuses such a file from the first read on; its copy can be read up to the cut.

    Returns:
        What is missing; None when the file is as long as it says, and no copy was made.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
    page = int.from_bytes(header[_PAGE_SIZE]) % 65_535 or 65_536
    pages = int.from_bytes(header[_PAGE_COUNT])
    size = path.stat().st_size
    if size >= page * pages:
        return None
    shutil.copyfile(path, to)
    with to.open("rb+") as file:
        file.truncate(page * pages)
    return f"the file holds {size:,} of {page * pages:,} bytes"
