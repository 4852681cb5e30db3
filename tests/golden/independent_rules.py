"""What the rules should say, by another method: exact fractions, quadrature, roots, re-reading.

Nothing here calls what it judges.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import mpmath as mp
from scipy.stats import beta as beta_law


def exact(value: Any) -> Fraction:
    return Fraction(str(value))


def kelly_binary(p: float, gain: float, loss: float) -> Any:
    """Find where the derivative of the expected log growth is zero."""

    def slope(f: Any) -> Any:
        return p * gain / (1 + f * gain) - (1 - mp.mpf(p)) * loss / (1 - f * loss)

    full = mp.findroot(
        slope, (-1 / mp.mpf(gain) * 0.999999, 1 / mp.mpf(loss) * 0.999999), "anderson"
    )
    return {"full": full, "used": max(full, 0)}


def log_growth_binary(p: float, gain: float, loss: float, fraction: float) -> Any:
    f = mp.mpf(fraction)
    return mp.log((1 + f * gain) ** mp.mpf(p) * (1 - f * loss) ** (1 - mp.mpf(p)))


def growth_of(mu: float, rate: float, sigma: float, leverage: Any) -> Any:
    """Return growth from many coin tosses instead of a Brownian motion, extrapolated."""

    def tossed(n: int) -> Any:
        step = mp.mpf(1) / n
        drift = (rate + leverage * (mp.mpf(mu) - rate)) * step
        shock = leverage * sigma * mp.sqrt(step)
        return n * mp.log((1 + drift + shock) * (1 + drift - shock)) / 2

    return 2 * tossed(2 * 10**10) - tossed(10**10)


def growth_rate_gbm(mu: float, rate: float, sigma: float, leverage: float) -> Any:
    return growth_of(mu, rate, sigma, mp.mpf(leverage))


def optimal_leverage_gbm(mu: float, rate: float, sigma: float) -> Any:
    """Take the top of the parabola through three points of the growth."""
    low, middle, high = (growth_of(mu, rate, sigma, mp.mpf(each)) for each in (-1, 0, 1))
    bend, slope = (high + low) / 2 - middle, (high - low) / 2
    best = -slope / (2 * bend)
    growth = middle - slope**2 / (4 * bend)
    sharpe = mp.sign(slope) * mp.sqrt(2 * (growth - middle))
    return {"leverage": best, "growth": growth, "sharpe": sharpe}


def fractional_kelly(fraction_of_kelly: float, floor_fraction: float) -> Any:
    """Integrate the density of the first time at the floor, for a Sharpe ratio of 1."""
    c, level = mp.mpf(fraction_of_kelly), -mp.log(floor_fraction)
    drift = c - c**2 / 2

    def density(t: Any) -> Any:
        return (
            level
            / (c * mp.sqrt(2 * mp.pi * t**3))
            * mp.exp(-((level + drift * t) ** 2) / (2 * c**2 * t))
        )

    peak = level**2 / c**2
    spans = [0, peak / 30, peak / 3, peak, 10 * peak, 100 * peak, 1e4 * peak, mp.inf]
    return {
        "relative_growth": drift / mp.mpf(0.5),
        "prob_ever_below_floor": mp.quad(density, spans),
    }


def kelly_estimation_shrinkage(sharpe_true: float, years_of_data: float) -> Any:
    """Integrate growth over what the estimate may be, for three bets, and take the parabola."""
    theta, error = mp.mpf(sharpe_true), 1 / mp.sqrt(years_of_data)

    def growth(k: Any) -> Any:
        def at(z: Any) -> Any:
            bet = k * (theta + error * z)
            return (bet * theta - bet**2 / 2) * mp.npdf(z)

        return mp.quad(at, [-14, 0, 14])

    half, full = growth(mp.mpf(1) / 2), growth(mp.mpf(1))
    bend = 2 * (full - 2 * half)
    slope = full - bend
    return {
        "optimal_multiplier": -slope / (2 * bend),
        "growth_at_optimal": -(slope**2) / (4 * bend),
        "growth_full_plugin": full,
        "growth_known": theta * theta - theta**2 / 2,
    }


def posterior_prob_above(
    prior_a: float, prior_b: float, wins: int, trades: int, threshold: float
) -> Any:
    a, b = mp.mpf(prior_a) + wins, mp.mpf(prior_b) + trades - wins
    return mp.betainc(a, b, threshold, 1, regularized=True)


def beta_point(a: float, b: float, q: Any) -> Any:
    guess = float(beta_law.ppf(float(q), float(a), float(b)))
    return mp.findroot(lambda x: mp.betainc(a, b, 0, x, regularized=True) - q, guess)


def credible_interval(prior_a: float, prior_b: float, wins: int, trades: int, level: float) -> Any:
    a, b, tail = mp.mpf(prior_a) + wins, mp.mpf(prior_b) + trades - wins, (1 - mp.mpf(level)) / 2
    return {
        "lower": beta_point(a, b, tail),
        "upper": beta_point(a, b, 1 - tail),
        "mean": a / (a + b),
    }


def kelly_posterior(
    prior_a: float,
    prior_b: float,
    wins: int,
    trades: int,
    payoff_ratio: float,
    lower_quantile: float,
) -> Any:
    a, b = mp.mpf(prior_a) + wins, mp.mpf(prior_b) + trades - wins
    mean, lower = a / (a + b), beta_point(a, b, mp.mpf(lower_quantile))
    return {
        "posterior_mean": mean,
        "kelly_mean": kelly_binary(mean, payoff_ratio, 1)["used"],
        "p_lower": lower,
        "kelly_lower": kelly_binary(lower, payoff_ratio, 1)["used"],
    }


def gz_exposure(multiplier: float, alpha: float, wealth: float, peak: float) -> Any:
    floor = exact(alpha) * exact(peak)
    return max(Fraction(0), exact(multiplier) * (exact(wealth) - floor) / exact(wealth))


def gz_growth(sharpe: float, alpha: float) -> Any:
    """Grow the closed form along the mean path of the Kelly wealth for a year."""
    kelly = mp.exp(mp.mpf(sharpe) ** 2 / 2)
    rest = 1 - mp.mpf(alpha)
    at_peak = alpha * kelly**rest + rest * kelly * kelly ** (-mp.mpf(alpha))
    return mp.log(at_peak)


def gz_min_sharpe(monthly: float, max_drawdown: float) -> Any:
    goal = 12 * mp.log(1 + mp.mpf(monthly))
    return mp.findroot(lambda theta: gz_growth(theta, 1 - mp.mpf(max_drawdown)) - goal, 3)


def gap_cap(surplus: float, worst_gap: float) -> Any:
    return exact(surplus) / exact(worst_gap)


def es_exposure_cap(limit: float, es_per_unit: float, cap: float) -> Any:
    return min(exact(cap), exact(limit) / exact(es_per_unit))


def posterior_tier_path(
    outcomes: str, prior_a: float, prior_b: float, discount: float, **at: float
) -> Any:
    """Weigh the whole record anew after each trade, with another library's beta law."""
    tier, changes = 0, [[0, 0]]
    q1 = q2 = 0.0
    for n in range(1, len(outcomes) + 1):
        weights = [discount ** (n - 1 - i) for i in range(n)]
        wins = math.fsum(w for w, y in zip(weights, outcomes, strict=False) if y == "1")
        losses = math.fsum(w for w, y in zip(weights, outcomes, strict=False) if y == "0")
        q1, q2 = (
            float(beta_law.sf(at[name], prior_a + wins, prior_b + losses))
            for name in ("threshold_1", "threshold_2")
        )
        enough_1 = wins + losses >= at["min_effective_trades_1"]
        enough_2 = wins + losses >= at["min_effective_trades_2"]
        if tier == 2 and q2 < at["demote_probability"]:
            tier = 1
        elif tier == 1 and q1 < at["demote_probability"]:
            tier = 0
        elif tier == 1 and enough_2 and q2 >= at["promote_probability"]:
            tier = 2
        elif tier == 0 and enough_1 and q1 >= at["promote_probability"]:
            tier = 1
        if tier != changes[-1][1]:
            changes.append([n - 1, tier])
    return {"tier_changes": changes, "final_p1": q1, "final_p2": q2}


def steady_breaker_path(marks: list[Any], resume_before_index: list[int], **at: float) -> Any:
    """Read the whole past anew at each mark, in exact fractions."""
    times = [datetime.fromisoformat(text) for text, _ in marks]
    equity = [exact(value) for _, value in marks]
    path: list[str] = []
    for now in range(len(marks)):
        start = max([0, *(each for each in resume_before_index if each <= now)])
        latched = {"drawdown": False, "month": False, "day": False}
        word = "normal"
        for i in range(start, now + 1):
            word = judged(times, equity, start, i, latched, at)
        path.append(word)
    return path


def judged(
    times: list[datetime],
    equity: list[Fraction],
    start: int,
    i: int,
    latched: dict[str, bool],
    at: Any,
) -> str:
    def loss(reference: Fraction) -> Fraction:
        return 1 - equity[i] / reference

    def before(same: Callable[[datetime], bool]) -> Fraction:
        earlier = [j for j in range(start, i) if not same(times[j])]
        return equity[earlier[-1]] if earlier else equity[start]

    def back(span: timedelta) -> Fraction:
        earlier = [j for j in range(start, i + 1) if times[j] <= times[i] - span]
        return equity[earlier[-1]] if earlier else equity[start]

    here = times[i]
    day = max(
        loss(before(lambda t: t.date() == here.date())),
        loss(back(timedelta(hours=at["rolling_day_hours"]))),
    )
    month = max(
        loss(before(lambda t: (t.year, t.month) == (here.year, here.month))),
        loss(back(timedelta(days=at["rolling_month_days"]))),
    )
    if i > start and times[i - 1].date() != here.date():
        latched["day"] = False
    latched["day"] |= day > exact(at["day_limit"])
    latched["month"] |= month > exact(at["month_limit"])
    latched["drawdown"] |= loss(max(equity[start : i + 1])) > exact(at["drawdown_limit"])
    if -month < exact(at["emergency"]):
        latched["emergency"] = True
    else:
        latched["emergency"] = False
    for name in ("drawdown", "month", "day"):
        if latched[name]:
            return f"{name}_halt"
    return "emergency" if latched["emergency"] else "normal"


def payoff_thresholds(
    wins: int,
    losses: int,
    mean_win: float,
    mean_loss: float,
    cost_per_trade: float,
    prior_trades: float,
    offset_2: float,
) -> Any:
    """Fill a list with the trades and with the imaginary ones, and average it."""
    n_w, n_l, n0 = exact(wins), exact(losses), exact(prior_trades)
    if n_w + n_l == 0:
        return {
            "payoff_ratio": 1,
            "breakeven": 0.5,
            "threshold_1": 0.5,
            "threshold_2": 0.5 + offset_2,
        }
    size = (n_w * exact(mean_win) + n_l * exact(mean_loss)) / (n_w + n_l)
    win = (n_w * exact(mean_win) + n0 * size) / (n_w + n0)
    loss = (n_l * exact(mean_loss) + n0 * size) / (n_l + n0)
    # Break-even is where p·win = (1 − p)·loss + cost.
    even = (loss + exact(cost_per_trade)) / (win + loss)
    return _thresholds(win / loss, even, exact(offset_2))


def _thresholds(ratio: Fraction, even: Fraction, offset: Fraction) -> Any:
    return {
        "payoff_ratio": ratio,
        "breakeven": even,
        "threshold_1": even,
        "threshold_2": even + offset,
    }


def steady_confidence_multiplier(
    confidence: float, breakeven: float, reference: float, upper: float
) -> Any:
    line = (exact(confidence) - exact(breakeven)) / (exact(reference) - exact(breakeven))
    return sorted([Fraction(0), line, exact(upper)])[1]


def exposure_decision(tier: int, **at: float) -> Any:
    f = {name: exact(value) for name, value in at.items()}
    caps = {
        "hard": f["hard_cap"],
        "drawdown": gz_exposure(at["dd_multiplier"], at["alpha"], at["equity"], at["peak"]),
        "tail": f["es_limit"] / f["es_unit"],
        "kelly": f["kelly_fraction"] * f["shrink"] * max(f["mu"], Fraction(0)) / f["sigma"] ** 2,
        "volatility": f["vol_target"] / f["sigma"],
        "evidence": [exact(0.25), exact(0.4), exact(0.6)][tier],
    }
    binding = min(caps, key=lambda name: caps[name])
    return {"caps": caps, "exposure": caps[binding], "binding": binding}


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        kelly_binary,
        log_growth_binary,
        growth_rate_gbm,
        optimal_leverage_gbm,
        fractional_kelly,
        kelly_estimation_shrinkage,
        kelly_posterior,
        posterior_prob_above,
        credible_interval,
        gz_exposure,
        gz_growth,
        gz_min_sharpe,
        gap_cap,
        es_exposure_cap,
        posterior_tier_path,
        steady_breaker_path,
        payoff_thresholds,
        steady_confidence_multiplier,
        exposure_decision,
    )
}
