"""What constrained Kelly, drawdown control and Sharpe ratios should give, by another method.

Nothing here calls what it judges.
"""

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
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


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        rck_lambda,
        rck_gbm_fraction_of_kelly,
        rck_binary,
        rck_discrete,
        azema_yor_wealth,
        tipp_path,
        cppi_path,
        rolling_surplus_path,
        expected_shortfall_sample,
        expected_shortfall_normal,
        expected_shortfall_student,
        sharpe_ratio,
        moments,
        probabilistic_sharpe,
        min_track_record_length,
        expected_max_sharpe,
        deflated_sharpe,
        min_backtest_length_years,
        psr_null_variance_ar1,
        min_track_record_null_variance,
        pbo_cscv,
    )
}
