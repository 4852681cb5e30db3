"""Who wants something: a strategy with an opportunity, or a bot with an order of its own size."""

import math

from smart_leverage.domain.opportunity import Opportunity, OrderWish, body_of
from smart_leverage.domain.orders import Role, Side
from smart_leverage.engine.asking import Ask, is_answered, refuse
from smart_leverage.engine.buying import decide_buy
from smart_leverage.engine.core import Core
from smart_leverage.engine.selling import decide_sell

WILD = 2.0
"""Volatility ratio assumed while none is known: the careful end of the sizer's range."""


def on_opportunity(core: Core, opportunity: Opportunity) -> None:
    """Decide an opportunity: a buy is sized by the policy, a sell leaves the position."""
    decide_ask(
        core,
        Ask(
            bot=opportunity.source,
            source="signal",
            key=opportunity.key,
            side=opportunity.side,
            qty=None,
            notional=None,
            confidence=opportunity.confidence,
            volatility_ratio=_ratio(core, opportunity),
            may_shrink=True,
            role=Role.SIGNAL,
            request=opportunity.id,
            body=f"{opportunity.side} {opportunity.key} at {opportunity.confidence!r}",
        ),
    )


def _ratio(core: Core, opportunity: Opportunity) -> float:
    """Return the volatility that a signal claims, or our own measure if it claims none."""
    if opportunity.volatility_ratio is not None:
        return opportunity.volatility_ratio
    ratio = core.ladder.volatility_ratio(opportunity.key)
    return WILD if math.isnan(ratio) else ratio


def on_wish(core: Core, wish: OrderWish, bot: str, may_shrink: bool) -> None:
    """Decide an order of a bot; it carries no confidence, so the neutral one is assumed."""
    ratio = core.ladder.volatility_ratio(wish.key)
    decide_ask(
        core,
        Ask(
            bot=bot,
            source="order",
            key=wish.key,
            side=wish.side,
            qty=wish.qty,
            notional=wish.notional,
            confidence=core.config.policy.sizing.confidence_neutral,
            volatility_ratio=WILD if math.isnan(ratio) else ratio,
            may_shrink=may_shrink,
            role=Role.BOT,
            request=wish.id,
            body=body_of(wish),
            terms=wish,
        ),
    )


def decide_ask(core: Core, ask: Ask) -> None:
    """Decide, journal the decision with its arithmetic, and intend what was given.

    A request that was granted is no new order when it comes again: its decision stands, so whoever
    lost the answer may ask once more. Another order under a name that was used is refused.
    """
    if is_answered(core, ask):
        return
    if ask.key not in core.state.instruments:
        refuse(core, ask, {"instrument": f"{ask.key} is not listed for this account"})
    elif ask.side is Side.BUY:
        decide_buy(core, ask)
    else:
        decide_sell(core, ask)
