"""Lots in the order in which they were bought, and what leaves when some are sold."""

from collections import deque
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from smart_leverage.books.exact import ZERO, apportion, ratio


class Lot(Struct, frozen=True):
    """One opening fill or adoption as far as it is still held; `fee` is what it still owes."""

    qty: Decimal
    price: Decimal
    fee: Decimal
    opened_at_ns: int
    source: str


class Taken(NamedTuple):
    """What left a stake: value at entry prices, its share of entry fees, and the oldest time.

    `pieces` are the lots that it was taken from, oldest first, as far as they were taken.
    """

    qty: Decimal
    value: Decimal
    fees: Decimal
    opened_at_ns: int
    pieces: tuple[Lot, ...]


class Stake:
    """What one bot holds of one key: magnitudes, since all bots in a key stand on one side."""

    __slots__ = ("fees", "lots", "opened_at_ns", "qty", "value")

    def __init__(self) -> None:
        self.lots: deque[Lot] = deque()
        self.qty = ZERO
        self.value = ZERO
        self.fees = ZERO
        self.opened_at_ns = 0

    def copy(self) -> "Stake":
        """Return an independent copy; the lots themselves are frozen and shared."""
        twin = Stake()
        twin.lots = self.lots.copy()
        twin.qty, twin.value, twin.fees = self.qty, self.value, self.fees
        twin.opened_at_ns = self.opened_at_ns
        return twin

    def add(self, lot: Lot, dust_below: Decimal) -> None:
        """Append the newest lot; a stake that was only dust opens anew."""
        if self.qty < dust_below:
            self.opened_at_ns = lot.opened_at_ns
        self.lots.append(lot)
        self.qty += lot.qty
        self.value += lot.qty * lot.price
        self.fees += lot.fee

    def split(self, units: Decimal) -> None:
        """Spread units that a split gives, or takes, over all lots; each keeps what it cost."""
        left, held, lots = units, self.qty, deque[Lot]()
        for lot in self.lots:
            piece = apportion(left, lot.qty, held)
            left, held = left - piece, held - lot.qty
            qty = lot.qty + piece
            if qty > 0:
                price = ratio(lot.qty * lot.price, qty)
                lots.append(Lot(qty, price, lot.fee, lot.opened_at_ns, lot.source))
        self.lots = lots
        # From the lots, so that selling all of them takes all of it away: prices have 40 digits.
        self.qty = sum((lot.qty for lot in lots), ZERO)
        self.value = sum((lot.qty * lot.price for lot in lots), ZERO)
        self.fees = sum((lot.fee for lot in lots), ZERO)

    def take(self, qty: Decimal) -> Taken:
        """Remove a quantity, oldest lots first; it must be held."""
        left, value, fees = qty, ZERO, ZERO
        opened_at_ns = self.lots[0].opened_at_ns
        pieces: list[Lot] = []
        while left:
            lot = self.lots[0]
            piece = min(lot.qty, left)
            fee = apportion(lot.fee, piece, lot.qty)
            if piece == lot.qty:
                self.lots.popleft()
            else:
                self.lots[0] = Lot(
                    lot.qty - piece, lot.price, lot.fee - fee, lot.opened_at_ns, lot.source
                )
            pieces.append(Lot(piece, lot.price, fee, lot.opened_at_ns, lot.source))
            value += piece * lot.price
            fees += fee
            left -= piece
        self.qty -= qty
        self.value -= value
        self.fees -= fees
        return Taken(qty, value, fees, opened_at_ns, tuple(pieces))
