"""What a month of independent trades makes, and what would be needed of them for a target.

A loss costs a share of equity, a win earns the payoff times that share, and each trade pays its
cost, in units of the mean loss. The number that wins a month is binomial, so a month is exact.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, betaincinv, ndtri

from smart_leverage.policy.target import (
    breakeven_win_rate,
    required_win_rate_log,
    required_win_rate_simple,
)
from smart_leverage.research.feasibility.histories import HORIZONS, Target
from smart_leverage.research.feasibility.rules import SLACK, Shares
from smart_leverage.research.numbers import FloatArray

PATHS = 20_000
PATHS_AT_ONCE = 2_000
TRADES_MOST = 2_000


class Trades(NamedTuple):
    """Trades of one kind.

    Attributes:
        win_rate: Fraction in (0, 1).
        payoff: Mean win ÷ mean loss, before the cost.
        a_month: Closed trades.
        risk: Share of equity that a loss costs, before the cost, in (0, 1).
        cost: Of a trade ÷ mean loss.
    """

    win_rate: float
    payoff: float = 1.0
    a_month: int = 100
    risk: float = 0.005
    cost: float = 0.0

    @property
    def gain(self) -> float:
        """Return what a win earns, of equity."""
        return self.risk * (self.payoff - self.cost)

    @property
    def loss(self) -> float:
        """Return what a loss costs, of equity, positive."""
        return self.risk * (1.0 + self.cost)

    @property
    def edge(self) -> float:
        """Return what a trade makes in the mean, of equity."""
        return self.win_rate * self.gain - (1.0 - self.win_rate) * self.loss

    @property
    def sharpe(self) -> float:
        """Return the Sharpe ratio a year that such trades have."""
        spread = (self.gain + self.loss) * math.sqrt(self.win_rate * (1.0 - self.win_rate))
        return self.edge / spread * math.sqrt(12.0 * self.a_month)

    @property
    def volatility(self) -> float:
        """Return the volatility a year."""
        spread = (self.gain + self.loss) * math.sqrt(self.win_rate * (1.0 - self.win_rate))
        return spread * math.sqrt(12.0 * self.a_month)


class Needed(NamedTuple):
    """What would be needed of one number while the others stay as they are.

    Attributes:
        even: Win rate at which nothing is earned.
        win_rate: For the target, gains not reinvested; above 1 it is out of reach.
        win_rate_log: For the target's growth, gains reinvested, the cost counted.
        payoff: For the target; infinity where nothing wins.
    """

    even: float
    win_rate: float
    win_rate_log: float
    payoff: float


class Month(NamedTuple):
    """The distribution of a month, returns as fractions.

    Attributes:
        reaches: Probability of the target.
        loses: Probability of a loss.
        low: One month of twenty is worse.
        median: In the middle.
        high: One month of twenty is better.
        wins: Of all trades that the target takes.
    """

    reaches: float
    loses: float
    low: float
    median: float
    high: float
    wins: int


def needed(trades: Trades, monthly: float) -> Needed:
    """Return what a target would need of the win rate, or else of the payoff."""
    a_month, risk, payoff, cost = trades.a_month, trades.risk, trades.payoff, trades.cost
    # A cost moves win and loss; the logarithmic form takes both as shares of what a loss costs.
    log = required_win_rate_log(monthly, a_month, trades.loss, max(trades.gain, 0.0) / trades.loss)
    return Needed(
        even=breakeven_win_rate(payoff, cost),
        win_rate=required_win_rate_simple(monthly, a_month, risk, payoff, cost),
        win_rate_log=log,
        payoff=(1.0 + cost + monthly / (a_month * risk)) / trades.win_rate - 1.0,
    )


def month(trades: Trades, monthly: float) -> Month:
    """Return the distribution of a month of such trades, exactly."""
    count, rate = trades.a_month, trades.win_rate
    wins: FloatArray = np.arange(count + 1, dtype=np.float64)
    made = _made(trades, wins)
    law = bdtr(wins, count, rate)

    def at(share: float) -> float:
        return float(made[int(np.searchsorted(law, share))])

    reached = np.flatnonzero(made >= monthly - SLACK)
    least = int(reached[0]) if reached.size else count + 1
    below = np.flatnonzero(made < -SLACK)
    return Month(
        reaches=1.0 - (float(law[least - 1]) if least else 0.0),
        loses=float(law[below[-1]]) if below.size else 0.0,
        low=at(0.05),
        median=at(0.50),
        high=at(0.95),
        wins=least,
    )


def _made(trades: Trades, wins: FloatArray) -> FloatArray:
    grown = wins * math.log1p(trades.gain) + (trades.a_month - wins) * math.log1p(-trades.loss)
    made: FloatArray = np.expm1(grown)
    return made


def year(trades: Trades, target: Target, paths: int = PATHS, seed: int = 0) -> tuple[Shares, ...]:
    """Return how often 1, 3 and 12 months make the target inside the drawdown, after each trade.

    Args:
        trades: Independent of each other.
        target: To be made.
        paths: Simulated.
        seed: Of the simulation.
    """
    source, parts = np.random.default_rng(seed), []
    won, lost = math.log1p(trades.gain), math.log1p(-trades.loss)
    for first in range(0, paths, PATHS_AT_ONCE):
        size = min(PATHS_AT_ONCE, paths - first), 12 * trades.a_month
        wealth = np.cumsum(np.where(source.random(size) < trades.win_rate, won, lost), axis=1)
        parts.append([_months(wealth, trades.a_month, months, target) for months in HORIZONS])
    means = np.mean(parts, axis=0)  # parts are equally large
    return tuple(
        Shares(months, float(mean[0]), float(mean[1]), float(mean[2]), float(mean[3]), paths)
        for months, mean in zip(HORIZONS, means, strict=True)
    )


def _months(wealth: FloatArray, each: int, months: int, target: Target) -> list[float]:
    """Return the shares of month, drawdown, total and both, of logarithmic wealth after trades."""
    held = wealth[:, : months * each]
    ends = np.concatenate((np.zeros((len(held), 1)), held[:, each - 1 :: each]), axis=1)
    goal = math.log1p(target.monthly)
    fall = np.maximum(np.maximum.accumulate(held, axis=1), 0.0) - held
    is_below = fall.max(axis=1) < -math.log1p(-target.drawdown) - SLACK
    is_total = held[:, -1] >= months * goal - SLACK
    is_month = np.diff(ends, axis=1) >= goal - SLACK
    both = is_below & is_total
    return [float(each.mean()) for each in (is_month, is_below, is_total, both)]


class Counted(NamedTuple):
    """What the closed trades of a record are.

    Attributes:
        wins: Of the trades, scratches left out.
        losses: Likewise.
        low: Lower end of what the win rate is in truth, at 90 %, from nothing known before.
        high: Upper end.
        payoff: Mean win ÷ mean loss; NaN without one of each.
        days: Calendar days from the first closing to the last, 1 at least.
        risk: Mean loss ÷ equity; NaN where equity is not known.
        cost: Fees of a trade ÷ mean loss; they are inside of wins and losses already.
    """

    wins: int
    losses: int
    low: float
    high: float
    payoff: float
    days: float
    risk: float
    cost: float

    @property
    def closed(self) -> int:
        """Return the trades that won or lost."""
        return self.wins + self.losses

    @property
    def win_rate(self) -> float:
        """Return wins over wins and losses; NaN without any."""
        return self.wins / self.closed if self.closed else math.nan

    @property
    def a_month(self) -> float:
        """Return closed trades in 365.25 ÷ 12 days, at the pace of the record."""
        return self.closed * 365.25 / 12.0 / self.days

    def as_trades(self, a_month: int | None = None, risk: float | None = None) -> Trades | None:
        """Return trades like these, net of their cost; None where something is not known.

        Args:
            a_month: In place of the record's own pace.
            risk: In place of the record's own.
        """
        pace = max(round(self.a_month), 1) if a_month is None else a_month
        each = self.risk if risk is None else risk
        is_known = 0.0 < self.win_rate < 1.0 and self.payoff > 0.0 and 0.0 < each < 1.0
        if not is_known or pace > TRADES_MOST:
            return None
        return Trades(self.win_rate, self.payoff, pace, each)


def counted(
    won: Sequence[float], lost: Sequence[float], fees: float, days: float, equity: float | None
) -> Counted:
    """Return what closed trades add up to.

    Args:
        won: (n_wins,), profit of each, fees included, money.
        lost: (n_losses,), loss of each, positive.
        fees: Of all of them.
        days: From the first to the last.
        equity: Of the account at the start, or None.
    """
    wins, losses = len(won), len(lost)
    loss = sum(lost) / losses if losses else math.nan
    return Counted(
        wins=wins,
        losses=losses,
        low=float(betaincinv(wins + 0.5, losses + 0.5, 0.05)),
        high=float(betaincinv(wins + 0.5, losses + 0.5, 0.95)),
        payoff=sum(won) / wins / loss if wins and losses else math.nan,
        days=max(days, 1.0),
        risk=loss / equity if equity and losses else math.nan,
        cost=fees / (wins + losses) / loss if losses else math.nan,
    )


def closed_needed(rate: float, bar: float) -> float:
    """Return how many closed trades tell a win rate from a bar, one-sided at 95 %.

    Args:
        rate: That the trades have.
        bar: Win rate; infinity of trades where both are the same.
    """
    if rate == bar or not 0.0 < bar < 1.0:
        return math.inf
    spread = max(rate * (1.0 - rate), bar * (1.0 - bar))
    return math.ceil(spread * (float(ndtri(0.95)) / (rate - bar)) ** 2)
