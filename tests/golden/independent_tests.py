"""What tests, calibration and bootstraps should give, by another method.

Nothing here calls what it judges.
"""

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
from tests.golden.independent_rules import exact

NORMAL = statistics.NormalDist()


# --- win rates and sequential tests ---------------------------------------------------------------


def raw_tier_distribution(trades: int, true_win_rate: float) -> Any:
    p, shares = exact(true_win_rate), [Fraction(0)] * 3
    for wins in range(trades + 1):
        tier = 0 if 100 * wins < 45 * trades else 1 if 100 * wins < 60 * trades else 2
        shares[tier] += math.comb(trades, wins) * p**wins * (1 - p) ** (trades - wins)
    return dict(zip(("learning", "stable", "profitable"), shares, strict=True))


def mixture_against(wins: int, losses: int, p: Any, a: Any, b: Any, low: Any = 0) -> Any:
    """Integrate the likelihood ratio over the rates above `low`, weighted by a beta density."""

    def prior(q: Any) -> Any:
        return q ** (a - 1) * (1 - q) ** (b - 1)

    def ratio(q: Any) -> Any:
        return prior(q) * (q / p) ** wins * ((1 - q) / (1 - p)) ** losses

    rate = mp.mpf(wins + 1) / (wins + losses + 2)
    width = mp.sqrt(rate * (1 - rate) / (wins + losses + 3))
    marks = [rate + k * width for k in (-8, -3, 0, 3, 8)]
    spans = [mp.mpf(low), *(m for m in marks if low < m < 1), mp.mpf(1)]
    return mp.quad(ratio, spans) / mp.quad(prior, [mp.mpf(low), (1 + mp.mpf(low)) / 2, mp.mpf(1)])


def confidence_sequence_bernoulli(
    wins: int, trades: int, alpha: float, prior_a: float, prior_b: float
) -> Any:
    a, b, losses = mp.mpf(prior_a), mp.mpf(prior_b), trades - wins

    def log_e(p: Any) -> Any:
        evidence = mp.log(mp.beta(a + wins, b + losses) / mp.beta(a, b))
        return evidence - wins * mp.log(p) - losses * mp.log(1 - p) + mp.log(alpha)

    rate = mp.mpf(wins) / trades
    ends = {"lower": mp.mpf(0), "upper": mp.mpf(1)}
    if wins:
        ends["lower"] = mp.findroot(log_e, (rate * mp.mpf(10) ** -6, rate), "anderson")
    if losses:
        ends["upper"] = mp.findroot(log_e, (rate, 1 - (1 - rate) * mp.mpf(10) ** -6), "anderson")
    return ends


def e_value_win_rate_above(
    wins: int, trades: int, null_win_rate: float, prior_a: float, prior_b: float
) -> Any:
    p0 = mp.mpf(null_win_rate)
    return mixture_against(wins, trades - wins, p0, mp.mpf(prior_a), mp.mpf(prior_b), p0)


def crossing_probability(
    method: str, true_win_rate: float, null_win_rate: float, max_trades: int, alpha: float
) -> Any:
    """Count paths in exact fractions; each stops where it first rejects."""
    p, p0 = exact(true_win_rate), exact(null_win_rate)
    alive, crossed = {0: Fraction(1)}, Fraction(0)
    for n in range(1, max_trades + 1):
        after: dict[int, Fraction] = {}
        for wins, mass in alive.items():
            after[wins] = after.get(wins, Fraction(0)) + mass * (1 - p)
            after[wins + 1] = after.get(wins + 1, Fraction(0)) + mass * p
        gone = [wins for wins in after if rejects(method, wins, n, p0, exact(alpha))]
        crossed += sum(after.pop(wins) for wins in gone)
        alive = after
    return crossed


def rejects(method: str, wins: int, n: int, p0: Fraction, alpha: Fraction) -> bool:
    def chance(k: int) -> Fraction:
        return math.comb(n, k) * p0**k * (1 - p0) ** (n - k)

    if method == "fixed_n_exact_binomial_peeked":
        low, high = (
            sum(chance(k) for k in range(wins + 1)),
            sum(chance(k) for k in range(wins, n + 1)),
        )
        return 2 * min(low, high) <= alpha
    likelihood = p0**wins * (1 - p0) ** (n - wins)
    if method == "two_sided_mixture":
        return Fraction(1, (n + 1) * math.comb(n, wins)) / likelihood >= 1 / alpha
    # The tail of a beta law with whole shapes is a sum of binomial terms.
    above = sum(math.comb(n + 1, k) * p0**k * (1 - p0) ** (n + 1 - k) for k in range(wins + 1))
    return Fraction(1, (n + 1) * math.comb(n, wins)) * above / (1 - p0) / likelihood >= 1 / alpha


def normal_mixture_radius(n: int, rho_in_observations: float, sigma: float, alpha: float) -> Any:
    """Find the sum at which a mixture of exponential martingales reaches 1/α, by quadrature."""
    variance = n * mp.mpf(sigma) ** 2
    width = 1 / (mp.sqrt(rho_in_observations) * sigma)

    def log_e(total: Any) -> Any:
        centre = total / (variance + 1 / width**2)
        scale = 1 / mp.sqrt(variance + 1 / width**2)

        def at(z: Any) -> Any:
            slope = centre + scale * z
            power = slope * total - slope**2 * variance / 2 - slope**2 / (2 * width**2)
            return mp.exp(power - centre * total / 2) * scale / (width * mp.sqrt(2 * mp.pi))

        return mp.log(mp.quad(at, [-14, 0, 14])) + centre * total / 2

    guess = 3 * mp.sqrt(variance)
    return mp.findroot(lambda s: log_e(s) + mp.log(alpha), guess) / n


def stitched_radius(n: int, alpha: float) -> Any:
    growth = mp.log(mp.log(2 * n)) + mp.mpf("0.72") * (mp.log("10.4") - mp.log(alpha))
    return mp.mpf("1.7") * mp.sqrt(growth) / mp.sqrt(n)


def betting_e_process_mean_above(
    x: list[float],
    null_mean: float,
    lower_bound: float,
    alpha: float,
    prior_sd: float,
    max_bet_fraction: float,
) -> Any:
    """Look up all earlier returns anew before each bet."""
    bets: list[float] = []
    for t in range(1, len(x) + 1):
        means = [(null_mean + math.fsum(x[:i])) / (i + 1) for i in range(1, t)]
        squares = math.fsum((a - b) ** 2 for a, b in zip(x, means, strict=False))
        variance = (prior_sd**2 + squares) / t
        bet = math.sqrt(2 * math.log(1 / alpha) / (variance * t * math.log(1 + t)))
        bets.append(min(bet, max_bet_fraction / (null_mean - lower_bound)))
    factors = [1 + bet * (value - null_mean) for bet, value in zip(bets, x, strict=True)]
    stakes = [math.prod(factors[: t + 1]) for t in range(len(x))]
    return {"e_values": stakes, "bets": bets, "max_e": max(stakes)}


def mixture_e_process_mean_above(
    x: list[float], null_mean: float, lower_bound: float, bets: str
) -> Any:
    room, m = exact(null_mean) - exact(lower_bound), exact(null_mean)
    sizes = [mp.mpf("0.9") / mp.mpf(float(room)) * mp.power(2, -mp.mpf(j) / 2) for j in range(16)]
    stakes = [
        sum(mp.fprod(1 + bet * float(exact(each) - m) for each in x[: t + 1]) for bet in sizes) / 16
        for t in range(len(x))
    ]
    return {"e_values": stakes, "max_e": max(stakes)}


# --- calibration ----------------------------------------------------------------------------------


def brier_decomposition(probabilities: list[float], outcomes: list[int]) -> Any:
    said, n = [exact(each) for each in probabilities], len(outcomes)
    base = Fraction(sum(outcomes), n)
    groups = {p: [y for q, y in zip(said, outcomes, strict=True) if q == p] for p in said}
    shares = {p: Fraction(sum(ys), len(ys)) for p, ys in groups.items()}
    return {
        "brier": sum((p - y) ** 2 for p, y in zip(said, outcomes, strict=True)) / n,
        "reliability": sum(len(ys) * (p - shares[p]) ** 2 for p, ys in groups.items()) / n,
        "resolution": sum(len(ys) * (shares[p] - base) ** 2 for p, ys in groups.items()) / n,
        "uncertainty": base * (1 - base),
    }


def log_loss(probabilities: list[float], outcomes: list[int]) -> Any:
    each = [mp.mpf(p) if y else 1 - mp.mpf(p) for p, y in zip(probabilities, outcomes, strict=True)]
    return -mp.log(mp.fprod(each)) / len(each)


def isotonic_fit(scores: list[float], outcomes: list[int]) -> Any:
    """Use the formula of largest and smallest means; the scores are all different."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    won = [outcomes[i] for i in order]
    n, fitted = len(won), [Fraction(0)] * len(won)
    for rank, i in enumerate(order):
        fitted[i] = max(
            min(Fraction(sum(won[low:high]), high - low) for high in range(rank + 1, n + 1))
            for low in range(rank + 1)
        )
    return fitted


def platt_fit(scores: list[float], outcomes: list[int]) -> Any:
    wins, n = sum(outcomes), len(outcomes)
    targets = [mp.mpf(wins + 1) / (wins + 2) if y else mp.mpf(1) / (n - wins + 2) for y in outcomes]

    def gradient(a: Any, b: Any) -> list[Any]:
        gaps = [t - 1 / (1 + mp.exp(a * s + b)) for t, s in zip(targets, scores, strict=True)]
        return [mp.fdot(gaps, scores), mp.fsum(gaps)]

    a, b = mp.findroot(gradient, (-2, 1))
    middle = 1 / (1 + mp.exp(a * statistics.median(scores) + b))
    return {"A": a, "B": b, "probability_at_median_score": middle}


def expected_calibration_error(probabilities: list[float], outcomes: list[int], bins: int) -> Any:
    total = Fraction(0)
    for k in range(bins):
        low, high = Fraction(k, bins), Fraction(k + 1, bins)
        pairs = [
            (exact(p), y)
            for p, y in zip(probabilities, outcomes, strict=True)
            if low <= exact(p) < high or (k == bins - 1 and p == 1)
        ]
        total += abs(sum((p - y for p, y in pairs), Fraction(0)))
    return total / len(outcomes)


# --- bootstrap, snooping --------------------------------------------------------------------------


def circular_block_mean_variance(series: list[float], block: int) -> Any:
    """Go through every resample there is: a start for each block."""
    n = len(series)
    sums = [sum(exact(series[(i + j) % n]) for j in range(block)) for i in range(n)]
    mean: Any = sum(sums) / (n * block)
    second: Any = 0
    if n // block <= 4:
        totals = [sum(each) for each in product(sums, repeat=n // block)]
        second = sum((total / n - mean) ** 2 for total in totals) / len(totals)
    else:  # blocks are drawn independently
        one = sum((total / n - mean * block / n) ** 2 for total in sums) / n
        second = one * (n // block)
    return {"mean": mean, "variance_of_mean": second}


def stationary_mean_variance(series: list[float], expected_block: float) -> Any:
    """Walk the Markov chain of indices: stay in the block, or start anew anywhere."""
    n, x = len(series), np.array(series)
    p = 1.0 / expected_block
    chain = (1.0 - p) * np.roll(np.eye(n), 1, axis=1) + p / n
    centred, total = x - x.mean(), 0.0
    later = centred
    for lag in range(n):
        pairs = n if lag == 0 else 2 * (n - lag)
        total += pairs * float(centred @ later) / n
        later = chain @ later
    return {"mean": x.mean(), "variance_of_mean": total / n**2}


def reality_check(benchmark: Any, models: Any, expected_block: float, bootstrap: str) -> Any:
    """Resample by an own stationary bootstrap, with and without its own long-run variance."""
    d = np.array(models) - np.array(benchmark)[:, np.newaxis]
    n, source, p = len(d), np.random.Generator(np.random.MT19937(11)), 1.0 / expected_block
    mean = d.mean(axis=0)
    omega = np.array([math.sqrt(n * n * stationary(c, p) / n) for c in d.T])
    is_kept = math.sqrt(n) * mean / omega >= -math.sqrt(2.0 * math.log(math.log(n)))
    centres = {"lower": np.maximum(mean, 0.0), "consistent": mean * is_kept, "upper": mean}
    kinds = {f"spa_p_{name}": (centre, np.ones_like(omega)) for name, centre in centres.items()}
    kinds |= {f"studentised_p_{name}": (centre, omega) for name, centre in centres.items()}
    counts, reps = dict.fromkeys(kinds, 0), 4000
    for _ in range(reps):
        index = np.empty(n, dtype=int)
        restarts, starts = source.random(n) < p, source.integers(n, size=n)
        index[0] = starts[0]
        for t in range(1, n):
            index[t] = starts[t] if restarts[t] else (index[t - 1] + 1) % n
        drawn = d[index].mean(axis=0)
        for name, (centre, unit) in kinds.items():
            counts[name] += float(np.max((drawn - centre) / unit)) > float(np.max(mean / unit))
    shares = {name: count / reps for name, count in counts.items()}
    return shares | {
        "white_statistic": float(np.max(mean)) * math.sqrt(n),
        "unstudentised_p_upper": shares["spa_p_upper"],
    }


def stationary(column: Any, p: float) -> float:
    return float(stationary_mean_variance(list(column), 1.0 / p)["variance_of_mean"])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        raw_tier_distribution,
        confidence_sequence_bernoulli,
        e_value_win_rate_above,
        crossing_probability,
        normal_mixture_radius,
        stitched_radius,
        betting_e_process_mean_above,
        mixture_e_process_mean_above,
        brier_decomposition,
        log_loss,
        isotonic_fit,
        platt_fit,
        expected_calibration_error,
        circular_block_mean_variance,
        stationary_mean_variance,
        reality_check,
    )
}
