"""Watches the ledger of another process: is it still that file, and was anything committed?"""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.files import beside
from smart_leverage.ledger.home import SERVER
from smart_leverage.ledger.reader import Reader

RETRY_S = 2.0
"""A server that did not answer is not asked again before: whoever looks must not wait each time."""


class Look(NamedTuple):
    """A ledger with news; `is_another` where it is not the file of the last look, or the first."""

    reader: Reader
    is_another: bool
    version: int


class Watch:
    """One connection to whatever ledger is at a path now; for one thread.

    A ledger may be put in the place of another. Whoever reads gives back what `look` returned, by
    `took`, once it has read enough: what is committed meanwhile is news again.
    """

    def __init__(self, path: Path) -> None:
        """Watch the ledger at a path, which need not be there yet."""
        self._path = path
        self._file: tuple[int, int] | None = None
        self._identity = 0
        self._version = -1
        self._failure: tuple[float, LedgerError] | None = None
        self.reader: Reader | None = None
        """The connection; None while there is none."""

    def look(self) -> Look | None:
        """Return the ledger, None where nothing was committed since what was taken last.

        Raises:
            OSError: There is no file, and no note of a server.
            LedgerError: It is no ledger, or the server does not answer.
            sqlite3.Error: It cannot be read.
        """
        served = beside(self._path, SERVER)
        is_served = served.exists()
        found = (served if is_served else self._path).stat()
        file = (found.st_dev, found.st_ino)
        is_another = file != self._file
        if is_served and self._failure is not None and time.monotonic() < self._failure[0]:
            raise self._failure[1]
        try:
            reader = self.reader
            if reader is None or is_another:
                self.close()
                self.reader = reader = Reader.open(self._path)
                identity, self._identity = self._identity, reader.identity()
                is_another = is_another or identity != self._identity
            version = reader.data_version()
        except LedgerError as error:
            self.close()  # What a server ended does not come back by itself.
            self._failure = time.monotonic() + RETRY_S, error
            raise
        self._file, self._failure = file, None  # only now: else it is another one next time too
        return None if version == self._version else Look(reader, is_another, version)

    def took(self, look: Look) -> None:
        """Note that everything was read that was there at a look."""
        self._version = look.version

    def close(self) -> None:
        """Let go of the ledger; the next look opens it again. Harmless twice."""
        if self.reader is not None:
            with suppress(sqlite3.Error):
                self.reader.close()
        self.reader, self._version = None, -1
