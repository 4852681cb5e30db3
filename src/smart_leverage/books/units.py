"""Units of an account, record by record: what one invested at the opening is worth at each mark.

What an account made in a day, a week or a month is told by this arithmetic wherever it is told.
"""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.exact import EXACT, ZERO
from smart_leverage.books.nav import Nav


class Worth(NamedTuple):
    """What an account is worth at an instant; two of them tell what was made between.

    `equity` is that of the last valuation and what came in since, `flows` is all that ever came in
    less all that went, `nav` what one unit of the opening is worth.
    """

    equity: Decimal = ZERO
    flows: Decimal = ZERO
    nav: float = 1.0

    def result(self, before: "Worth") -> Decimal:
        """Return the money made since, flows left out; negative for a loss."""
        change = EXACT.subtract(self.equity, before.equity)
        return EXACT.subtract(change, self.came_in(before))

    def came_in(self, before: "Worth") -> Decimal:
        """Return deposits less withdrawals since."""
        return EXACT.subtract(self.flows, before.flows)

    def change(self, before: "Worth") -> float | None:
        """Return the time-weighted return since, fraction; None once the account was lost."""
        return self.nav / before.nav - 1.0 if before.nav > 0.0 else None


def depth(nav: float, high: float) -> float:
    """Return how far a NAV is below the best until then, fraction in [0, 1]; 0 at a new high."""
    return max(1.0 - nav / high, 0.0) if high > 0.0 else 0.0


class Units:
    """Takes a flow out at the equity of the mark before it, the nearest valuation there is."""

    def __init__(self) -> None:
        self.opening_equity = ZERO
        self._worth = Worth()
        self._nav: Nav | None = None
        self._is_begun = False

    @property
    def worth(self) -> Worth:
        """What the account is worth now, by its last valuation."""
        return self._worth

    def open(self, cash: Decimal) -> None:
        """Begin with cash."""
        self._begin(cash)

    def adopt(self, value: Decimal) -> None:
        """Count a holding that was there before us; after the first flow or mark it is no start."""
        if not self._is_begun:
            self._begin(EXACT.add(self.opening_equity, value))

    def flow(self, amount: Decimal) -> None:
        """Take out a deposit or a withdrawal."""
        self._start()
        now = self._worth
        if self._nav is not None:
            self._nav.flow(amount, now.equity)
        self._worth = now._replace(
            equity=EXACT.add(now.equity, amount), flows=EXACT.add(now.flows, amount)
        )

    def mark(self, equity: Decimal) -> float:
        """Take a valuation; return what a unit is worth now."""
        self._start()
        if self._nav is None and equity > 0:
            self._nav = Nav(equity)
        nav = 1.0 if self._nav is None else float(self._nav.per_unit(equity))
        self._worth = self._worth._replace(equity=equity, nav=nav)
        return nav

    def _begin(self, equity: Decimal) -> None:
        self.opening_equity = equity
        self._worth = Worth(equity)

    def _start(self) -> None:
        self._is_begun = True
        if self._nav is None and self._worth.equity > 0:
            self._nav = Nav(self._worth.equity)
