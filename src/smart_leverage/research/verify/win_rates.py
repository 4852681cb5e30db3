"""What a rule that reads tiers off the raw win rate does with an account of known skill."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from smart_leverage.research.numbers import whole


class TierShares(NamedTuple):
    """Probability of each tier."""

    learning: float
    stable: float
    profitable: float


def raw_tier_distribution(
    trades: int, true_win_rate: float, stable_pct: int = 45, profitable_pct: int = 60
) -> TierShares:
    """Return the tiers that the raw win rate of so many trades leads to; exact.

    Args:
        trades: Closed trades, 1 at least.
        true_win_rate: In [0, 1].
        stable_pct: Lower edge of the tier, per cent; an edge belongs to the better tier.
        profitable_pct: Lower edge, per cent.
    """
    count = whole(trades, "trades", 1)
    if not 0.0 <= true_win_rate <= 1.0:
        raise ValueError(f"true_win_rate: a number from 0 to 1 is needed, not {true_win_rate}")
    wins = np.arange(count + 1)
    shares = binom.pmf(wins, count, true_win_rate)
    is_learning = 100 * wins < stable_pct * count  # whole numbers: no edge is missed by rounding
    is_profitable = 100 * wins >= profitable_pct * count
    return TierShares(
        learning=float(shares[is_learning].sum()),
        stable=float(shares[~is_learning & ~is_profitable].sum()),
        profitable=float(shares[is_profitable].sum()),
    )
