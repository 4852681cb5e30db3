"""Whether bid and ask say what something costs."""

SPREAD_MAX = 0.10
"""Bid and ask further apart than this fraction of their middle are no price."""


def is_price(bid: float, ask: float) -> bool:
    """Tell whether both sides are there, in order, and near each other."""
    if not 0.0 < bid <= ask < float("inf"):
        return False
    return (ask - bid) <= SPREAD_MAX * (ask + bid) / 2.0
