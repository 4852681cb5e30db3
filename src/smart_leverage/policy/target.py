"""What a monthly target asks for: daily and yearly rates, win rates, Sharpe ratios, limits."""

import math

from smart_leverage.policy.arithmetic import exponential_less_one, normal_cdf
from smart_leverage.rule import rule

MONTHLY = 0.05
"""What a month is meant to bring, fraction; a target, and nothing is promised."""

MONTHS_PER_YEAR = 12.0
DAYS_SLACK = 1e-9
"""A whole number of days that rounding left just below itself still counts as whole."""


@rule
def monthly_target_amount(equity: float, monthly: float) -> float:
    """Return the money that a monthly return of `monthly` makes of `equity`; NaN stays NaN.

    Args:
        equity: Account currency.
        monthly: Fraction.
    """
    return equity * monthly


@rule
def daily_simple(monthly: float, days: float) -> float:
    """Return a month's return spread evenly over its days; NaN without days."""
    if not days > 0.0:
        return math.nan
    return monthly / days


@rule
def daily_compound(monthly: float, days: float) -> float:
    """Return the daily return that compounds to a month's.

    Args:
        monthly: Fraction. At or below −1 nothing is left to compound: NaN.
        days: Days that trade in a month: 22 or 21 sessions, 30.4375 for coins. Not positive: NaN.
    """
    if not (monthly > -1.0 and days > 0.0):
        return math.nan
    return exponential_less_one(math.log1p(monthly) / days)


@rule
def annual_compound(monthly: float) -> float:
    """Return what a monthly return compounds to in a year; NaN below a total loss."""
    if monthly == -1.0:
        return -1.0
    if not monthly > -1.0:
        return math.nan
    return exponential_less_one(MONTHS_PER_YEAR * math.log1p(monthly))


@rule
def required_sleeve_return(monthly: float, allocation: float) -> float:
    """Return what a part of the account must earn a month for the whole to earn `monthly`.

    Args:
        monthly: Return of the whole, fraction.
        allocation: Share of equity in the part. Not positive or NaN: no return is enough, infinity.
    """
    if not allocation > 0.0:
        return math.inf
    return monthly / allocation


@rule
def required_sleeve_sharpe(monthly: float, allocation: float, sleeve_annual_vol: float) -> float:
    """Return the yearly mean return over volatility that the part needs; infinity without risk.

    Args:
        monthly: Return of the whole, fraction. NaN stays NaN.
        allocation: Share of equity in the part. NaN or not positive: infinity.
        sleeve_annual_vol: Volatility of the part, annualised. NaN or not positive: infinity.
    """
    risk = allocation * sleeve_annual_vol
    if not (allocation > 0.0 and risk > 0.0):
        return math.inf
    return MONTHS_PER_YEAR * monthly / risk


@rule
def breakeven_win_rate(payoff_ratio: float, cost_in_loss_units: float) -> float:
    """Return the win rate at which trades neither earn nor lose.

    Args:
        payoff_ratio: Mean win over mean loss. Negative or NaN: no win rate is enough, infinity.
        cost_in_loss_units: Cost of a trade over the mean loss.

    Returns:
        Fraction; above 1.0 when costs eat every win.
    """
    if not payoff_ratio >= 0.0:
        return math.inf
    return (1.0 + cost_in_loss_units) / (1.0 + payoff_ratio)


@rule
def required_win_rate_simple(
    monthly: float,
    trades_per_month: float,
    risk_fraction: float,
    payoff_ratio: float,
    cost_in_loss_units: float,
) -> float:
    """Return the win rate that earns a monthly return, gains not reinvested.

    Args:
        monthly: Return of the account, fraction.
        trades_per_month: Closed trades.
        risk_fraction: Share of equity that one losing trade costs.
        payoff_ratio: Mean win over mean loss.
        cost_in_loss_units: Cost of a trade over the mean loss.

    Returns:
        Fraction; above 1.0 the target is out of reach; infinity where nothing is risked or that is
        NaN, unknown; NaN where only the return or the cost is.
    """
    risked = trades_per_month * risk_fraction
    if not (trades_per_month > 0.0 and risked > 0.0 and payoff_ratio >= 0.0):
        return math.inf
    return (1.0 + cost_in_loss_units + monthly / risked) / (1.0 + payoff_ratio)


@rule
def required_win_rate_log(
    monthly: float, trades_per_month: float, risk_fraction: float, payoff_ratio: float
) -> float:
    """Return the win rate whose expected log growth reaches a monthly return.

    Args:
        monthly: Return of the account, fraction above −1.
        trades_per_month: Closed trades, above 0.
        risk_fraction: Share of equity that one losing trade costs, in (0, 1).
        payoff_ratio: Mean win over mean loss, at least 0.

    Returns:
        Fraction; above 1.0 the target is out of reach; infinity outside of these ranges or for NaN.
    """
    if not (monthly > -1.0 and trades_per_month > 0.0 and payoff_ratio >= 0.0):
        return math.inf
    if not 0.0 < risk_fraction < 1.0:
        return math.inf
    loss = math.log1p(-risk_fraction)
    span = math.log1p(risk_fraction * payoff_ratio) - loss
    return (math.log1p(monthly) / trades_per_month - loss) / span


@rule
def consecutive_days_to_monthly_limit(daily_limit: float, monthly_limit: float) -> float:
    """Return how many days in a row at the daily limit lose more than the monthly limit.

    Args:
        daily_limit: Loss of one day, positive fraction below 1.
        monthly_limit: Loss of a month, positive fraction below 1.

    Returns:
        A whole number; infinity where days at the daily limit never pass the monthly one, and
        where a limit is NaN.
    """
    if not (daily_limit > 0.0 and monthly_limit >= 0.0):
        return math.inf
    if monthly_limit >= 1.0:
        return math.inf
    if daily_limit >= 1.0:
        return 1.0
    days = math.log1p(-monthly_limit) / math.log1p(-daily_limit) + DAYS_SLACK
    if not days < 1e15:  # beyond this a float has no room for a fraction of a day
        return days
    return math.floor(days) + 1.0


@rule
def two_month_drawdown_at_monthly_limit(monthly_loss: float, months: int) -> float:
    """Return the drawdown after losing the same fraction in each of so many months in a row.

    Two months just inside a limit of 8 % are a drawdown of 15 %: the monthly limit alone does not
    hold a drawdown target.

    Args:
        monthly_loss: Positive fraction; 1 or more loses everything, NaN stays NaN.
        months: Not positive: 0.0.
    """
    if months <= 0:
        return 0.0
    if monthly_loss >= 1.0:
        return 1.0
    return -exponential_less_one(months * math.log1p(-monthly_loss))


@rule
def daily_trigger_probability(exposure: float, limit: float, daily_vol: float) -> float:
    """Return how likely one day's loss reaches a limit, for normal returns with mean zero.

    Args:
        exposure: Share of the equity that the limit is measured against; 1.0 when the limit counts
            from the position's own value. Nothing held: 0.0.
        limit: Loss as a positive fraction.
        daily_vol: Standard deviation of one day's return.

    Returns:
        Probability in [0, 1]; 1.0 when something is NaN, unknown.
    """
    if exposure == 0.0:
        return 0.0
    risk = abs(exposure) * daily_vol
    if not (risk > 0.0 and limit >= 0.0):
        return 1.0
    return normal_cdf(-limit / risk)


@rule
def chance_of_month(needed: float, days: float, mean: float, deviation: float) -> float:
    """Return the probability that so many days make what is needed, if they are like the others.

    Args:
        needed: Return that is still missing, fraction above −1.
        days: Days left, 0 or more.
        mean: Of log returns a day.
        deviation: Standard deviation of log returns a day, 0 or more.

    Returns:
        Probability in [0, 1]; NaN when anything is NaN or out of range. Days are taken to be
        independent and normal, so it says nothing of the tails.
    """
    if not (needed > -1.0 and days >= 0.0 and deviation >= 0.0 and mean == mean):
        return math.nan
    missing = math.log1p(needed) - mean * days
    risk = deviation * math.sqrt(days)
    if not risk > 0.0:
        return 1.0 if missing <= 0.0 else 0.0
    return normal_cdf(-missing / risk)
