"""The broker's lists against our books: a difference that nobody explains stops increases."""

from decimal import Decimal

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import AccountSnapshot, OrderState
from smart_leverage.domain.records import Noted
from smart_leverage.engine.adopting import adopt
from smart_leverage.engine.answering import on_broker_order
from smart_leverage.engine.core import Core, move
from smart_leverage.engine.events import Reconciled, Rung
from smart_leverage.engine.exposure import ZERO
from smart_leverage.engine.income import heed_fees
from smart_leverage.engine.judging import cancel_increases, change_state
from smart_leverage.engine.lending import margin_account
from smart_leverage.engine.stalling import heed_stalled
from smart_leverage.policy.margin import maintenance_excess, margin_multiplier
from smart_leverage.policy.reasons import TradingState

CASH_SLACK = Decimal("0.01")

LAG_NS = 3 * SECOND_NS
"""A broker's lists show an execution by then at the latest."""


def on_reconciled(core: Core, event: Reconciled) -> None:
    """Compare quantities exactly and cash to the cent; a difference makes the account reducing.

    The broker's prices value what has no fresh one: after a start nothing else is known. An answer
    about another account halts this one: nothing it says is about what is held here.
    """
    if _is_of_another(core, event):
        return
    _heed_block(core, event)
    for position in event.positions:
        best = core.ladder.best(position.key, core.now_ns)
        is_other = best is None or best.price != position.price
        if core.ladder.is_anew(position.key) or (is_other and not (best and best.is_fresh)):
            core.ladder.see(position.key, position.price, core.now_ns, Rung.BROKER)
    core.is_ready, core.wants_lists = True, False
    if core.config.policy.intraday.is_on:
        _note_power(core, event.account)
    core.unseen_fees.clear()
    heed_fees(core, event)
    for listed in event.orders:
        adopt(core, listed)
        on_broker_order(core, listed)
    for name in core.state.orders.entries_owed():
        # Its exits would be listed if they were there: they have ended, and nobody told.
        move(core, name, OrderState.FILLED, status="filled", reason="its exits have ended")
    heed_stalled(core, event.orders)
    differences = _differences(core, event)
    core.differs = bool(differences)
    core.missing = _missing(core, event)
    if not differences:
        core.differs_since_ns = 0
        return
    if core.config.lists_lag and not _has_lasted(core):
        core.is_ready, core.wants_lists = False, True
        return
    text = "; ".join(differences)
    core.record(Noted(at_ns=core.now_ns, code="reconcile.difference", text=text))
    if core.state.trading <= TradingState.REDUCING:
        change_state(core, TradingState.REDUCING, "books and broker differ", "policy")
    cancel_increases(core, "books and broker differ")


def _note_power(core: Core, told: AccountSnapshot) -> None:
    """Keep what the broker's buying power lacks to ours: the smaller of the two is spent.

    What it lacks stays off until it is told anew, so that purchases in between are counted too.
    """
    core.power_ns, core.withheld = core.now_ns, ZERO
    own = margin_account(core.state, core.worst(), ZERO)
    multiplier = margin_multiplier(own, core.config.margin)
    if multiplier <= 1.0:
        return  # nothing is lent whatever the broker says
    stated = float(told.buying_power) / multiplier if told.multiplier > 1 else 0.0
    lacking = maintenance_excess(own) - stated
    if lacking > float(CASH_SLACK):
        core.withheld = Decimal(repr(round(lacking, 2)))


def _is_of_another(core: Core, event: Reconciled) -> bool:
    """Tell whether the broker speaks of an account that is not the one of the first day."""
    opened = core.state.opened
    known = "" if opened is None else opened.broker_account
    if not known or event.account.account_id == known:
        return False
    core.is_ready = False
    if core.state.trading < TradingState.HALTED:
        text = f"the keys are of account {event.account.account_id}, this one is {known}"
        core.record(Noted(at_ns=core.now_ns, code="broker.other_account", text=text))
        change_state(core, TradingState.HALTED, text, "policy")
        cancel_increases(core, text)
    return True


def _heed_block(core: Core, event: Reconciled) -> None:
    """Reduce, with the cause, where the broker itself takes no orders of the account."""
    if event.account.is_blocked and core.state.trading is TradingState.ACTIVE:
        why = "the broker takes no orders of this account"
        core.record(Noted(at_ns=core.now_ns, code="broker.blocked", text=why))
        change_state(core, TradingState.REDUCING, why, "policy")
        cancel_increases(core, why)


def _has_lasted(core: Core) -> bool:
    """Tell whether the lists have differed for longer than they lag behind the stream."""
    if not core.differs_since_ns:
        core.differs_since_ns = core.now_ns
    return core.now_ns - core.differs_since_ns >= LAG_NS


def _missing(core: Core, event: Reconciled) -> dict[Key, Decimal]:
    """Return what somebody else must have sold: it cannot be sold again, the rest can.

    What our own sales may have taken is no such thing: their messages may be on the way.
    """
    theirs = {position.key: position.qty for position in event.positions}
    found, orders = {}, core.state.orders
    for key, qty in core.state.held():
        ours = orders.selling(key) + orders.together(orders.stops(key))
        gone = qty - theirs.get(key, ZERO) - ours
        if gone > 0:
            found[key] = gone
    return found


def _differences(core: Core, event: Reconciled) -> list[str]:
    book = core.state.book
    theirs = {position.key: position.qty for position in event.positions if position.qty}
    ours = dict(core.state.held())
    found = [
        f"{key}: broker {theirs.get(key, ZERO)}, books {ours.get(key, ZERO)}"
        for key in sorted({*theirs, *ours})
        if theirs.get(key, ZERO) != ours.get(key, ZERO)
    ]
    if abs(event.account.cash - book.cash) > CASH_SLACK:
        found.append(f"cash: broker {event.account.cash}, books {book.cash}")
    return found
