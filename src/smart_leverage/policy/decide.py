"""The one decision: how many lots are allowed, and which bound bit first."""

import math
from typing import NamedTuple

from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.caps import GroupCaps, exposure_of, headroom, lots_within, weight_of
from smart_leverage.policy.intraday import Phase, gross_for_entries, is_entry_over
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.sizing import (
    edge_multiplier,
    is_sizing_input_sane,
    position_size,
    size_by_factor,
)
from smart_leverage.policy.tier import Caps, Tier, TierCaps, tier_caps, tighter
from smart_leverage.rule import rule

UNLIMITED = math.inf
"""The room of a bot without a share of its own."""


class Account(NamedTuple):
    """The account at the decision; money in account currency, NaN means unknown.

    `*_worst` is worst-case exposure: positions plus open and unknown orders. Of crypto and of what
    is leveraged it is counted as the caps count it: times the weight of each asset.
    """

    state: TradingState
    breakers: BreakerState
    tier: Tier
    equity: float
    crypto_worst: float
    leveraged_worst: float
    gross_worst: float
    power: float
    exposure: Caps = Caps(crypto=math.inf, leveraged=math.inf)
    """What is earned beside the tier, fractions of equity."""
    breakeven: float = 0.5
    """Win rate at which the trades of this account earn nothing."""
    phase: Phase = Phase.OFF
    """Where the intraday plan stands."""


class Asset(NamedTuple):
    """The asset at the decision; `lot_value` is the money that one lot adds to the worst case.

    `lot_cost` is the money that one lot takes from `power`, costs included. `worst` is the
    worst-case exposure to this asset, account currency. NaN in any of them means unknown and denies
    increases. Lots are whole; orders come in multiples of `lots_step` and are `lots_min` at least.
    Crypto counts as leveraged, whatever `is_leveraged` says. Everything here is market value.
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
    factor: float = 1.0
    """Daily multiple of a fund, signed."""
    is_intraday: bool = False
    """Whether it is held by day only while the intraday plan is on."""


class Proposal(NamedTuple):
    """What is wanted: `lots` of 0 lets the policy size a buy, and sells all that is free.

    `confidence` is a probability in [0, 1]; `volatility_ratio` is realised over usual volatility,
    1.0 is normal. `bot_room` is the money left under the bot's own share, `UNLIMITED` when it has
    none. NaN in any of them means unknown and denies increases.
    """

    is_buy: bool
    lots: int
    confidence: float
    volatility_ratio: float
    bot_room: float
    is_calibrated: bool = False
    """Whether outcomes have shown what the confidence is worth; else it is a claim."""


class Decision(NamedTuple):
    """The answer: lots allowed, the bound that bit first, its value and what asked would make.

    `bound` and `would_be` are fractions of equity for caps, money for sizes, a bot's share and
    buying power, lots for quantities; NaN where the figure itself is unknown, and 0.0 both where
    nothing was counted. `size` is the policy's own size in money, offered even when not binding.
    """

    lots: int
    reason: Reason
    bound: float
    would_be: float
    size: float


@rule
def caps_in_force(account: Account, tiers: TierCaps) -> Caps:
    """Return the caps of the tier, or what is earned where that is less; NaN allows nothing."""
    return tighter(tier_caps(account.tier, tiers), account.exposure)


@rule
def group_cap(asset: Asset, caps: Caps, gross: float) -> float:
    """Return the cap from which a position is sized: that of the tightest group it counts in.

    Args:
        asset: Its groups.
        caps: Caps of the tier, fractions of equity.
        gross: Cap on all positions, fraction of equity.

    Returns:
        Fraction of equity; a cap that is NaN stays NaN and sizes nothing.
    """
    if asset.is_crypto:
        return caps.crypto
    if asset.is_leveraged:
        return caps.leveraged
    return gross


@rule
def counts_as_leveraged(asset: Asset) -> bool:
    """Tell whether an asset counts under the leveraged cap; crypto always does."""
    return asset.is_leveraged or asset.is_crypto


@rule
def weight_in(asset: Asset, policy: Policy) -> float:
    """Return how many times its market value an asset counts in the group that sizes it."""
    if not counts_as_leveraged(asset):
        return 1.0
    return weight_of(asset.factor, policy.exposure.is_look_through)


@rule
def symbol_cap(asset: Asset, groups: GroupCaps) -> float:
    """Return the cap on one asset, fraction of equity: a broad fund without leverage may be more.

    Source:
        Decision 0004.
    """
    if asset.is_broad and not counts_as_leveraged(asset):
        return groups.symbol_broad
    return groups.symbol


@rule
def refusal_of_account(account: Account) -> Reason:
    """Return why the account may add nothing at all, or NONE.

    What a person has to lift stands before what time lifts; an equity that is NaN, infinite or not
    positive comes last.
    """
    if account.state == TradingState.FROZEN:
        return Reason.FROZEN
    if account.state == TradingState.HALTED:
        return Reason.HALTED
    if account.breakers.is_drawdown_tripped:
        return Reason.BREAKER_DRAWDOWN
    if account.breakers.is_month_tripped:
        return Reason.BREAKER_MONTH
    if account.breakers.is_day_tripped:
        return Reason.BREAKER_DAY
    if account.state != TradingState.ACTIVE:
        return Reason.REDUCING
    if not (account.equity > 0.0 and account.equity < math.inf):
        return Reason.NO_EQUITY
    return Reason.NONE


@rule
def refusal(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> Reason:
    """Return why an increase is out of the question whatever its size, or NONE.

    The account is asked first, then the price (NaN, infinite or not positive is none), the asset,
    and last the proposal.
    """
    no = refusal_of_account(account)
    if no != Reason.NONE:
        return no
    if not (asset.is_fresh and asset.lot_value > 0.0 and asset.lot_value < math.inf):
        return Reason.NO_PRICE
    if not asset.is_tradable:
        return Reason.MARKET_CLOSED
    if asset.is_locked:
        return Reason.ASSET_LOCKED
    if is_entry_over(account.phase, asset.is_intraday):
        return Reason.INTRADAY
    if asset.is_deleveraging:
        return Reason.DELEVERAGING
    if proposal.lots < 0 or not weight_in(asset, policy) < math.inf:  # also when it is NaN
        return Reason.BAD_INPUT
    if not is_sizing_input_sane(proposal.confidence, proposal.volatility_ratio, policy.sizing):
        return Reason.BAD_INPUT
    return Reason.NONE


@rule
def tighten(
    decision: Decision, lots: int, reason: Reason, bound: float, would_be: float
) -> Decision:
    """Return the tighter of a decision and one more bound; ties stay with the earlier bound.

    Args:
        decision: The tightest so far.
        lots: Lots that this bound allows.
        reason: Its code.
        bound: Its value, in the unit of the reason.
        would_be: What the asked lots would make, same unit; NaN where that is unknown.
    """
    if lots >= decision.lots:
        return decision
    return Decision(lots=lots, reason=reason, bound=bound, would_be=would_be, size=decision.size)


@rule
def within_group(
    answer: Decision,
    lot_value: float,
    asked: int,
    reason: Reason,
    cap: float,
    worst: float,
    equity: float,
) -> Decision:
    """Return a decision tightened to the headroom of one capped group.

    Args:
        answer: The tightest so far.
        lot_value: What one lot adds to the group, account currency.
        asked: Lots wanted.
        reason: Code of the group.
        cap: Its cap, fraction of equity.
        worst: Its worst case, account currency. NaN leaves no room.
        equity: Account equity, account currency.
    """
    return tighten(
        answer,
        lots_within(headroom(cap, equity, worst), lot_value),
        reason,
        cap,
        exposure_of(worst + asked * lot_value, equity),
    )


@rule
def within_caps(
    answer: Decision, account: Account, asset: Asset, asked: int, caps: Caps, policy: Policy
) -> Decision:
    """Return a decision tightened to every group the asset counts in; NaN leaves no room."""
    equity, groups, lot = account.equity, policy.groups, asset.lot_value
    counted = lot * weight_in(asset, policy)
    if asset.is_crypto:
        answer = within_group(
            answer, counted, asked, Reason.CAP_CRYPTO, caps.crypto, account.crypto_worst, equity
        )
    if counts_as_leveraged(asset):
        answer = within_group(
            answer,
            counted,
            asked,
            Reason.CAP_LEVERAGED,
            caps.leveraged,
            account.leveraged_worst,
            equity,
        )
    gross = gross_for_entries(account.phase, groups.gross, policy.intraday)
    answer = within_group(answer, lot, asked, Reason.CAP_GROSS, gross, account.gross_worst, equity)
    return within_group(
        answer, lot, asked, Reason.CAP_SYMBOL, symbol_cap(asset, groups), asset.worst, equity
    )


@rule
def within_means(
    answer: Decision, account: Account, asset: Asset, asked: int, bot_room: float
) -> Decision:
    """Return a decision tightened to the bot's share and to what can be paid for.

    Args:
        answer: The tightest so far.
        account: `power` that is NaN or infinite pays for nothing.
        asset: What is bought.
        asked: Lots wanted.
        bot_room: Money under the bot's share, `UNLIMITED` without one. NaN is no room.
    """
    if bot_room != UNLIMITED:  # also when it is NaN
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
def shortfall(size: float, worst: float) -> float:
    """Return the money that a position lacks to its size, negative beyond it; NaN stays NaN.

    Args:
        size: The policy's own size, account currency.
        worst: Worst-case exposure to the asset, account currency; a negative one counts as 0.
    """
    if worst < 0.0:
        return size
    return size - worst


@rule
def size_of(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> float:
    """Return the policy's own size of a position, market value; NaN where it has none.

    A size is a part of a cap, so what counts twice under the cap is half as large.
    """
    weight = weight_in(asset, policy)
    cap = group_cap(asset, caps_in_force(account, policy.tiers), policy.groups.gross)
    confidence, ratio = proposal.confidence, proposal.volatility_ratio
    if not policy.edge.is_edge_sized:
        return position_size(account.equity, cap, confidence, ratio, policy.sizing) / weight
    factor = policy.edge.uncalibrated
    if proposal.is_calibrated:
        factor = edge_factor(confidence, account.breakeven, policy)
    else:
        first = group_cap(asset, policy.tiers.learning, policy.groups.gross)
        cap = first if first < cap else cap
    return size_by_factor(account.equity, cap, factor, ratio, policy.sizing) / weight


@rule
def edge_factor(confidence: float, breakeven: float, policy: Policy) -> float:
    """Return the factor of a size by the edge of a calibrated confidence.

    The reference is where an account becomes profitable if that is higher: else one whose many
    small wins pay for few large losses could never trade at all.

    Args:
        confidence: Calibrated probability to win.
        breakeven: Win rate at which trades earn nothing.
        policy: Reference and bounds.
    """
    reference, profitable = policy.edge.reference, breakeven + policy.record.offset
    if profitable > reference:
        reference = profitable
    return edge_multiplier(confidence, breakeven, reference, policy.edge.factor_max)


@rule
def is_sized(size: float, worst: float, top_up_min: float) -> bool:
    """Tell whether a position is so near to its size that no more is bought.

    Args:
        size: The policy's own size, account currency. NaN: yes, for nothing is bought then.
        worst: Worst-case exposure to the asset, account currency. NaN: yes.
        top_up_min: Share of the size that has to be missing.
    """
    return not shortfall(size, worst) > size * top_up_min


@rule
def decide_increase(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> Decision:
    """Return how many lots may be bought; whatever is NaN or missing allows none."""
    no = refusal(account, asset, proposal, policy)
    if no != Reason.NONE:
        return Decision(lots=0, reason=no, bound=0.0, would_be=0.0, size=0.0)
    size = size_of(account, asset, proposal, policy)
    asked = proposal.lots
    if asked == 0:
        if is_sized(size, asset.worst, policy.sizing.top_up_min):
            return Decision(lots=0, reason=Reason.SIZE, bound=size, would_be=asset.worst, size=size)
        asked = lots_within(shortfall(size, asset.worst), asset.lot_value)
    caps = caps_in_force(account, policy.tiers)
    answer = Decision(lots=asked, reason=Reason.NONE, bound=0.0, would_be=0.0, size=size)
    answer = within_caps(answer, account, asset, asked, caps, policy)
    answer = within_means(answer, account, asset, asked, proposal.bot_room)
    return at_least_minimum(answer, asset)


@rule
def at_least_minimum(decision: Decision, asset: Asset) -> Decision:
    """Return a decision in whole steps of the asset, or none where too little is left.

    Rounding to the step is no bound: the reason stays what it was. What cannot be an order keeps
    the reason that cut it; MINIMUM, in lots, is for what was too small when it was asked.
    """
    if asset.lots_step < 1:
        return Decision(
            lots=0,
            reason=Reason.BAD_INPUT,
            bound=1.0,
            would_be=float(asset.lots_step),
            size=decision.size,
        )
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

    Neither a cap nor a breaker nor missing data stands in the way; only FREEZE does. `bound` is
    what is free and `would_be` what was asked, in lots.
    """
    if account.state == TradingState.FROZEN:
        return Decision(lots=0, reason=Reason.FROZEN, bound=0.0, would_be=0.0, size=0.0)
    free = asset.lots_held - asset.lots_selling
    if free > asset.lots_held:  # fewer than none being sold is a miscount; it must not sell short
        free = asset.lots_held
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
        asset: Value, groups, multiple and holdings.
        proposal: Side, lots asked (0 lets the policy size) and evidence.
        policy: All numbers.

    Returns:
        The decision; `reason` is NONE when nothing but the step of the asset took from what was
        asked. A purchase is never larger than asked, a sale never larger than what is held. NaN
        anywhere allows no increase and blocks no decrease. Never raises.
    """
    if proposal.is_buy:
        return decide_increase(account, asset, proposal, policy)
    return decide_decrease(account, asset, proposal)
