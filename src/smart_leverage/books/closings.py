"""Closed lots one by one: what each was bought for, what it was sold for, and by which order.

A trade sums the lots that one order closed. Whoever has to tell each of them apart, as tax does,
has the entries of a holding matched once more here, by the same code and so with the same sums.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from smart_leverage.books.exact import EXACT, ZERO, apportion, exactly
from smart_leverage.books.lots import Taken
from smart_leverage.books.positions import Entry, Holding
from smart_leverage.domain.instruments import Key


class Closing(Struct, frozen=True, kw_only=True):
    """One lot, or a part of one, as it was closed; money in account currency.

    `entry_value` and `exit_value` leave fees out, `fees` are those of opening and closing. `opened`
    and `closed` are execution ids: `opened` is empty for what was adopted, `closed` for what was
    taken out of the books without an order, which is no sale and counts in no result.
    """

    key: Key
    bot: str
    is_short: bool
    is_forced: bool
    qty: Decimal
    entry_value: Decimal
    exit_value: Decimal
    fees: Decimal
    opened_at_ns: int
    closed_at_ns: int
    opened: str
    closed: str
    client_order_id: str

    @property
    def is_sale(self) -> bool:
        """Whether an order closed it."""
        return bool(self.closed)

    @property
    def net(self) -> Decimal:
        """Gain after all fees, negative for a loss."""
        gross = EXACT.subtract(self.exit_value, self.entry_value)
        return EXACT.subtract(gross.copy_negate() if self.is_short else gross, self.fees)


@exactly
def closings(key: Key, entries: Iterable[Entry]) -> Iterator[Closing]:
    """Return the lots that were closed, in the order of matching.

    Args:
        key: The instrument.
        entries: Of its holding, in the order of matching.
    """
    holding = _Telling(key)
    for entry in entries:
        holding.apply(entry)
    return iter(holding.closings)


class _Telling(Holding):
    """A holding that keeps which lots were closed; its entries come in order, so none is undone."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.closings: list[Closing] = []

    def _note_taken(self, entry: Entry, bot: str, taken: Taken, fee: Decimal) -> None:
        left, fee_left = taken.qty, fee
        for piece in taken.pieces:
            fee_closing = apportion(fee_left, piece.qty, left)
            left, fee_left = left - piece.qty, fee_left - fee_closing
            self.closings.append(
                Closing(
                    key=self.key,
                    bot=bot,
                    is_short=entry.qty > ZERO,
                    is_forced=entry.is_forced,
                    qty=piece.qty,
                    entry_value=piece.qty * piece.price,
                    exit_value=piece.qty * entry.price,
                    fees=piece.fee + fee_closing,
                    opened_at_ns=piece.opened_at_ns,
                    closed_at_ns=entry.at_ns,
                    opened=piece.source,
                    closed=entry.execution_id,
                    client_order_id=entry.client_order_id,
                )
            )
