"""Copies of a ledger, taken in one short read transaction while its writer goes on."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.connections import (
    connect,
    file_uri,
    is_damage,
    open_reader,
    open_writer,
)
from smart_leverage.ledger.files import FILE_MODE, sync_folder
from smart_leverage.ledger.home import home_of, refuse_lacking

if TYPE_CHECKING:
    from smart_leverage.ledger.postgres.address import Address

_HEADER = 100
_PAGE_SIZE = slice(16, 18)
_PAGE_COUNT = slice(28, 32)


def snapshot(
    path: Path,
    to: Path,
    durability: Durability = Durability.FULL,
    *,
    oldest: int | None = None,
) -> None:
    """Copy a ledger to a new file through the database's own backup, or row by row from a server.

    Args:
        path: The ledger, running or at rest.
        to: Where nothing may be yet.
        durability: Whether the copy survives a power loss.
        oldest: The oldest version of tables that will do; None means only the present one.

    Raises:
        LedgerCorrupt: It cannot be read to its end; nothing is left at the target.
        LedgerError: There is no ledger, something is at the target, or it cannot be written.
    """
    address = home_of(path)
    if address is not None:
        _fetch(address, to, durability)
        return
    with closing(open_reader(file_uri(path, "ro"), str(path), oldest=oldest)) as source:
        _reserve(to)
        try:
            with closing(connect(file_uri(to, "rw"))) as target:
                if durability is Durability.NONE:
                    target.execute("PRAGMA synchronous = OFF")
                source.backup(target)
                # A copy is one file, also after it was read: without a log that readers set up.
                target.execute("PRAGMA journal_mode = DELETE")
            if durability is Durability.FULL:
                sync_folder(to.absolute().parent)
        except OSError as error:
            raise LedgerError(f"{to}: its name cannot be made to last: {error.strerror}") from error
        except sqlite3.DatabaseError as error:
            to.unlink()
            if is_damage(error):
                raise LedgerCorrupt(f"{path}: cannot be copied ({error})") from error
            raise LedgerError(f"{to}: cannot be written ({error})") from error


def _fetch(address: "Address", to: Path, durability: Durability) -> None:
    """Copy a ledger from a server, as it is at one moment."""
    refuse_lacking()
    from smart_leverage.ledger.postgres.copying import fill_file
    from smart_leverage.ledger.postgres.reader import open_reader as open_served

    with closing(open_served(address)) as source, source.held():
        _reserve(to)
        try:
            with closing(open_writer(file_uri(to, "rw"), durability, connect)) as target:
                fill_file(target, source)
            if durability is Durability.FULL:
                sync_folder(to.absolute().parent)
        except (OSError, sqlite3.DatabaseError) as error:
            to.unlink()
            raise LedgerError(f"{to}: cannot be written ({error})") from error


def _reserve(to: Path) -> None:
    try:
        to.touch(mode=FILE_MODE, exist_ok=False)
    except FileExistsError as error:
        raise LedgerError(f"{to}: exists already; a copy never writes over anything") from error
    except OSError as error:
        raise LedgerError(f"{to}: cannot be written: {error.strerror}") from error


def salvage(path: Path, to: Path) -> str | None:
    """Copy a file that was cut short, with nothing in place of what is missing.

    The database refuses such a file from the first read on; its copy can be read up to the cut.

    Returns:
        What is missing; None when the file is as long as it says, and no copy was made.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
    page = int.from_bytes(header[_PAGE_SIZE])
    pages = int.from_bytes(header[_PAGE_COUNT])
    size = path.stat().st_size
    if size >= page * pages:
        return None
    shutil.copyfile(path, to)
    with to.open("rb+") as file:
        file.truncate(page * pages)
    return f"the file holds {size:,} of {page * pages:,} bytes"
