"""What a person may order: toward safety at once, resuming and loosening on conditions only."""

from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.records import Noted, Resumed
from smart_leverage.engine.core import Core
from smart_leverage.engine.enforcing import give_consent, set_enforcement
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.exposure import value
from smart_leverage.engine.judging import DAY_LOSS, cancel_increases, change_state, clear_month
from smart_leverage.engine.learning import take_evidence
from smart_leverage.engine.limiting import set_limits
from smart_leverage.engine.plans import rebalance, start_flatten
from smart_leverage.engine.reviewing import sign
from smart_leverage.engine.seating import set_seat
from smart_leverage.policy.reasons import TradingState


def on_command(core: Core, event: Commanded) -> None:
    """Carry out an operator's command and journal who wanted it and why."""
    if event.command is Command.HALT:
        change_state(core, TradingState.HALTED, event.reason, event.who)
        cancel_increases(core, event.reason)
    elif event.command is Command.REDUCE:
        if core.state.trading <= TradingState.REDUCING:
            change_state(core, TradingState.REDUCING, event.reason, event.who)
        cancel_increases(core, event.reason)
    elif event.command is Command.FLATTEN:
        change_state(core, TradingState.HALTED, event.reason, event.who)
        start_flatten(core, event.reason, event.who)
    elif event.command is Command.REBALANCE:
        _rebalance(core, event)
    elif event.command is Command.LIMITS:
        set_limits(core, event)
    elif event.command is Command.SEAT:
        set_seat(core, event)
    elif event.command is Command.ENFORCE:
        set_enforcement(core, event)
    elif event.command is Command.CONSENT:
        give_consent(core, event)
    elif event.command is Command.EVIDENCE:
        take_evidence(core, event)
    elif event.command is Command.REVIEW:
        sign(core, event)
    else:
        _resume(core, event)


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
