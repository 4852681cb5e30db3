"""Who may come in, as a ledger that another process writes has it."""

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from smart_leverage.domain.bots import Seat
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import SeatChanged, decode
from smart_leverage.ledger.watch import Watch

_KIND = "seat"


class SeatsOnFile:
    """The seats of an account, read again whenever something was committed; for one thread.

    While the ledger cannot be read, those stand that were read last.
    """

    def __init__(self, path: Path) -> None:
        """Follow the ledger at a path, which need not be there yet."""
        self._watch = Watch(path)
        self._after = 0
        self._seats: dict[str, Seat] = {}

    def __call__(self) -> Mapping[str, Seat]:
        """Return the seats by token id."""
        with suppress(OSError, LedgerError, sqlite3.Error):
            self._follow()
        return self._seats

    def close(self) -> None:
        """Let go of the ledger; the next question opens it again."""
        self._watch.close()

    def _follow(self) -> None:
        look = self._watch.look()
        if look is None:
            return
        if look.is_another:
            self._after, self._seats = 0, {}
        # Before the rows: what is committed meanwhile raises the number and is read next time.
        self._watch.took(look)
        try:
            for entry in look.reader.entries(self._after):
                if entry.kind == _KIND:
                    self._take(entry.payload)
                self._after = entry.seq
        except (LedgerError, sqlite3.Error):
            self.close()
            raise

    def _take(self, payload: bytes) -> None:
        record = decode(payload)
        if isinstance(record, SeatChanged):
            self._seats = {**self._seats, record.seat.token_id: record.seat}
