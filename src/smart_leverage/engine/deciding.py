"""From a wish to a decision: the policy answers in floats, the proof has the last word."""

import math
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.opportunity import Opportunity, OrderWish
from smart_leverage.domain.orders import HOUSE, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Decided
from smart_leverage.engine.core import Core, intend, round_down
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.ladder import Price
from smart_leverage.engine.proof import Proof, prove
from smart_leverage.policy.caps import lots_within
from smart_leverage.policy.decide import Account, Asset, Decision, Proposal, decide
from smart_leverage.policy.reasons import Reason

ZERO = Decimal(0)
ONE = Decimal(1)
CENT = Decimal("0.01")
COIN_STEP = Decimal("0.000000001")
"""The smallest quantity of a coin that the venue takes."""

WILD = 2.0
"""Volatility ratio assumed while none is known: the careful end of the sizer's range."""


class Ask(NamedTuple):
    """What is wanted, whoever wants it; `qty` None lets the policy size or sells all there is."""

    bot: str
    source: str
    key: Key
    side: Side
    qty: Decimal | None
    notional: Decimal | None
    confidence: float
    volatility_ratio: float
    may_shrink: bool
    role: Role


class Terms(NamedTuple):
    """What one unit of a buy costs and counts at worst."""

    price: Decimal
    limit: Decimal
    worst: Decimal
    loss: Decimal


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
        _decide_buy(core, ask)
    else:
        _decide_sell(core, ask)
    return None


def _refuse_unknown(core: Core, ask: Ask) -> None:
    _journal(
        core, ask, asked=ask.qty or ZERO, allowed=ZERO, given=ZERO, price=ZERO,
        reason=Reason.BAD_INPUT, unit="count", bound=ZERO, would_be=ZERO,
        figures={"instrument": f"{ask.key} is not listed for this account"},
    )  # fmt: skip


# -- buying ---------------------------------------------------------------------------------------


def _decide_buy(core: Core, ask: Ask) -> None:
    instrument = core.instrument(ask.key)
    price = core.ladder.best(ask.key, core.now_ns)
    terms = _terms(core, instrument, price)
    worst = core.worst()
    asked, step = _asked_lots(instrument, ask, terms.price), _buy_step(instrument, ask)
    asset = _asset(core, instrument, price, terms, worst, step)
    decision = decide(
        _account(core, worst),
        asset,
        Proposal(
            is_buy=True,
            lots=asked,
            confidence=ask.confidence,
            volatility_ratio=ask.volatility_ratio,
            bot_room=math.inf,
        ),
        core.config.policy,
    )
    if not core.is_ready and decision.lots > 0:
        decision = decision._replace(lots=0, reason=Reason.NOT_READY, bound=0.0, would_be=0.0)
    if asked < 0:
        decision = decision._replace(lots=0, reason=Reason.MINIMUM)
    # What the policy would have sized, where nobody asked for an amount.
    lots = max(asked, 0) or lots_within(decision.size - asset.worst, asset.lot_value)
    wanted = round_down(instrument.quantity(lots), step)
    proof = prove(
        instrument, instrument.quantity(decision.lots), terms.worst, terms.loss, worst, core.caps
    )
    allowed = round_down(proof.qty, step)
    given = allowed if ask.may_shrink or allowed >= wanted else ZERO
    if given * terms.price < instrument.notional_min:
        given = ZERO
    _give_buy(core, ask, instrument, terms, worst, decision, proof, wanted, allowed, given)


def _give_buy(
    core: Core, ask: Ask, instrument: Instrument, terms: Terms, worst: Worst, decision: Decision,
    proof: Proof, wanted: Decimal, allowed: Decimal, given: Decimal,
) -> None:  # fmt: skip
    reason, bound, would_be = decision.reason, _exact(decision.bound), _exact(decision.would_be)
    if proof.reason is not Reason.NONE:
        reason = proof.reason
    group = _GROUPS.get(reason)
    if group is not None:
        used, bound = _group(core, instrument, worst, group)
        after = worst.equity - wanted * terms.loss
        would_be = _share(used + wanted * terms.worst, after)
    if given == ZERO and reason is Reason.NONE:
        reason, bound, would_be = Reason.MINIMUM, instrument.notional_min, wanted * terms.price
    decided = _journal(
        core, ask, asked=wanted, allowed=allowed, given=given, price=terms.price,
        reason=reason, unit=_unit(reason), bound=bound, would_be=would_be,
        figures=_buy_figures(core, instrument, worst, decision, terms),
    )  # fmt: skip
    if given > ZERO:
        is_coin = instrument.asset_class is AssetClass.CRYPTO
        intend(
            core,
            bot=ask.bot,
            role=ask.role,
            key=ask.key,
            side=Side.BUY,
            qty=given,
            decision_id=decided.decision_id,
            reserve_price=terms.limit,
            type=OrderType.LIMIT,
            limit_price=terms.limit,
            time_in_force=TimeInForce.IOC if is_coin else TimeInForce.DAY,
        )


_GROUPS = {
    Reason.CAP_CRYPTO: "crypto",
    Reason.CAP_LEVERAGED: "leveraged",
    Reason.CAP_GROSS: "gross",
    Reason.CAP_SYMBOL: "symbol",
}


def _group(core: Core, instrument: Instrument, worst: Worst, group: str) -> tuple[Decimal, Decimal]:
    """Return the worst case of a group and its cap, exact."""
    if group == "symbol":
        cap = core.caps.symbol_broad if instrument.is_broad else core.caps.symbol
        return worst.by_key.get(instrument.key, ZERO), cap
    used: Decimal = getattr(worst, group)
    cap = getattr(core.caps, group)
    return used, cap


def _terms(core: Core, instrument: Instrument, price: Price | None) -> Terms:
    """Return the limit of a buy, a little above the price, and what one unit counts at worst."""
    if price is None:
        return Terms(ZERO, ZERO, ZERO, ZERO)
    tick = instrument.tick_at(price.price)
    limit = round_down(price.price * (ONE + core.config.collar), tick)
    least = (price.price / tick).to_integral_value(rounding=ROUND_CEILING) * tick
    limit = max(limit, least)
    return Terms(
        price=price.price,
        limit=limit,
        worst=max(limit, price.price * (ONE + price.haircut)),
        loss=(limit - price.price) + limit * core.config.cost_rate,
    )


def _buy_step(instrument: Instrument, ask: Ask) -> Decimal:
    """Return the step of a buy: our own sizes come in whole shares, a bot's as it likes."""
    return instrument.size_step if ask.role is Role.SIGNAL else instrument.lot


def _asked_lots(instrument: Instrument, ask: Ask, price: Decimal) -> int:
    """Return the lots asked for: 0 leaves the size to the policy, −1 is less than one lot."""
    if ask.qty is None and ask.notional is None:
        return 0
    if ask.qty is not None:
        lots = instrument.lots(ask.qty)
    else:
        assert ask.notional is not None  # noqa: S101 (a wish names one of the two)
        lots = instrument.lots(ask.notional / price) if price > 0 else 0
    return lots if lots > 0 else -1


def _account(core: Core, worst: Worst) -> Account:
    state = core.state
    return Account(
        state=state.trading,
        breakers=state.breakers,
        tier=state.tier,
        equity=float(worst.equity),
        crypto_worst=float(worst.crypto),
        leveraged_worst=float(worst.leveraged),
        gross_worst=float(worst.gross),
        power=float(max(state.book.cash - worst.reserved, ZERO)),
    )


def _asset(
    core: Core, instrument: Instrument, price: Price | None, terms: Terms, worst: Worst,
    step: Decimal,
) -> Asset:  # fmt: skip
    state, key = core.state, instrument.key
    cost = terms.limit * (ONE + core.config.cost_rate)
    least = instrument.notional_min / terms.price / instrument.lot if terms.price > 0 else ONE
    return Asset(
        lot_value=float(instrument.lot * (terms.worst + terms.loss)),
        lot_cost=float(instrument.lot * cost),
        is_crypto=instrument.is_crypto,
        is_leveraged=instrument.is_leveraged,
        is_broad=instrument.is_broad,
        is_fresh=price is not None and price.is_fresh,
        is_tradable=True,
        is_locked=state.locks.get(key, 0) > core.now_ns,
        is_deleveraging=state.is_frozen(instrument),
        worst=float(worst.by_key.get(key, ZERO)),
        lots_held=instrument.lots(state.book.qty(key)),
        lots_selling=instrument.lots(state.orders.selling(key)),
        lots_step=max(instrument.lots(step), 1),
        lots_min=max(math.ceil(least), 1),
    )


# -- selling --------------------------------------------------------------------------------------


def _decide_sell(core: Core, ask: Ask) -> None:
    """Allow whatever the bot holds and nobody sells already; a full exit takes the dust along."""
    instrument, state = core.instrument(ask.key), core.state
    under_way = sum(
        (
            one.remaining
            for one in state.orders.of(ask.key)
            if not one.is_buy and one.order.bot == ask.bot and one.order.role is not Role.STOP
        ),
        ZERO,
    )
    own = min(state.book.bot_qty(ask.bot, ask.key) - under_way, state.sellable(ask.key))
    own = max(own, ZERO)
    mark = core.ladder.mark(ask.key) or ZERO
    asked = _asked_lots(instrument, ask, mark)
    proposal = Proposal(
        is_buy=False, lots=max(asked, 0), confidence=0.0, volatility_ratio=1.0, bot_room=math.inf
    )
    held = instrument.lots(own)
    asset = _sell_asset(held)
    decision = decide(_account(core, core.worst()), asset, proposal, core.config.policy)
    wanted = own if asked == 0 else ask.qty or instrument.quantity(max(asked, 0))
    allowed = own if decision.lots == held and held > 0 else instrument.quantity(decision.lots)
    if ask.qty is not None and decision.reason in (Reason.NONE, Reason.NOT_HELD):
        allowed = min(own, wanted)  # what is held may be sold to the last unit, whatever the lot
    allowed = min(allowed, wanted) if asked != 0 else allowed
    given = allowed if allowed > 0 and (ask.may_shrink or allowed >= wanted) else ZERO
    reason = decision.reason
    if reason is Reason.NONE and given == ZERO:
        reason = Reason.NOT_HELD
    decided = _journal(
        core, ask, asked=wanted, allowed=allowed, given=given, price=mark, reason=reason,
        unit="count", bound=own, would_be=wanted,
        figures={"held by this bot": f"{own}", "asked": f"{wanted}"},
    )  # fmt: skip
    if given > ZERO:
        _send_sale(core, ask.bot, ask.role, instrument, given, decided.decision_id)


def _sell_asset(held: int) -> Asset:
    """Return the asset of a decrease: only what is held matters."""
    return Asset(
        lot_value=0.0, lot_cost=0.0, is_crypto=False, is_leveraged=False, is_broad=False,
        is_fresh=False, is_tradable=True, is_locked=False, is_deleveraging=False, worst=0.0,
        lots_held=held, lots_selling=0, lots_step=1, lots_min=1,
    )  # fmt: skip


def _send_sale(
    core: Core, bot: str, role: Role, instrument: Instrument, qty: Decimal, decision_id: str
) -> None:
    is_coin = instrument.asset_class is AssetClass.CRYPTO
    qty = round_down(qty, COIN_STEP)
    if qty <= 0:
        return
    intend(
        core,
        bot=bot,
        role=role,
        key=instrument.key,
        side=Side.SELL,
        qty=qty,
        decision_id=decision_id,
        reserve_price=ZERO,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
    )


def house_sale(
    core: Core, key: Key, qty: Decimal, *, role: Role, reason: Reason, unit: str,
    bound: Decimal, would_be: Decimal, figures: dict[str, str],
) -> None:  # fmt: skip
    """Sell for the house and journal why, with the bound and the value that broke it."""
    ask = Ask(
        bot=HOUSE, source="house", key=key, side=Side.SELL, qty=qty, notional=None,
        confidence=0.0, volatility_ratio=1.0, may_shrink=True, role=role,
    )  # fmt: skip
    decided = _journal(
        core, ask, asked=qty, allowed=qty, given=qty, price=core.ladder.mark(key) or ZERO,
        reason=reason, unit=unit, bound=bound, would_be=would_be, figures=figures,
    )  # fmt: skip
    _send_sale(core, HOUSE, role, core.instrument(key), qty, decided.decision_id)


# -- the journal ----------------------------------------------------------------------------------


def _journal(
    core: Core, ask: Ask, *, asked: Decimal, allowed: Decimal, given: Decimal, price: Decimal,
    reason: Reason, unit: str, bound: Decimal, would_be: Decimal, figures: dict[str, str],
) -> Decided:  # fmt: skip
    verdict = _verdict(reason, asked, given)
    decided = Decided(
        at_ns=core.now_ns,
        decision_id=f"d{core.state.decisions + 1}",
        bot=ask.bot,
        source=ask.source,
        key=ask.key,
        side=ask.side,
        asked=asked,
        allowed=max(allowed, ZERO),
        given=given,
        price=price,
        verdict=verdict,
        reason=reason.name.lower(),
        unit=unit,
        bound=bound,
        would_be=would_be,
        figures=figures,
    )
    core.record(decided)
    core.out.decisions.append(decided)
    return decided


def _verdict(reason: Reason, asked: Decimal, given: Decimal) -> str:
    """Return the word for an answer; "held" means that the position is at its size already."""
    if reason is Reason.SIZE:
        return "held"
    if given <= ZERO:
        return "denied"
    return "cut" if given < asked else "approved"


def _unit(reason: Reason) -> str:
    """Return what a bound is counted in."""
    if reason in _GROUPS:
        return "fraction"
    if reason in (Reason.SIZE, Reason.CAP_BOT, Reason.BUYING_POWER, Reason.MINIMUM):
        return "money"
    return "count"


def _buy_figures(
    core: Core, instrument: Instrument, worst: Worst, decision: Decision, terms: Terms
) -> dict[str, str]:
    """Return the figures of the arithmetic, in the order in which a person checks them."""
    caps = core.caps
    symbol = caps.symbol_broad if instrument.is_broad else caps.symbol
    return {
        "equity": _money(worst.equity),
        "crypto, worst case": _money(worst.crypto),
        "leveraged, worst case": _money(worst.leveraged),
        "gross, worst case": _money(worst.gross),
        f"{instrument.symbol}, worst case": _money(worst.by_key.get(instrument.key, ZERO)),
        "reserved by open buys": _money(worst.reserved),
        "cash": _money(core.state.book.cash),
        "cap crypto": str(caps.crypto),
        "cap leveraged": str(caps.leveraged),
        "cap gross": str(caps.gross),
        "cap symbol": str(symbol),
        "tier": core.state.tier.name.lower(),
        "policy size": _money(_exact(decision.size)),
        "counted per unit": str(terms.worst),
        "lost per unit at most": str(terms.loss),
    }


def _money(amount: Decimal) -> str:
    return str(amount.quantize(CENT))


def _exact(number: float) -> Decimal:
    """Return a float of the policy as a decimal for the journal; what is not finite becomes 0."""
    if not math.isfinite(number):
        return ZERO
    return Decimal(repr(round(number, 8))).quantize(Decimal("0.00000001"))


def _share(amount: Decimal, equity: Decimal) -> Decimal:
    if equity <= 0:
        return ZERO
    return (amount / equity).quantize(Decimal("0.00000001"))
