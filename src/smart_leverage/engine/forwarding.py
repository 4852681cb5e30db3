"""Which orders are forwarded although the rule would not have given all that was asked."""

from decimal import Decimal

from smart_leverage.domain.orders import Role
from smart_leverage.engine.asking import Ask
from smart_leverage.engine.core import Core
from smart_leverage.engine.shares import may_add
from smart_leverage.policy.reasons import Reason, TradingState

_OF_THE_RULE = frozenset(
    {
        Reason.BREAKER_DAY,
        Reason.BREAKER_MONTH,
        Reason.BREAKER_DRAWDOWN,
        Reason.ASSET_LOCKED,
        Reason.DELEVERAGING,
        Reason.CAP_CRYPTO,
        Reason.CAP_LEVERAGED,
        Reason.CAP_GROSS,
        Reason.CAP_SYMBOL,
        Reason.CAP_BOT,
        Reason.BUYING_POWER,
        Reason.INTRADAY,
        Reason.UNUSUAL,
    }
)
"""What the policy has against a purchase; everything else holds on every step.

What a person ordered, what a token may, and what keeps books and broker in step is no policy: a
halt, a list of symbols, an order that nobody can price, doubts about clock or broker.
"""


def is_forwarded(
    core: Core, ask: Ask, reason: Reason, engine_has: Reason, *, is_fresh: bool
) -> bool:
    """Tell whether a purchase leaves as it was asked, whatever the policy has against it.

    Args:
        ask: A bot's order of its own size; what the policy sizes itself is never more than that.
        reason: Why not all of it was given.
        engine_has: What the engine has against any purchase of this.
        is_fresh: Whether its price may carry an increase.
    """
    return (
        not core.state.rollout.step.governs_entries
        and reason in _OF_THE_RULE
        and engine_has in (Reason.NONE, Reason.UNUSUAL)
        and is_fresh
        and ask.role is Role.BOT
        and core.state.trading is TradingState.ACTIVE
        and may_add(core, ask.bot, ask.key)
    )


def would_be_given(given: Decimal) -> dict[str, str]:
    """Return the figure that tells what would have left if the rule had been enforced."""
    return {"given if enforced": f"{given}"}
