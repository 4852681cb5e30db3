"""How long a lot was held, by dates, and from which day on that is a long term."""

from datetime import date, timedelta

SHORT, LONG, UNKNOWN = "short", "long", "unknown"
"""Terms; unknown is that of a lot whose purchase was before our time."""

_ONE_DAY = timedelta(days=1)


def long_from(acquired: date) -> date:
    """Return the first day on which a sale is a long term one: the lot was held more than one year.

    The day of purchase does not count and the day of sale does, so a year is over at the end of
    the same day of the next year; a lot bought on the last day of a month counts from the first of
    the next one.

    Source:
        US Internal Revenue Code § 1222; Revenue Ruling 66-7 for ends of months.
    """
    counts_from = acquired + _ONE_DAY
    try:
        return counts_from.replace(year=counts_from.year + 1)
    except ValueError:  # 29 February: the next year has none
        return date(counts_from.year + 1, 3, 1)


def term_of(acquired: date, sold: date, *, is_known: bool = True, is_short: bool = False) -> str:
    """Return the term of a lot.

    Args:
        acquired: The day on which it was bought, or came under our rule.
        sold: The day on which it was sold.
        is_known: Whether the lot was bought on the first day; one that was held already may have
            been bought any time before it.
        is_short: Whether it was sold first; whoever buys back holds nothing for a year.
    """
    if is_short:
        return SHORT
    if sold >= long_from(acquired):
        return LONG
    return SHORT if is_known else UNKNOWN
