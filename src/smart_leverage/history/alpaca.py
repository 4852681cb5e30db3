"""Reads Alpaca's account activities: fills, fees, splits, and what is none of these."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind
from smart_leverage.history.base import Asked, Gathering, Read, Row
from smart_leverage.history.symbols import instrument_of
from smart_leverage.history.values import ZERO, day, moment, number, optional, positive, required
from smart_leverage.history.values import word as word_of
from smart_leverage.wire.symbols import names_option

FORM = "Alpaca activities"
NAME = "alpaca:"

TYPE_MAX = 16

_SIDES = ("buy", "sell", "sell_short", "buy_to_cover")
_STATES = ("executed", "correct", "canceled", "pending")
_FLOWS = {"CSD": "deposit", "CSW": "withdrawal", "JNLC": "cash moved", "TRANS": "cash moved"}


class _Activities:
    """Takes the rows of one file, each by its type."""

    def __init__(self, file: str, asked: Asked) -> None:
        self.found = Gathering(file, asked)
        self.asked = asked
        self.cash_fees = ZERO
        self.filled: dict[str, tuple[Decimal, Decimal, int]] = {}
        """By order: the sum of the rows, what the last row says was filled by then, and its row."""
        self._takers: dict[str, Callable[[int, Row], None]] = {
            "FILL": self._fill,
            "CFEE": self._fee,
            "FEE": self._fee,
            "SPLIT": self._split,
        }

    def take(self, place: int, row: Row) -> None:
        kind = str(required(row, "activity_type"))
        state = word_of({"status": row.get("status") or "executed"}, "status", _STATES)
        if state == "correct":
            raise BadData(
                "status is 'correct', which does not say what it corrects",
                fix="put the right figures into the row that it corrects, and take this one out",
            )
        if state != "executed":
            self.found.left_out[f"{_legible(kind)} {state}"] += 1
        elif kind in self._takers:
            self._takers[kind](place, row)
        else:
            self.found.left_out[f"{_legible(kind)}, {_FLOWS.get(kind, 'no trade')}"] += 1

    def _fill(self, place: int, row: Row) -> None:
        symbol = str(required(row, "symbol"))
        if names_option(symbol):
            self.found.left_out["option contracts"] += 1
            return
        side = word_of(row, "side", _SIDES)
        qty, price = positive(row, "qty"), positive(row, "price")
        instrument = self._instrument(symbol, price)
        name = str(required(row, "id"))
        order = str(row.get("order_id") or name)
        self._count(order, qty, optional(row, "cum_qty"), place)
        deal = Deal(
            id=NAME + name,
            order=NAME + order,
            key=instrument.key,
            side=Side.BUY if side.startswith("buy") else Side.SELL,
            qty=qty,
            price=price,
            fee=ZERO,
            fee_asset="USD",
            at_ns=moment(row, "transaction_time"),
            lot=instrument.lot,
            tick=instrument.tick_at(price),
            bot=self.asked.bot,
            is_short=side in ("sell_short", "buy_to_cover"),
        )
        self.found.add(deal, place)

    def _count(self, order: str, qty: Decimal, by_then: Decimal | None, place: int) -> None:
        total, most, last = self.filled.get(order, (ZERO, ZERO, place))
        if by_then is not None and by_then > most:
            most, last = by_then, place
        self.filled[order] = total + qty, most, last

    def _fee(self, place: int, row: Row) -> None:
        """Take a fee in coins, or in dollars, of an instrument; one of none is only summed up."""
        symbol, coins = str(row.get("symbol") or ""), optional(row, "qty") or ZERO
        if coins > 0 or (coins and not symbol):
            raise BadData(f"qty is {coins:f}", fix="coins are taken by a fee: a negative quantity")
        cash = -number(row, "net_amount") if not coins else ZERO
        if not symbol:
            self.cash_fees += cash
            self.found.left_out["fees of no named instrument"] += 1
            return
        instrument = self._instrument(symbol, optional(row, "price") or Decimal(1))
        name = str(required(row, "id"))
        deal = Deal(
            id=NAME + name,
            order=NAME + name,
            key=instrument.key,
            side=Side.SELL,
            qty=ZERO,
            price=ZERO,
            fee=-coins if coins else cash,
            fee_asset=instrument.fee_asset if coins else "USD",
            at_ns=day(row, "date"),
            lot=instrument.lot,
            tick=instrument.tick,
            bot=self.asked.bot,
            kind=DealKind.FEE,
        )
        self.found.add(deal, place)

    def _split(self, place: int, row: Row) -> None:
        units = number(row, "qty")
        if not units:
            raise BadData("qty is 0", fix="the units that came, negative for those that went")
        instrument = self._instrument(str(required(row, "symbol")), Decimal(1))
        name = str(required(row, "id"))
        deal = Deal(
            id=NAME + name,
            order=NAME + name,
            key=instrument.key,
            side=Side.BUY if units > 0 else Side.SELL,
            qty=abs(units),
            price=ZERO,
            fee=ZERO,
            fee_asset="USD",
            at_ns=day(row, "date"),
            lot=instrument.lot,
            tick=instrument.tick,
            kind=DealKind.SPLIT,
        )
        self.found.add(deal, place)

    def _instrument(self, symbol: str, price: Decimal) -> Instrument:
        instrument = instrument_of(self.asked, symbol, price)
        self.found.instruments[instrument.key] = instrument
        return instrument

    def check_whole(self) -> None:
        """Refuse a file in which a slice of an order is missing: its price is not known."""
        for order, (total, most, place) in self.filled.items():
            if total < most:
                raise self.found.fault(
                    place,
                    f"order {order} had filled {most:f} by then, and its rows add up to {total:f}",
                    "a row is missing; export all pages, from the first activity on",
                )


def _legible(kind: str) -> str:
    """Return a type as it may stand on a screen; whoever wrote the file may have chosen it."""
    is_plain = kind.isascii() and kind.isalnum() and len(kind) <= TYPE_MAX
    return kind if is_plain else "a type of no known name"


def read_activities(rows: Sequence[Row], file: str, sha256: str, asked: Asked) -> Read:
    """Return what a list of activities holds.

    Raises:
        BadData: File, row, what is wrong and what would be right.
    """
    taking = _Activities(file, asked)
    for place, row in enumerate(rows, start=1):
        try:
            taking.take(place, row)
        except BadData as error:
            if error.file is not None:
                raise
            raise taking.found.fault(place, error.fault, error.fix) from None
    taking.check_whole()
    found = taking.found
    return Read(
        name=file,
        sha256=sha256,
        form=FORM,
        rows=len(rows),
        deals=tuple(found.deals),
        places=found.places,
        instruments=found.instruments,
        left_out=dict(found.left_out),
        doubts=tuple(found.doubts),
        cash_fees=taking.cash_fees,
    )
