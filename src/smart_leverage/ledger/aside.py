"""A ledger laid aside for reading, so that not even a lock file is left beside the one at rest."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.files import FILE_MODE, SEALS, WITNESS, beside, holder
from smart_leverage.ledger.home import home_of

_PARTS = ("", "-wal", "-journal")
"""What the database keeps of a ledger; its index is made anew from them."""


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Yield where a ledger may be read: itself while a process writes it, else a copy.

    The database puts a log and an index beside a file that it only reads, and leaves them there.
    Beside one that is being written they are anyway, and one on a server has none. The temporary
    folder needs room for the copy.

    Raises:
        LedgerError: It cannot be copied.
    """
    if holder(path) is not None or home_of(path) is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        copy = Path(folder) / path.resolve().name
        _copy(path, copy)
        # Whoever began to write meanwhile may have changed what was copied first.
        yield copy if holder(path) is None else path


def _copy(path: Path, to: Path) -> None:
    real = path.resolve()
    own = [real.with_name(f"{real.name}{suffix}") for suffix in _PARTS]
    for file in (*own, beside(path, WITNESS), beside(path, SEALS)):
        try:
            with suppress(FileNotFoundError):
                shutil.copyfile(file, to.with_name(file.name)).chmod(FILE_MODE)
        except OSError as error:
            raise LedgerError(
                f"{file}: cannot be copied to {to.parent}: {error.strerror}"
            ) from error
