"""What may be sold, and what the house sells: nothing here is stopped by a limit."""

import math
from decimal import Decimal

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import HOUSE, OrderType, Role, Side
from smart_leverage.engine.asking import ZERO, Ask, account_of, asked_lots, journal, refuse
from smart_leverage.engine.core import COIN_STEP, Core, intend, round_down
from smart_leverage.engine.enforcing import is_news, may_sell
from smart_leverage.engine.ordering import fault_of, sale_terms
from smart_leverage.policy.decide import Asset, Proposal, decide
from smart_leverage.policy.reasons import Reason


def decide_sell(core: Core, ask: Ask) -> None:
    """Allow whatever the bot holds and nobody sells already; a full exit takes the dust along."""
    instrument = core.instrument(ask.key)
    if why := fault_of(instrument, ask):
        refuse(core, ask, {"order": why})
        return
    own = free(core, ask.bot, ask.key)
    mark = core.ladder.mark(ask.key) or ZERO
    asked = asked_lots(instrument, ask, mark)
    proposal = Proposal(
        is_buy=False, lots=max(asked, 0), confidence=0.0, volatility_ratio=1.0, bot_room=math.inf
    )
    held = instrument.lots(own)
    asset = _sell_asset(held)
    decision = decide(account_of(core, core.worst()), asset, proposal, core.config.policy)
    wanted = own if asked == 0 else ask.qty or instrument.quantity(max(asked, 0))
    allowed = own if decision.lots == held and held > 0 else instrument.quantity(decision.lots)
    if ask.qty is not None and decision.reason in (Reason.NONE, Reason.NOT_HELD):
        allowed = min(own, wanted)  # what is held may be sold to the last unit, whatever the lot
    allowed = min(allowed, wanted) if asked != 0 else allowed
    if ask.terms is not None and ask.terms.type is OrderType.TRAILING_STOP:
        allowed = round_down(allowed, Decimal(1))  # of whole shares only
    given = allowed if allowed > 0 and (ask.may_shrink or allowed >= wanted) else ZERO
    reason = decision.reason
    if reason is Reason.NONE and given == ZERO:
        reason = Reason.NOT_HELD
    decided = journal(
        core, ask, asked=wanted, allowed=allowed, given=given, price=mark, reason=reason,
        unit="count", bound=own, would_be=wanted,
        figures={"held by this bot": f"{own}", "asked": f"{wanted}"},
    )  # fmt: skip
    if given > ZERO:
        _send_sale(core, ask, instrument, given, decided.decision_id)


def free(core: Core, bot: str, key: Key) -> Decimal:
    """Return what a bot may still sell: it holds that, it is there, and nobody is selling it."""
    own = core.state.book.bot_qty(bot, key) - core.state.orders.selling(key, bot)
    return max(min(own, core.sellable(key)), ZERO)


def _sell_asset(held: int) -> Asset:
    """Return the asset of a decrease: only what is held matters."""
    return Asset(
        lot_value=0.0, lot_cost=0.0, is_crypto=False, is_leveraged=False, is_broad=False,
        is_fresh=False, is_tradable=True, is_locked=False, is_deleveraging=False, worst=0.0,
        lots_held=held, lots_selling=0, lots_step=1, lots_min=1,
    )  # fmt: skip


def _send_sale(
    core: Core, ask: Ask, instrument: Instrument, qty: Decimal, decision_id: str
) -> None:
    qty = round_down(qty, COIN_STEP)
    if qty <= 0:
        return
    intend(
        core,
        bot=ask.bot,
        role=ask.role,
        key=instrument.key,
        side=Side.SELL,
        qty=qty,
        decision_id=decision_id,
        reserve_price=ZERO,
        **sale_terms(instrument, ask),
    )


def house_sale(
    core: Core, key: Key, qty: Decimal, *, role: Role, reason: Reason, unit: str,
    bound: Decimal, would_be: Decimal, figures: dict[str, str],
) -> None:  # fmt: skip
    """Sell for the house and journal why, with the bound and the value that broke it.

    Where the house may not sell by itself, what it would have sold is journalled once a day.
    """
    is_enforced = may_sell(core, key)
    if not is_enforced and not is_news(core, f"{reason.name} {key}"):
        return
    ask = Ask(
        bot=HOUSE, source="house", key=key, side=Side.SELL, qty=qty, notional=None,
        confidence=0.0, volatility_ratio=1.0, may_shrink=True, role=role,
    )  # fmt: skip
    decided = journal(
        core, ask, asked=qty, allowed=qty, given=qty if is_enforced else ZERO,
        price=core.ladder.mark(key) or ZERO, reason=reason, unit=unit, bound=bound,
        would_be=would_be, figures=figures, is_enforced=is_enforced,
    )  # fmt: skip
    if not is_enforced:
        return
    _send_sale(core, ask, core.instrument(key), qty, decided.decision_id)
