"""What borrowed money can carry: maintenance, capacity, and the distance to a forced sale.

Coins are no collateral: they are in the broker's equity but carry nothing, so the model works with
the margin equity, equity without coins. What a broker reports can overstate what it would accept;
`power` therefore takes the smaller of the own figure and the broker's.
"""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.policy.arithmetic import exponential, finite_or_zero, normal_cdf
from smart_leverage.rule import rule

EXPONENT_PRODUCT_MAX = 600.0
"""From here on the reflection term is computed by its asymptotic form; its factors overflow."""


class RuleSet(IntEnum):
    """Which margin regulation the account is under."""

    CASH = 0
    LEGACY_PDT = 1
    """Pattern-day-trader rule: intraday leverage from yesterday's close, needs 25,000."""
    INTRADAY_MARGIN = 2
    """Its replacement since 2026-06-04: intraday leverage from current values, needs 2,000."""


class MarginRates(NamedTuple):
    """Share of a position's value that must be own money; fractions, prices in account currency.

    Source: the broker's margin page of 2026-09-17; FINRA Rule 4210 and Regulatory Notice 09-53 for
    leveraged funds, whose base rate is multiplied by the factor (25 % long, 30 % short).
    """

    price_low: float = 2.50
    price_ordinary: float = 6.00
    long_low: float = 1.00
    long_middle: float = 0.50
    long_ordinary: float = 0.30
    long_per_factor: float = 0.25
    price_short_low: float = 5.00
    short_low: float = 1.00
    short_low_per_share: float = 2.50
    short_ordinary: float = 0.30
    short_per_share: float = 5.00
    short_per_factor: float = 0.30
    concentration_share: float = 0.70
    concentration_debit: float = 100_000.0
    concentrated: float = 0.50
    initial: float = 0.50
    not_marginable: float = 1.00


class MarginTerms(NamedTuple):
    """What the broker lends against margin equity; `multiplier_max` can only lower it."""

    rule_set: RuleSet = RuleSet.INTRADAY_MARGIN
    equity_margin_min: float = 2_000.0
    equity_day_trader_min: float = 25_000.0
    multiplier_overnight: float = 2.0
    multiplier_intraday: float = 4.0
    multiplier_max: float = 4.0
    reserve_not_marginable: float = 2_000.0
    crypto_borrowing: float = 0.0
    """Share of a loan against stock that may buy coins, in [0, 1]; 0 spends own cash only."""


class MarginAccount(NamedTuple):
    """An account as the margin model sees it; account currency."""

    cash: float
    long_value: float
    """Market value of everything held long, coins included."""
    short_value: float
    """Market value of everything held short, as a positive number."""
    crypto_value: float
    """Market value of spot coins; funds that hold coins are securities and do not count here."""
    initial_margin: float
    """Sum of initial rate x value over the securities."""
    maintenance_margin: float
    """Sum of maintenance rate x value over the securities; coins contribute nothing."""
    equity_last: float
    """Equity at the previous close; only the legacy rule set reads it."""
    maintenance_margin_last: float
    power_used_today: float
    is_day_trader: bool


@rule
def maintenance_rate(
    price: float, factor: float, is_short: bool, rate_stated: float, rates: MarginRates
) -> float:
    """Return the share of a position's value that must stay own money.

    Args:
        price: Of one share. NaN or not positive counts as the cheapest band.
        factor: Daily leverage factor of a fund, 1.0 for a plain share, sign ignored. NaN counts as
            not marginable.
        is_short: Whether the position is held short.
        rate_stated: The broker's own rate for this security, fraction; it replaces the table.
            NaN or not positive: none is stated.
        rates: The table.

    Returns:
        Fraction of market value; above 1.0 for cheap shorts, infinite for a short without a price.
    """
    if 0.0 < rate_stated < math.inf:
        return rate_stated
    if is_short:
        return _rate_short(price, factor, rates)
    return _rate_long(price, factor, rates)


@rule
def _rate_leveraged(factor: float, base: float, rates: MarginRates) -> float:
    if abs(factor) <= 1.0:
        return 0.0
    scaled = base * abs(factor)
    return scaled if scaled < rates.not_marginable else rates.not_marginable


@rule
def _rate_long(price: float, factor: float, rates: MarginRates) -> float:
    leveraged = _rate_leveraged(factor, rates.long_per_factor, rates)
    if price > rates.price_ordinary:
        return max(rates.long_ordinary, leveraged)
    if price >= rates.price_low:
        return max(rates.long_middle, leveraged)
    return max(rates.long_low, leveraged)


@rule
def _rate_short(price: float, factor: float, rates: MarginRates) -> float:
    if not price > 0.0:
        return math.inf
    leveraged = _rate_leveraged(factor, rates.short_per_factor, rates)
    if price >= rates.price_short_low:
        return max(rates.short_ordinary, rates.short_per_share / price, leveraged)
    return max(rates.short_low, rates.short_low_per_share / price, leveraged)


@rule
def concentrated_rate(rate: float, share: float, debit: float, rates: MarginRates) -> float:
    """Return the maintenance rate after the broker's surcharge for one dominating security.

    Args:
        rate: Maintenance rate of the security without the surcharge.
        share: Its value over the value of all securities, fraction. NaN counts as dominating.
        debit: Money borrowed, positive. NaN counts as large.
        rates: The table.
    """
    if share < rates.concentration_share or debit < rates.concentration_debit:
        return rate
    return max(rates.concentrated, rate)


@rule
def initial_rate(maintenance: float, is_marginable: bool, rates: MarginRates) -> float:
    """Return the share of a purchase that must be own money to hold it overnight.

    Never below the maintenance rate: a security that must be kept at 75 % cannot be bought at 50 %.

    Args:
        maintenance: Maintenance rate, fraction of market value. NaN counts as not marginable, 1.0.
        is_marginable: Whether the broker lends on it at all.
        rates: The table.
    """
    if not maintenance <= rates.not_marginable:  # also when it is NaN
        return max(rates.not_marginable, maintenance)
    if not is_marginable:
        return rates.not_marginable
    return max(rates.initial, maintenance)


@rule
def account_equity(account: MarginAccount) -> float:
    """Return cash plus long less short market value, account currency; NaN stays NaN."""
    return account.cash + account.long_value - account.short_value


@rule
def margin_equity(account: MarginAccount) -> float:
    """Return the equity that can carry a loan: all of it without the coins; NaN stays NaN."""
    return account_equity(account) - account.crypto_value


@rule
def maintenance_excess(account: MarginAccount) -> float:
    """Return margin equity above maintenance; negative is a margin call, NaN is unknown."""
    return margin_equity(account) - account.maintenance_margin


@rule
def margin_multiplier(account: MarginAccount, terms: MarginTerms) -> float:
    """Return how many times its margin equity the account may hold: 1, 2 or 4 by default.

    NaN equity earns 1.
    """
    equity = account_equity(account)
    if terms.rule_set == RuleSet.CASH or not equity >= terms.equity_margin_min:
        return 1.0
    is_day_trader = account.is_day_trader and equity >= terms.equity_day_trader_min
    if terms.rule_set == RuleSet.INTRADAY_MARGIN or is_day_trader:
        return min(terms.multiplier_intraday, terms.multiplier_max)
    return min(terms.multiplier_overnight, terms.multiplier_max)


@rule
def overnight_capacity(account: MarginAccount, terms: MarginTerms) -> float:
    """Return the value of securities that can still be bought and held over the close.

    Returns:
        Account currency, at least 0.0; the cash where nothing is lent, as on an
        equity of NaN; 0.0 when that is NaN as well.
    """
    if margin_multiplier(account, terms) <= 1.0:
        return finite_or_zero(account.cash)
    free = margin_equity(account) - account.initial_margin
    return finite_or_zero(terms.multiplier_overnight * free)


@rule
def intraday_capacity(account: MarginAccount, terms: MarginTerms) -> float:
    """Return the value of securities that can still be bought and must partly go before the close.

    What exceeds `overnight_capacity` is flat by the end of the session or becomes a margin call.

    Returns:
        Account currency, at least 0.0; equal to `overnight_capacity` where the account has no
        intraday leverage, as on an equity of NaN; 0.0 when the figure is NaN.
    """
    multiplier = margin_multiplier(account, terms)
    if multiplier <= terms.multiplier_overnight:
        return overnight_capacity(account, terms)
    return finite_or_zero(multiplier * maintenance_excess(account))


@rule
def security_capacity(account: MarginAccount, rate: float, terms: MarginTerms) -> float:
    """Return how much of one security can be bought for the day, whatever the multiplier says.

    Args:
        account: The account.
        rate: Maintenance rate of the security: at 75 % the excess carries 1.333 times itself, not
            four times. NaN or not positive counts as 1.0.
        terms: What the broker lends.
    """
    carried = maintenance_excess(account) / _rate_or_one(rate)
    return power(intraday_capacity(account, terms), carried)


@rule
def security_capacity_overnight(account: MarginAccount, rate: float, terms: MarginTerms) -> float:
    """Return how much of one security can be bought and kept; `rate` is its initial rate.

    Account currency; a rate that is NaN or not positive counts as 1.0, an unknown account buys 0.0.
    """
    free = margin_equity(account) - account.initial_margin
    return power(overnight_capacity(account, terms), free / _rate_or_one(rate))


@rule
def _rate_or_one(rate: float) -> float:
    return rate if rate > 0.0 else 1.0


@rule
def non_marginable_buying_power(account: MarginAccount, terms: MarginTerms) -> float:
    """Return what the broker states for assets it does not lend on.

    Returns:
        Account currency, at least 0.0; on an equity of NaN the cash, and 0.0 when that is NaN.

    Source:
        Inferred from five public account payloads of 2023 to 2026; not documented.
    """
    cash = finite_or_zero(account.cash)
    if margin_multiplier(account, terms) <= 1.0:
        return cash
    free = margin_equity(account) - account.initial_margin - terms.reserve_not_marginable
    return max(cash, finite_or_zero(free))


@rule
def crypto_capacity(account: MarginAccount, open_buys: float, terms: MarginTerms) -> float:
    """Return the value of coins that can still be bought.

    A bought coin leaves the margin equity, so the excess over maintenance bounds it even where the
    cash is larger, as it is after a short sale.

    Args:
        account: The account.
        open_buys: Value of open coin purchases which the broker has not taken off the cash yet.
            NaN leaves nothing.
        terms: `crypto_borrowing` is the share of a loan against stock that coins may use.

    Returns:
        Account currency, at least 0.0; 0.0 when unknown.
    """
    cash = finite_or_zero(account.cash)
    lent = non_marginable_buying_power(account, terms)
    funds = min(cash, lent) + terms.crypto_borrowing * finite_or_zero(lent - cash)
    return finite_or_zero(power(funds, maintenance_excess(account)) - open_buys)


@rule
def regt_buying_power(account: MarginAccount, terms: MarginTerms) -> float:
    """Return overnight buying power as the broker states it, on equity with coins inside.

    Account currency; on an equity of NaN the cash, and 0.0 when that is NaN.
    """
    if margin_multiplier(account, terms) <= 1.0:
        return finite_or_zero(account.cash)
    free = account_equity(account) - account.initial_margin
    return finite_or_zero(terms.multiplier_overnight * free)


@rule
def buying_power(account: MarginAccount, terms: MarginTerms) -> float:
    """Return buying power as the broker states it under the account's rule set.

    A reading aid and the simulated broker's figure; it counts coins as collateral, so it is never
    used alone (`power`) and never for coins (`crypto_capacity`). Account currency; on an equity of
    NaN the cash, and 0.0 when that is NaN.
    """
    multiplier = margin_multiplier(account, terms)
    if multiplier <= terms.multiplier_overnight:
        return regt_buying_power(account, terms)
    if terms.rule_set == RuleSet.LEGACY_PDT:
        free = account.equity_last - account.maintenance_margin_last
        return finite_or_zero(multiplier * free - account.power_used_today)
    return finite_or_zero(multiplier * (account_equity(account) - account.maintenance_margin))


@rule
def options_buying_power(account: MarginAccount, terms: MarginTerms) -> float:
    """Return what the broker states for buying options, which it never lends on.

    Account currency; on an equity of NaN at most the cash, 0.0 when that is NaN.
    """
    if terms.rule_set == RuleSet.LEGACY_PDT:
        return finite_or_zero(account_equity(account) - account.initial_margin)
    multiplier = margin_multiplier(account, terms)
    stated = buying_power(account, terms)
    if multiplier > 1.0:
        return stated / multiplier
    return stated


@rule
def implied_maintenance(equity: float, stated_power: float, multiplier: float) -> float:
    """Return the maintenance margin a broker must assume to state this buying power.

    Far from the own figure: the statement is stale, or it treats coins as collateral. NaN when the
    multiplier is not positive.
    """
    if not multiplier > 0.0:
        return math.nan
    return equity - stated_power / multiplier


@rule
def power(own: float, brokers: float) -> float:
    """Return what may be spent: the smaller of the own figure and the broker's.

    Returns:
        At least 0.0; 0.0 when either is NaN.
    """
    if own <= brokers:
        return finite_or_zero(own)
    if brokers < own:
        return finite_or_zero(brokers)
    return 0.0


@rule
def call_distance(account: MarginAccount) -> float:
    """Return how far all securities may fall together until the account is in call.

    Returns:
        Fraction of their prices: 0.0 in call already, infinity where no fall of securities alone
        brings one, as without a loan; NaN where something is unknown.
    """
    excess = maintenance_excess(account)
    lent_on = account.long_value - account.crypto_value - account.maintenance_margin
    if not (excess > -math.inf and lent_on > -math.inf):
        return math.nan
    if excess <= 0.0:
        return 0.0
    distance = excess / lent_on if lent_on > 0.0 else math.inf
    return distance if distance < 1.0 else math.inf


@rule
def liquidation_price_ratio(leverage: float, maintenance: float, is_short: bool) -> float:
    """Return the price, over the entry price, at which equity equals the maintenance margin.

    Args:
        leverage: Position value over equity at entry. NaN gives NaN.
        maintenance: Maintenance rate, fraction of the position's value. NaN gives NaN.
        is_short: Whether the position is held short.

    Returns:
        Ratio; a long one at or above 1.0 is in call when opened. 0.0 for a long position and
        infinity for a short one mean that there is no such price.

    Source:
        Equity = maintenance x value, solved for the price; interest and fees move it.
    """
    if leverage <= 0.0:
        return math.inf if is_short else 0.0
    if is_short:
        return (1.0 + 1.0 / leverage) / (1.0 + maintenance) if maintenance > -1.0 else math.nan
    if leverage <= 1.0:
        return 0.0
    if maintenance >= 1.0:
        return math.inf
    return (1.0 - 1.0 / leverage) / (1.0 - maintenance)


@rule
def prob_touch_barrier(price_ratio: float, drift: float, sigma: float, years: float) -> float:
    """Return the probability that a price falls to a ratio of today's at any time within `years`.

    Args:
        price_ratio: Barrier over today's price; 1.0 or more is touched already, 0.0 or less never.
        drift: Expected return, per year, continuously compounded growth of the mean.
        sigma: Volatility, annualised. Not positive: 1.0 is returned.
        years: Horizon. Not positive: 0.0 below today's price.

    Returns:
        Probability in [0, 1]; 1.0 when something is NaN, unknown.

    Source:
        First passage of a Brownian motion with drift by the reflection principle, watched
        continuously.
    """
    if price_ratio <= 0.0:
        return 0.0
    if not price_ratio < 1.0:
        return 1.0
    if years <= 0.0:
        return 0.0
    variance = sigma * sigma * years
    if not (sigma > 0.0 and 0.0 < variance < math.inf):
        return 1.0
    end = (drift - 0.5 * sigma * sigma) * years
    return _prob_first_passage(math.log(price_ratio), end, variance)


@rule
def _prob_first_passage(barrier: float, end: float, variance: float) -> float:
    if not variance > 0.0:
        return 1.0
    direct = normal_cdf((barrier - end) / math.sqrt(variance))
    probability = direct + _reflected(barrier, end, variance)
    if 0.0 <= probability <= 1.0:
        return probability
    return 1.0


@rule
def _reflected(barrier: float, end: float, variance: float) -> float:
    if not variance > 0.0:
        return math.nan
    deviation = math.sqrt(variance)
    exponent = 2.0 * end * barrier / variance
    z = (barrier + end) / deviation
    if exponent < EXPONENT_PRODUCT_MAX:
        return exponential(exponent) * normal_cdf(z)
    # A huge factor times a tiny tail: both are kept in one exponent, which is never positive.
    z_direct = (barrier - end) / deviation
    inverse = 1.0 / (z * z)
    tail = 1.0 - inverse + 3.0 * inverse * inverse
    return exponential(-0.5 * z_direct * z_direct) * tail / (-z * math.sqrt(2.0 * math.pi))
