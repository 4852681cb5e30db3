"""Net asset value per unit: what one unit invested at the start is worth, flows left out."""

from decimal import Decimal

from smart_leverage.books.exact import EXACT, ZERO, positive, ratio


class Nav:
    """Units of an account; deposits buy units and withdrawals sell them at the value of the moment.

    The returns of this curve are time-weighted: a flow never is one. Starts at 1.
    """

    def __init__(self, equity: Decimal) -> None:
        self._units = positive(equity, "opening equity")
        self._idle = ZERO

    @property
    def units(self) -> Decimal:
        """Units outstanding; zero while everything is withdrawn."""
        return self._units

    def per_unit(self, equity: Decimal) -> Decimal:
        """Return the value of one unit, to 40 digits; it stands still while there are none."""
        return ratio(equity, self._units) if self._units else self._idle

    def flow(self, amount: Decimal, equity_before: Decimal) -> None:
        """Issue or redeem units for a deposit (positive) or a withdrawal (negative).

        Args:
            amount: Signed money.
            equity_before: Equity just before it. At or below zero the account is lost: no amount
                of new money changes what the old money made, and the curve ends at zero.
        """
        after = EXACT.add(equity_before, amount)
        if self._units and equity_before > 0 and after > 0:
            self._units = ratio(EXACT.multiply(self._units, after), equity_before)
        elif self._units:
            self._idle = self.per_unit(equity_before) if equity_before > 0 else ZERO
            self._units = ZERO
        elif self._idle > 0 and after > 0:
            self._units = ratio(after, self._idle)
