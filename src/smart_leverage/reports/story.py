"""What a journal tells from its first record to its last: the one pass every report is made of."""

import gc
from array import array
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import structs

from smart_leverage.books.allocation import Allocation
from smart_leverage.books.book import Book
from smart_leverage.books.units import Units, Worth
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Fill, Order, OrderState
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    AssetLocked,
    BreakerMoved,
    Decided,
    EnforcementChanged,
    ExposureMoved,
    Filled,
    FillRevised,
    FlowSeen,
    IncomeSeen,
    InstrumentListed,
    Intended,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    PastDealt,
    PastImported,
    PlanMoved,
    Record,
    Resumed,
    SplitSeen,
    StateChanged,
    TierGranted,
    Unprotected,
    decode,
)
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.reports.source import Source

_PROGRESS_EVERY = 5_000

Progress = Callable[[int], None]
"""Called now and then with the number of journal entries read."""


class Execution(NamedTuple):
    """A fill with the order it belongs to and the price at which its decision was made.

    `seq` is its place in the journal.
    """

    fill: Fill
    order: Order
    decided_price: Decimal | None
    seq: int = 0


class Revision(NamedTuple):
    """An execution that was taken back or corrected.

    `seq` is its own place in the journal, `executed_seq` that of the execution.
    """

    record: FillRevised
    seq: int
    executed_seq: int


class Story:
    """The facts of one account in the order in which they happened.

    `nav` runs parallel to `marks`. A flow is taken out at the equity of the mark before it, the
    nearest valuation that the journal holds. `places` says by kind of record where in the journal
    each of them stands, so that every figure can name its source. Without `keeps_figures` the
    decisions forget theirs, which are a third of what a long story takes in memory.
    """

    def __init__(self, *, keeps_figures: bool = True) -> None:
        self._keeps_figures = keeps_figures
        self.seq = 0
        self.head = b""
        self.last_ns = 0
        self.opened: AccountOpened | None = None
        self.instruments: dict[Key, Instrument] = {}
        self.adopted: list[Adopted] = []
        self.flows: list[FlowSeen] = []
        self.marks: list[Marked] = []
        self.nav: list[float] = []
        self.decisions: list[Decided] = []
        self.executions: list[Execution] = []
        self.strangers: list[Fill] = []
        self.revisions: list[Revision] = []
        self.rejected: list[OrderMoved] = []
        self.breakers: list[BreakerMoved] = []
        self.locks: list[AssetLocked] = []
        self.tiers: list[TierGranted] = []
        self.states: list[StateChanged] = []
        self.resumes: list[Resumed] = []
        self.limits: list[LimitChanged] = []
        self.plans: list[PlanMoved] = []
        self.unprotected: list[Unprotected] = []
        self.notes: list[Noted] = []
        self.steps: list[EnforcementChanged] = []
        self.exposures: list[ExposureMoved] = []
        self.book = Book()
        self.allocation = Allocation()
        self.places: dict[type, array[int]] = {}
        self.calendar = RiskCalendar("UTC")
        self._units = Units()
        self._orders: dict[str, tuple[Order, str]] = {}
        self._prices: dict[str, Decimal] = {}
        self._past: list[PastDealt] = []
        self._appliers: dict[type, Callable[[Any], None]] = {
            AccountOpened: self._open,
            InstrumentListed: self._list,
            Adopted: self._adopt,
            FlowSeen: self._flow,
            Decided: self._decide,
            Intended: self._intend,
            OrderMoved: self._move,
            Filled: self._fill,
            FillRevised: self._revise,
            Marked: self._mark,
            BreakerMoved: self.breakers.append,
            AssetLocked: self.locks.append,
            TierGranted: self.tiers.append,
            StateChanged: self.states.append,
            Resumed: self.resumes.append,
            LimitChanged: self.limits.append,
            PlanMoved: self.plans.append,
            Unprotected: self.unprotected.append,
            Noted: self.notes.append,
            EnforcementChanged: self.steps.append,
            ExposureMoved: self.exposures.append,
            SplitSeen: self._split,
            IncomeSeen: self._income,
            PastDealt: self._past.append,
            PastImported: self._import,
        }

    @property
    def opening_equity(self) -> Decimal:
        """Cash and adopted holdings at the opening."""
        return self._units.opening_equity

    @property
    def worth(self) -> Worth:
        """What the account is worth as far as the story was told."""
        return self._units.worth

    @property
    def account(self) -> AccountOpened:
        """The account as it was opened.

        Raises:
            BadData: The journal does not hold one yet.
        """
        if self.opened is None:
            raise BadData("this ledger holds no account yet", fix="run something into it first")
        return self.opened

    def apply(self, record: Record, seq: int | None = None) -> None:
        """Take in the next fact; without its place in the journal it is the one after the last."""
        self.seq = self.seq + 1 if seq is None else seq
        self.last_ns = max(self.last_ns, record.at_ns)
        kind = type(record)
        places = self.places.get(kind)
        if places is None:
            places = self.places[kind] = array("q")
        places.append(self.seq)
        applier = self._appliers.get(kind)
        if applier is not None:
            applier(record)

    # -- the account ------------------------------------------------------------------------------

    def _open(self, record: AccountOpened) -> None:
        if self.opened is not None:
            return
        self.opened = record
        self.calendar = RiskCalendar(record.risk_timezone)
        self.book.open(record.cash)
        self._units.open(record.cash)

    def _list(self, record: InstrumentListed) -> None:
        self.instruments[record.instrument.key] = record.instrument
        self.book.list_instrument(record.instrument)

    def _adopt(self, record: Adopted) -> None:
        self.adopted.append(record)
        self.book.adopt(record.key, record.qty, record.price, record.bot, at_ns=record.at_ns)
        self._units.adopt(record.qty * record.price)

    def _income(self, record: IncomeSeen) -> None:
        self.book.flow(record.amount)
        for bot, qty in sorted(record.shares.items()):
            if record.key is not None:
                self.book.adopt(record.key, qty, record.price, bot, at_ns=record.at_ns)

    def _split(self, record: SplitSeen) -> None:
        self.book.split(record.key, record.qty, at_ns=record.since_ns)

    def _import(self, record: PastImported) -> None:
        """Count what was written with it, and nothing of an import that broke off."""
        own = [each.deal for each in self._past if each.import_id == record.import_id]
        self._past.clear()
        self.book.take_past(own)

    def _flow(self, record: FlowSeen) -> None:
        self.flows.append(record)
        self.book.flow(record.amount)
        self._units.flow(record.amount)

    def _mark(self, record: Marked) -> None:
        self.marks.append(record)
        self.nav.append(self._units.mark(record.equity))
        if record.equity > 0:
            self.allocation.mark(record.at_ns, record.crypto / record.equity, record.crypto_cap)

    # -- orders -----------------------------------------------------------------------------------

    def _decide(self, record: Decided) -> None:
        kept = record if self._keeps_figures else structs.replace(record, figures={})
        self.decisions.append(kept)
        self._prices[record.decision_id] = record.price

    def _intend(self, record: Intended) -> None:
        self._orders[record.order.client_order_id] = record.order, record.decision_id

    def _move(self, record: OrderMoved) -> None:
        if record.state is OrderState.REJECTED:
            self.rejected.append(record)

    def _fill(self, record: Filled) -> None:
        fill = record.fill
        known = self._orders.get(fill.client_order_id)
        if known is None:
            self.strangers.append(fill)
            return
        order, decision_id = known
        if self.book.apply_fill(fill, order).is_new:
            price = self._prices.get(decision_id) or order.stop_price
            self.executions.append(Execution(fill, order, price, self.seq))

    def _revise(self, record: FillRevised) -> None:
        """Count an execution as another one, or not at all, where it stands."""
        if not self.book.revise(record.before, record.after).is_new:
            return
        name = record.before.execution_id
        places = range(len(self.executions) - 1, -1, -1)
        place = next(at for at in places if self.executions[at].fill.execution_id == name)
        self.revisions.append(Revision(record, self.seq, self.executions[place].seq))
        if record.after is None:
            del self.executions[place]
        else:
            self.executions[place] = self.executions[place]._replace(fill=record.after)


def read_story(
    source: Source,
    *,
    until: int | None = None,
    keeps_figures: bool = True,
    progress: Progress | None = None,
) -> Story:
    """Return what a ledger tells up to an entry, or to its end; see `Story`.

    Raises:
        BadData: The ledger holds no account.
        msgspec.ValidationError: An entry is not a record of this version.
    """
    story = Story(keeps_figures=keeps_figures)
    # Hundreds of thousands of records and no cycle among them: looking for one, again and again,
    # would take longer than reading.
    collects = gc.isenabled()
    gc.disable()
    try:
        _read(story, source, until, progress)
    finally:
        if collects:
            gc.enable()
    if progress is not None:
        progress(story.seq)
    _ = story.account
    return story


def _read(story: Story, source: Source, until: int | None, progress: Progress | None) -> None:
    for entry in source.entries():
        if until is not None and entry.seq > until:
            break
        story.apply(decode(entry.payload), entry.seq)
        story.head = entry.hash
        if progress is not None and not entry.seq % _PROGRESS_EVERY:
            progress(entry.seq)
