"""Words, ages and bars for screens: what several commands say in the same way."""

from decimal import Decimal

from smart_leverage.books.statistics import rate_interval
from smart_leverage.domain.sentences import percent

NEAR_CAP = Decimal("0.9")
NEAR_LIMIT = Decimal("0.7")

OK, NEAR, HIT = "● OK", "▲ NEAR", "■ HIT"


def gauge(used: Decimal, cells: int) -> str:
    """Return a bar of so many cells, filled by a fraction; beyond one it is full."""
    filled = min(max(int(used * cells), 0), cells)
    return "█" * filled + "░" * (cells - filled)


def sign(used: Decimal, near: Decimal) -> str:
    """Return sign and word for how much of a bound is used, as a fraction of it."""
    if used >= 1:
        return HIT
    return NEAR if used >= near else OK


def rate(wins: int, closed: int) -> str:
    """Return a win rate with its count and interval: "43 % (26 of 61, 31–55 %)"."""
    if not closed:
        return "none yet (0 closed trades)"
    low, high = rate_interval(wins, closed)
    share = percent(Decimal(wins) / closed, 0)
    return f"{share} ({wins} of {closed}, {low * 100:.0f}–{high * 100:.0f} %)"
