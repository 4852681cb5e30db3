"""What an account was worth over time, and what happened on the way, heard entry by entry."""

from array import array
from decimal import Decimal
from typing import NamedTuple, TypeVar

from smart_leverage.books.baselines import Period
from smart_leverage.domain.records import (
    AccountOpened,
    FlowSeen,
    LimitChanged,
    Marked,
    Record,
    Resumed,
    StateChanged,
    TierGranted,
)
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.ledger.base import Entry
from smart_leverage.reports.thinning import thinned
from smart_leverage.runtime.remembered import Fold

T = TypeVar("T")

POINTS_MAX = 100_000
"""When so many marks are kept, the older half is thinned to a tenth; extremes stay."""

MOMENTS_MAX = 2_000
"""Most changes of state, changes of tier and flows that are kept, the latest of each."""


class Moment(NamedTuple):
    """Something that happened at an instant: a state, a tier or a flow."""

    at_ns: int
    what: str
    why: str = ""
    amount: float = 0.0


class Span(NamedTuple):
    """The value of one unit when a day or a month opened, and last."""

    label: str
    opened: float
    last: float

    @property
    def change(self) -> float:
        """The return, fraction, flows left out."""
        return self.last / self.opened - 1.0 if self.opened > 0 else 0.0


class Columns(NamedTuple):
    """Marks, column by column; money in account currency, caps and drawdown as fractions."""

    at_ns: "array[int]"
    equity: "array[float]"
    crypto: "array[float]"
    leveraged: "array[float]"
    gross: "array[float]"
    crypto_cap: "array[float]"
    leveraged_cap: "array[float]"
    drawdown: "array[float]"

    @classmethod
    def empty(cls) -> "Columns":
        """Return columns without a mark."""
        return cls(array("q"), *(array("d") for _ in cls._fields[1:]))


class History:
    """Keeps the curve of an account and its moments, bounded however long the ledger is."""

    def __init__(self) -> None:
        self.columns = Columns.empty()
        self.states: list[Moment] = []
        self.tiers: list[Moment] = []
        self.flows: list[Moment] = []
        self.limits: list[LimitChanged] = []
        """The changes of limits, the opening's own left out."""
        self.days: list[Span] = []
        self.months: list[Span] = []
        self.zone = ""
        self._calendar: RiskCalendar | None = None
        self._nav, self._base = 1.0, Decimal(0)

    def hear(self, entry: Entry, record: Record | None, fold: Fold) -> None:
        """Take in one entry of the journal, folded already."""
        if isinstance(record, Marked):
            self._mark(record, fold)
        elif isinstance(record, StateChanged):
            _keep(self.states, Moment(record.at_ns, record.after, record.why))
        elif isinstance(record, TierGranted):
            _keep(self.tiers, Moment(record.at_ns, record.after, record.why))
        elif isinstance(record, FlowSeen):
            self._base += record.amount if self._base > 0 else 0
            _keep(self.flows, Moment(record.at_ns, record.source, amount=float(record.amount)))
        elif isinstance(record, LimitChanged):
            _keep(self.limits, record)
        elif isinstance(record, Resumed):
            _keep(self.states, Moment(record.at_ns, "resumed", record.reason))
        elif isinstance(record, AccountOpened):
            self.zone = record.risk_timezone
            self._calendar = RiskCalendar(record.risk_timezone)
            _keep(self.states, Moment(record.at_ns, "active", "the account was opened"))

    def _mark(self, mark: Marked, fold: Fold) -> None:
        if self._base > 0 and mark.equity > 0:
            self._nav *= float(mark.equity / self._base)
        self._base = mark.equity
        peak = fold.state.baselines.opening(Period.PEAK)
        fall = 1 - mark.equity / peak if peak is not None and peak > 0 else Decimal(0)
        money = (mark.equity, mark.crypto, mark.leveraged, mark.gross)
        caps = (mark.crypto_cap, mark.leveraged_cap, max(fall, Decimal(0)))
        self.columns.at_ns.append(mark.at_ns)
        for column, value in zip(self.columns[1:], (*money, *caps), strict=True):
            column.append(float(value))
        if self._calendar is not None:
            _roll(self.days, self._calendar.day_of(mark.at_ns), self._nav)
            _roll(self.months, self._calendar.month_of(mark.at_ns), self._nav)
        if len(self.columns.at_ns) > POINTS_MAX:
            self._thin()

    def _thin(self) -> None:
        """Keep fewer points of the older half: the lowest and highest of each stretch stay."""
        half = POINTS_MAX // 2
        old = self.columns
        kept = thinned(old.at_ns[:half], old.equity[:half], half // 10)
        kept += range(half, len(old.at_ns))
        self.columns = Columns._make(
            array(column.typecode, (column[place] for place in kept)) for column in old
        )


def _keep(moments: list[T], moment: T) -> None:
    moments.append(moment)
    if len(moments) > MOMENTS_MAX:
        del moments[0]


def _roll(spans: list[Span], label: str, nav: float) -> None:
    """Note the value of a unit; a period opens at the last value before it."""
    if spans and spans[-1].label == label:
        spans[-1] = spans[-1]._replace(last=nav)
    else:
        spans.append(Span(label, spans[-1].last if spans else nav, nav))
