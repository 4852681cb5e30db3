"""How deep drawdowns of a Brownian motion get: their law, mean, and the volatility that fits one.

Log wealth of a strategy with Sharpe ratio θ and volatility v drifts by θv − v²/2 a year. Between
daily closes a drawdown goes unseen; the level is moved up for that (`CLOSES`).
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import hyp1f1

from smart_leverage.research.numbers import FloatArray, finite, positive, within

NODES = 20
CLOSES = 0.5825971579390107
"""Deviations of one step by which a peak or trough between two looks is missed: −ζ(½)/√2π."""

EXACT_UP_TO = 5e3
"""Beyond this the mean drawdown is taken from its limit; there both agree to nine digits."""


def _contour() -> tuple[Any, Any]:
    """Return the nodes of the fixed Talbot contour, for a time of 1, and their weights.

    Source: Abate and Valkó 2004.
    """
    scale = 2.0 * NODES / 5.0
    angle = np.arange(1, NODES) * (np.pi / NODES)
    cotangent = 1.0 / np.tan(angle)
    nodes = np.concatenate(([scale], scale * angle * (cotangent + 1j)))
    bend = 1.0 + 1j * (angle + (angle * cotangent - 1.0) * cotangent)
    weights = np.concatenate(([0.5], bend)) * np.exp(nodes) * (scale / NODES)
    return nodes, weights


_AT, _WEIGHTS = _contour()


def prob_mdd_exceeds_bm(h: ArrayLike, mu: float, sigma: float, T: float) -> Any:  # noqa: N803
    """Return the probability that a Brownian motion falls more than `h` below its peak by `T`.

    Args:
        h: Level above 0, in the unit of the motion; one, or an array of any shape.
        mu: Drift a year.
        sigma: Volatility a year, above 0.
        T: Years, above 0.

    Returns:
        Probability in [0, 1], of the shape of `h`, exact to about 1e-12.

    Source:
        Taylor 1975; inverted on a fixed Talbot contour.
    """
    drift, risk = finite(mu, "mu"), positive(sigma, "sigma")
    years = positive(T, "T")
    level = np.asarray(h, dtype=np.float64)
    if not np.all(np.isfinite(level) & (level > 0.0)):
        raise ValueError("h: a level above 0 is needed")
    value = np.array([_exceeded(each, drift, risk, years) for each in level.reshape(-1)])
    return float(value[0]) if level.ndim == 0 else value.reshape(level.shape)


def _exceeded(h: float, drift: float, risk: float, years: float) -> float:
    # A falling drift delays the law by h/|μ|. The contour bends around the delay as long as there
    # is little of it; else the inversion goes along a line, which takes more nodes.
    is_delayed = drift < 0.0 and drift**2 * years > risk**2
    if is_delayed and h > 0.25 * risk * math.sqrt(years):
        value = _along_line(h, drift, risk, years)
    else:
        # The transform over s, and the nodes over T, are together one division by the nodes.
        parts = _transform(_AT / years, h, drift, risk) * (_WEIGHTS / _AT)
        value = float(np.sum(parts.real))
    return min(max(value, 0.0), 1.0)


def _transform(s: Any, h: float, drift: float, risk: float) -> Any:
    """Return the Laplace transform of the first time of a drawdown `h`, without overflow."""
    m = drift / risk**2
    delta = np.sqrt(m * m + 2.0 * s / risk**2)
    below = (delta - m) + (delta + m) * np.exp(-2.0 * delta * h)
    return 2.0 * delta * np.exp(-(delta + m) * h) / below


def _along_line(h: float, drift: float, risk: float, years: float) -> float:
    """Return the inverse by the trapezoidal rule on a vertical line.

    The rule repeats the law after twenty times the span, damped by e^−30.
    """
    half_period = 10.0 * years
    shift, step = 1.5 / years, math.pi / half_period
    top = step
    while abs(_transform(shift + 1j * top, h, drift, risk)) > 1e-16 and top < 1e5 * step:
        top *= 2.0
    nodes = shift + 1j * np.arange(round(top / step) + 1) * step
    terms = (_transform(nodes, h, drift, risk) / nodes * np.exp(nodes * years)).real
    return float((terms.sum() - 0.5 * terms[0]) / half_period)


def emdd_q_function(sign: Literal["positive", "negative", "zero"], x: float) -> float:
    """Return the function Q of the expected maximum drawdown.

    The tables that circulate are off by up to half a per cent; this is exact to about 1e-9.

    Args:
        sign: Of the drift.
        x: μ²T/(2σ²), above 0.

    Returns:
        Q with E[MDD] = (2σ²/|μ|)·Q(x).

    Source:
        Magdon-Ismail, Atiya, Pratap and Abu-Mostafa 2004.
    """
    at = positive(x, "x")
    if sign == "positive":
        if at > EXACT_UP_TO:
            return 0.25 * _poisson_mean(at)
        return _mean(1.0, at)
    if sign == "negative":
        return at + 0.5 if at > 50.0 else _mean(-1.0, at)
    if sign == "zero":
        return math.sqrt(math.pi * at) / 2.0
    raise ValueError(f"sign: positive, negative or zero is needed, not {sign!r}")


def _poisson_mean(x: float) -> float:
    """Return 4·Q for a long time: the largest of drawdowns that come at random moments."""

    def exceeded(level: float) -> float:
        return -math.expm1(-4.0 * x / (math.expm1(level) - level)) if level > 0.0 else 1.0

    top = math.log(4.0 * x)
    below, _ = quad(exceeded, 0.0, top, epsabs=1e-11, limit=200)
    above, _ = quad(exceeded, top, top + 45.0, epsabs=1e-11, limit=200)
    return float(below + above)


def _mean(drift: float, years: float) -> float:
    """Return the mean of the largest drawdown for a variance of one half."""
    middle = max(math.sqrt(years), years if drift < 0.0 else 0.0)
    points, weights = np.polynomial.legendre.leggauss(64)
    top = middle
    while prob_mdd_exceeds_bm(top, drift, math.sqrt(0.5), years) > 1e-13:
        top *= 1.5
    total, panels = 0.0, 8
    for left in np.arange(panels) * (top / panels):
        h = left + (points + 1.0) * (top / panels / 2.0)
        law: FloatArray = prob_mdd_exceeds_bm(h, drift, math.sqrt(0.5), years)
        total += float(np.sum(weights * law)) * top / panels / 2.0
    return total


def expected_max_drawdown_bm(mu: float, sigma: float, T: float) -> float:  # noqa: N803
    """Return the mean of the largest drawdown of a Brownian motion.

    Args:
        mu: Drift a year; of log wealth θv − v²/2.
        sigma: Volatility a year, above 0.
        T: Years, above 0.

    Returns:
        In the unit of the motion; for log wealth a fraction is 1 − e^−x.
    """
    drift, risk, years = finite(mu, "mu"), positive(sigma, "sigma"), positive(T, "T")
    x = drift**2 * years / (2.0 * risk**2)
    if x < 1e-12:
        return math.sqrt(math.pi / 2.0 * years) * risk
    return (
        2.0 * risk**2 / abs(drift) * emdd_q_function("positive" if drift > 0.0 else "negative", x)
    )


def prob_mdd_below_gbm(
    sharpe: float,
    annual_vol: float,
    drawdown: float,
    years: float,
    monitoring: Literal["continuous", "daily"] = "daily",
    steps_per_year: float = 252.0,
) -> float:
    """Return the probability that the largest drawdown of wealth stays below a level.

    Args:
        sharpe: Sharpe ratio a year, in excess of cash.
        annual_vol: Held all the time, above 0.
        drawdown: Fraction in (0, 1).
        years: Above 0.
        monitoring: Whether every moment counts, or closes only.
        steps_per_year: Closes a year, 252 for sessions, 365 for coins.

    Source:
        Taylor 1975; the shift after Broadie, Glasserman and Kou 1999.
    """
    risk = positive(annual_vol, "annual_vol")
    level = -math.log1p(-within(drawdown, "drawdown", 0.0, 1.0))
    if monitoring == "daily":
        level += 2.0 * CLOSES * risk / math.sqrt(positive(steps_per_year, "steps_per_year"))
    elif monitoring != "continuous":
        raise ValueError(f"monitoring: continuous or daily is needed, not {monitoring!r}")
    drift = finite(sharpe, "sharpe") * risk - risk**2 / 2.0
    return 1.0 - float(prob_mdd_exceeds_bm(level, drift, risk, years))


def mean_time_to_drawdown(mu: float, sigma: float, h: float) -> float:
    """Return the years after which a Brownian motion is, on average, `h` below its peak.

    Args:
        mu: Drift a year.
        sigma: Volatility a year, above 0.
        h: Level above 0, in the unit of the motion.

    Returns:
        Years; infinity where they overflow.
    """
    drift, risk, level = finite(mu, "mu"), positive(sigma, "sigma"), positive(h, "h")
    # (e^x − 1 − x)·2/x² without the cancellation that a small drift would bring.
    return (level / risk) ** 2 * float(hyp1f1(1.0, 3.0, 2.0 * drift * level / risk**2))


def max_vol_for_drawdown_budget(
    sharpe: float,
    drawdown: float,
    years: float,
    probability: float,
    steps_per_year: float = 252.0,
) -> float:
    """Return the largest volatility whose drawdown stays below a level with a probability.

    Args:
        sharpe: Sharpe ratio a year, in excess of cash.
        drawdown: Fraction in (0, 1), on closes.
        years: Above 0.
        probability: In (0, 1).
        steps_per_year: Closes a year.

    Returns:
        Volatility a year; the first at which the probability is no longer met, searched from small
        ones upwards. Infinity where it is met up to 10,000 %.
    """
    wanted = within(probability, "probability", 0.0, 1.0)

    def surplus(vol: float) -> float:
        held = prob_mdd_below_gbm(sharpe, vol, drawdown, years, "daily", steps_per_year)
        return held - wanted

    low = 0.01 * within(drawdown, "drawdown", 0.0, 1.0) / math.sqrt(positive(years, "years"))
    high = low * 1.1
    while surplus(high) >= 0.0:
        low, high = high, high * 1.1
        if high > 100.0:
            return math.inf
    return float(brentq(surplus, low, high, xtol=1e-12, rtol=1e-12))
