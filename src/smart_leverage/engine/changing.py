"""A bot changes its own open order: what comes in its place is decided like any other order."""

import math
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import OrderClass, OrderState, Role, Side
from smart_leverage.domain.records import Decided
from smart_leverage.engine.asking import ZERO, Ask, is_answered, journal, refuse
from smart_leverage.engine.buying import beyond_stop, case_of, collared, forwards, judge, tell
from smart_leverage.engine.core import COIN_STEP, Core, intend, round_down
from smart_leverage.engine.deciding import WILD
from smart_leverage.engine.events import ChangeWished
from smart_leverage.engine.ordering import MOST, fault_of_percent, is_amount
from smart_leverage.engine.selling import free
from smart_leverage.engine.tracked import Tracked
from smart_leverage.policy.reasons import Reason

_BUSY = {
    OrderState.INTENT: "has not left yet",
    OrderState.UNKNOWN: "may not have arrived, its outcome is unknown",
    OrderState.PENDING_CANCEL: "is being cancelled",
    OrderState.PENDING_REPLACE: "is being changed already",
}
"""Why an order that is not open may not be changed now."""


class Terms(NamedTuple):
    """What the new order may still fill, its limit, its stop and its trail; None has none."""

    qty: Decimal
    limit: Decimal | None
    stop: Decimal | None
    trail: Decimal | None


def on_change_wished(core: Core, event: ChangeWished) -> None:
    """Decide a change, journal it, and intend the order that comes in the place of the old one.

    More of a purchase, or a higher limit, is proved with the old order left out and the larger of
    the two counted. Less is always allowed, whatever the account may do.
    """
    old = core.state.orders.find(event.client_order_id)
    ask = _ask(core, event, old)
    if is_answered(core, ask):
        return
    why = _hindrance(core, event, old)
    if old is None or why:
        refuse(core, ask, {"order": f"{event.client_order_id} {why}"})
        return
    terms = _terms(core, event, old)
    if why := _fault(core, event, old, terms):
        refuse(core, ask, {"change": why})
        return
    ask = ask._replace(qty=terms.qty)
    if _adds(old, terms):
        decided = _raise_buy(core, ask, old, terms)
    elif old.is_buy or terms.qty <= old.remaining:
        decided = _approve(core, ask, terms)
    else:
        decided = _raise_sale(core, ask, old, terms)
    if decided.given > ZERO:
        _intend(core, old, terms, decided)


def _ask(core: Core, event: ChangeWished, old: Tracked | None) -> Ask:
    """Return what is wanted; an order that nobody knows stands for itself."""
    key = Key(f"order:{event.client_order_id}") if old is None else old.order.key
    ratio = math.nan if old is None else core.ladder.volatility_ratio(key)
    wanted = [
        f"{name} {value}"
        for name, value in (
            ("qty", event.qty),
            ("limit", event.limit_price),
            ("stop", event.stop_price),
            ("trail", event.trail),
        )
        if value is not None
    ]
    return Ask(
        bot=event.bot,
        source="change",
        key=key,
        side=Side.BUY if old is None else old.order.side,
        qty=None,
        notional=None,
        confidence=core.config.policy.sizing.confidence_neutral,
        volatility_ratio=WILD if math.isnan(ratio) else ratio,
        may_shrink=False,
        role=Role.BOT if old is None else old.order.role,
        request=event.request,
        body=f"change {event.client_order_id} to {', '.join(wanted)}",
    )


def _hindrance(core: Core, event: ChangeWished, old: Tracked | None) -> str:
    """Return why an order cannot be changed at all, empty if it can."""
    if old is None:
        return "is unknown"
    if old.order.bot != event.bot or old.order.role.is_house:
        return "is no order of this bot"
    if old.state.is_final:
        return f"is {old.state} already"
    if old.state in _BUSY:
        return _BUSY[old.state]
    if core.state.orders.before(old) is not None:
        return "came in the place of one that has not ended yet"
    return ""


def _terms(core: Core, event: ChangeWished, old: Tracked) -> Terms:
    """Return what the new order would be, in steps that the venue takes."""
    instrument, left = core.instrument(old.order.key), old.remaining
    limit, stop, trail = old.order.limit_price, old.order.stop_price, old.order.trail
    if event.trail is not None and is_amount(event.trail):
        is_price = old.order.trail_price is not None
        trail = _stepped(instrument, event.trail) if is_price else event.trail
    if event.limit_price is not None and is_amount(event.limit_price):
        limit = _stepped(instrument, event.limit_price)
    if event.stop_price is not None and is_amount(event.stop_price):
        stop = _stepped(instrument, event.stop_price)
        if event.limit_price is None and _is_bound(core, old):
            limit = beyond_stop(core, instrument, stop)
    if event.qty is not None and is_amount(event.qty):
        left = round_down(event.qty, _step(instrument, old)) - old.filled
    return Terms(left, limit, stop, trail)


def _stepped(instrument: Instrument, price: Decimal) -> Decimal:
    return round_down(price, instrument.tick_at(price))


def _is_bound(core: Core, old: Tracked) -> bool:
    """Tell whether the limit of a stop purchase is ours, and goes where its stop goes."""
    stop, limit = old.order.stop_price, old.order.limit_price
    if not old.is_buy or stop is None:
        return False
    return limit == beyond_stop(core, core.instrument(old.order.key), stop)


def _step(instrument: Instrument, old: Tracked) -> Decimal:
    """Return the step of a quantity: a coin is sold to the last unit."""
    is_coin_sale = instrument.asset_class is AssetClass.CRYPTO and not old.is_buy
    return COIN_STEP if is_coin_sale else instrument.lot


def _fault(core: Core, event: ChangeWished, old: Tracked, terms: Terms) -> str:
    """Return what is wrong with a change whatever the account may do, empty if nothing is."""
    wanted = (event.qty, event.limit_price, event.stop_price, event.trail)
    given = [number for number in wanted if number is not None]
    if not all(is_amount(number) for number in given):
        return f"quantity and prices have to be above zero and below {MOST}"
    if why := _misfit(event, old, terms):
        return why
    if old.order.order_class is OrderClass.OTO:
        return "oto orders cannot be replaced"
    if old.exits is not None and not old.is_buy and event.qty is not None:
        return "qty of take_profit and stop_loss orders cannot be replaced"
    if terms.qty <= 0:
        return f"{old.filled} is filled already; cancel the rest"
    own = Terms(old.remaining, old.order.limit_price, old.order.stop_price, old.order.trail)
    if terms == own:
        return "nothing would be different"
    if terms.stop is not None and not terms.stop:
        return "the stop is less than one step of the price"
    if not terms.limit:
        return "" if terms.limit is None else "the limit is less than one step of the price"
    price = core.ladder.best(old.order.key, core.now_ns)
    if price is not None and terms.stop is None and terms.limit > old.reserve_price:
        most = collared(core, core.instrument(old.order.key), price)
        if old.is_buy and terms.limit > most:
            return f"a limit of {terms.limit} is more than {most}, the most that is paid now"
    return ""


def _fault_of_trail(event: ChangeWished, old: Tracked, terms: Terms) -> str:
    """Return what is wrong with another trail or quantity of a trailing stop."""
    if event.stop_price is not None or event.limit_price is not None:
        return "a trailing stop follows the market: only its trail and its qty can be replaced"
    if not terms.trail:
        return "the trail is less than one step of the price"
    if terms.qty % 1:
        return "a trailing stop is of whole shares"
    return fault_of_percent(None if old.order.trail_percent is None else terms.trail)


def _misfit(event: ChangeWished, old: Tracked, terms: Terms) -> str:
    """Return what an order of this type does not have, empty if it has all that is to change."""
    order = old.order
    if order.trails:
        return _fault_of_trail(event, old, terms)
    if event.trail is not None:
        return "only a trailing stop has a trail"
    if event.limit_price is not None and order.limit_price is None:
        return "a market order has no limit"
    if event.stop_price is not None and order.stop_price is None:
        return "an order without a stop cannot be given one"
    return ""


def _adds(old: Tracked, terms: Terms) -> bool:
    """Tell whether a purchase may cost or hold more than before."""
    is_dearer = terms.limit is not None and terms.limit > old.reserve_price
    return old.is_buy and (terms.qty > old.remaining or is_dearer or _jumps_further(old, terms))


def _jumps_further(old: Tracked, terms: Terms) -> bool:
    """Tell whether more may be lost between the price that is waited for and the limit."""
    stop, limit = old.order.stop_price, old.order.limit_price
    if stop is None or limit is None or terms.stop is None or terms.limit is None:
        return False
    return terms.limit - terms.stop > limit - stop


def _approve(core: Core, ask: Ask, terms: Terms) -> Decided:
    """Allow what adds nothing; no limit and no state stands against it."""
    return journal(
        core, ask, asked=terms.qty, allowed=terms.qty, given=terms.qty,
        price=core.ladder.mark(ask.key) or ZERO, reason=Reason.NONE, unit="count", bound=ZERO,
        would_be=terms.qty, figures={},
    )  # fmt: skip


def _raise_buy(core: Core, ask: Ask, old: Tracked, terms: Terms) -> Decided:
    """Prove the larger of both orders at the higher of both limits, as if the old one were gone."""
    instrument = core.instrument(ask.key)
    assert terms.limit is not None, "a purchase has a limit"  # noqa: S101
    most, limit = max(terms.qty, old.remaining), max(terms.limit, old.reserve_price)
    without = frozenset({old.order.client_order_id})
    rest, stop = core.worst(without=without), terms.stop or ZERO
    if old.order.stop_price is not None:  # until one side is final, either may fill
        stop = min(stop, old.order.stop_price)
    case = case_of(core, instrument, rest, instrument.lot, limit, stop)
    lots = instrument.lots(most) + (most % instrument.lot > 0)
    answer = judge(core, ask, case, lots, without)
    fits = answer.decision.lots >= lots and answer.proof.qty >= most
    if terms.qty * case.terms.price < instrument.notional_min:
        fits = False
    enforced = terms.qty if fits else ZERO
    given = terms.qty if forwards(core, ask, case, answer, terms.qty) else enforced
    return tell(
        core, ask, case, answer, wanted=terms.qty, allowed=min(answer.proof.qty, terms.qty),
        given=given, enforced=enforced, counted=most,
    )  # fmt: skip


def _raise_sale(core: Core, ask: Ask, old: Tracked, terms: Terms) -> Decided:
    """Allow what the bot holds and nobody else sells; what the old order sells is free for this."""
    own = free(core, ask.bot, ask.key) + old.remaining
    fits = terms.qty <= own
    return journal(
        core, ask, asked=terms.qty, allowed=min(own, terms.qty),
        given=terms.qty if fits else ZERO, price=core.ladder.mark(ask.key) or ZERO,
        reason=Reason.NONE if fits else Reason.NOT_HELD, unit="count", bound=own,
        would_be=terms.qty, figures={"held by this bot": f"{own}", "asked": f"{terms.qty}"},
    )  # fmt: skip


def _intend(core: Core, old: Tracked, terms: Terms, decided: Decided) -> None:
    """Intend the old order with other terms; an entry keeps its exits, an exit its pair."""
    kept = {name: getattr(old.order, name) for name in old.order.__struct_fields__}
    del kept["client_order_id"]
    kept |= {"qty": terms.qty, "limit_price": terms.limit, "stop_price": terms.stop}
    if old.order.trails:
        kept["trail_percent" if old.order.trail_price is None else "trail_price"] = terms.trail
    if old.order.order_class is OrderClass.OCO and old.order.take_profit is not None:
        kept["take_profit"] = terms.limit  # the first order of the two is the target
    intend(
        core,
        decision_id=decided.decision_id,
        reserve_price=old.reserve_price if terms.limit is None else terms.limit,
        replaces=old.order.client_order_id,
        adds=_adds(old, terms) or terms.qty > old.remaining,
        **kept,
    )
