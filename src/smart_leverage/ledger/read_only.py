"""Opens a ledger for those who only read it, and calls damage by its name."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from smart_leverage.domain.errors import LedgerCorrupt, SmartLeverageError
from smart_leverage.ledger.reader import Reader


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a ledger for reading; whatever cannot be read on the way is a damaged ledger.

    Raises:
        LedgerNewer: A newer program wrote it.
        LedgerCorrupt: It cannot be read to its end.
        LedgerError: It is no ledger.
    """
    try:
        with Reader.open(path) as reader:
            yield reader
    except SmartLeverageError:
        raise
    except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
        raise LedgerCorrupt(
            f"{path}: damaged ({error}); `smart-leverage ledger verify {path}` says where"
        ) from error
