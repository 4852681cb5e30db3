"""What no way of sizing can pass: closed forms for reaching a target above a floor.

They assume a known Sharpe ratio, continuous trading and no cost, so reality stays below them.
"""

import math

from scipy.special import ndtr, ndtri

from smart_leverage.research.numbers import finite, positive, whole, within

MONTHS = 12.0


def prob_month_at_least_gbm(sharpe: float, annual_vol: float, monthly: float) -> float:
    """Return the probability that a month earns a return, at a constant volatility.

    Args:
        sharpe: Sharpe ratio a year, in excess of cash.
        annual_vol: Above 0.
        monthly: Return, fraction above −1.
    """
    theta, vol = finite(sharpe, "sharpe"), positive(annual_vol, "annual_vol")
    goal = math.log1p(within(monthly, "monthly", -1.0, math.inf))
    drift = (theta * vol - vol * vol / 2.0) / MONTHS
    return float(ndtr((drift - goal) / (vol / math.sqrt(MONTHS))))


def goal_probability_upper_bound(sharpe: float, years: float, floor: float, target: float) -> float:
    """Return how likely the best conceivable sizing reaches a target before a floor, in time.

    The floor is fixed. One that trails the peak is stricter, so this bounds it as well.

    Args:
        sharpe: Sharpe ratio a year, known.
        years: Until the deadline, 0 or more.
        floor: Wealth never to be touched, from 0 to below 1, where the start is 1.
        target: Wealth to reach, above the floor; at 1 or below it is reached.

    Source:
        Browne 1999.
    """
    lowest = finite(floor, "floor")
    if not 0.0 <= lowest < 1.0:
        raise ValueError(f"floor: a number from 0 to below 1 is needed, not {floor}")
    goal, time = within(target, "target", lowest, math.inf), finite(years, "years")
    if time < 0.0:
        raise ValueError(f"years: 0 or more is needed, not {years}")
    if goal <= 1.0:
        return 1.0
    start = (1.0 - lowest) / (goal - lowest)
    return float(ndtr(ndtri(start) + finite(sharpe, "sharpe") * math.sqrt(time)))


def twelve_month_streak_upper_bound(
    sharpe: float, monthly: float, drawdown: float, months: int = 12
) -> float:
    """Return how likely the best sizing makes every one of several months without the drawdown.

    Args:
        sharpe: Sharpe ratio a year, known.
        monthly: Return of each month, fraction above 0.
        drawdown: Fraction in (0, 1).
        months: In a row.
    """
    gain, fall = positive(monthly, "monthly"), within(drawdown, "drawdown", 0.0, 1.0)
    one = goal_probability_upper_bound(sharpe, 1.0 / MONTHS, 1.0 - fall, 1.0 + gain)
    return float(one ** whole(months, "months", 1))
