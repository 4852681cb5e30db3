"""What a trade costs: spread and slippage, venue fees by volume, regulatory fees on stocks."""

import math
from typing import NamedTuple

from smart_leverage.fills.market import Side, is_price
from smart_leverage.rule import rule

STEPS_MAX = 9007199254740992.0
STEPS_SLACK = 1e-9
"""A whole number of cents that rounding left just above itself is not rounded up once more."""

Edges = tuple[float, float, float, float, float, float, float]
Rates = tuple[float, float, float, float, float, float, float, float]


class Costs(NamedTuple):
    """Costs of one asset class, all as fractions of the price or of the traded value."""

    half_spread: float
    slippage: float
    fee_maker: float
    fee_taker: float


class StockFees(NamedTuple):
    """Regulatory fees of a US stock trade in dollars; all zero is a paper account."""

    sec_per_dollar_sold: float = 0.0
    taf_per_share_sold: float = 0.0
    taf_max: float = 0.0
    """Largest TAF of one trade; 0 sets no bound."""
    cat_per_share: float = 0.0
    step: float = 0.01
    """Each fee is rounded up to this; 0 leaves it as it is."""


STOCK_FEES_2026 = StockFees(
    sec_per_dollar_sold=20.60e-6,
    taf_per_share_sold=0.000195,
    taf_max=9.79,
    cat_per_share=0.000003,
    step=0.01,
)
"""What a live account pays from 2026-04-04 on, by the broker's fee schedule."""

STOCK_FEES_2027 = STOCK_FEES_2026._replace(taf_per_share_sold=0.000232, taf_max=11.61)
"""The TAF announced for 2027."""


class CostModel(NamedTuple):
    """What the research and the simulated broker charge; spread and slippage are assumptions.

    The coins' fee is the first row of the venue's table; measure spread and slippage from your own
    fills before you believe a result.
    """

    stock: Costs = Costs(half_spread=0.0001, slippage=0.0001, fee_maker=0.0, fee_taker=0.0)
    crypto: Costs = Costs(half_spread=0.0005, slippage=0.0005, fee_maker=0.0015, fee_taker=0.0025)
    stock_fees: StockFees = StockFees()


class FeeSchedule(NamedTuple):
    """Fees by the traded value of the last 30 days: one rate more than there are edges."""

    volume: Edges = (100e3, 500e3, 1e6, 10e6, 25e6, 50e6, 100e6)
    maker: Rates = (0.0015, 0.0012, 0.0010, 0.0008, 0.0005, 0.0002, 0.0002, 0.0)
    taker: Rates = (0.0025, 0.0022, 0.0020, 0.0018, 0.0015, 0.0013, 0.0012, 0.0010)


class Fee(NamedTuple):
    """What is taken from the proceeds: account currency, or units of the coin just bought."""

    cash: float
    coins: float


@rule
def costs_of(is_crypto: bool, model: CostModel) -> Costs:
    """Return the costs of the asset class."""
    return model.crypto if is_crypto else model.stock


@rule
def crypto_fee_tier(volume_30d: float, at: FeeSchedule) -> int:
    """Return the row of the fee table, from 0; an edge itself still pays the dearer row.

    Args:
        volume_30d: Value traded in the last 30 days. NaN counts as none.
        at: The table.
    """
    tier = 0
    for edge in at.volume:
        if volume_30d > edge:
            tier += 1
    return tier


@rule
def crypto_fee_rate(volume_30d: float, is_maker: bool, at: FeeSchedule) -> float:
    """Return the venue's fee for coins as a fraction of the traded value."""
    tier = crypto_fee_tier(volume_30d, at)
    return at.maker[tier] if is_maker else at.taker[tier]


@rule
def rounded_up(amount: float, step: float) -> float:
    """Return an amount rounded up to a whole number of steps; 0.0 for nothing, NaN or less."""
    if not amount > 0.0:
        return 0.0
    if not step > 0.0:
        return amount
    steps = amount / step
    if not steps < STEPS_MAX:
        return amount
    return math.ceil(steps - STEPS_SLACK) * step


@rule
def crypto_fee(side: Side, quantity: float, price: float, rate: float) -> Fee:
    """Return the venue's fee for coins: it is taken from what the trade credits.

    A buy therefore holds fewer coins than were filled; a sale of the filled quantity would be
    refused.

    Args:
        side: Direction.
        quantity: Coins traded, positive. NaN or not positive: no fee.
        price: Fill price. NaN or not positive: no fee.
        rate: Fraction of the traded value. NaN or not positive: no fee.
    """
    if not (is_price(price) and 0.0 < quantity < math.inf and 0.0 < rate < math.inf):
        return Fee(cash=0.0, coins=0.0)
    if side == Side.BUY:
        return Fee(cash=0.0, coins=quantity * rate)
    return Fee(cash=quantity * price * rate, coins=0.0)


@rule
def stock_fee(side: Side, quantity: float, price: float, at: StockFees) -> float:
    """Return the regulatory fees of a stock trade in dollars, each rounded up by itself.

    Args:
        side: Direction; a buy pays only for the audit trail.
        quantity: Shares traded, positive. NaN or not positive: 0.0.
        price: Fill price. NaN or not positive: 0.0.
        at: The rates.
    """
    if not (is_price(price) and 0.0 < quantity < math.inf):
        return 0.0
    fee = rounded_up(quantity * at.cat_per_share, at.step)
    if side == Side.BUY:
        return fee
    activity = quantity * at.taf_per_share_sold
    if activity > at.taf_max > 0.0:
        activity = at.taf_max
    sold = rounded_up(quantity * price * at.sec_per_dollar_sold, at.step)
    return fee + rounded_up(activity, at.step) + sold


@rule
def trade_fee(
    is_crypto: bool, side: Side, is_maker: bool, quantity: float, price: float, model: CostModel
) -> Fee:
    """Return all fees of one fill.

    Args:
        is_crypto: Whether a coin is traded.
        side: Direction.
        is_maker: Whether the order waited in the book.
        quantity: Units traded, positive.
        price: Fill price.
        model: The rates; `crypto_fee_rate` gives those of coins for a larger volume.
    """
    costs = costs_of(is_crypto, model)
    rate = costs.fee_maker if is_maker else costs.fee_taker
    if is_crypto:
        return crypto_fee(side, quantity, price, rate)
    regulatory = stock_fee(side, quantity, price, model.stock_fees)
    commission = crypto_fee(Side.SELL, quantity, price, rate).cash
    return Fee(cash=commission + regulatory, coins=0.0)
