"""What the statistics should say, by another method: quadrature, enumeration, other libraries.

Nothing here calls what it judges.
"""

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

import mpmath as mp
import numpy as np
import scipy.optimize
import scipy.stats
from tests.golden.independent_rules import exact

NORMAL = statistics.NormalDist()


# --- Kelly with a bounded risk, drawdown control --------------------------------------------------


def rck_lambda(alpha: float, beta: float) -> Any:
    return mp.findroot(lambda aversion: mp.mpf(alpha) ** aversion - beta, 10)


def rck_gbm_fraction_of_kelly(alpha: float, beta: float) -> Any:
    """Find the fraction whose Brownian motion ever falls to the level with that probability."""
    return mp.findroot(lambda c: mp.mpf(alpha) ** (2 / c - 1) - beta, 0.1)


def rck_binary(p: float, gain: float, loss: float, alpha: float, beta: float) -> Any:
    aversion = mp.log(beta) / mp.log(alpha)
    win, kelly = mp.mpf(p), mp.mpf(p) / loss - (1 - mp.mpf(p)) / gain
    if kelly <= 0:
        return {"fraction": 0, "kelly": 0, "growth": 0}

    def mean(f: Any) -> Any:
        return win * (1 + f * gain) ** -aversion + (1 - win) * (1 - f * loss) ** -aversion - 1

    best = kelly if mean(kelly) <= 0 else mp.findroot(mean, (kelly * 1e-4, kelly), "anderson")
    growth = win * mp.log(1 + best * gain) + (1 - win) * mp.log(1 - best * loss)
    return {"fraction": best, "kelly": kelly, "growth": growth}


def rck_discrete(returns: Any, probabilities: Any, alpha: float | None, beta: float | None) -> Any:
    """Search the weights by ever finer grids around the best so far; the last bet is cash."""
    gross, chances = np.array(returns), np.array(probabilities)
    aversion = 0.0 if alpha is None or beta is None else math.log(beta) / math.log(alpha)
    free = len(gross) - 1
    best, width = np.full(free, 1.0 / len(gross)), 0.5
    for _ in range(60):
        axes = [np.clip(np.linspace(c - width, c + width, (81, 25)[free > 2]), 0, 1) for c in best]
        weights = np.stack([each.reshape(-1) for each in np.meshgrid(*axes)])
        weights = np.vstack([weights, 1.0 - weights.sum(axis=0)])
        weights = weights[:, weights[-1] >= -1e-15]
        wealth = np.maximum(weights.T @ gross, 1e-9)
        is_allowed = wealth**-aversion @ chances <= 1.0 + 1e-12
        growth = np.where(is_allowed, np.log(wealth) @ chances, -np.inf)
        best, width = weights[:-1, np.argmax(growth)], width * 0.75
    weights = np.array([*best, 1.0 - best.sum()])
    value = float(chances @ (weights @ gross) ** -aversion)
    return {"weights": weights, "growth": float(growth.max()), "constraint_value": value}


def azema_yor_wealth(kelly_wealth: list[float], alpha: float) -> Any:
    """Follow dW = (1 − α)·peak^−α·dX along straight lines between the points."""
    made, peak = [1.0], kelly_wealth[0]
    scale = kelly_wealth[0]
    now, wealth = 1.0, 1.0
    peak = 1.0
    for following in (value / scale for value in kelly_wealth[1:]):
        old = min(following, peak)
        wealth += (1 - alpha) * peak**-alpha * (old - now)
        if following > peak:
            wealth += float(mp.quad(lambda x: (1 - alpha) * x**-alpha, [peak, following]))
        peak, now = max(peak, following), following
        made.append(wealth)
    return [scale * value for value in made]


def controlled(
    returns: list[float], exposure: Callable[[list[Fraction]], Fraction], start: float
) -> Any:
    wealth, held = [exact(start)], []
    for value in returns:
        held.append(exposure(wealth))
        wealth.append(wealth[-1] * (1 + held[-1] * exact(value)))
    deepest = max(1 - b / a for i, a in enumerate(wealth) for b in wealth[i:])
    return {"exposure": held, "wealth": wealth[1:], "max_drawdown": deepest}


def tipp_path(
    returns: Any, multiplier: float, protection: float, exposure_cap: float, initial_wealth: float
) -> Any:
    def exposure(wealth: list[Fraction]) -> Fraction:
        cushion = 1 - exact(protection) * max(wealth) / wealth[-1]
        return min(exact(exposure_cap), max(Fraction(0), exact(multiplier) * cushion))

    return controlled(returns, exposure, initial_wealth)


def cppi_path(
    returns: Any, multiplier: float, floor: float, exposure_cap: float, initial_wealth: float
) -> Any:
    def exposure(wealth: list[Fraction]) -> Fraction:
        cushion = 1 - exact(floor) / wealth[-1]
        return min(exact(exposure_cap), max(Fraction(0), exact(multiplier) * cushion))

    return controlled(returns, exposure, initial_wealth)


def rolling_surplus_path(
    returns: Any,
    multiplier: float,
    alpha: float,
    exposure_cap: float,
    window: int,
    initial_wealth: float,
) -> Any:
    def exposure(wealth: list[Fraction]) -> Fraction:
        cushion = 1 - exact(alpha) * max(wealth[-window - 1 :]) / wealth[-1]
        return min(exact(exposure_cap), max(Fraction(0), exact(multiplier) * cushion))

    return controlled(returns, exposure, initial_wealth)


# --- tails ----------------------------------------------------------------------------------------


def expected_shortfall_sample(losses: list[float], level: float) -> Any:
    """Minimise the function of Rockafellar and Uryasev, whose minimum is at one of the losses."""
    values = [exact(each) for each in losses]
    share = (1 - exact(level)) * len(values)
    return min(a + sum(max(each - a, Fraction(0)) for each in values) / share for a in values)


def expected_shortfall_normal(mean_return: float, sigma: float, level: float) -> Any:
    z = mp.sqrt(2) * mp.erfinv(2 * mp.mpf(level) - 1)
    mean = mp.quad(lambda x: x * mp.npdf(x), [z, z + 4, z + 40]) / (1 - mp.mpf(level))
    return sigma * mean - mean_return


def expected_shortfall_student(degrees_of_freedom: float, sigma: float, level: float) -> Any:
    nu = mp.mpf(degrees_of_freedom)
    scale = mp.gamma((nu + 1) / 2) / (mp.gamma(nu / 2) * mp.sqrt(nu * mp.pi))

    def density(x: Any) -> Any:
        return scale * (1 + x * x / nu) ** (-(nu + 1) / 2)

    def beyond(x: Any) -> Any:
        return mp.quad(density, [x, x + 10, x + 1000, mp.inf])

    guess = float(scipy.stats.t.ppf(level, float(nu)))
    z = mp.findroot(lambda x: beyond(x) - (1 - mp.mpf(level)), guess)
    mean = mp.quad(lambda x: x * density(x), [z, z + 10, z + 1000, mp.inf]) / (1 - mp.mpf(level))
    return mean * sigma * mp.sqrt((nu - 2) / nu)


# --- Sharpe ratios --------------------------------------------------------------------------------


def sharpe_ratio(returns: list[float], rf_per_period: float, periods_per_year: float) -> Any:
    excess = [exact(each) - exact(rf_per_period) for each in returns]
    ratio = float(statistics.mean(excess)) / math.sqrt(statistics.variance(excess))
    return {"per_period": ratio, "annual": ratio * math.sqrt(periods_per_year)}


def moments(returns: list[float]) -> Any:
    return {
        "skewness": float(scipy.stats.skew(returns)),
        "kurtosis": float(scipy.stats.kurtosis(returns, fisher=False)),
    }


def spread(sharpe: float, skewness: float, kurtosis: float) -> Any:
    """Return the variance by the delta method, from the covariance of mean and variance."""
    gradient = np.array([1.0, -sharpe / 2.0])
    covariance = np.array([[1.0, skewness], [skewness, kurtosis - 1.0]])
    return float(gradient @ covariance @ gradient)


def probabilistic_sharpe(
    sharpe: float, benchmark: float, n: int, skewness: float, kurtosis: float
) -> Any:
    error = math.sqrt(spread(sharpe, skewness, kurtosis) / (n - 1))
    return NORMAL.cdf((sharpe - benchmark) / error)


def min_track_record_length(
    sharpe: float, benchmark: float, skewness: float, kurtosis: float, confidence: float
) -> Any:
    if sharpe <= benchmark:
        return math.inf
    wanted = mp.sqrt(2) * mp.erfinv(2 * mp.mpf(confidence) - 1)
    error = spread(sharpe, skewness, kurtosis)
    return mp.findroot(
        lambda n: (sharpe - benchmark) * mp.sqrt((n - 1) / error) - wanted, (2, 9999)
    )


def expected_max_sharpe(trials: float, variance_of_sharpes: float) -> Any:
    if trials == 1:
        return 0.0

    def z(p: Any) -> Any:
        return mp.sqrt(2) * mp.erfinv(2 * p - 1)

    n = mp.mpf(trials)
    most = (1 - mp.euler) * z(1 - 1 / n) + mp.euler * z(1 - 1 / (n * mp.e))
    return most * mp.sqrt(variance_of_sharpes)


def deflated_sharpe(
    sharpe: float,
    n: int,
    skewness: float,
    kurtosis: float,
    trials: float,
    variance_of_sharpes: float,
) -> Any:
    bar = float(expected_max_sharpe(trials, variance_of_sharpes))
    return probabilistic_sharpe(sharpe, bar, n, skewness, kurtosis)


def min_backtest_length_years(trials: float, annual_sharpe: float) -> Any:
    return mp.findroot(lambda y: expected_max_sharpe(trials, 1 / y) - annual_sharpe, 3)


def null_error(benchmark: float, skewness: float, kurtosis: float, rho: float) -> Any:
    """Return the variance under the null from sums over the autocorrelations, lag by lag."""
    lags = range(1, 4000)
    level = 1.0 + 2.0 * math.fsum(rho**k for k in lags)
    slope = 1.0 + math.fsum(rho**k + rho ** (2 * k) for k in lags)
    curve = 1.0 + 2.0 * math.fsum(rho ** (2 * k) for k in lags)
    return level - slope * skewness * benchmark + curve * (kurtosis - 1.0) / 4.0 * benchmark**2


def psr_null_variance_ar1(
    sharpe: float,
    benchmark: float,
    n: int,
    skewness: float,
    kurtosis: float,
    autocorrelation: float,
) -> Any:
    error = math.sqrt(null_error(benchmark, skewness, kurtosis, autocorrelation) / n)
    return NORMAL.cdf((sharpe - benchmark) / error)


def min_track_record_null_variance(
    sharpe: float,
    benchmark: float,
    skewness: float,
    kurtosis: float,
    autocorrelation: float,
    confidence: float,
) -> Any:
    error = null_error(benchmark, skewness, kurtosis, autocorrelation)
    z = NORMAL.inv_cdf(confidence)
    return mp.findroot(lambda n: (sharpe - benchmark) * mp.sqrt(n / error) - z, (2, 999))


def pbo_cscv(returns: Any, blocks: int, metric: str) -> Any:
    """Judge every half row by row, with the ranks of another library."""
    rows = np.array(returns)
    rows = rows[len(rows) % blocks :]
    parts = np.split(np.arange(len(rows)), blocks)
    logits, losses = [], []

    def performance(index: Any) -> Any:
        return [statistics.mean(c) / statistics.stdev(c) for c in rows[index].T.tolist()]

    for half in combinations(range(blocks), blocks // 2):
        inside = performance(np.concatenate([parts[i] for i in half]))
        outside = performance(np.concatenate([parts[i] for i in range(blocks) if i not in half]))
        pick = inside.index(max(inside))
        odds = scipy.stats.rankdata(outside)[pick] / (len(outside) + 1)
        logits.append(math.log(odds / (1 - odds)))
        losses.append(outside[pick] < 0)
    shares = {
        "pbo": sum(x <= 1e-12 for x in logits) / len(logits),
        "prob_oos_loss": np.mean(losses),
    }
    return shares | {"n_combinations": len(logits), "logits": logits}


# --- drawdowns ------------------------------------------------------------------------------------


def max_drawdown(returns: list[float]) -> Any:
    wealth = [Fraction(1)]
    for value in returns:
        wealth.append(wealth[-1] * (1 + exact(value)))
    return max(1 - b / a for i, a in enumerate(wealth) if a > 0 for b in wealth[i:])


def max_drawdown_with_flows(equity: list[float], flows: list[float]) -> Any:
    return max_drawdown(
        [
            float(exact(equity[t]) / (exact(equity[t - 1]) + exact(flows[t])) - 1)
            for t in range(1, len(equity))
        ]
    )


def exceeds(h: Any, mu: Any, sigma: Any, years: Any) -> Any:
    """Invert the transform with thirty digits and three times as many nodes."""
    m = mp.mpf(mu) / mp.mpf(sigma) ** 2

    def transform(s: Any) -> Any:
        delta = mp.sqrt(m * m + 2 * s / mp.mpf(sigma) ** 2)
        below = delta * mp.cosh(delta * h) - m * mp.sinh(delta * h)
        return delta * mp.exp(-m * h) / below / s

    return mp.invertlaplace(transform, years, method="talbot", degree=44)


def prob_mdd_exceeds_bm(h: float, mu: float, sigma: float, T: float) -> Any:  # noqa: N803
    return exceeds(mp.mpf(h), mu, sigma, T)


def expected_max_drawdown_bm(mu: float, sigma: float, T: float) -> Any:  # noqa: N803
    """Integrate the probabilities over all levels."""
    with mp.workdps(20):
        scale = sigma * math.sqrt(T) + max(-mu * T, 0.0)
        points, weights = np.polynomial.legendre.leggauss(24)
        total = mp.mpf(0)
        edges = (0.03, 0.06, 0.1, 0.15, 0.25, 0.6, 1.2, 2.0, 3.2, 6.0)
        for low, high in pairwise(edges):
            for x, w in zip(points, weights, strict=True):
                at = mp.mpf(scale * (low + (high - low) * (x + 1) / 2))
                total += w * scale * (high - low) / 2 * exceeds(at, mu, sigma, T)
        return total + 0.03 * scale  # so little is exceeded for certain


def emdd_q_function(sign: str, x: float) -> Any:
    drift = 1.0 if sign == "positive" else -1.0
    return expected_max_drawdown_bm(drift, math.sqrt(0.5), x)


def prob_mdd_below_gbm(
    sharpe: float,
    annual_vol: float,
    drawdown: float,
    years: float,
    monitoring: str,
    steps_per_year: float = 252.0,
) -> Any:
    vol, level = mp.mpf(annual_vol), -mp.log(1 - mp.mpf(drawdown))
    if monitoring == "daily":
        level += 2 * (-mp.zeta(0.5) / mp.sqrt(2 * mp.pi)) * vol / mp.sqrt(steps_per_year)
    return 1 - exceeds(level, sharpe * vol - vol**2 / 2, vol, years)


def max_vol_for_drawdown_budget(
    sharpe: float, drawdown: float, years: float, probability: float, steps_per_year: float
) -> Any:
    def surplus(vol: float) -> float:
        return float(
            prob_mdd_below_gbm(sharpe, vol, drawdown, years, "daily", steps_per_year) - probability
        )

    return scipy.optimize.bisect(surplus, 0.005, 0.6, xtol=1e-9)


def mean_time_to_drawdown(mu: float, sigma: float, h: float) -> Any:
    """Take the slope of the transform of the first time, at zero."""
    m, variance = mp.mpf(mu) / mp.mpf(sigma) ** 2, mp.mpf(sigma) ** 2

    def transform(s: Any) -> Any:
        delta = mp.sqrt(m * m + 2 * s / variance)
        below = delta * mp.cosh(delta * h) - m * mp.sinh(delta * h)
        return delta * mp.exp(-m * h) / below

    step = mp.mpf(10) ** -9
    with mp.workdps(50):
        return (
            -(transform(step) - transform(-step)) / (2 * step) if mu else (mp.mpf(h) / sigma) ** 2
        )


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


# --- feasibility ----------------------------------------------------------------------------------


def prob_month_at_least_gbm(sharpe: float, annual_vol: float, monthly: float) -> Any:
    """Integrate the density of a month's wealth."""
    drift, vol = (sharpe * annual_vol - annual_vol**2 / 2) / 12, annual_vol / mp.sqrt(12)

    def density(w: Any) -> Any:
        return mp.npdf(mp.log(w), drift, vol) / w

    start = 1 + mp.mpf(monthly)
    return mp.quad(density, [start, start + vol, start + 4 * vol, start + 20 * vol, mp.inf])


def goal_probability_upper_bound(sharpe: float, years: float, floor: float, target: float) -> Any:
    """Use the lemma of Neyman and Pearson: the most likely set that costs what there is.

    Under prices without an edge the chance of the goal is (1 − floor)/(target − floor); the set of
    that chance that is likeliest with the edge lies above a quantile of the noise.
    """
    chance = (1 - mp.mpf(floor)) / (mp.mpf(target) - floor)
    edge = mp.findroot(lambda q: mp.quad(mp.npdf, [q, q + 6, q + 40]) - chance, 1)
    shift = sharpe * mp.sqrt(years)
    return mp.quad(lambda z: mp.npdf(z - shift), [edge, edge + 6, edge + 20, edge + 60])


def twelve_month_streak_upper_bound(
    sharpe: float, monthly: float, drawdown: float, months: int
) -> Any:
    one = goal_probability_upper_bound(
        sharpe, mp.mpf(1) / 12, 1 - mp.mpf(drawdown), 1 + mp.mpf(monthly)
    )
    return mp.fprod([one] * months)


def constant_leverage_joint(
    sharpe: float,
    annual_vol: float,
    months: int,
    days_per_month: int,
    monthly: float,
    drawdown: float,
) -> Any:
    """Simulate wealth itself, step by step, with another generator and four times the paths."""
    source, counts, paths = np.random.Generator(np.random.MT19937(7)), np.zeros(4), 40
    for _ in range(paths):
        size = 10_000
        wealth, peak, deepest, opening = np.ones(size), np.ones(size), np.zeros(size), np.ones(size)
        made = np.zeros(size)
        for day in range(months * days_per_month):
            z = source.standard_normal(size)
            vol = annual_vol / math.sqrt(252)
            wealth = wealth * np.exp(sharpe * annual_vol / 252 - vol * vol / 2 + vol * z)
            peak = np.maximum(peak, wealth)
            deepest = np.maximum(deepest, 1 - wealth / peak)
            if (day + 1) % days_per_month == 0:
                made += wealth / opening >= 1 + monthly
                opening = wealth
        shallow, reached = deepest < drawdown, wealth >= (1 + monthly) ** months
        counts += [shallow.mean(), reached.mean(), (shallow & reached).mean(), made.mean() / months]
    names = ("prob_mdd_below", "prob_total_return", "joint", "prob_month")
    return dict(zip(names, counts / paths, strict=True))


def surplus_policy_joint(
    sharpe: float,
    multiplier_of_kelly: float,
    alpha: float,
    vol_cap: float,
    months: int,
    days_per_month: int,
) -> Any:
    source, counts, paths = np.random.Generator(np.random.MT19937(8)), np.zeros(4), 40
    for _ in range(paths):
        size = 10_000
        wealth, peak, deepest = np.ones(size), np.ones(size), np.zeros(size)
        for _day in range(months * days_per_month):
            z = source.standard_normal(size)
            vol = np.clip(multiplier_of_kelly * sharpe * (1 - alpha * peak / wealth), 0, vol_cap)
            wealth = wealth * (1 + vol * (sharpe / 252 + z / math.sqrt(252)))
            peak = np.maximum(peak, wealth)
            deepest = np.maximum(deepest, 1 - wealth / peak)
        shallow, reached = deepest < 0.08, wealth >= 1.05**months
        growth = np.log(wealth).mean() / months
        counts += [shallow.mean(), reached.mean(), (shallow & reached).mean(), growth]
    names = ("prob_mdd_below", "prob_total_return", "joint", "mean_log_growth_per_month")
    return dict(zip(names, counts / paths, strict=True))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        *(rck_lambda, rck_gbm_fraction_of_kelly, rck_binary, rck_discrete, azema_yor_wealth),
        *(tipp_path, cppi_path, rolling_surplus_path, expected_shortfall_sample),
        *(expected_shortfall_normal, expected_shortfall_student, sharpe_ratio, moments),
        *(probabilistic_sharpe, min_track_record_length, expected_max_sharpe, deflated_sharpe),
        *(min_backtest_length_years, psr_null_variance_ar1, min_track_record_null_variance),
        *(pbo_cscv, max_drawdown, max_drawdown_with_flows, emdd_q_function),
        *(expected_max_drawdown_bm, prob_mdd_exceeds_bm, prob_mdd_below_gbm),
        *(max_vol_for_drawdown_budget, mean_time_to_drawdown, raw_tier_distribution),
        *(confidence_sequence_bernoulli, e_value_win_rate_above, crossing_probability),
        *(normal_mixture_radius, stitched_radius, betting_e_process_mean_above),
        *(mixture_e_process_mean_above, brier_decomposition, log_loss, isotonic_fit, platt_fit),
        *(expected_calibration_error, circular_block_mean_variance, stationary_mean_variance),
        *(reality_check, prob_month_at_least_gbm, goal_probability_upper_bound),
        *(twelve_month_streak_upper_bound, constant_leverage_joint, surplus_policy_joint),
    )
}
