"""Daily returns of the sleeves and outcomes of signals, as a ledger tells them.

The return of a sleeve on a risk day is its profit over what was at work in it: the profit that it
would have made at exposure 1. Profit is the market value at the next day's opening, less that at
its own, less what was bought and plus what was sold in between, fees included; values at openings
are those that the journal keeps with the baseline of a day. At work is the value at the opening
with purchases added and sales taken off in their order, at its largest: where nothing was bought
that is the value at the opening, and the return is profit over the day's first exposure. Where
funds count with their multiple, what is at work counts so as well: a cap on exposure and the return
of one unit of it have to mean the same exposure.

A day is left out for a sleeve that held less than a thousandth of equity at its opening, where more
than half of what was at work came in during the day, where nothing of it could trade, and where the
account was not looked at for longer than one day on which it could.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite, nan
from typing import Any, NamedTuple

from smart_leverage.books.book import Book, cash_of
from smart_leverage.books.episodes import Episodes
from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.evidence import SLEEVES
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import Order, Side
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    BaselineSet,
    Decided,
    Filled,
    FillRevised,
    IncomeSeen,
    InstrumentListed,
    Intended,
    Record,
    SplitSeen,
)

ZERO = Decimal(0)
KINDS = frozenset(
    (
        *("account.opened", "instrument.listed", "position.adopted", "split", "decision"),
        *("order.intended", "fill", "baseline"),
    )
)
"""Kinds of records that tell something here; others need not be read."""

EXPOSURE_MIN = Decimal("0.001")
"""A sleeve that holds less than this of equity at a day's opening says nothing on that day."""

INFLOW_MAX = 2
"""Most that may be at work during a day, over what was at its opening."""


class Day(NamedTuple):
    """A risk day that is over, with the return of each sleeve at exposure 1.

    Returns are fractions, NaN where the day is left out. It was known at `until_ns`.
    """

    label: str
    from_ns: int
    until_ns: int
    crypto: float
    leveraged: float


class Outcome(NamedTuple):
    """What became of what a source signalled, from holding nothing to holding nothing again.

    The confidence is that of the purchase it began with; `at_ns` is when it was over.
    """

    source: str
    confidence: float
    is_won: bool
    at_ns: int


class Past(NamedTuple):
    """What happened, oldest first, and the time zone of the risk days."""

    timezone: str
    days: tuple[Day, ...]
    outcomes: tuple[Outcome, ...]


def read_past(records: Iterable[Record], *, is_look_through: bool = False) -> Past:
    """Return what the records of a ledger tell, oldest first; see this module for the rule.

    Args:
        records: Of the kinds in `KINDS`.
        is_look_through: Whether the caps that will read it count a fund with its multiple.

    Raises:
        BadData: They hold no account.
    """
    reading = _Reading(is_look_through=is_look_through)
    for record in records:
        reading.take(record)
    if not reading.timezone:
        raise BadData("this ledger holds no account yet", fix="run something into it first")
    return Past(reading.timezone, tuple(reading.days), tuple(reading.outcomes))


class _Sleeve:
    """One sleeve on one day: what is invested by now, and what was at work as caps count it."""

    def __init__(
        self,
        invested: Decimal,
        opening: Decimal,
        equity: Decimal,
        classes: frozenset[AssetClass],
    ) -> None:
        self.classes = classes
        self._invested = invested
        self._opening = self._at_work = self._most = opening
        self._is_counted = equity > 0 and opening >= EXPOSURE_MIN * equity and opening > 0

    def put_in(self, amount: Decimal, weight: Decimal) -> None:
        self._invested += amount
        self._at_work += amount * weight
        self._most = max(self._most, self._at_work)

    def value(self, closing: Decimal) -> float:
        """Return the day's return, NaN where it says too little."""
        if not self._is_counted or self._most > INFLOW_MAX * self._opening:
            return nan
        return float((closing - self._invested) / self._most)


class _Reading:
    """Folds the records; knows the day that is open."""

    def __init__(self, *, is_look_through: bool) -> None:
        self._is_look_through = is_look_through
        self.timezone = ""
        self.days: list[Day] = []
        self.outcomes: list[Outcome] = []
        self._outcome_keys: list[Key] = []
        self._book = Book()
        self._instruments: dict[Key, Instrument] = {}
        self._orders: dict[str, tuple[Order, str]] = {}
        self._confidences: dict[str, float] = {}
        self._episodes = Episodes()
        self._began: dict[tuple[str, Key], float] = {}
        self._sleeves: dict[str, _Sleeve] = {}
        self._opened = ("", 0)
        self._takers: dict[type, Any] = {
            AccountOpened: self._account,
            InstrumentListed: self._listed,
            Adopted: self._adopted,
            SplitSeen: self._split,
            IncomeSeen: self._income,
            Decided: self._decided,
            Intended: self._intended,
            Filled: self._filled,
            FillRevised: self._revised,
            BaselineSet: self._baseline,
        }

    def take(self, record: Record) -> None:
        taker = self._takers.get(type(record))
        if taker is not None:
            taker(record)

    def _account(self, record: AccountOpened) -> None:
        self.timezone = record.risk_timezone
        self._book.open(record.cash)

    def _listed(self, record: InstrumentListed) -> None:
        self._instruments[record.instrument.key] = record.instrument
        self._book.list_instrument(record.instrument)

    # -- signals ----------------------------------------------------------------------------------

    def _decided(self, record: Decided) -> None:
        if record.source == "signal" and record.side is Side.BUY and record.given > 0:
            confidence = confidence_in(record.body)
            if 0.0 <= confidence <= 1.0:
                self._confidences[record.decision_id] = confidence

    def _intended(self, record: Intended) -> None:
        self._orders[record.order.client_order_id] = record.order, record.decision_id

    def _filled(self, record: Filled) -> None:
        fill = record.fill
        known = self._orders.get(fill.client_order_id)
        if known is None:
            return
        applied = self._book.apply_fill(fill, known[0])
        if not applied.is_new:
            return
        self._put_in(fill.key, -applied.cash)
        total = sum((qty for _, qty in applied.moves), ZERO)
        for bot, qty in applied.moves:
            cash = applied.cash if qty == total else applied.cash * qty / total
            if qty > 0:
                self._began.setdefault((bot, fill.key), self._confidences.get(known[1], nan))
            self._move(record.at_ns, bot, fill.key, qty, cash, fill.execution_id)

    def _revised(self, record: FillRevised) -> None:
        """Count an execution as the broker says by now, and judge anew what it had a part in.

        What closes by itself only now has no outcome: its confidence may be that of another one.
        """
        before, after = record.before, record.after
        applied = self._book.revise(before, after)
        if not applied.is_new:
            return
        self._put_in(before.key, -applied.cash)
        cash = ZERO if after is None else cash_of(after)
        name = self._book.matched_as(before.execution_id)
        lot = self._instruments[before.key].lot
        self._episodes.revise(name, before.key, dict(applied.moves), cash, lot)
        made = {(one.at_ns, one.bot, one.key): one.outcome for one in self._episodes.closed}
        kept = [
            (key, one._replace(is_won=made[one.at_ns, one.source, key] > 0))
            for key, one in zip(self._outcome_keys, self.outcomes, strict=True)
            if made.get((one.at_ns, one.source, key))
        ]
        self._outcome_keys = [key for key, _ in kept]
        self.outcomes = [one for _, one in kept]

    def _move(
        self, at_ns: int, bot: str, key: Key, qty: Decimal, cash: Decimal, name: str = ""
    ) -> None:
        """Count what a bot's holding changed by, and see whether its episode is over."""
        closed = len(self._episodes.closed)
        lot = self._instruments[key].lot
        self._episodes.move(at_ns, bot, key, qty, cash, lot, is_forced=False, name=name)
        for episode in self._episodes.closed[closed:]:
            confidence = self._began.pop((bot, key), nan)
            if isfinite(confidence) and episode.outcome:
                self.outcomes.append(Outcome(bot, confidence, episode.outcome > 0, at_ns))
                self._outcome_keys.append(key)

    # -- days -------------------------------------------------------------------------------------

    def _adopted(self, record: Adopted) -> None:
        key, worth = record.key, record.qty * record.price
        self._book.adopt(key, record.qty, record.price, record.bot, at_ns=record.at_ns)
        self._put_in(key, worth)
        if record.qty > 0:
            self._began.setdefault((record.bot, key), nan)
        self._move(record.at_ns, record.bot, key, record.qty, -worth)

    def _income(self, record: IncomeSeen) -> None:
        for bot, qty in sorted(record.shares.items()):
            if record.key is not None:
                self._book.adopt(record.key, qty, record.price, bot, at_ns=record.at_ns)
                self._move(record.at_ns, bot, record.key, qty, Decimal(0))

    def _split(self, record: SplitSeen) -> None:
        self._book.split(record.key, record.qty, at_ns=record.since_ns)
        self._episodes.split(record.key, record.factor)

    def _put_in(self, key: Key, amount: Decimal) -> None:
        for name in self._sleeves_of(key):
            if name in self._sleeves:
                self._sleeves[name].put_in(amount, self._weight(key))

    def _weight(self, key: Key) -> Decimal:
        """Return how many times its market value an instrument counts in its sleeves."""
        return self._instruments[key].weight(is_look_through=self._is_look_through)

    def _sleeves_of(self, key: Key) -> tuple[str, ...]:
        """Return where an instrument counts: the leveraged cap counts coins as well."""
        instrument = self._instruments[key]
        if not instrument.is_leveraged:
            return ()
        return SLEEVES if instrument.is_crypto else ("leveraged",)

    def _baseline(self, record: BaselineSet) -> None:
        if record.period != "day":
            return
        if self._sleeves:
            self._close(record)
        self._opened = (record.label, record.at_ns)
        self._sleeves = {
            name: _Sleeve(
                self._value(name, record.holdings),
                self._counted(name, record.holdings),
                record.equity,
                frozenset(
                    self._instruments[key].asset_class
                    for key in record.holdings
                    if name in self._sleeves_of(key)
                ),
            )
            for name in SLEEVES
        }

    def _close(self, record: BaselineSet) -> None:
        label, at_ns = self._opened
        values = {
            name: sleeve.value(self._value(name, record.holdings))
            if days_open(label, record.label, sleeve.classes) == 1
            else nan
            for name, sleeve in self._sleeves.items()
        }
        self.days.append(Day(label, at_ns, record.at_ns, **values))

    def _value(self, name: str, holdings: Mapping[Key, Decimal]) -> Decimal:
        mine = (value for key, value in holdings.items() if name in self._sleeves_of(key))
        return sum(mine, ZERO)

    def _counted(self, name: str, holdings: Mapping[Key, Decimal]) -> Decimal:
        weighed = {key: value * self._weight(key) for key, value in holdings.items()}
        return self._value(name, weighed)


def days_open(label: str, after: str, classes: Iterable[AssetClass]) -> int:
    """Return on how many dates, from one to before another, anything of some classes traded."""
    first, end = date.fromisoformat(label), date.fromisoformat(after)
    dates = (first + timedelta(number) for number in range((end - first).days))
    calendars = [calendar_for(each) for each in classes]
    return sum(any(each.session_on(day) for each in calendars) for day in dates)


def confidence_in(body: str) -> float:
    """Return the confidence that a signal was journalled with, NaN where there is none."""
    try:
        return float(body.rpartition(" at ")[2])
    except ValueError:
        return nan
