"""Units of an account, record by record: what one invested at the opening is worth at each mark."""

from decimal import Decimal

from smart_leverage.books.exact import EXACT, ZERO
from smart_leverage.books.nav import Nav


class Units:
    """Takes a flow out at the equity of the mark before it, the nearest valuation there is."""

    def __init__(self) -> None:
        self.opening_equity = ZERO
        self._equity = ZERO
        self._nav: Nav | None = None
        self._is_begun = False

    def open(self, cash: Decimal) -> None:
        """Begin with cash."""
        self._equity = self.opening_equity = cash

    def adopt(self, value: Decimal) -> None:
        """Count a holding that was there before us; after the first flow or mark it is no start."""
        if not self._is_begun:
            self._equity = self.opening_equity = EXACT.add(self._equity, value)

    def flow(self, amount: Decimal) -> None:
        """Take out a deposit or a withdrawal."""
        self._start()
        if self._nav is not None:
            self._nav.flow(amount, self._equity)
        self._equity = EXACT.add(self._equity, amount)

    def mark(self, equity: Decimal) -> float:
        """Take a valuation; return what a unit is worth now."""
        self._start()
        self._equity = equity
        if self._nav is None and equity > 0:
            self._nav = Nav(equity)
        return 1.0 if self._nav is None else float(self._nav.per_unit(equity))

    def _start(self) -> None:
        self._is_begun = True
        if self._nav is None and self._equity > 0:
            self._nav = Nav(self._equity)
