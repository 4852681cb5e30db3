"""What a person may order: toward safety at once, resuming and loosening on conditions only."""

from collections.abc import Callable, Mapping

from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.parts import part_named
from smart_leverage.domain.records import Noted, Resumed
from smart_leverage.engine.core import Core
from smart_leverage.engine.enforcing import give_consent, set_enforcement
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.exposure import value
from smart_leverage.engine.judging import DAY_LOSS, cancel_increases, change_state, clear_month
from smart_leverage.engine.learning import take_evidence
from smart_leverage.engine.limiting import set_limits
from smart_leverage.engine.plans import close_part, rebalance, start_flatten
from smart_leverage.engine.reviewing import sign
from smart_leverage.engine.seating import set_seat
from smart_leverage.policy.reasons import TradingState

PART = "part"
"""Name of the value that says what is sold out: a group or a symbol."""

CLOSE_REFUSED = "close.refused"
"""Code of the note with which a part that is none is refused."""


def on_command(core: Core, event: Commanded) -> None:
    """Carry out an operator's command and journal who wanted it and why."""
    _CARRIED_OUT[event.command](core, event)


def _halt(core: Core, event: Commanded) -> None:
    change_state(core, TradingState.HALTED, event.reason, event.who)
    cancel_increases(core, event.reason)


def _reduce(core: Core, event: Commanded) -> None:
    if core.state.trading <= TradingState.REDUCING:
        change_state(core, TradingState.REDUCING, event.reason, event.who)
    cancel_increases(core, event.reason)


def _flatten(core: Core, event: Commanded) -> None:
    change_state(core, TradingState.HALTED, event.reason, event.who)
    start_flatten(core, event.reason, event.who)


def _close(core: Core, event: Commanded) -> None:
    """Sell out a group or an instrument in every trading state; entries in it would undo that."""
    name = dict(event.changes).get(PART, "")
    part = part_named(name, core.state.instruments.values())
    if part is None:
        text = f"nothing changed for {event.who}: {name!r} is no group and no instrument here"
        core.record(Noted(at_ns=core.now_ns, code=CLOSE_REFUSED, text=text))
        return
    why = f"sold out by {event.who}: {event.reason}"
    cancel_increases(core, why, frozenset({part}))
    if idle := close_part(core, part, why):
        core.record(Noted(at_ns=core.now_ns, code="plan.idle", text=idle))


def _rebalance(core: Core, event: Commanded) -> None:
    """Sell down to inside every cap in every trading state; entries under way would undo it."""
    why = f"rebalance by {event.who}: {event.reason}"
    if idle := rebalance(core, why):
        core.record(Noted(at_ns=core.now_ns, code="plan.idle", text=idle))
    else:
        cancel_increases(core, why)


def _resume(core: Core, event: Commanded) -> None:
    """Lift a halt, with a new baseline after a month trip.

    A tripped day cannot be lifted: after a month trip of the same day the account is reducing until
    midnight.
    """
    state = core.state
    is_for_good = state.breakers.is_month_tripped or state.breakers.is_drawdown_tripped
    if state.breakers.is_day_tripped and not is_for_good:
        _refuse(core, "the loss limit of the day stays tripped until midnight")
        return
    if state.plan is not None:
        _refuse(core, "a deleveraging plan is still running")
        return
    if not core.is_ready:
        _refuse(core, "books and broker were not compared yet")
        return
    if any(one.state is OrderState.UNKNOWN for one in state.orders.buys()):
        _refuse(core, "the outcome of a purchase is unknown")
        return
    if core.differs:
        _refuse(core, "books and broker differ")
        return
    if not event.reason.strip():
        _refuse(core, "a resume needs a reason")
        return
    if is_for_good:
        equity = value(state, core.ladder).equity
        core.record(Resumed(at_ns=core.now_ns, who=event.who, reason=event.reason, equity=equity))
        clear_month(core, f"resumed by {event.who}")
    if state.breakers.is_day_tripped:
        change_state(core, TradingState.REDUCING, DAY_LOSS, "policy")
    else:
        change_state(core, TradingState.ACTIVE, event.reason, event.who)


def _refuse(core: Core, why: str) -> None:
    core.record(Noted(at_ns=core.now_ns, code="state.tripped", text=f"cannot resume: {why}"))


_CARRIED_OUT: Mapping[Command, Callable[[Core, Commanded], object]] = {
    Command.HALT: _halt,
    Command.REDUCE: _reduce,
    Command.FLATTEN: _flatten,
    Command.CLOSE: _close,
    Command.REBALANCE: _rebalance,
    Command.RESUME: _resume,
    Command.LIMITS: set_limits,
    Command.SEAT: set_seat,
    Command.ENFORCE: set_enforcement,
    Command.CONSENT: give_consent,
    Command.EVIDENCE: take_evidence,
    Command.REVIEW: sign,
}
