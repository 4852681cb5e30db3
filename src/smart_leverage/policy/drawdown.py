"""How much exposure the distance to a floor under the peak allows, so that the floor holds.

At the floor nothing is held; that is what keeps it. Between two decisions exposure does not move,
so a single loss of the sleeve beyond 1 ÷ multiplier still goes through: `gap_cap` says what to hold
at most.
"""

import math

from smart_leverage.policy.arithmetic import finite_or_zero
from smart_leverage.rule import rule

MONTHS_PER_YEAR = 12.0


@rule
def surplus_exposure(multiplier: float, alpha: float, wealth: float, peak: float) -> float:
    """Return exposure in proportion to the surplus over a floor at a fraction of the peak.

    Args:
        multiplier: Exposure per unit of surplus, above 0.
        alpha: Floor as a fraction of the peak, 1 − permitted drawdown.
        wealth: Equity now, account currency, above 0.
        peak: Best equity so far, the present one included.

    Returns:
        k·max(0, 1 − α·peak/equity), fraction of equity; 0.0 when anything is NaN or there is
        nothing.

    Source:
        Grossman and Zhou 1993; Cvitanić and Karatzas 1995.
    """
    if not (multiplier > 0.0 and alpha >= 0.0 and wealth > 0.0 and peak > 0.0):
        return 0.0
    return finite_or_zero(multiplier * (1.0 - alpha * (peak / wealth)))


@rule
def cushion_exposure(multiplier: float, floor: float, wealth: float, exposure_cap: float) -> float:
    """Return exposure in proportion to the cushion over a floor in money, up to a cap.

    With a fixed floor this is constant-proportion insurance, with a floor at a fraction of the
    peak it is its time-invariant form.

    Args:
        multiplier: Exposure per unit of cushion, above 0.
        floor: Account currency, 0 or more.
        wealth: Equity now, account currency, above 0.
        exposure_cap: Most exposure, fraction of equity.

    Returns:
        min(cap, m·(W − F)/W), at least 0.0; 0.0 when anything is NaN.

    Source:
        Black and Jones 1987; Estep and Kritzman 1988.
    """
    if not (multiplier > 0.0 and floor >= 0.0 and 0.0 < wealth < math.inf and exposure_cap > 0.0):
        return 0.0
    exposure = finite_or_zero(multiplier * ((wealth - floor) / wealth))
    return exposure if exposure < exposure_cap else exposure_cap


@rule
def surplus_multiplier(
    mu: float, rate: float, sigma: float, alpha: float, risk_tolerance: float
) -> float:
    """Return the multiplier that grows fastest above a floor, for an investor of power utility.

    Args:
        mu: Expected return a year at exposure 1.
        rate: Interest a year.
        sigma: Volatility a year at exposure 1, above 0.
        alpha: Floor as a fraction of the peak, in [0, 1).
        risk_tolerance: γ of a relative risk aversion of 1 − γ, below 1; 0 is growth alone.

    Returns:
        (μ − r)/σ² ÷ (1 − γ(1 − α)); 0.0 without an edge or outside of these ranges.
    """
    variance = sigma * sigma
    aversion = 1.0 - risk_tolerance * (1.0 - alpha)
    if not (sigma > 0.0 and variance > 0.0 and 0.0 <= alpha < 1.0):
        return 0.0
    if not (risk_tolerance < 1.0 and aversion > 0.0):
        return 0.0
    return finite_or_zero((mu - rate) / variance / aversion)


@rule
def gz_growth(sharpe: float, alpha: float) -> float:
    """Return the long-run log growth a year above cash of the surplus rule with Kelly's multiplier.

    Args:
        sharpe: Sharpe ratio a year. NaN stays NaN.
        alpha: Floor as a fraction of the peak.
    """
    return (1.0 - alpha) * sharpe * sharpe / 2.0


@rule
def gz_min_sharpe(monthly: float, max_drawdown: float) -> float:
    """Return the smallest Sharpe ratio that can compound a monthly return under a drawdown.

    It assumes continuous trading, known parameters and all the time in the world, so reality needs
    more.

    Args:
        monthly: Return, fraction.
        max_drawdown: Permitted drawdown, fraction in (0, 1].

    Returns:
        Sharpe ratio a year; 0.0 where nothing is to be earned; infinity without a permitted
        drawdown, and NaN for a NaN return.
    """
    if not max_drawdown > 0.0:
        return math.inf
    if monthly <= 0.0:
        return 0.0
    return math.sqrt(2.0 * MONTHS_PER_YEAR * math.log1p(monthly) / max_drawdown)


@rule
def gap_cap(surplus: float, worst_gap: float) -> float:
    """Return the exposure at which the worst single loss of the sleeve uses up the surplus.

    Args:
        surplus: Fraction of equity above the floor.
        worst_gap: Largest loss of the sleeve between two decisions, positive fraction.

    Returns:
        Fraction of equity; 0.0 without a surplus, or when either is NaN: an unknown gap allows
        nothing.
    """
    if not (surplus > 0.0 and worst_gap > 0.0):
        return 0.0
    return finite_or_zero(surplus / worst_gap)
