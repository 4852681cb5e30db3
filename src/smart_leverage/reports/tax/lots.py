"""Every closed and every open lot of an account as a line that a tax return can be made from."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.closings import Closing
from smart_leverage.books.exact import EXACT, ZERO
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.reports.local import LocalTime
from smart_leverage.reports.story import Story
from smart_leverage.reports.tax.terms import long_from, term_of
from smart_leverage.reports.tax.wash import Purchases, Wash

LEDGER, IMPORT = "ledger", "import"
"""Where a lot is known from: our own fills, or a history that was imported."""

COIN = "coin"


class ClosedLot(NamedTuple):
    """A lot that was sold; `wash` is None where nothing was lost, or it was sold first."""

    closing: Closing
    kind: str
    acquired: date
    sold: date
    term: str
    origin: str
    wash: Wash | None

    @property
    def holding_days(self) -> int:
        """Days from purchase to sale."""
        return (self.sold - self.acquired).days


class OpenLot(NamedTuple):
    """A lot that is held, or that imported deals have left open; quantity negative when short."""

    key: Key
    kind: str
    bot: str
    acquired: date
    opened_at_ns: int
    qty: Decimal
    cost: Decimal
    fees: Decimal
    long_from: date
    is_known: bool
    origin: str


class Lots(NamedTuple):
    """All lots of an account; `removed` were taken out of the books and not sold by an order.

    `unmatched` counts imported deals that sell more than the files had bought before them.
    """

    zone: str
    last_day: date
    closed: list[ClosedLot]
    opened: list[OpenLot]
    removed: list[ClosedLot]
    unmatched: int


def kind_of(instrument: Instrument | None) -> str:
    """Return what an instrument is for tax: a coin, a fund that holds coins, or another one."""
    if instrument is None:
        return "not listed"
    if instrument.asset_class is AssetClass.CRYPTO:
        return COIN
    if instrument.is_crypto:
        return "crypto fund"
    return "leveraged fund" if instrument.is_leveraged else "share or fund"


def lots_of(story: Story) -> Lots:
    """Return the lots of a story, the closed ones by day of sale."""
    return _Maker(story).made()


class _Maker:
    """Puts dates, terms and warnings to what the books have closed."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._zone = LocalTime(story.account.risk_timezone)
        self._last_day = self._day_of(story.last_ns)
        self._purchases = Purchases(self._day_of, self._last_day)

    def made(self) -> Lots:
        book = self._story.book
        own, past = list(book.closings()), list(book.past_closings())
        opened = list(self._opened())
        self._purchases.add_closings([*own, *past])
        for lot in opened:
            if lot.is_known and lot.qty > 0:
                self._purchases.add(lot.key, lot.qty, lot.opened_at_ns)
        self._purchases.sort()
        lines = [*self._closed(own, LEDGER), *self._closed(past, IMPORT)]
        lines.sort(key=lambda line: (line.closing.closed_at_ns, line.closing.key))
        return Lots(
            zone=self._zone.name,
            last_day=self._last_day,
            closed=[line for line in lines if line.closing.is_sale],
            opened=opened,
            removed=[line for line in lines if not line.closing.is_sale],
            unmatched=len(book.past.unmatched),
        )

    def _day_of(self, at_ns: int) -> date:
        return self._zone.at(at_ns).date()

    def _kind(self, key: Key) -> str:
        instrument = self._story.instruments.get(key)
        if instrument is None and key.startswith(f"{AssetClass.CRYPTO}:"):
            return COIN
        return kind_of(instrument)

    def _closed(self, closings: Iterable[Closing], origin: str) -> Iterator[ClosedLot]:
        for each in closings:
            acquired, sold = self._day_of(each.opened_at_ns), self._day_of(each.closed_at_ns)
            is_known, is_short = bool(each.opened), each.is_short
            is_loss = each.is_sale and not is_short and each.net < 0
            yield ClosedLot(
                closing=each,
                kind=self._kind(each.key),
                acquired=acquired,
                sold=sold,
                term=term_of(acquired, sold, is_known=is_known, is_short=is_short),
                origin=origin,
                wash=self._purchases.around(each) if is_loss else None,
            )

    def _opened(self) -> Iterator[OpenLot]:
        book = self._story.book
        shorts = {
            LEDGER: {key for key in book.keys if book.qty(key) < 0},
            IMPORT: {each.key for each in book.past.left_open if each.qty < 0},
        }
        for origin, held in ((LEDGER, book.held()), (IMPORT, book.past.held())):
            for stake in held:
                is_short = stake.key in shorts[origin]
                for lot in stake.lots:
                    acquired = self._day_of(lot.opened_at_ns)
                    yield OpenLot(
                        key=stake.key,
                        kind=self._kind(stake.key),
                        bot=stake.bot,
                        acquired=acquired,
                        opened_at_ns=lot.opened_at_ns,
                        qty=lot.qty.copy_negate() if is_short else lot.qty,
                        cost=EXACT.multiply(lot.qty, lot.price),
                        fees=lot.fee,
                        long_from=long_from(acquired),
                        is_known=bool(lot.source),
                        origin=origin,
                    )


class Total(NamedTuple):
    """Sums of closed lots of one term and kind; `warned` is the loss beside which stands a warning.

    It is negative: so much of the losses may not count now.
    """

    term: str
    kind: str
    lots: int
    proceeds: Decimal
    cost: Decimal
    fees: Decimal
    gain: Decimal
    warned: Decimal


def totals(lots: Iterable[ClosedLot]) -> list[Total]:
    """Return sums by term and kind, sorted by both."""
    sums: dict[tuple[str, str], Total] = {}
    for lot in lots:
        name, closing = (lot.term, lot.kind), lot.closing
        before = sums.get(name, Total(*name, 0, ZERO, ZERO, ZERO, ZERO, ZERO))
        is_warned = lot.wash is not None and lot.wash.qty > 0
        sums[name] = Total(
            *name,
            lots=before.lots + 1,
            proceeds=EXACT.add(before.proceeds, closing.exit_value),
            cost=EXACT.add(before.cost, closing.entry_value),
            fees=EXACT.add(before.fees, closing.fees),
            gain=EXACT.add(before.gain, closing.net),
            warned=EXACT.add(before.warned, closing.net) if is_warned else before.warned,
        )
    return [sums[name] for name in sorted(sums)]
