"""The ledger of an account on a PostgreSQL server: the journal of a file, kept elsewhere."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psycopg

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerLocked
from smart_leverage.domain.records import Record, encode
from smart_leverage.ledger.base import Durability, Entry
from smart_leverage.ledger.connections import DAMAGE
from smart_leverage.ledger.emergency import Found
from smart_leverage.ledger.files import (
    MIRROR,
    WITNESS,
    WriterLock,
    beside,
    is_missing,
    prepare,
    witnessed,
)
from smart_leverage.ledger.journal import chained, hash_at, head_of
from smart_leverage.ledger.lease import Lease, Moment, over
from smart_leverage.ledger.mirror import Mirror, left_at
from smart_leverage.ledger.opening import last_link, raised_epoch
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import (
    ServerDatabase,
    connect,
    errors,
    owner,
    prepare_writer,
)
from smart_leverage.ledger.postgres.patience import Patience
from smart_leverage.ledger.postgres.promise import Reign, begin, end
from smart_leverage.ledger.postgres.reader import ServerReader, open_reader
from smart_leverage.ledger.postgres.tables import OWN, check, create, exists, lock, refuse_moved
from smart_leverage.ledger.projections import Projector, Row, write
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.takeover import is_taken, put_aside, take_over
from smart_leverage.ledger.writing import WritingLedger

_LOG = logging.getLogger(__name__)

_WIDE, _WIDEST = 64, 256


def at_once(count: int) -> Iterator[int]:
    """Cut rows into as few statements as there can be: none of them is prepared anyway."""
    while count:
        width = _WIDEST if count >= _WIDEST else min(count, _WIDE)
        yield width
        count -= width


class ServerBounds(NamedTuple):
    """How much may wait for the server, and how long for the writer before."""

    queue_max: int = 10_000
    """Records handed over and not yet durable."""
    queue_wait_s: float = 5.0
    """Longest wait for room in the queue; then the append is refused."""
    lock_wait_s: float = 2.0
    """Longest wait for the session of a writer that was killed to end."""
    look_every_s: float = 2.0
    """How often an idle writer sees whether its session still lives."""
    answer_wait_s: float = 10.0
    """Longest wait for the server's answer; then the session is given up."""


class PostgresLedger(WritingLedger):
    """A `Ledger` on a server; whoever opens it is its only writer until closing.

    Two things keep a second writer out. The session that commits holds an advisory lock, so the
    lock is there whenever a commit is, and ends with the session: after a kill of the process, of
    the server or of the network. And every commit holds the row with the epoch, which whoever takes
    over raises, and asks which session answers: what a pooler passes to another session, or a proxy
    to a server of the past, is rolled back.

    What belongs to the machine that trades stays in files there: lock, witness of the last commit,
    seals and emergency journal, beside the path at which a ledger in a file would be.

    An account that runs also keeps a copy of the journal there. When the session is lost, a
    `Refuge` on that copy takes what makes the account safer, for as long as was promised; whoever
    opens the ledger at this place next takes that over, if nobody else wrote meanwhile.

    Raises:
        LedgerLocked: Another process, here or elsewhere, is writing it.
        LedgerNewer: A newer program wrote it.
        LedgerCorrupt: It ends before the last acknowledged record, or its last link is wrong.
        LedgerError: The server cannot be reached or is not fit, or the ledger was moved away.
    """

    def __init__(
        self,
        address: Address,
        path: Path | None = None,
        *,
        durability: Durability = Durability.FULL,
        bounds: ServerBounds = ServerBounds(),  # noqa: B008 - immutable
        is_new: bool = False,
        reign: Reign | None = None,
    ) -> None:
        """Open the ledger at an address.

        Args:
            address: Where it is.
            path: Where the files beside it are; None keeps none.
            durability: Whether a commit survives a power loss of the server.
            bounds: How long to wait.
            is_new: Refuse a ledger that holds something already.
            reign: How the account is run; None when its ledger is only written to.
        """
        super().__init__(
            path,
            durability,
            queue_max=bounds.queue_max,
            queue_wait_s=bounds.queue_wait_s,
            idle_s=bounds.look_every_s,
        )
        self.address = address
        self._bounds = bounds
        self._reign = reign
        self._mirror: Mirror | None = None
        self._database: ServerDatabase
        with ExitStack() as undo:
            self._open(undo, is_new=is_new)
            self._undo = undo.pop_all()
        self._begin()
        try:
            self._keep_mirror()
        except BaseException:
            self.close()
            raise

    @property
    def lapsed(self) -> str:
        """Why nothing may leave any more: the lock was not seen for as long as was promised."""
        if self._reign is None:
            return ""
        lease = Lease(self._seen_at, self._reign.alone_s)
        return over(lease) if lease.is_over else ""

    @property
    def server_version(self) -> int:
        """The version of the server, as 150004."""
        return self._database.connection.info.server_version

    def reader(self) -> ServerReader:
        """Open a reader of this ledger; the caller closes it."""
        self._refuse_fork()
        return ServerReader(self._open_reader())

    def _open(self, undo: ExitStack, *, is_new: bool) -> None:
        if self.path is not None:
            prepare(self.path)
            undo.callback(WriterLock(self.path).release)
        connection = connect(self.address, is_writer=True)
        self._patience = Patience(connection, self._bounds.answer_wait_s)
        undo.callback(self._patience.end)
        database = self._database = ServerDatabase(connection, self.address)
        undo.callback(database.close)
        with errors(self.address):
            prepare_writer(connection, self.address, self.durability)
        self._seen_at = Moment.now()
        lock(database, self._bounds.lock_wait_s)
        if not exists(database):
            self._refuse_loss()
            with errors(self.address), connection.transaction():
                create(database)
        elif is_new and (there := head_of(database)).seq:
            raise LedgerError(
                f"{self._where}: there is a ledger of that name with {there.seq:,} events, which "
                f"this folder never wrote; choose another name with ledger.account, or go on with "
                f"it here: `smart-leverage ledger attach`"
            )
        home = check(database)
        refuse_moved(home, self.address)
        self.was_ours = home.owner == owner()
        self._head = last_link(database, self.path, self._where)
        if self.path is not None:
            self._keep_beside(self.path, database, undo)
        self._epoch = raised_epoch(database, self._where)
        database.execute(OWN["set_owner"], (owner(),))
        self._session = connection.info.backend_pid
        if self.path is not None and self._reign is not None:
            begin(database, self.path, self._reign)
            undo.callback(end, database, self.path)
        try:
            self._projector = Projector(database, at_once)
        except ArithmeticError as error:
            raise LedgerCorrupt(f"{self._where}: a balance is not a number") from error

    def _refuse_loss(self) -> None:
        """Begin no new ledger where there was one."""
        if self.path is None:
            return
        noted = witnessed(self.path)
        if noted is not None and noted.seq:
            raise LedgerCorrupt(
                f"{self._where}: there is no ledger, but event {noted.seq} of it was acknowledged; "
                f"if this is on purpose, remove {beside(self.path, WITNESS)}"
            )

    @property
    def _where(self) -> str:
        return self.address.told

    def _open_reader(self) -> ServerDatabase:
        return open_reader(self.address)

    def _make_durable(self, rows: list[Row]) -> None:
        """Commit in one round trip; the server itself refuses another epoch or session."""
        try:
            done = self._sent(rows)
        except LedgerError as error:
            if isinstance(error.__cause__, psycopg.errors.DivisionByZero):
                self._refuse_stranger()
            raise
        if done != "COMMIT":
            raise LedgerError(f"{self._where}: the server said {done} to a commit")

    def _sent(self, rows: list[Row]) -> str | None:
        """Send a whole transaction at once and return what the server says to its commit."""
        connection, database = self._database.connection, self._database
        asked = Moment.now()
        with self._patience.waiting(), errors(self.address), connection.pipeline():
            connection.execute("BEGIN")
            database.execute(OWN["hold_epoch"], (self._epoch, self._session))
            write(database, "insert_entry", rows, widths=at_once)
            self._projector.flush()
            done = connection.execute("COMMIT")
        self._seen_at = asked
        return done.statusmessage

    def _refuse_stranger(self) -> None:
        """Say who writes instead of us, or who answers; the transaction has failed."""
        with errors(self.address):
            self._database.connection.rollback()
        ((epoch, session),) = self._database.execute(OWN["own_epoch"]).fetchall()
        self._refuse_other(epoch)
        self._refuse_session(session)

    def _refuse_session(self, session: int) -> None:
        if session != self._session:
            raise LedgerError(
                f"{self._where}: another session answers than the one that holds the lock; the "
                "writer needs the server itself"
            )

    def _tidy(self) -> None:
        """Leave it to the server, which copies its own log."""

    def _look(self) -> None:
        """Ask for the lock's session; an answer of another one, or none, ends the writing."""
        asked = Moment.now()
        with self._patience.waiting():
            ((session,),) = self._database.execute("SELECT pg_backend_pid()").fetchall()
        self._refuse_session(session)
        self._seen_at = asked

    # -- without the server -----------------------------------------------------------------------

    def _keep_mirror(self) -> None:
        """Have a copy that holds what the ledger holds; without one there is no refuge."""
        if self.path is None:
            return
        try:
            if self._reign is not None and self._reign.refuge_s:
                self._mirror = self._caught_up(self.path)
            elif not is_missing(beside(self.path, MIRROR)):
                with closing(self._mirror_at(self.path)) as mirror:
                    mirror.settle()
        except (*DAMAGE, OSError) as error:
            _LOG.warning("no copy of the ledger can be kept here, so no refuge: %s", error)

    def _caught_up(self, path: Path) -> Mirror:
        mirror = self._mirror_at(path)
        try:
            mirror.settle()
            with closing(self._open_reader()) as there:
                if mirror.head.seq and hash_at(there, mirror.head.seq) != mirror.head.hash:
                    mirror.close()
                    mirror = Mirror.anew(path)
                mirror.catch_up(chained(there, mirror.head.seq))
        except BaseException:
            mirror.close()
            raise
        self._undo.callback(mirror.close)
        return mirror

    @staticmethod
    def _mirror_at(path: Path) -> Mirror:
        """Open the copy, or make it anew: what is wrong with it is no fault of the ledger."""
        with suppress(*DAMAGE, LedgerError):
            return Mirror(path)
        try:
            return Mirror.anew(path)
        except LedgerError as error:
            raise OSError(str(error)) from error

    def _follow(self, entries: list[Entry]) -> None:
        mirror = self._mirror
        if mirror is None:
            return
        try:
            mirror.follow(entries)
        except DAMAGE as error:
            _LOG.warning("the copy of the ledger cannot be written, so no refuge: %s", error)
            self._mirror = None

    def _leave(self, error: Exception, unsure: list[Entry]) -> None:
        """Let the owner go on beside the copy, unless somebody else is known to be the owner."""
        is_ours = not isinstance(error, LedgerLocked)
        if self._mirror is not None and self._reign is not None and is_ours:
            lease = Lease(self._seen_at, self._reign.refuge_s)
            self._mirror.leave(self._head, unsure, lease)

    def _take_over(self) -> int:
        """Take over what was noted without the server, if nobody else has written meanwhile."""
        journal = self.emergency
        if self.path is None or journal is None or journal.is_empty:
            return 0
        try:
            with self.reader() as reader:
                owed = self._owed(reader, journal.read(), self.path)
                if owed is not None:
                    return take_over(journal, reader, self.commit, owed)
                self.left_aside = str(put_aside(journal, reader, self.commit))
                return 0
        except BaseException:
            self.close()
            raise

    def _owed(self, reader: Reader, found: Found, path: Path) -> Sequence[Record] | None:
        """Return what the notes stand on and the server lacks; None when they stand on nothing."""
        if is_taken(found, reader):
            return ()
        left = left_at(path)
        base = witnessed(path) if left is None else left.base
        unsure = () if left is None else left.unsure
        if base is None or (base.seq and not reader.holds(base)):
            return None
        behind = [entry.payload for entry in islice(reader.entries(base.seq), len(unsure) + 1)]
        if not behind:
            return unsure
        return () if behind == [encode(record) for record in unsure] else None

    def _drop(self) -> None:
        with suppress(psycopg.Error, LedgerError):
            self._database.close()
