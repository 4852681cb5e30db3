"""Whether something may be bought: the policy answers in floats, the proof has the last word."""

import math
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from smart_leverage.domain.bots import is_suspended
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import OrderType, Role, Side
from smart_leverage.domain.records import Decided
from smart_leverage.engine.asking import (
    GROUPS,
    ZERO,
    Ask,
    account_of,
    asked_lots,
    journal,
    refuse,
    unit_of,
)
from smart_leverage.engine.core import Core, intend, round_down
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.forwarding import is_forwarded, would_be_given
from smart_leverage.engine.ladder import Price
from smart_leverage.engine.mistyping import is_unusual, usual_max, value_of
from smart_leverage.engine.ordering import buy_terms, fault_of
from smart_leverage.engine.proof import Proof, prove
from smart_leverage.engine.shares import bounds_of, may_add
from smart_leverage.policy.calibration import CalibrationKnots, calibrated
from smart_leverage.policy.caps import lots_within
from smart_leverage.policy.decide import Asset, Decision, Proposal, decide
from smart_leverage.policy.reasons import Reason

ONE = Decimal(1)
CENT = Decimal("0.01")


class Terms(NamedTuple):
    """What one unit of a buy costs and counts at worst."""

    price: Decimal
    limit: Decimal
    worst: Decimal
    loss: Decimal


class Case(NamedTuple):
    """What a purchase is judged against; `worst` is what the account may become without it."""

    instrument: Instrument
    price: Price | None
    terms: Terms
    worst: Worst
    asset: Asset


class Answer(NamedTuple):
    """What the policy gives, how much of that is proved, and what the engine has against any."""

    decision: Decision
    proof: Proof
    no: Reason = Reason.NONE

    @property
    def reason(self) -> Reason:
        """Why not all of it is given; the proof has the last word."""
        return self.decision.reason if self.proof.reason is Reason.NONE else self.proof.reason


def decide_buy(core: Core, ask: Ask) -> None:
    """Decide a purchase, prove what the policy would give, and intend what holds."""
    instrument = core.instrument(ask.key)
    if why := fault_of(instrument, ask):
        refuse(core, ask, {"order": why})
        return
    step = _buy_step(instrument, ask)
    limit, stop = _own_limit(core, instrument, ask), _own_stop(ask)
    case = case_of(core, instrument, core.worst(), step, limit, stop)
    terms, asset = case.terms, case.asset
    asked = asked_lots(instrument, ask, terms.price)
    answer = judge(core, ask, case, asked)
    # What the policy would have sized, where nobody asked for an amount.
    lots = max(asked, 0) or lots_within(answer.decision.size - asset.worst, asset.lot_value)
    wanted = round_down(instrument.quantity(lots), step)
    allowed = round_down(answer.proof.qty, step)
    given = allowed if ask.may_shrink or allowed >= wanted else ZERO
    if given * terms.price < instrument.notional_min:
        given = ZERO
    enforced = given
    if given < wanted and forwards(core, ask, case, answer, wanted):
        given = wanted
    decided = tell(
        core, ask, case, answer, wanted=wanted, allowed=allowed, given=given, enforced=enforced
    )
    if given > ZERO:
        intend(
            core,
            bot=ask.bot,
            role=ask.role,
            key=ask.key,
            side=Side.BUY,
            qty=given,
            decision_id=decided.decision_id,
            reserve_price=terms.limit,
            **buy_terms(instrument, ask, terms.limit),
        )


def case_of(
    core: Core, instrument: Instrument, worst: Worst, step: Decimal, limit: Decimal | None = None,
    stop: Decimal = ZERO,
) -> Case:  # fmt: skip
    """Return what a purchase is judged against, at a limit a little above the price or at its own.

    Args:
        core: The account.
        instrument: What is bought.
        worst: What the account may become without this purchase.
        step: Of its quantity.
        limit: The limit that somebody chose, None for ours.
        stop: The price that it waits for, above the market; 0 for none.
    """
    price = core.ladder.best(instrument.key, core.now_ns)
    terms, worst = _lifted(instrument, _terms(core, instrument, price, limit, stop), worst)
    asset = _asset(core, instrument, price, terms, worst, step)
    return Case(instrument, price, terms, worst, asset)


def forwards(core: Core, ask: Ask, case: Case, answer: Answer, wanted: Decimal) -> bool:
    """Tell whether an order leaves as it was asked because entries are not governed yet."""
    if wanted <= 0 or wanted * case.terms.price < case.instrument.notional_min:
        return False
    return is_forwarded(core, ask, answer.reason, answer.no, is_fresh=case.asset.is_fresh)


def curve_of(core: Core, ask: Ask) -> CalibrationKnots | None:
    """Return what the asker's confidence is worth, None where that is not known or not asked.

    An order carries no confidence of its own, so there is none to be calibrated.
    """
    if ask.role is not Role.SIGNAL or not core.config.policy.edge.is_edge_sized:
        return None
    return core.state.calibration_at(core.now_ns, ask.bot)


def judge(
    core: Core, ask: Ask, case: Case, lots: int, without: frozenset[str] = frozenset()
) -> Answer:
    """Ask the policy for so many lots, and prove what it gives, as if some orders were gone."""
    knots = curve_of(core, ask)
    decision = decide(
        account_of(core, case.worst, case.instrument),
        case.asset,
        Proposal(
            is_buy=True,
            lots=lots,
            confidence=ask.confidence if knots is None else calibrated(ask.confidence, knots),
            volatility_ratio=ask.volatility_ratio,
            bot_room=math.inf,
            is_calibrated=knots is not None,
        ),
        core.config.policy,
    )
    no = _refusal(core, ask, case.terms.limit)
    if decision.lots > 0 and no is not Reason.NONE:
        decision = decision._replace(lots=0, reason=no, bound=0.0, would_be=0.0)
    if lots < 0 and decision.reason is Reason.BAD_INPUT:  # what is more severe stands before
        decision = decision._replace(reason=Reason.MINIMUM)
    qty, terms = case.instrument.quantity(decision.lots), case.terms
    bounds = bounds_of(core, ask.bot, case.instrument, case.worst, without)
    proof = prove(case.instrument, qty, terms.worst, terms.loss, case.worst, core.caps, bounds)
    return Answer(decision, proof, no)


def _own_limit(core: Core, instrument: Instrument, ask: Ask) -> Decimal | None:
    """Return the most that a bot lets a unit cost; None where it named no price.

    A limit far above the market is not needed in full: nothing is sent beyond the collar. An order
    that waits for a higher price is counted at that one, with room for the jump over its stop.
    """
    terms = ask.terms
    if terms is None or terms.type is OrderType.MARKET:
        return None
    price = core.ladder.best(instrument.key, core.now_ns)
    if terms.type is OrderType.LIMIT:
        assert terms.limit_price is not None, "a limit order has a limit"  # noqa: S101
        limit = round_down(terms.limit_price, instrument.tick_at(terms.limit_price))
        return limit if price is None else min(limit, collared(core, instrument, price))
    if terms.limit_price is not None:
        return round_down(terms.limit_price, instrument.tick_at(terms.limit_price))
    assert terms.stop_price is not None, "a stop order has a stop"  # noqa: S101
    return beyond_stop(core, instrument, terms.stop_price)


def beyond_stop(core: Core, instrument: Instrument, stop: Decimal) -> Decimal:
    """Return the most that is paid once a price is met that a purchase waited for."""
    most = stop * (ONE + core.config.collar)
    tick = instrument.tick_at(most)
    return (most / tick).to_integral_value(rounding=ROUND_CEILING) * tick


def _own_stop(ask: Ask) -> Decimal:
    return ask.terms.stop_price or ZERO if ask.terms is not None else ZERO


def _refusal(core: Core, ask: Ask, limit: Decimal) -> Reason:
    """Return what only the engine knows to stand against any purchase of this, or NONE."""
    if not core.is_ready or core.state.orders.buys_unknown >= core.config.unknown_max:
        return Reason.NOT_READY
    if core.is_clock_doubted:
        return Reason.CLOCK
    if core.is_stream_refused:
        return Reason.STREAM
    if is_suspended(core.state.seats, ask.bot):
        return Reason.REDUCING
    if not may_add(core, ask.bot, ask.key):
        return Reason.CAP_BOT
    if core.awaits_consent:
        return Reason.DELEVERAGING
    for one in core.state.orders.sales(ask.key):
        wanted = one.order.limit_price
        is_apart = one.order.is_resting and wanted is not None and limit < wanted
        if not (is_apart or one.exits or one.order.trails):  # they would trade with each other
            return Reason.OPPOSITE_BOT
    return Reason.UNUSUAL if is_unusual(core, ask, limit) else Reason.NONE


def _lifted(instrument: Instrument, terms: Terms, worst: Worst) -> tuple[Terms, Worst]:
    """Return what one unit counts and the worst case, as they will be once this buy is under way.

    One price values all units of an instrument, held and bought: the dearest there is.
    """
    key = instrument.key
    unit = max(terms.worst, worst.unit_worst.get(key, ZERO))
    own = worst.by_key.get(key, ZERO)
    lift = worst.units.get(key, ZERO) * unit - own
    counted = lift * worst.weights[key]
    lifted = worst._replace(
        crypto=worst.crypto + counted * instrument.is_crypto,
        leveraged=worst.leveraged + counted * instrument.is_leveraged,
        gross=worst.gross + lift,
        by_key={**worst.by_key, key: own + lift},
    )
    return terms._replace(worst=unit), lifted


def tell(
    core: Core, ask: Ask, case: Case, answer: Answer, *,
    wanted: Decimal, allowed: Decimal, given: Decimal, enforced: Decimal,
    counted: Decimal | None = None,
) -> Decided:  # fmt: skip
    """Journal the answer to a purchase.

    Args:
        given: What leaves.
        enforced: What would leave if the rule were enforced; as a rule the same.
        counted: What it was judged as, if not what is wanted.

    Returns:
        The decision.
    """
    decision, instrument, terms, worst = answer.decision, case.instrument, case.terms, case.worst
    bound, would_be, reason = _exact(decision.bound), _exact(decision.would_be), answer.reason
    group = GROUPS.get(reason)
    if group is not None:
        judged = wanted if counted is None else counted
        used, bound = _group(core, instrument, worst, group)
        after = worst.equity - judged * terms.loss
        unit = terms.worst * worst.weight_in(group, instrument.key)
        would_be = _share(used + judged * unit, after)
    if reason is Reason.CAP_BOT:
        judged = wanted if counted is None else counted
        bound, would_be = _left(core, ask, case), judged * (terms.worst + terms.loss)
    if reason is Reason.UNUSUAL:
        most = usual_max(core, ask.bot) or ZERO
        bound, would_be = most.quantize(CENT), value_of(ask, terms.limit).quantize(CENT)
    if reason is Reason.MINIMUM or (given == ZERO and reason is Reason.NONE):
        reason, bound = Reason.MINIMUM, instrument.notional_min
        would_be = _worth(ask, wanted, terms.price)
    return journal(
        core, ask, asked=wanted, allowed=allowed, given=given, price=terms.price,
        reason=reason, unit=unit_of(reason), bound=bound, would_be=would_be,
        figures=_buy_figures(core, instrument, worst, decision, terms)
        | _confidence_figures(core, ask)
        | (would_be_given(enforced) if enforced != given else {}),
        is_enforced=enforced == given,
    )  # fmt: skip


def _left(core: Core, ask: Ask, case: Case) -> Decimal:
    """Return the money that a bot's share leaves for a purchase, to the cent."""
    bounds = bounds_of(core, ask.bot, case.instrument, case.worst)
    left = ((one.cap * case.worst.equity - one.used) / one.weight for one in bounds)
    return max(min(left, default=ZERO), ZERO).quantize(CENT)


def _worth(ask: Ask, wanted: Decimal, price: Decimal) -> Decimal:
    """Return what was asked in money, also where it comes to less than one lot."""
    if ask.notional is not None:
        return ask.notional
    return (wanted if ask.qty is None else ask.qty) * price


def _group(core: Core, instrument: Instrument, worst: Worst, group: str) -> tuple[Decimal, Decimal]:
    """Return the worst case of a group and its cap, exact."""
    if group == "symbol":
        return worst.by_key.get(instrument.key, ZERO), core.caps.of_symbol(instrument)
    used: Decimal = getattr(worst, group)
    cap = getattr(core.caps, group)
    return used, cap


def _terms(
    core: Core, instrument: Instrument, price: Price | None, limit: Decimal | None, stop: Decimal
) -> Terms:
    """Return the limit of a buy, ours if nobody chose one, and what one unit counts at worst."""
    if price is None:
        return Terms(ZERO, ZERO, ZERO, ZERO)
    if limit is None:
        limit = collared(core, instrument, price)
    return Terms(
        price=price.price,
        limit=limit,
        worst=max(limit, price.price * (ONE + price.haircut)),
        loss=max(limit - max(price.price, stop), ZERO) + limit * core.config.cost_rate,
    )


def collared(core: Core, instrument: Instrument, price: Price) -> Decimal:
    """Return the most that is paid for a unit: a little above the price."""
    tick = instrument.tick_at(price.price)
    limit = round_down(price.price * (ONE + core.config.collar), tick)
    least = (price.price / tick).to_integral_value(rounding=ROUND_CEILING) * tick
    return max(limit, least)


def _buy_step(instrument: Instrument, ask: Ask) -> Decimal:
    """Return the step of a buy: our own sizes come in whole shares, a bot's as it likes."""
    is_whole = ask.role is Role.SIGNAL or (ask.terms is not None and ask.terms.has_exits)
    return instrument.size_step if is_whole else instrument.lot


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
        factor=float(instrument.factor),
        is_intraday=instrument.is_intraday,
    )


def _buy_figures(
    core: Core, instrument: Instrument, worst: Worst, decision: Decision, terms: Terms
) -> dict[str, str]:
    """Return the figures of the arithmetic, in the order in which a person checks them."""
    caps, record = core.caps, core.state.book.record.capping
    figures = {
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
        "cap symbol": str(caps.of_symbol(instrument)),
        "tier": core.state.tier.name.lower(),
        "policy size": _money(_exact(decision.size)),
        "counted per unit": str(terms.worst),
        "lost per unit at most": str(terms.loss),
    }
    if (weight := worst.weights[instrument.key]) != ONE:
        figures["look-through"] = str(weight)
    for sleeve, earned in core.state.earned.items():
        caps_told = ", ".join(f"{name} {cap}" for name, cap in earned.caps.items() if cap)
        figures[f"earned {sleeve}"] = f"{earned.after}, {earned.binding} binds of {caps_told}"
    if record.imported:
        figures["trades imported"] = f"{record.imported} of {record.closed}"
    return figures


def _confidence_figures(core: Core, ask: Ask) -> dict[str, str]:
    """Return what was said and what that was worth so far, where a curve decided."""
    knots = curve_of(core, ask)
    if knots is None:
        return {}
    worth = calibrated(ask.confidence, knots)
    return {"confidence said": f"{ask.confidence:.4f}", "confidence is worth": f"{worth:.4f}"}


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
