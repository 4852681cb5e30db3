"""Tests of a win rate that may be looked at after every trade without being fooled.

A nonnegative process whose mean is at most 1 while a hypothesis holds exceeds 1/α at any time with
a probability of at most α. Such a process is an e-value; the hypothesis is rejected once it has
ever reached 1/α. Everything is in logs, because the parts underflow long before the whole does.

Source: Ville 1939; Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betaln, xlog1py, xlogy
from scipy.stats import binom

from smart_leverage.policy.beta import beta_fraction, beta_survival
from smart_leverage.research.numbers import positive, whole, within

BoolArray = NDArray[np.bool_]
Method = Literal["two_sided_mixture", "one_sided_e", "fixed_n_exact_binomial_peeked"]


class Interval(NamedTuple):
    """Lower and upper end."""

    lower: float
    upper: float


def _counts(wins: int, trades: int) -> tuple[int, int]:
    won, closed = whole(wins, "wins"), whole(trades, "trades")
    if won > closed:
        raise ValueError(f"wins: {won} of {closed} trades is a miscount")
    return won, closed - won


def log_mixture(wins: int, losses: int, p: float, prior_a: float, prior_b: float) -> float:
    """Return the log of the e-value against a win rate of exactly `p`."""
    evidence = betaln(prior_a + wins, prior_b + losses) - betaln(prior_a, prior_b)
    return float(evidence - xlogy(wins, p) - xlog1py(losses, -p))


def confidence_sequence_bernoulli(
    wins: int, trades: int, alpha: float = 0.05, prior_a: float = 1.0, prior_b: float = 1.0
) -> Interval:
    """Return where a win rate lies, valid at every moment at once.

    Args:
        wins: Of the trades so far.
        trades: Closed so far; none leaves all of [0, 1].
        alpha: Probability that the truth is ever left out, in (0, 1).
        prior_a: Shape of the mixture, above 0.
        prior_b: Shape of the mixture, above 0.
    """
    won, lost = _counts(wins, trades)
    a, b = positive(prior_a, "prior_a"), positive(prior_b, "prior_b")
    bar = -math.log(within(alpha, "alpha", 0.0, 1.0))
    if won + lost == 0:
        return Interval(0.0, 1.0)

    def beyond(p: float) -> float:
        return log_mixture(won, lost, p, a, b) - bar

    rate = won / (won + lost)
    lower = 0.0 if won == 0 else _end(beyond, 0.0, rate)
    upper = 1.0 if lost == 0 else _end(beyond, 1.0, rate)
    return Interval(lower, upper)


def _end(beyond: Callable[[float], float], edge: float, rate: float) -> float:
    """Return where a function that is infinite at an edge and negative at a rate crosses zero."""
    inside = outside = rate
    while beyond(outside) <= 0.0:
        inside, outside = outside, edge + (outside - edge) / 2.0
        if outside in (inside, edge):
            return edge
    return float(brentq(beyond, *sorted((inside, outside)), xtol=1e-15, rtol=1e-14))


def log_beta_survival(x: float, a: float, b: float) -> float:
    """Return the log of the probability that a beta variable exceeds `x`, however small it is.

    Args:
        x: In (0, 1).
        a: Shape, in (0, 1e7].
        b: Shape, in (0, 1e7].
    """
    if x <= (a + 1.0) / (a + b + 2.0):
        return math.log(beta_survival(x, a, b))
    density = xlogy(a, x) + xlog1py(b, -x) - betaln(a, b)
    return float(density) + math.log(beta_fraction(1.0 - x, b, a) / b)


def log_e_value_win_rate_above(
    wins: int, trades: int, null_win_rate: float, prior_a: float = 1.0, prior_b: float = 1.0
) -> float:
    """Return the log of `e_value_win_rate_above`, which overflows later."""
    won, lost = _counts(wins, trades)
    p0 = within(null_win_rate, "null_win_rate", 0.0, 1.0)
    a, b = positive(prior_a, "prior_a"), positive(prior_b, "prior_b")
    after = log_beta_survival(p0, a + won, b + lost)
    return log_mixture(won, lost, p0, a, b) + after - log_beta_survival(p0, a, b)


def e_value_win_rate_above(
    wins: int, trades: int, null_win_rate: float, prior_a: float = 1.0, prior_b: float = 1.0
) -> float:
    """Return the evidence that a win rate lies above another, against its being at most that.

    Args:
        wins: Of the trades so far.
        trades: Closed so far; none gives 1.0.
        null_win_rate: In (0, 1).
        prior_a: Shape of the mixture over the rates above, above 0.
        prior_b: Shape of the mixture, above 0.

    Returns:
        Reject at level α once this has ever reached 1/α; infinity where it overflows.
    """
    log_e = log_e_value_win_rate_above(wins, trades, null_win_rate, prior_a, prior_b)
    return math.exp(log_e) if log_e < 709.0 else math.inf


def e_value_win_rate_below(
    wins: int, trades: int, null_win_rate: float, prior_a: float = 1.0, prior_b: float = 1.0
) -> float:
    """Return the evidence that a win rate lies below another: has it stopped working?"""
    p0 = within(null_win_rate, "null_win_rate", 0.0, 1.0)
    won, lost = _counts(wins, trades)
    return e_value_win_rate_above(lost, won + lost, 1.0 - p0, prior_b, prior_a)


def crossing_probability(
    method: Method, true_win_rate: float, null_win_rate: float, max_trades: int, alpha: float = 0.05
) -> float:
    """Return how likely a method ever rejects when it is looked at after every trade; exact.

    Args:
        method: `two_sided_mixture` is the confidence sequence, `one_sided_e` the e-value against a
            lower win rate, `fixed_n_exact_binomial_peeked` the usual test for one look, misused.
        true_win_rate: What the trades really win, in [0, 1].
        null_win_rate: What is to be rejected, in (0, 1).
        max_trades: Looks.
        alpha: Level in (0, 1).
    """
    p, trades = float(true_win_rate), whole(max_trades, "max_trades")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"true_win_rate: a number from 0 to 1 is needed, not {p}")
    rejects = _REJECTS.get(method)
    if rejects is None:
        raise ValueError(f"method: one of {', '.join(_REJECTS)} is needed, not {method!r}")
    within(null_win_rate, "null_win_rate", 0.0, 1.0)
    within(alpha, "alpha", 0.0, 1.0)
    alive = np.ones(1)
    for n in range(1, trades + 1):
        after = np.zeros(n + 1)
        after[:-1] = alive * (1.0 - p)
        after[1:] += alive * p
        after[rejects(n, null_win_rate, alpha)] = 0.0
        alive = after
    return float(1.0 - alive.sum())


def _two_sided(n: int, p0: float, alpha: float) -> BoolArray:
    wins = np.arange(n + 1)
    log_e = betaln(1.0 + wins, 1.0 + n - wins) - xlogy(wins, p0) - xlog1py(n - wins, -p0)
    rejected: BoolArray = log_e >= -math.log(alpha)
    return rejected


def _one_sided(n: int, p0: float, alpha: float) -> BoolArray:
    """Return which counts of wins reject; the e-value rises with them, so one look-up finds it."""
    bar = -math.log(alpha)
    low, high = math.floor(n * p0), n + 1  # at or below the null nothing is rejected
    while high - low > 1:
        middle = (low + high) // 2
        if log_e_value_win_rate_above(middle, n, p0) >= bar:
            high = middle
        else:
            low = middle
    rejected: BoolArray = np.arange(n + 1) >= high
    return rejected


def _fixed(n: int, p0: float, alpha: float) -> BoolArray:
    wins = np.arange(n + 1)
    tail = np.minimum(binom.cdf(wins, n, p0), binom.sf(wins - 1, n, p0))
    rejected: BoolArray = 2.0 * tail <= alpha
    return rejected


_REJECTS: dict[str, Callable[[int, float, float], BoolArray]] = {
    "two_sided_mixture": _two_sided,
    "one_sided_e": _one_sided,
    "fixed_n_exact_binomial_peeked": _fixed,
}


def normal_mixture_radius(
    n: int, rho_in_observations: float, sigma: float, alpha: float = 0.05
) -> float:
    """Return the half width of a confidence sequence for a mean with known deviation.

    Args:
        n: Observations, 1 at least.
        rho_in_observations: Where it is tightest, in observations, above 0.
        sigma: Standard deviation of one observation, above 0.
        alpha: Level in (0, 1).
    """
    count, risk = whole(n, "n", 1), positive(sigma, "sigma")
    tuning = positive(rho_in_observations, "rho_in_observations") * risk**2
    level = within(alpha, "alpha", 0.0, 1.0)
    spread = count * risk**2 + tuning
    return math.sqrt(spread * math.log(spread / (tuning * level**2))) / count


def stitched_radius(n: int, alpha: float = 0.05, sigma: float = 1.0) -> float:
    """Return the half width of a confidence sequence that shrinks as fast as any can.

    Args:
        n: Observations, 1 at least.
        alpha: Level in (0, 1), for both sides together.
        sigma: Standard deviation of one observation, above 0.
    """
    count, level = whole(n, "n", 1), within(alpha, "alpha", 0.0, 1.0)
    growth = math.log(math.log(2.0 * count)) + 0.72 * math.log(10.4 / level)
    return positive(sigma, "sigma") * 1.7 * math.sqrt(growth / count)
