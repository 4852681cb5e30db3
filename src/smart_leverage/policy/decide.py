"""The one decision: how many lots are allowed, and which bound bit first."""

import math
from typing import NamedTuple

from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.caps import GroupCaps, exposure_of, headroom, lots_within
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.sizing import is_sizing_input_sane, position_size
from smart_leverage.policy.tier import Caps, Tier, tier_caps
from smart_leverage.rule import rule


class Account(NamedTuple):
    """The account at the decision; money in account currency, NaN means unknown.

    `*_worst` is worst-case exposure: positions plus open and unknown orders.
    """

    state: TradingState
    breakers: BreakerState
    tier: Tier
    equity: float
    crypto_worst: float
    leveraged_worst: float
    gross_worst: float
    power: float


class Asset(NamedTuple):
    """The asset at the decision; `lot_value` is the money that one lot adds to the worst case.

    `lot_cost` is the money that one lot takes from `power`, costs included.
    """

    lot_value: float
    lot_cost: float
    is_crypto: bool
    is_leveraged: bool
    is_broad: bool
    is_fresh: bool
    is_tradable: bool
    is_locked: bool
    is_deleveraging: bool
    worst: float
    lots_held: int
    lots_selling: int
    lots_step: int
    lots_min: int


class Proposal(NamedTuple):
    """What is wanted: `lots` of 0 lets the policy size a buy.

    `bot_room` is the money left under the bot's own share, infinity when it has none.
    """

    is_buy: bool
    lots: int
    confidence: float
    volatility_ratio: float
    bot_room: float


class Decision(NamedTuple):
    """The answer: lots allowed, the bound that bit first, its value and what asked would make.

    `bound` and `would_be` are fractions of equity for caps, money for sizes and buying power,
    lots for quantities. `size` is the policy's own size in money, offered even when not binding.
    """

    lots: int
    reason: Reason
    bound: float
    would_be: float
    size: float


@rule
def group_cap(asset: Asset, caps: Caps, gross: float) -> float:
    """Return the cap from which a position is sized: that of the tightest group it counts in."""
    if asset.is_crypto:
        return caps.crypto
    if asset.is_leveraged:
        return caps.leveraged
    return gross


@rule
def refusal(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> Reason:
    """Return why an increase is out of the question whatever its size, or NONE."""
    if account.state == TradingState.FROZEN:
        return Reason.FROZEN
    if account.state == TradingState.HALTED:
        return Reason.HALTED
    if account.breakers.is_month_tripped:
        return Reason.BREAKER_MONTH
    if account.breakers.is_day_tripped:
        return Reason.BREAKER_DAY
    if account.state != TradingState.ACTIVE:
        return Reason.REDUCING
    if not (account.equity > 0.0 and account.equity < math.inf):
        return Reason.NO_EQUITY
    if not (asset.is_fresh and asset.lot_value > 0.0 and asset.lot_value < math.inf):
        return Reason.NO_PRICE
    if not asset.is_tradable:
        return Reason.MARKET_CLOSED
    if asset.is_locked:
        return Reason.ASSET_LOCKED
    if asset.is_deleveraging:
        return Reason.DELEVERAGING
    if not is_sizing_input_sane(proposal.confidence, proposal.volatility_ratio, policy.sizing):
        return Reason.BAD_INPUT
    return Reason.NONE


@rule
def tighten(
    decision: Decision, lots: int, reason: Reason, bound: float, would_be: float
) -> Decision:
    """Return the tighter of a decision and one more bound; ties stay with the earlier bound."""
    if lots >= decision.lots:
        return decision
    return Decision(lots=lots, reason=reason, bound=bound, would_be=would_be, size=decision.size)


@rule
def within_group(
    answer: Decision,
    asset: Asset,
    asked: int,
    reason: Reason,
    cap: float,
    worst: float,
    equity: float,
) -> Decision:
    """Return a decision tightened to the headroom of one capped group."""
    return tighten(
        answer,
        lots_within(headroom(cap, equity, worst), asset.lot_value),
        reason,
        cap,
        exposure_of(worst + asked * asset.lot_value, equity),
    )


@rule
def within_caps(
    answer: Decision, account: Account, asset: Asset, asked: int, caps: Caps, groups: GroupCaps
) -> Decision:
    """Return a decision tightened to every group the asset counts in."""
    equity = account.equity
    symbol_cap = groups.symbol_broad if asset.is_broad else groups.symbol
    if asset.is_crypto:
        answer = within_group(
            answer, asset, asked, Reason.CAP_CRYPTO, caps.crypto, account.crypto_worst, equity
        )
    if asset.is_leveraged:
        answer = within_group(
            answer,
            asset,
            asked,
            Reason.CAP_LEVERAGED,
            caps.leveraged,
            account.leveraged_worst,
            equity,
        )
    answer = within_group(
        answer, asset, asked, Reason.CAP_GROSS, groups.gross, account.gross_worst, equity
    )
    return within_group(answer, asset, asked, Reason.CAP_SYMBOL, symbol_cap, asset.worst, equity)


@rule
def within_means(
    answer: Decision, account: Account, asset: Asset, asked: int, bot_room: float
) -> Decision:
    """Return a decision tightened to the bot's share and to what can be paid for."""
    if bot_room < math.inf:
        answer = tighten(
            answer,
            lots_within(bot_room, asset.lot_value),
            Reason.CAP_BOT,
            bot_room,
            asked * asset.lot_value,
        )
    return tighten(
        answer,
        lots_within(account.power, asset.lot_cost),
        Reason.BUYING_POWER,
        account.power,
        asked * asset.lot_cost,
    )


@rule
def decide_increase(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> Decision:
    """Return how many lots may be bought."""
    no = refusal(account, asset, proposal, policy)
    if no != Reason.NONE:
        return Decision(lots=0, reason=no, bound=0.0, would_be=0.0, size=0.0)
    caps = tier_caps(account.tier, policy.tiers)
    cap = group_cap(asset, caps, policy.groups.gross)
    size = position_size(
        account.equity, cap, proposal.confidence, proposal.volatility_ratio, policy.sizing
    )
    asked = proposal.lots
    if asked <= 0:
        if not size - asset.worst > size * policy.sizing.top_up_min:
            return Decision(lots=0, reason=Reason.SIZE, bound=size, would_be=asset.worst, size=size)
        asked = lots_within(size - asset.worst, asset.lot_value)
    answer = Decision(lots=asked, reason=Reason.NONE, bound=0.0, would_be=0.0, size=size)
    answer = within_caps(answer, account, asset, asked, caps, policy.groups)
    answer = within_means(answer, account, asset, asked, proposal.bot_room)
    return at_least_minimum(answer, asset)


@rule
def at_least_minimum(decision: Decision, asset: Asset) -> Decision:
    """Round down to the step of the asset and refuse what is too small to be an order."""
    if asset.lots_step < 1:
        return Decision(lots=0, reason=Reason.BAD_INPUT, bound=1.0, would_be=0.0, size=0.0)
    lots = decision.lots - decision.lots % asset.lots_step
    if lots >= asset.lots_min and lots > 0:
        return Decision(
            lots=lots,
            reason=decision.reason,
            bound=decision.bound,
            would_be=decision.would_be,
            size=decision.size,
        )
    if decision.reason != Reason.NONE:
        return Decision(
            lots=0,
            reason=decision.reason,
            bound=decision.bound,
            would_be=decision.would_be,
            size=decision.size,
        )
    return Decision(
        lots=0,
        reason=Reason.MINIMUM,
        bound=float(asset.lots_min),
        would_be=float(decision.lots),
        size=decision.size,
    )


@rule
def decide_decrease(account: Account, asset: Asset, proposal: Proposal) -> Decision:
    """Return how many lots may be sold: whatever is held and not being sold already.

    Neither a cap nor a breaker nor missing data stands in the way; only FREEZE does.
    """
    if account.state == TradingState.FROZEN:
        return Decision(lots=0, reason=Reason.FROZEN, bound=0.0, would_be=0.0, size=0.0)
    free = asset.lots_held - asset.lots_selling
    if free < 0:
        free = 0
    asked = proposal.lots
    if asked <= 0:
        asked = free
    lots = asked
    reason = Reason.NONE
    if free < asked or free <= 0:
        lots = free
        reason = Reason.NOT_HELD
    return Decision(lots=lots, reason=reason, bound=float(free), would_be=float(asked), size=0.0)


@rule
def decide(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> Decision:
    """Return how many lots are allowed and which bound bit first.

    Args:
        account: State, tier, equity and worst cases.
        asset: Value, groups and holdings.
        proposal: Side, lots asked (0 lets the policy size) and evidence.
        policy: All numbers.

    Returns:
        The decision; `reason` is NONE when all that was asked is allowed. Never raises.
    """
    if proposal.is_buy:
        return decide_increase(account, asset, proposal, policy)
    return decide_decrease(account, asset, proposal)
