"""Follows a ledger that another process writes: the fold is kept, only what is new is read."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import AccountOpened, Record
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.files import EMERGENCY, beside
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.rows import AccountRow
from smart_leverage.ledger.takeover import known, waiting
from smart_leverage.ledger.watch import Watch
from smart_leverage.runtime.remembered import Fold, Remembered

Hear = Callable[[Entry, Record | None, Fold], None]
"""Hears each entry once, after it was folded; without a record it is of a kind that is not read."""


class Follower:
    """An account as its ledger tells it, kept up to date at the cost of what is new.

    For one thread. Every read fetches a page of at most a few thousand rows, and its transaction
    ends before anything is done with them. What `now` returns is valid until the next `follow`.
    """

    def __init__(self, path: Path, begin: Callable[[], Hear]) -> None:
        """Follow the ledger at a path, which need not be there yet.

        Args:
            path: The ledger.
            begin: Called whenever reading begins at the first entry; returns who hears them.
        """
        self._path = path
        self._begin = begin
        self._watch = Watch(path)
        self._noted: list[Record] = []
        self._written_ns = 0
        self.trouble = ""
        """Why the ledger cannot be read just now; empty while it can."""
        self._start()

    def _start(self) -> None:
        self._fold, self._hear = Fold(with_prices=True), self._begin()
        self._account: AccountRow | None = None
        self._seen: Remembered | None = None

    def follow(self) -> bool:
        """Read what is new; return whether anything was.

        While the ledger cannot be read, what was read last stands, and `trouble` says so.
        """
        try:
            is_new = self._read()
            is_new = self._note(has_moved=is_new) or is_new
        except (OSError, LedgerError, sqlite3.Error, msgspec.MsgspecError) as error:
            self.close()
            is_new, self.trouble = not self.trouble, str(error)
            return is_new
        is_new = is_new or bool(self.trouble)
        self.trouble = ""
        if is_new:
            self._seen = None
        return is_new

    def now(self) -> Remembered | None:
        """Return the account as of the last `follow`; None before its ledger holds one."""
        if self._seen is None and self._account is not None:
            self._seen = self._fold.remembered(self._path, self._account, self._noted)
        return self._seen

    @property
    def reader(self) -> Reader | None:
        """The connection, for questions to the tables; None while there is no ledger."""
        return self._watch.reader

    @property
    def events(self) -> int:
        """The number of the last entry that was read."""
        return self._fold.events

    def close(self) -> None:
        """Let go of the ledger; the next `follow` opens it again and goes on where it was."""
        self._watch.close()

    def _read(self) -> bool:
        look = self._watch.look()
        if look is None:
            return False
        if look.is_another and self._fold.events:
            self._start()
        before, reader = self._fold.events, look.reader
        for entry in reader.entries(before):
            record = self._fold.take(entry)
            if isinstance(record, AccountOpened):
                self._account = reader.account()
            self._hear(entry, record, self._fold)
        # What is committed meanwhile raises the number again and is read next time.
        self._watch.took(look)
        return self._fold.events > before

    def _note(self, *, has_moved: bool) -> bool:
        """Read the emergency journal beside the ledger where it may be another than before."""
        written_ns = 0
        with suppress(OSError):
            written_ns = beside(self._path, EMERGENCY).stat().st_mtime_ns
        if written_ns == self._written_ns and not (has_moved and self._noted):
            return False
        noted = list(known(waiting(self._path)))
        self._written_ns = written_ns
        is_new, self._noted = noted != self._noted, noted
        return is_new
