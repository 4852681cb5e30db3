"""Where an account goes on when its ledger cannot be written: decreases, cancels and fills only."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import (
    UNWRITABLE,
    Decided,
    Intended,
    Marked,
    Noted,
    OrderTrailed,
    PricesRemembered,
    Record,
    Resumed,
    StateChanged,
    Unprotected,
)
from smart_leverage.ledger.base import Counts, Entry, Head, Ticket
from smart_leverage.ledger.chain import Draft, draft, link
from smart_leverage.ledger.connections import DAMAGE, open_at_rest, unreadable
from smart_leverage.ledger.emergency import BLOCKS, EmergencyJournal
from smart_leverage.ledger.files import MIRROR, WriterLock, beside
from smart_leverage.ledger.home import home_of
from smart_leverage.ledger.journal import chained, last_raw_entry
from smart_leverage.ledger.lease import Lease, over
from smart_leverage.ledger.mirror import left_at
from smart_leverage.ledger.opening import last_link
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.takeover import is_taken, known

RESERVE = BLOCKS // 4
"""Blocks that are kept for what leaves, fills or changes the state, and not for its reasons."""

WHO = "policy"
_PICTURES = (Marked, Noted, OrderTrailed, PricesRemembered, Unprotected)
"""Kinds that show the account and change nothing: a crash loses what nobody needs to go on."""


class Refuge:
    """A `Ledger` of what is durable in a file, with the emergency journal behind it.

    Of a ledger on a server the file is the copy beside the account, and its owner may go on only as
    long as its lease lasts: somebody else may have taken the lock meanwhile, and waits that long.

    The file is only read. Each record that matters is a note of its own, synced before it is
    acknowledged; marks, notes, prices, trails, gaps without a stop and denials are passed over, as
    they change nothing and could fill the journal. What would let an increase leave is refused. The
    first note halts the account, so whoever goes on from here, or takes the notes over, finds it
    halted.

    For one thread. The numbers of its entries are those that they get in the ledger.

    Raises:
        LedgerLocked: Another process writes the ledger.
        LedgerCorrupt: The chain ends before the last acknowledged record, or is damaged.
        LedgerError: There is no account in the file, or the emergency journal refuses as well; or
            there is no lease, or it is over.
    """

    def __init__(self, path: Path, at_ns: int, why: str) -> None:
        """Open the refuge of a ledger; `why` says what is wrong with the ledger."""
        self.path = path
        self.why = f"{UNWRITABLE}: {why}"
        self._entries: list[Entry] = []
        self._commits = 0
        self.lease: Lease | None = None
        with ExitStack() as undo:
            try:
                self._open(undo)
                if not self._entries:
                    self._halt(at_ns)
            except DAMAGE as error:
                raise unreadable(error, str(path)) from error
            self._undo = undo.pop_all()

    @property
    def head(self) -> Head:
        """The last link, of the file or of the notes."""
        last = self._entries[-1] if self._entries else None
        return self._base if last is None else Head(last.seq, last.hash)

    @property
    def cure(self) -> str:
        """What a person has to do before the ledger takes records again."""
        return "free or mend the disk" if self.lease is None else "mend or start the server"

    @property
    def lapsed(self) -> str:
        """Why nothing may leave any more: the lease is over; empty while it lasts."""
        if self.lease is None or not self.lease.is_over:
            return ""
        return over(self.lease)

    @property
    def counts(self) -> Counts:
        """What was done since opening; `records` are all that wait to be taken over."""
        return Counts(self._commits, len(self._entries), 0, 0)

    def append(self, records: Sequence[Record]) -> Ticket:
        """Commit, and return a ticket that is settled.

        Raises:
            LedgerError: See `commit`.
        """
        head, ticket = self.commit(records), Ticket()
        ticket.settle(head)
        return ticket

    def commit(self, records: Sequence[Record]) -> Head:
        """Write each record that matters as a note, synced, and return the head.

        Raises:
            LedgerError: One would let an increase leave, and nothing was written; or the journal is
                full or refuses, and none of the records may be acted on.
            InvariantViolation: A record holds a number that is not finite; nothing was written.
        """
        for record in records:
            if _adds(record):
                raise LedgerError(f"{self.why}: nothing that adds exposure may leave")
        for ready in [draft(record) for record in records if not _is_picture(record)]:
            self._note(ready)
        self._commits += 1
        return self.head

    def read(self, after_seq: int = 0) -> Iterator[Entry]:
        """Yield the links after this one: the durable ones of the file, then the notes.

        Raises:
            LedgerCorrupt: A link does not follow the one before; it is not yielded.
        """
        base = self._base.seq
        if after_seq < base:
            links = chained(self._connection, after_seq)
            yield from takewhile(lambda entry: entry.seq <= base, links)
        yield from [entry for entry in self._entries if entry.seq > after_seq]

    def close(self) -> None:
        """Let go of ledger and journal; harmless twice."""
        self._undo.close()

    def _open(self, undo: ExitStack) -> None:
        undo.callback(WriterLock(self.path).release)
        self._connection = open_at_rest(self._base_file())
        undo.callback(self._connection.close)
        self._base = last_link(self._connection, self.path)
        last = last_raw_entry(self._connection)
        if last is None:
            raise LedgerError(f"{self.path}: holds no account yet")
        self._epoch, self._last_ns = last[1], last[2]
        self._journal = EmergencyJournal(self.path)
        undo.callback(self._journal.close)
        found = self._journal.read()
        if is_taken(found, Reader(self._connection)):
            self._journal.clear()
            return
        for record in known(found):
            self._add(draft(record))

    def _base_file(self) -> Path:
        """Return what it stands on: the ledger, or the copy of one that is on a server."""
        if home_of(self.path) is None:
            return self.path
        left = left_at(self.path)
        if left is None:
            raise LedgerError(
                f"{self.path}: nobody can say whether the account is still ours while its server "
                "does not answer"
            )
        if left.lease.is_over:
            raise LedgerError(f"{self.path}: {over(left.lease)}")
        self.lease = left.lease
        return beside(self.path, MIRROR)

    def _halt(self, at_ns: int) -> None:
        """Begin with a halt, which also keeps a frozen account frozen."""
        states = Reader(self._connection).states(limit=1)
        before = states[0].after if states else "active"
        halted = StateChanged(
            at_ns=max(at_ns, self._last_ns),
            before=before,
            after="frozen" if before == "frozen" else "halted",
            why=self.why,
            who=WHO,
        )
        self._note(draft(halted))

    def _note(self, ready: Draft) -> None:
        if self._journal.left < RESERVE and isinstance(ready.record, Decided):
            return
        self._journal.append(ready.kind, ready.payload)
        self._add(ready)

    def _add(self, ready: Draft) -> None:
        self._entries.append(link(self.head, self._epoch, ready))
        self._last_ns = max(self._last_ns, ready.record.at_ns)


def is_open_at(path: Path) -> bool:
    """Whether the ledger of a path is on a server without which its account may go on now.

    Raises:
        LedgerError: That cannot be read.
    """
    left = None if home_of(path) is None else left_at(path)
    return left is not None and not left.lease.is_over


def _is_picture(record: Record) -> bool:
    return isinstance(record, _PICTURES) or (isinstance(record, Decided) and not record.given)


def _adds(record: Record) -> bool:
    """Tell whether a record would let an increase leave, now or later."""
    if isinstance(record, Intended):
        return record.order.side is Side.BUY and not record.is_foreign
    if isinstance(record, StateChanged):
        return record.after == "active"
    return isinstance(record, Resumed)
