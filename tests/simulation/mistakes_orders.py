"""Mistakes about orders: what they reserve, what answers prove, and what may leave.

Part of `mistakes`: each is one guard that is off, or one comparison that is the wrong way round.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

import msgspec
import pytest
from tests.simulation.mistake import Mistake

import smart_leverage.engine.answering as answering
import smart_leverage.engine.buying as buying
import smart_leverage.engine.changing as changing
import smart_leverage.engine.core as core_module
import smart_leverage.engine.deciding as deciding
import smart_leverage.engine.engine as engine_module
import smart_leverage.engine.proof as proof
import smart_leverage.engine.protecting as protecting
import smart_leverage.engine.releasing as releasing
import smart_leverage.engine.resolving as resolving
import smart_leverage.engine.selling as selling
import smart_leverage.policy.decide as deciding_policy
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import BrokerOrder, OrderState
from smart_leverage.engine.asking import Ask, journal
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Answered, LookedUp, Started
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.proof import Proof
from smart_leverage.engine.state import State
from smart_leverage.engine.tracked import Tracked
from smart_leverage.engine.tracked_orders import TrackedOrders
from smart_leverage.policy.reasons import Reason, TradingState

Patch = pytest.MonkeyPatch
ZERO, ONE = Decimal(0), Decimal(1)
REMAINING: property = vars(Tracked)["remaining"]


def _remaining(planted: Patch, of: Callable[[Tracked, Decimal], Decimal]) -> None:
    def remaining(tracked: Tracked) -> Decimal:
        return of(tracked, REMAINING.__get__(tracked))

    planted.setattr(Tracked, "remaining", property(remaining))


# -- what is reserved -----------------------------------------------------------------------------


def reserves_nothing_for_what_is_being_cancelled(planted: Patch) -> None:
    """A cancel that comes too late leaves the purchase standing beside the one that replaced it."""
    _remaining(planted, lambda one, left: ZERO if one.state is OrderState.PENDING_CANCEL else left)


def reserves_nothing_for_what_is_unknown(planted: Patch) -> None:
    """An order whose answer was lost is bought a second time, on top of the first."""
    move = TrackedOrders.move

    def moved(orders: TrackedOrders, tracked: Tracked, state: OrderState) -> None:
        move(orders, tracked, state)
        orders.touch(tracked)

    planted.setattr(TrackedOrders, "move", moved)
    _remaining(planted, lambda one, left: ZERO if one.state is OrderState.UNKNOWN else left)


def forgets_the_rest_of_a_part_that_filled(planted: Patch) -> None:
    """The rest of a part-filled order still fills, beyond a cap that was spent again meanwhile."""
    _remaining(planted, lambda one, left: ZERO if one.filled else left)


def counts_what_has_filled_as_open(planted: Patch) -> None:
    """What was sold in part looks as if all of it were still being sold: an exit is refused."""
    _remaining(planted, lambda one, left: left if one.is_buy else max(one.qty, ZERO))


def reserves_at_the_price_and_not_at_the_limit(planted: Patch) -> None:
    """Orders fill at their limits, above the price at which they were counted, and over the cap."""
    intend = core_module.intend

    def cheaply(core: Core, *, key: Key, reserve_price: Decimal, **terms: Any) -> None:
        intend(core, key=key, reserve_price=core.ladder.mark(key) or reserve_price, **terms)

    planted.setattr(buying, "intend", cheaply)


def judges_by_an_old_snapshot(planted: Patch) -> None:
    """Nine orders of one moment are each checked against the same account, and all nine pass."""
    worst = Core.worst

    def cached(core: Core, without: frozenset[str] = frozenset()) -> Worst:
        name = (core.now_ns, id(core))
        known: dict[object, Worst] = core.__dict__.setdefault("_snapshot", {})
        if name not in known:
            known.clear()
            known[name] = worst(core, without)
        return known[name]

    planted.setattr(Core, "worst", cached)


# -- the proof ------------------------------------------------------------------------------------


def rounds_up_to_the_next_lot(planted: Patch) -> None:
    """Every order may be a lot too large: with coarse lots a cap is passed again and again."""

    def up(
        instrument: Any, qty: Decimal, unit_worst: Decimal, unit_loss: Decimal, worst: Worst,
        caps: Any, bounds: Any = (),
    ) -> Proof:  # fmt: skip
        found = proof.prove(instrument, qty, unit_worst, unit_loss, worst, caps, bounds)
        if found.qty >= qty:
            return found
        step = max(instrument.size_step, instrument.lot)
        steps = (found.qty / step).to_integral_value(ROUND_CEILING) + (found.qty % step == 0)
        return found._replace(qty=min(steps * step, qty))

    planted.setattr(buying, "prove", up)
    _decides_with_more(planted)


def takes_an_error_for_permission(planted: Patch) -> None:
    """A check that breaks lets the order through: the account has no limit when it needs one."""

    def allowing(instrument: Any, qty: Decimal, *given: Any) -> Proof:
        try:
            return _breaking(instrument, qty, *given)
        except ArithmeticError:
            return Proof(qty, Reason.NONE)

    def decide(*given: Any) -> Any:
        proposal = given[2]
        answer = whole(*given)
        return answer._replace(lots=proposal.lots) if answer.lots < proposal.lots else answer

    whole = deciding_policy.decide
    planted.setattr(buying, "decide", decide)
    planted.setattr(buying, "prove", allowing)


def _breaking(*given: Any) -> Proof:
    raise ArithmeticError("the check broke")


def reads_a_percentage_as_a_fraction(planted: Patch) -> None:
    """A cap of 25 % is compared as 25 times equity: nothing is ever above it."""
    _caps_times(planted, Decimal(100))


def has_a_cap_of_its_own_in_the_code(planted: Patch) -> None:
    """The file says 25 % and the code 95 %: the account holds four times what was agreed."""
    whole = Core.caps_of

    def caps_of(core: Core, tier: Any) -> Any:
        own = Decimal("0.95")
        return whole(core, tier)._replace(crypto=own, leveraged=own)

    planted.setattr(Core, "caps_of", caps_of)
    _decides_with_more(planted)


def _caps_times(planted: Patch, factor: Decimal) -> None:
    whole = Core.caps_of

    def caps_of(core: Core, tier: Any) -> Any:
        return type(whole(core, tier))(*(cap * factor for cap in whole(core, tier)))

    planted.setattr(Core, "caps_of", caps_of)
    _decides_with_more(planted)


def _decides_with_more(planted: Patch) -> None:
    """Let the policy give what is asked; the proof by the caps is what is left to be wrong."""
    whole = deciding_policy.decide

    def decide(account: Any, asset: Any, proposal: Any, policy: Any) -> Any:
        answer = whole(account, asset, proposal, policy)
        is_cap = answer.reason in (Reason.CAP_CRYPTO, Reason.CAP_LEVERAGED, Reason.CAP_SYMBOL)
        return answer._replace(lots=proposal.lots, reason=Reason.NONE) if is_cap else answer

    planted.setattr(buying, "decide", decide)


def forgets_the_cap_of_a_symbol(planted: Patch) -> None:
    """One share takes all that the account may hold: a single bad night takes it with it."""
    of_symbol = proof.ExactCaps.of_symbol
    planted.setattr(proof.ExactCaps, "of_symbol", lambda caps, one: of_symbol(caps, one) * 10)
    _decides_with_more(planted)


def never_proves_again(planted: Patch) -> None:
    """What rests fills after prices have moved, when it is too much for the account by then."""
    planted.setattr(engine_module.Engine, "_reprove", lambda engine: None)


def lets_what_waited_leave_unproved(planted: Patch) -> None:
    """A purchase that waited for a stop to go leaves when prices, halts and caps are others."""
    for module in (releasing, resolving):
        planted.setattr(module, "may_still_leave", lambda core, order: True)


def raises_an_order_unproved(planted: Patch) -> None:
    """A bot sends one share and changes it to a thousand: no limit ever sees the thousand."""
    planted.setattr(changing, "_adds", lambda old, terms: False)


def lets_a_bot_change_the_order_of_another(planted: Patch) -> None:
    """One bot raises what another one bought, at the other one's expense."""
    whole = changing._hindrance

    def hindrance(core: Core, event: Any, old: Tracked | None) -> str:
        why = whole(core, event, old)
        return "" if why == "is no order of this bot" else why

    planted.setattr(changing, "_hindrance", hindrance)


def takes_a_repeated_request_for_a_new_order(planted: Patch) -> None:
    """A client that asks again because the answer was lost buys twice."""
    planted.setattr(deciding, "is_answered", lambda core, ask: False)


# -- what answers prove ---------------------------------------------------------------------------


def forgets_the_horizon(planted: Patch) -> None:
    """An order that arrives two minutes later was released long ago: nobody counts it."""

    def looked_up(core: Core, event: LookedUp) -> Key | None:
        tracked = core.state.orders.by_id.get(event.client_order_id)
        if tracked is not None:
            tracked.sent_ns, core.started_ns = 0, 0
        return resolving.on_looked_up(core, event)

    planted.setattr(engine_module, "on_looked_up", looked_up)


def believes_a_no_to_the_second_attempt(planted: Patch) -> None:
    """The first attempt arrives after all, and stands at the venue without anybody counting it."""
    whole = answering.on_answer

    def on_answer(core: Core, event: Answered) -> Key | None:
        tracked = core.state.orders.by_id.get(event.client_order_id)
        if tracked is not None:
            tracked.is_resent = False
        return whole(core, event)

    planted.setattr(engine_module, "on_answer", on_answer)


def sends_again_what_nobody_wants_any_more(planted: Patch) -> None:
    """A purchase of an hour ago is sent once more, at a price of its own time, into a halt."""
    planted.setattr(resolving, "_is_wanted", lambda core, tracked: True)


def waits_for_an_unknown_order_for_ever(planted: Patch) -> None:
    """An order that never arrived blocks its money for ever, and nobody may resume."""
    planted.setattr(resolving, "MISSES_MIN", 10**9)


def drops_intents_at_a_start(planted: Patch) -> None:
    """A purchase that left just before a crash is there, and the account buys it once more."""

    def started(core: Core, event: Started) -> None:
        for tracked in list(core.state.orders.by_id.values()):
            if tracked.state is OrderState.INTENT:
                resolving._resolve(core, tracked, OrderState.CANCELED, "the process ended")
        resolving.on_started(core, event)

    planted.setattr(engine_module, "on_started", started)


def leaves_intents_alone_at_a_start(planted: Patch) -> None:
    """An order of before a crash is never asked for: its money stays blocked, its fate untold."""

    def started(core: Core, event: Started) -> None:
        kept = dict(core.state.orders.by_id)
        core.state.orders.by_id = {
            name: one for name, one in kept.items() if one.state is not OrderState.INTENT
        }
        resolving.on_started(core, event)
        core.state.orders.by_id = kept

    planted.setattr(engine_module, "on_started", started)


def begins_ids_anew_at_a_start(planted: Patch) -> None:
    """An id of yesterday is given to an order of today: the venue refuses it, or answers for it."""

    def started(core: Core, event: Started) -> None:
        resolving.on_started(core, event)
        core.state.sequence = 0

    planted.setattr(engine_module, "on_started", started)


def ends_an_order_before_its_last_fills(planted: Patch) -> None:
    """A cancelled order had filled in part: until that is told, the same money is spent again."""
    whole = answering.on_broker_order

    def taken(core: Core, broker_order: BrokerOrder, sequence: int = 0) -> Key | None:
        tracked = core.state.orders.by_id.get(broker_order.order.client_order_id)
        if tracked is not None and broker_order.status in ("canceled", "expired"):
            broker_order = msgspec.structs.replace(broker_order, filled_qty=tracked.filled)
        return whole(core, broker_order, sequence)

    for module in (answering, resolving):
        planted.setattr(module, "on_broker_order", taken)
    planted.setattr("smart_leverage.engine.reconciling.on_broker_order", taken)


def loses_fills_of_ended_orders(planted: Patch) -> None:
    """A fill that comes after its order's end is never booked: more is held than anybody counts."""
    planted.setattr(TrackedOrders, "find", lambda orders, name: orders.by_id.get(name))


def trusts_the_order_of_messages(planted: Patch) -> None:
    """A message that comes late is taken for an old one, and the fill in it is lost."""
    whole = answering.on_update

    def on_update(core: Core, update: Any) -> Key | None:
        if update.sequence < core.state.stream_seen:
            return None
        return whole(core, update)

    planted.setattr(engine_module, "on_update", on_update)


def takes_a_sum_of_fills_for_a_fill(planted: Patch) -> None:
    """Each part of an order is booked with all that came before: holdings grow on paper only."""
    whole = answering.on_update

    def on_update(core: Core, update: Any) -> Key | None:
        if update.fill is not None:
            fill = msgspec.structs.replace(update.fill, qty=update.broker_order.filled_qty)
            update = msgspec.structs.replace(update, fill=fill)
        return whole(core, update)

    planted.setattr(engine_module, "on_update", on_update)


# -- what is sold ---------------------------------------------------------------------------------


def sells_beyond_what_is_held(planted: Patch) -> None:
    """A sale goes through zero: the account is short in what it wanted to leave."""
    planted.setattr(selling, "free", lambda core, bot, key: Decimal(10**6))


def sells_what_another_bot_holds(planted: Patch) -> None:
    """One bot sells the position of another one, which knows nothing of it."""
    planted.setattr(selling, "free", lambda core, bot, key: max(core.sellable(key), ZERO))


def rests_a_stop_for_what_is_being_sold(planted: Patch) -> None:
    """Stop and sale both fill, and the account is short by the second of them."""

    def protectable(core: Core, key: Key) -> Decimal:
        held = core.state.book.qty(key)
        return held if held >= core.instrument(key).lot else ZERO

    planted.setattr(protecting, "_protectable", protectable)


def refuses_a_sale_at_an_old_price(planted: Patch) -> None:
    """When prices stop, nobody gets out any more, just when everybody wants to."""
    _denies(planted, lambda core, ask: not _is_fresh(core, ask.key), Reason.NO_PRICE)


def refuses_a_sale_over_a_cap(planted: Patch) -> None:
    """An account that is over its cap cannot sell, and stays over its cap."""

    def is_over(core: Core, ask: Ask) -> bool:
        return core.worst().crypto > core.caps.crypto * core.worst().equity

    _denies(planted, is_over, Reason.CAP_CRYPTO)


def refuses_a_sale_while_halted(planted: Patch) -> None:
    """A halt, pressed to be safe, nails every position to the account."""
    _denies(planted, lambda core, ask: core.state.trading is TradingState.HALTED, Reason.HALTED)


def _is_fresh(core: Core, key: Key) -> bool:
    price = core.ladder.best(key, core.now_ns)
    return price is not None and price.is_fresh


def _denies(planted: Patch, when: Callable[[Core, Ask], bool], reason: Reason) -> None:
    whole = selling.decide_sell

    def decide(core: Core, ask: Ask) -> None:
        if not when(core, ask):
            whole(core, ask)
            return
        figures: Mapping[str, str] = {}
        journal(
            core, ask, asked=ask.qty or ONE, allowed=ZERO, given=ZERO, price=ZERO, reason=reason,
            unit="count", bound=ZERO, would_be=ZERO, figures=dict(figures),
        )  # fmt: skip

    planted.setattr(deciding, "decide_sell", decide)


def forgets_the_cancels_of_bots(planted: Patch) -> None:
    """A bot takes an order back and it fills all the same."""
    planted.setattr(engine_module.Engine, "_on_cancel_wished", lambda engine, event: None)


def books_what_a_trial_would_send(planted: Patch) -> None:
    """Who only wanted to know what would be allowed has bought it."""
    whole = engine_module.Engine.preview

    def preview(engine: Any, event: Any) -> Any:
        answer = whole(engine, event)
        engine.process(event)
        return answer

    planted.setattr(engine_module.Engine, "preview", preview)


def overlooks_what_state_says(planted: Patch) -> None:
    """Changed limits of the operator are journalled and obeyed by nobody until a restart."""
    planted.setattr(State, "_limit", lambda state, record: None)


ORDERS = (
    Mistake(reserves_nothing_for_what_is_being_cancelled, {"lost_before": 0.3}, ("INV-03",)),
    Mistake(reserves_nothing_for_what_is_unknown, {"lost_after": 0.4}, ("INV-03", "INV-06")),
    Mistake(forgets_the_rest_of_a_part_that_filled, {}, ("INV-03", "INV-06")),
    Mistake(counts_what_has_filled_as_open, {}, ("INV-05", "INV-06"), first=6),
    Mistake(reserves_at_the_price_and_not_at_the_limit, {}, ("INV-03",), first=4),
    Mistake(judges_by_an_old_snapshot, {}, ("INV-03",)),
    Mistake(rounds_up_to_the_next_lot, {}, ("INV-03",), first=4),
    Mistake(takes_an_error_for_permission, {}, ("INV-03",)),
    Mistake(reads_a_percentage_as_a_fraction, {}, ("INV-03",)),
    Mistake(has_a_cap_of_its_own_in_the_code, {}, ("INV-03",)),
    Mistake(forgets_the_cap_of_a_symbol, {}, ("INV-03",)),
    Mistake(never_proves_again, {}, ("INV-03",), first=19),
    Mistake(
        lets_what_waited_leave_unproved, {"lost_before": 0.3, "stale_price": 0.3},
        ("INV-03", "INV-04", "INV-07"),
    ),
    Mistake(raises_an_order_unproved, {}, ("INV-03", "INV-07")),
    Mistake(lets_a_bot_change_the_order_of_another, {}, ("INV-17",)),
    Mistake(takes_a_repeated_request_for_a_new_order, {}, ("INV-01",), first=2),
    Mistake(forgets_the_horizon, {"delayed": 0.4, "stale_lookup": 0.3}, ("INV-09",), first=4),
    Mistake(
        believes_a_no_to_the_second_attempt, {"delayed": 0.3, "refused": 0.3},
        ("INV-03", "INV-06", "INV-08", "INV-20"),
    ),
    Mistake(
        sends_again_what_nobody_wants_any_more, {"lost_before": 0.4, "stale_price": 0.3},
        ("INV-03", "INV-04", "INV-07"),
    ),
    Mistake(waits_for_an_unknown_order_for_ever, {"lost_before": 0.3}, ("INV-20",)),
    Mistake(drops_intents_at_a_start, {"killed": 0.4}, ("INV-03", "INV-06", "INV-08", "INV-20")),
    Mistake(leaves_intents_alone_at_a_start, {"killed": 0.4}, ("INV-20",)),
    Mistake(begins_ids_anew_at_a_start, {"killed": 0.2}, ("INV-01", "INV-02", "INV-20")),
    Mistake(
        ends_an_order_before_its_last_fills, {"late": 0.5, "stalled": 0.3},
        ("INV-03", "INV-06", "INV-08"), first=10,
    ),
    Mistake(loses_fills_of_ended_orders, {"late": 0.5}, ("INV-02", "INV-10", "INV-20"), first=1),
    Mistake(trusts_the_order_of_messages, {"late": 0.5}, ("INV-10", "INV-12", "INV-20")),
    Mistake(takes_a_sum_of_fills_for_a_fill, {}, ("INV-08", "INV-10", "INV-20")),
    Mistake(sells_beyond_what_is_held, {}, ("INV-06",)),
    Mistake(sells_what_another_bot_holds, {}, ("INV-06",)),
    Mistake(rests_a_stop_for_what_is_being_sold, {}, ("INV-06",)),
    Mistake(refuses_a_sale_at_an_old_price, {"stale_price": 0.5}, ("INV-05",)),
    Mistake(refuses_a_sale_over_a_cap, {}, ("INV-05",), first=2),
    Mistake(refuses_a_sale_while_halted, {}, ("INV-05",)),
    Mistake(forgets_the_cancels_of_bots, {}, ("INV-05",)),
    Mistake(books_what_a_trial_would_send, {}, ("INV-15",)),
    Mistake(overlooks_what_state_says, {}, ("INV-03", "INV-17")),
)  # fmt: skip
