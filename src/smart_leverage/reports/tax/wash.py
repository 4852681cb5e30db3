"""Which losses may be wash sales: the same instrument was bought within thirty days of the sale."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.closings import Closing
from smart_leverage.books.exact import ZERO, exactly
from smart_leverage.domain.instruments import Key

WINDOW = timedelta(days=30)
"""So long before and after a sale a purchase counts, both days included (IRC § 1091)."""


class Piece(NamedTuple):
    """Units bought by one execution and what became of them; None while they are held."""

    opened: date
    opened_at_ns: int
    closed_at_ns: int | None
    qty: Decimal


class Wash(NamedTuple):
    """What was bought around a loss: units at most those of the loss, and first and last day.

    `open_until` is the day until which a purchase would still count; None once that has passed.
    """

    qty: Decimal
    first: date | None
    last: date | None
    open_until: date | None


class Purchases:
    """Every purchase of an account, found by instrument and day."""

    def __init__(self, day_of: Callable[[int], date], last_day: date) -> None:
        self._day_of = day_of
        self._last_day = last_day
        self._pieces: dict[Key, list[Piece]] = defaultdict(list)

    def add(
        self, key: Key, qty: Decimal, opened_at_ns: int, closed_at_ns: int | None = None
    ) -> None:
        """Take in units that were bought; before the first question."""
        piece = Piece(self._day_of(opened_at_ns), opened_at_ns, closed_at_ns, qty)
        self._pieces[key].append(piece)

    def add_closings(self, closings: Iterable[Closing]) -> None:
        """Take in the purchases of lots that were closed; what was adopted was not bought."""
        for each in closings:
            if each.opened and not each.is_short:
                self.add(each.key, each.qty, each.opened_at_ns, each.closed_at_ns)

    def sort(self) -> None:
        """Put everything in order; after the last purchase."""
        for pieces in self._pieces.values():
            pieces.sort(key=lambda piece: piece.opened)

    @exactly
    def around(self, loss: Closing) -> Wash:
        """Return what was bought within the window of a loss and not gone by the time of it.

        Units that were sold before, or together with the loss, replace nothing. The same purchase
        may stand beside several losses: which of them it falls on is not decided here.
        """
        sold = self._day_of(loss.closed_at_ns)
        pieces = self._pieces.get(loss.key, [])
        start = bisect_left(pieces, sold - WINDOW, key=lambda piece: piece.opened)
        end = bisect_right(pieces, sold + WINDOW, key=lambda piece: piece.opened)
        counting = [each for each in pieces[start:end] if _is_left(each, loss.closed_at_ns)]
        qty = min(loss.qty, sum((each.qty for each in counting), ZERO))
        until = sold + WINDOW
        return Wash(
            qty,
            counting[0].opened if counting else None,
            counting[-1].opened if counting else None,
            until if self._last_day <= until else None,
        )


def _is_left(piece: Piece, at_ns: int) -> bool:
    """Whether units were bought later, or were still held after an instant."""
    closed = piece.closed_at_ns
    return piece.opened_at_ns > at_ns or closed is None or closed > at_ns
