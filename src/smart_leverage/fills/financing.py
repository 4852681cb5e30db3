"""What borrowed money costs per day."""

from typing import NamedTuple

from smart_leverage.rule import rule


class FinancingTerms(NamedTuple):
    """Interest on a debit: fraction per year, and the days a year has for the lender."""

    rate: float = 0.065
    days_per_year: float = 360.0


@rule
def margin_interest(cash: float, days: int, at: FinancingTerms) -> float:
    """Return the interest for cash below zero at the end of a day.

    Args:
        cash: Cash at the close; only a negative one is a debit. NaN: 0.0.
        days: Nights until the next close: 1, and 3 over a weekend. Not positive: 0.0.
        at: Rate and day count; not positive: 0.0.

    Returns:
        Money to pay, at least 0.0; it is not added to the debit before the lender books it.
    """
    if not (cash < 0.0 and at.rate > 0.0 and at.days_per_year > 0.0) or days <= 0:
        return 0.0
    return -cash * at.rate / at.days_per_year * days
