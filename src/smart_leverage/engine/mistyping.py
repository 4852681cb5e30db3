"""An order far beyond what its bot usually buys may be a quantity typed for a value."""

from decimal import Decimal

from smart_leverage.domain.orders import Role
from smart_leverage.engine.asking import Ask
from smart_leverage.engine.core import Core


def usual_max(core: Core, bot: str) -> Decimal | None:
    """Return the most that one order of a bot may come to, money; None where nobody knows."""
    usual = core.state.usual.get(bot)
    median = None if usual is None else usual.median
    return None if median is None else median * core.config.order_times_max


def value_of(ask: Ask, limit: Decimal) -> Decimal:
    """Return what a purchase would come to at its limit, money; 0 where the policy sizes it."""
    if ask.notional is not None:
        return ask.notional
    return (ask.qty or Decimal(0)) * limit


def is_unusual(core: Core, ask: Ask, limit: Decimal) -> bool:
    """Tell whether a purchase that a bot sized itself is far beyond what it usually buys."""
    most = usual_max(core, ask.bot) if ask.role is Role.BOT else None
    return most is not None and value_of(ask, limit) > most
