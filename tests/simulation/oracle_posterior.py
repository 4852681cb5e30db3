"""What a record proves, for the oracle: the believed win rate by integration, and the tier by it.

The product evaluates a continued fraction of the incomplete beta function. Here the density itself
is integrated over both sides of the threshold, and counts are summed with their weights anew for
every trade: no gamma function, no recursion.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

EMERGENCY, LEARNING, STABLE, PROFITABLE = range(4)
SLACK = 1e-12
SPAN = 5.0
"""Of the double-exponential rule: beyond it nothing is left, also of a density with a pole."""


@cache
def _nodes(step: float) -> tuple[tuple[float, float, float], ...]:
    """Return distances from both ends of an interval of length 1, and the weight between them."""
    found = []
    for number in range(-int(SPAN / step), int(SPAN / step) + 1):
        bent = math.pi / 2 * math.sinh(number * step)
        left, right = 1 / (1 + math.exp(-2 * bent)), 1 / (1 + math.exp(2 * bent))
        weight = step * math.pi * math.cosh(number * step) * left * right
        found.append((left, right, weight))
    return tuple(found)


@cache
def above(a: float, b: float, threshold: float) -> float:
    """Return how much of the density x^(a−1)·(1−x)^(b−1) lies above a threshold."""
    if not (a > 0.0 and b > 0.0) or threshold >= 1.0:
        return 0.0
    low = _mass(a, b, 0.0, threshold)
    high = _mass(a, b, threshold, 1.0)
    return high / (low + high)


def _mass(a: float, b: float, start: float, end: float) -> float:
    """Return the integral over an interval; of a point at an end only the distance is known."""
    length, total = end - start, 0.0
    peak = min(max((a - 1) / (a + b - 2), 1e-9), 1 - 1e-9) if a > 1 and b > 1 else 0.5
    top = (a - 1) * math.log(peak) + (b - 1) * math.log1p(-peak)
    step = 0.1 if a + b < 12 else 0.06 if a + b < 60 else 0.03  # the narrower, the finer
    for left, right, weight in _nodes(step):
        x, rest = start + length * left, (1.0 - end) + length * right
        if x > 0.0 and rest > 0.0:
            height = (a - 1) * math.log(x) + (b - 1) * math.log(rest) - top
            total += weight * length * math.exp(height)
    return total


class Terms(NamedTuple):
    """How a record earns a tier."""

    discount: float
    promote: float
    demote: float
    trades_1: float
    trades_2: float
    prior: float
    payoff: float
    offset: float
    scratch: float

    @classmethod
    def of(cls, limits: Mapping[str, Fraction]) -> "Terms":
        names = ("discount", "promote_probability", "demote_probability", "trades_min_1")
        more = ("trades_min_2", "prior_trades", "payoff_trades", "offset", "scratch")
        return cls(*(float(limits[f"record.{name}"]) for name in (*names, *more)))


class Sums(NamedTuple):
    """Weighted counts and sums of returns of a record."""

    wins: float = 0.0
    losses: float = 0.0
    won: float = 0.0
    lost: float = 0.0


def sums(outcomes: Sequence[float], discount: float) -> Sums:
    """Return the sums over all outcomes, the last one at its full weight."""
    weights = [discount ** (len(outcomes) - 1 - place) for place in range(len(outcomes))]
    pairs = list(zip(outcomes, weights, strict=True))
    return Sums(
        math.fsum(weight for outcome, weight in pairs if outcome > 0),
        math.fsum(weight for outcome, weight in pairs if outcome < 0),
        math.fsum(weight * outcome for outcome, weight in pairs if outcome > 0),
        -math.fsum(weight * outcome for outcome, weight in pairs if outcome < 0),
    )


def breakeven(of: Sums, at: Terms) -> float:
    """Return the win rate at which such trades earn nothing: as they were, or drawn to one size."""
    if not of.wins and not of.losses:
        return 0.5
    typical = at.payoff * (of.won + of.lost) / (of.wins + of.losses)
    win, loss = (
        (of.won + typical) / (of.wins + at.payoff),
        (of.lost + typical) / (of.losses + at.payoff),
    )
    drawn = loss / (loss + win)
    if not (of.won > 0 and of.lost > 0):
        return drawn
    mean_win, mean_loss = of.won / of.wins, of.lost / of.losses
    return max(drawn, mean_loss / (mean_loss + mean_win))


def _sure(of: Sums, at: Terms, beyond: float, extra: float = 0.0) -> float:
    """Return how sure a record is of a win rate above break-even and so much more."""
    least = breakeven(of, at)
    a, b = at.prior * least + of.wins, at.prior * (1 - least) + of.losses + extra
    return above(a, b, least + beyond)


class Path:
    """The tier to which closed episodes have led, one step at each."""

    def __init__(self, at: Terms) -> None:
        self.at = at
        self.of, self.tier = Sums(), LEARNING
        self._counted: list[float] = []

    def take(self, outcome: float) -> None:
        """Count one more; what is neither won nor lost is no step."""
        if abs(outcome) < self.at.scratch:
            return
        self._counted.append(outcome)
        self.of = sums(self._counted, self.at.discount)
        self.tier = self._after()

    def _after(self) -> int:
        of, at, tier = self.of, self.at, self.tier
        beyond = at.offset if tier == PROFITABLE else 0.0
        if tier != LEARNING and _sure(of, at, beyond) < at.demote - SLACK:
            return tier - 1
        beyond, trades_min = (at.offset, at.trades_2) if tier == STABLE else (0.0, at.trades_1)
        if tier == PROFITABLE or of.wins + of.losses < trades_min - SLACK:
            return tier
        return tier + 1 if _sure(of, at, beyond) >= at.promote - SLACK else tier

    def with_losers(self, losers: int) -> int:
        """Return what is left of the tier when open losers count as lost."""
        tier = self.tier
        for held, beyond in ((PROFITABLE, self.at.offset), (STABLE, 0.0)):
            if losers and tier == held:
                tier -= _sure(self.of, self.at, beyond, losers) < self.at.demote - SLACK
        return tier
