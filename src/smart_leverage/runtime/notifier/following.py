"""Follows the journal of an account that another process writes, and tells what is new in it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Record, decode
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.watch import Watch
from smart_leverage.notify.known import DAILY, KINDS, Known
from smart_leverage.notify.message import Message
from smart_leverage.notify.post import Kept
from smart_leverage.notify.telling import Heard, told
from smart_leverage.notify.wording import When

NEW_NS = 10 * MINUTE_NS
"""Where nothing was ever told of an account, what is older is not told any more."""

ENTRIES_MAX = 10_000
"""So many are read in one turn, so that what they say leaves before the next."""

PASSED_OVER = frozenset(("prices.remembered", "instrument.listed", "order.trailed"))
"""Kinds that say nothing here; the first of them are long."""


class Follower:
    """Reads what was committed since; for one thread. The place is the caller's to keep."""

    def __init__(self, path: Path, kept: Kept) -> None:
        """Follow the ledger at a path, which need not be there yet."""
        self._watch = Watch(path)
        self._kept = kept
        self._after = 0
        self._is_first = kept.read_seq < 0
        self.known = Known()
        self.committed_ns = 0
        """Time of the last record."""
        self.unreadable = ""
        """Why the ledger could not be read last; empty where it could."""
        self._renew()

    def news(self, now_ns: int) -> list[Message]:
        """Return what the records say that came in since; empty while it cannot be read."""
        try:
            found = self._follow(now_ns)
        except FileNotFoundError:
            return []  # the account has not begun
        except (OSError, LedgerError, sqlite3.Error) as error:
            self.close()
            self.unreadable = f"cannot be read: {error}"
            return []
        self.unreadable = ""
        return found

    def close(self) -> None:
        """Let go of the ledger; the next question opens it again."""
        self._watch.close()

    def _follow(self, now_ns: int) -> list[Message]:
        look = self._watch.look()
        if look is None:
            return []
        if look.is_another:
            self._renew()
            self._recognise(look.reader)
        found: list[Message] = []
        count = 0
        for entry in look.reader.entries(self._after):
            is_new = self._is_new(entry, now_ns)
            found += self._take(entry, now_ns, is_new=is_new)
            self._after = entry.seq
            self.committed_ns = max(self.committed_ns, entry.at_ns)
            if entry.seq > self._kept.read_seq:
                self._kept.read_seq, self._kept.read_hash = entry.seq, entry.hash.hex()
            count += is_new
            if count >= ENTRIES_MAX:
                return found  # not taken: there is more
        # What was committed after the number was asked for raises it, and is read next time.
        self._watch.took(look)
        self._is_first = False
        return found

    def _is_new(self, entry: Entry, now_ns: int) -> bool:
        is_told = self._is_first and entry.at_ns < now_ns - NEW_NS
        return entry.seq > self._kept.read_seq and not is_told

    def _take(self, entry: Entry, now_ns: int, *, is_new: bool) -> Iterator[Message]:
        if entry.kind in PASSED_OVER or not (is_new or self._is_needed(entry)):
            return
        record = _decoded(entry.payload)
        if record is None:
            return
        if is_new:
            when = When(self.known.timezone, now_ns)
            yield from told(Heard(record, entry.seq), self.known, when)
        self.known.take(record)

    def _is_needed(self, entry: Entry) -> bool:
        """Tell whether an entry that was told already says something of the account as it is."""
        return entry.kind in KINDS or (
            entry.kind in DAILY and entry.at_ns > self.known.week_since_ns
        )

    def _recognise(self, reader: Reader) -> None:
        """Tell what is new of a journal that goes on from an older copy, or is another one."""
        place = self._kept.read_seq
        if place <= 0:
            return
        entry = next(reader.entries(place - 1), None)
        if entry is None or entry.hash.hex() != self._kept.read_hash:
            self._kept.read_seq, self._is_first = -1, True

    def _renew(self) -> None:
        """Begin to know the account anew, from its first record."""
        self._after, self.known = 0, Known()
        self.known.day_since_ns = self._kept.stated_ns
        self.known.week_since_ns = self._kept.week_ns


def _decoded(payload: bytes) -> Record | None:
    """Return a record; None for one of a newer version, which this one has no words for."""
    try:
        return decode(payload)
    except (msgspec.MsgspecError, ValueError):
        return None
