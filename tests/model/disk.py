"""The disk of the model: what was handed over, and what of it would survive."""

from collections.abc import Callable, Iterator, Sequence

from tests.model.frozen import share, shared

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Record, encode
from smart_leverage.ledger.base import Counts, Entry, Head

NOTHING = b""


class Died(BaseException):
    """The process is gone; nobody may catch this on its behalf."""


class Claim:
    """What the ledger's ticket promises, without its locks: there is one thread here."""

    def __init__(self, disk: "Disk") -> None:
        self._disk = disk
        self.is_done = self.is_lost = False
        self._then: list[Callable[[Claim], None]] = []

    def wait(self, timeout_s: float | None = None) -> Head:
        """Have everything synced that was handed over before."""
        if not self.is_done:
            self._disk.sync()
        if self.is_lost:
            raise LedgerError("records were not committed: another writer took over")
        return self._disk.head

    def then(self, callback: "Callable[[Claim], None]") -> None:
        """Call back when settled."""
        if self.is_done:
            callback(self)
        else:
            self._then.append(callback)

    def settle(self, *, is_lost: bool) -> None:
        """Tell whoever waits."""
        self.is_done, self.is_lost = True, is_lost
        for callback in self._then:
            callback(self)
        self._then = []


class Links:
    """The durable records as a chain that copies share: a number stands for all before it."""

    def __init__(self, before: "Links | None", records: Sequence[Record]) -> None:
        self.before = before
        self.records = tuple(records)
        self.payloads = tuple(encode(each) for each in records)
        self.count: int = len(records) + (0 if before is None else before.count)

    def all(self) -> list[bytes]:
        """Return every record, oldest first."""
        parts, link = [], self
        while link is not None:
            parts.append(link.payloads)
            link = link.before  # type: ignore[assignment]
        return [each for part in reversed(parts) for each in part]


class Disk:
    """Takes batches in and syncs them together; an epoch says who may write."""

    def __init__(self) -> None:
        self._links = -1
        self.queue: list[tuple[Sequence[Record], Claim]] = []
        self.epoch = 0
        self.dies_after: int | None = None
        """So many syncs from now the process is gone, right before the next."""
        self.synced: list[Record] = []
        """What became durable since somebody looked."""

    @property
    def links(self) -> Links | None:
        """The last durable link."""
        return None if self._links < 0 else shared(self._links)

    @property
    def head(self) -> Head:
        """The last durable link, as the ledger names it."""
        return Head(0 if self.links is None else self.links.count, NOTHING)

    def sync(self) -> None:
        """Make durable whatever was handed over, then acknowledge all of it."""
        if self.dies_after is not None:
            if self.dies_after == 0:
                raise Died
            self.dies_after -= 1
        batches, self.queue = self.queue, []
        self.write([each for records, _ in batches for each in records])
        for _, claim in batches:
            claim.settle(is_lost=False)

    def write(self, records: Sequence[Record]) -> None:
        """Let records lie on the disk."""
        if records:
            self._links = share(Links(self.links, records))
            self.synced += records


class Writer:
    """The ledger of one process, for as long as no later one has taken over."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        disk.epoch += 1
        self.epoch = disk.epoch
        self.lapsed = ""
        """Why nothing may leave any more; a lease is not a part of this model."""

    @property
    def head(self) -> Head:
        """See `Ledger.head`."""
        return self._disk.head

    @property
    def counts(self) -> Counts:
        """See `Ledger.counts`."""
        return Counts(0, 0, 0, len(self._disk.queue))

    def append(self, records: Sequence[Record]) -> Claim:
        """See `Ledger.append`."""
        if self.epoch != self._disk.epoch:
            raise LedgerError("another process has taken over")
        claim = Claim(self._disk)
        self._disk.queue.append((list(records), claim))
        return claim

    def commit(self, records: Sequence[Record]) -> Head:
        """See `Ledger.commit`."""
        return self.append(records).wait()

    def read(self, after_seq: int = 0) -> Iterator[Entry]:
        """See `Ledger.read`."""
        links = self._disk.links
        payloads = [] if links is None else links.all()
        for seq, payload in enumerate(payloads[after_seq:], after_seq + 1):
            yield Entry(seq, self.epoch, 0, "", "", payload, NOTHING, NOTHING)

    def assure(self) -> None:
        """See `WritingLedger.assure`."""
        if self.epoch != self._disk.epoch:
            raise LedgerError("another process has taken over")

    def close(self) -> None:
        """See `Ledger.close`."""
