"""What is known of an account while its journal is read: as much as a message or a day needs."""

import tomllib
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from smart_leverage.books.baselines import Baseline, Baselines, Period
from smart_leverage.books.doings import Doings
from smart_leverage.books.exact import EXACT
from smart_leverage.books.units import Units, Worth, depth
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.orders import HOUSE, Side
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    BaselineSet,
    BreakerMoved,
    Decided,
    FlowSeen,
    Intended,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    Record,
    Resumed,
    StateChanged,
    TierGranted,
)

OPENINGS_MAX = 10
WEEK_DAYS = 7
"""Risk days of a week; they begin on every date, whether there is a session or not."""

ORDERS_MAX = 5_000
"""So many orders under way are known by what they are; the oldest are forgotten first."""

AGREES_AFTER_NS = 2 * MINUTE_NS
"""Books and broker agree again when no difference was noted for so long; they are compared more
often than that."""

KINDS = frozenset(
    (
        "account.opened",
        "baseline",
        "breaker",
        "flow",
        "limit",
        "mark",
        "note",
        "order.intended",
        "order.moved",
        "position.adopted",
        "resumed",
        "state",
        "tier",
    )
)
"""What has to be read from the beginning of a journal; the rest is news or nothing."""

DAILY = frozenset(("decision", "fill"))
"""What is counted since the last statement."""


class Asked(NamedTuple):
    """An order as a refusal of it is told."""

    bot: str
    side: Side
    qty: Decimal
    key: str


class Known:
    """Folds records; a message about a record is made with what was known before it."""

    def __init__(self) -> None:
        self.opened: AccountOpened | None = None
        self.numbers: dict[str, Any] = {}
        self.limits: dict[str, str] = {}
        self.state = "active"
        self.why = ""
        self.tier = "LEARNING"
        self.tripped: dict[str, BreakerMoved] = {}
        self.mark: Marked | None = None
        self.baselines = Baselines()
        self.is_broker_lost = False
        self.differs_ns: dict[str, int] = {}
        """When books and broker were last seen to differ, by what differs."""
        self.orders: dict[str, Asked] = {}
        self.bots_ns: dict[str, int] = {}
        """When each bot asked for something last."""
        self.day = Doings()
        self.week = Doings()
        self.day_since_ns = self.week_since_ns = 0
        """What happened later is counted."""
        self.openings: deque[Worth] = deque(maxlen=OPENINGS_MAX)
        """What it was worth at the beginning of the last risk days."""
        self.month_opening: Worth | None = None
        self.high = 1.0
        """The best NAV so far."""
        self._units = Units()
        self._takers: dict[type, Callable[[Any], None]] = {
            AccountOpened: self._open,
            Adopted: self._adopt,
            LimitChanged: self._limit,
            StateChanged: self._state,
            TierGranted: self._tier,
            BreakerMoved: self._breaker,
            Marked: self._marked,
            BaselineSet: self._baseline,
            FlowSeen: self._flow,
            Resumed: self._resumed,
            Noted: self._noted,
            Intended: self._intended,
            OrderMoved: self._moved,
            Decided: self._decided,
        }

    @property
    def label(self) -> str:
        """How every message begins: mode, and the last four characters of the account."""
        if self.opened is None:
            return "NO ACCOUNT"
        return f"{self.opened.mode.upper()} …{self.opened.account[-4:]}"

    @property
    def timezone(self) -> str:
        """The zone of the risk day."""
        return "America/New_York" if self.opened is None else self.opened.risk_timezone

    def limit(self, name: str) -> Decimal | None:
        """Return a limit in force by its dotted name; None where it is not known."""
        if name in self.limits:
            return Decimal(self.limits[name])
        value: Any = self.numbers
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return Decimal(repr(value)) if is_number else None

    def take(self, record: Record) -> None:
        """Take in one record."""
        taker = self._takers.get(type(record))
        if taker is not None:
            taker(record)
        if record.at_ns > self.day_since_ns:
            self.day.take(record)
        if record.at_ns > self.week_since_ns:
            self.week.take(record)

    def begin_day(self, since_ns: int, *, is_week: bool) -> None:
        """Count the next day anew, and the next week too."""
        self.day, self.day_since_ns = Doings(), since_ns
        if is_week:
            self.week, self.week_since_ns = Doings(), since_ns

    @property
    def worth(self) -> Worth:
        """What the account is worth by its last valuation."""
        return self._units.worth

    @property
    def day_opening(self) -> Worth | None:
        """What it was worth when the risk day began; None before the first."""
        return self.openings[-1] if self.openings else None

    @property
    def week_opening(self) -> Worth | None:
        """What it was worth when the last seven risk days began, or as many as there were."""
        week = list(self.openings)
        return week[-WEEK_DAYS] if len(week) >= WEEK_DAYS else next(iter(week), None)

    @property
    def drawdown(self) -> float:
        """How far the NAV is below its best ever, fraction."""
        return depth(self.worth.nav, self.high)

    def _open(self, record: AccountOpened) -> None:
        self.opened = record
        self._units.open(record.cash)
        try:
            self.numbers = tomllib.loads(record.policy)
        except tomllib.TOMLDecodeError:
            self.numbers = {}

    def _adopt(self, record: Adopted) -> None:
        self._units.adopt(EXACT.multiply(record.qty, record.price))

    def _limit(self, record: LimitChanged) -> None:
        if record.effective_ns <= record.at_ns:
            self.limits[record.name] = record.after

    def _state(self, record: StateChanged) -> None:
        self.state, self.why = record.after, record.why
        if record.after == "active":  # a person may only resume once books and broker agree
            self.differs_ns.clear()

    def _tier(self, record: TierGranted) -> None:
        self.tier = record.after

    def _breaker(self, record: BreakerMoved) -> None:
        if record.is_tripped:
            self.tripped[record.breaker] = record
        else:
            self.tripped.pop(record.breaker, None)

    def _marked(self, record: Marked) -> None:
        self.mark = record
        self.is_broker_lost = False
        limit_ns = record.at_ns - AGREES_AFTER_NS
        self.differs_ns = {what: ns for what, ns in self.differs_ns.items() if ns >= limit_ns}
        self.baselines.mark(record.equity)
        self.high = max(self.high, self._units.mark(record.equity))

    def _baseline(self, record: BaselineSet) -> None:
        period = Period(record.period)
        if not self.baselines.write(Baseline(period, record.label, record.equity)):
            return
        if period is Period.DAY:
            self.openings.append(self.worth)
        elif period is Period.MONTH:
            self.month_opening = self.worth

    def _flow(self, record: FlowSeen) -> None:
        self.baselines.flow(record.amount)
        self._units.flow(record.amount)

    def _resumed(self, record: Resumed) -> None:
        self.baselines.resume(record.equity)

    def _noted(self, record: Noted) -> None:
        if record.code == "broker.lost":
            self.is_broker_lost = True
        elif record.code == "reconcile.difference":
            self.differs_ns[differing(record.text)] = record.at_ns

    def _intended(self, record: Intended) -> None:
        order = record.order
        self.orders[order.client_order_id] = Asked(order.bot, order.side, order.qty, order.key)
        if len(self.orders) > ORDERS_MAX:
            del self.orders[next(iter(self.orders))]

    def _moved(self, record: OrderMoved) -> None:
        if record.state.is_final:
            self.orders.pop(record.client_order_id, None)

    def _decided(self, record: Decided) -> None:
        if record.bot != HOUSE:
            self.bots_ns[record.bot] = record.at_ns


def differing(text: str) -> str:
    """Return what differs of a note of differences, without the quantities, which move."""
    return ", ".join(sorted(part.partition(": ")[0] for part in text.split("; ")))
