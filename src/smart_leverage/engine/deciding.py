"""Who wants something: a strategy with an opportunity, or a bot with an order of its own size."""

import math

from smart_leverage.domain.opportunity import Opportunity, OrderWish
from smart_leverage.domain.orders import Role, Side
from smart_leverage.engine.asking import ZERO, Ask, journal
from smart_leverage.engine.buying import decide_buy
from smart_leverage.engine.core import Core
from smart_leverage.engine.selling import decide_sell
from smart_leverage.policy.reasons import Reason

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
            volatility_ratio=opportunity.volatility_ratio,
            may_shrink=True,
            role=Role.SIGNAL,
        ),
    )


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
        ),
    )


def decide_ask(core: Core, ask: Ask) -> None:
    """Decide, journal the decision with its arithmetic, and intend what was given."""
    if ask.key not in core.state.instruments:
        return _refuse_unknown(core, ask)
    if ask.side is Side.BUY:
        decide_buy(core, ask)
    else:
        decide_sell(core, ask)
    return None


def _refuse_unknown(core: Core, ask: Ask) -> None:
    journal(
        core, ask, asked=ask.qty or ZERO, allowed=ZERO, given=ZERO, price=ZERO,
        reason=Reason.BAD_INPUT, unit="count", bound=ZERO, would_be=ZERO,
        figures={"instrument": f"{ask.key} is not listed for this account"},
    )  # fmt: skip
