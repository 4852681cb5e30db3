"""Checks of a ledger: that it is whole, how old it is, and what the account still has to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

from smart_leverage.cli.finding import Finding, fine, several, warning, wrong
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import LedgerCorrupt, LedgerError
from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.sentences import STATES, group_told
from smart_leverage.domain.stamps import iso, span
from smart_leverage.ledger.aside import aside
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.connections import SCHEMA_VERSION
from smart_leverage.ledger.files import witnessed
from smart_leverage.ledger.home import is_nowhere
from smart_leverage.ledger.seals import read_seals
from smart_leverage.ledger.verify import Verdict, verify
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.presence import Presence, Present
from smart_leverage.runtime.remembered import Remembered, remember

CLOCK_BEHIND_MAX_NS = 5 * SECOND_NS
SILENT_MAX_NS = 10 * MINUTE_NS
"""A running account values itself every minute; one that wrote nothing for so long does not."""

_BACKUP = "keep this file, and go on from a backup with `smart-leverage ledger restore`"


def ledger_checks(
    ledger: Path, present: Present, now_ns: int, show: Callable[[int, int], None]
) -> Iterator[Finding]:
    """Yield what the ledger is and says; of one that is not whole, only that.

    Args:
        ledger: Where it should be.
        present: Who runs the account.
        now_ns: What the clock of this machine shows.
        show: Hears how far the proof is.
    """
    if is_nowhere(ledger):
        yield _missing(ledger, witnessed(ledger))
        return
    try:
        with aside(ledger) as readable:
            verdict = _verified(readable, show)
            if isinstance(verdict, Verdict):
                yield _proof(ledger, verdict, len(read_seals(readable)) if verdict.is_sound else 0)
                if verdict.is_sound and verdict.events:
                    yield from _account(remember(readable), present, now_ns)
            else:
                mends = _BACKUP if isinstance(verdict, LedgerCorrupt) else ""
                yield wrong("ledger", str(verdict).replace(str(readable), str(ledger)), mends)
    except LedgerError as error:
        yield warning("ledger", f"not examined: {error}")


def _verified(ledger: Path, show: Callable[[int, int], None]) -> Verdict | LedgerError:
    """Return what the proof says, or why there can be none."""
    try:
        return verify(ledger, show)
    except LedgerError as error:
        return error


def _missing(ledger: Path, noted: Head | None) -> Finding:
    if noted is not None and noted.seq:
        return wrong(
            "ledger", f"{ledger} is gone, though event {noted.seq:,} was acknowledged", _BACKUP
        )
    return fine("ledger", f"none yet: `smart-leverage run --name {ledger.parent.name}` makes it")


def _proof(ledger: Path, verdict: Verdict, seals: int) -> Finding:
    if not verdict.is_sound:
        return wrong("ledger", f"{ledger}: {verdict.summary}", _BACKUP)
    sealed = f", {seals} {'month' if seals == 1 else 'months'} sealed" if seals else ""
    return fine("ledger", f"{verdict.summary}{sealed}, tables of version {SCHEMA_VERSION}")


def _account(now: Remembered, present: Present, now_ns: int) -> Iterator[Finding]:
    yield last_event(now.events, now.at_ns, now_ns, is_running=present.presence is Presence.RUNNING)
    yield clock(now.at_ns, now_ns)
    yield _state(now)
    yield _plan(now)
    yield _unknown(now)
    yield _stops(now)


def last_event(events: int, at_ns: int, now_ns: int, *, is_running: bool) -> Finding:
    """Return how old the last event is; a running account does not keep silent for long."""
    found = f"{events:,} at {iso(at_ns)}, {span(now_ns - at_ns)} ago"
    if is_running and now_ns - at_ns > SILENT_MAX_NS:
        return warning("last event", f"{found}, and the account is running", "see whether it works")
    return fine("last event", found)


def clock(at_ns: int, now_ns: int) -> Finding:
    """Return whether the clock of this machine agrees with a journal, which only goes forward."""
    behind_ns = at_ns - now_ns
    if behind_ns > CLOCK_BEHIND_MAX_NS:
        return wrong(
            "clock",
            f"{iso(now_ns)} is {span(behind_ns)} before the last event",
            "set it by a time server before the account is run",
        )
    return fine("clock", f"{iso(now_ns // SECOND_NS * SECOND_NS)}, not before the last event")


def _state(now: Remembered) -> Finding:
    trading = now.state.trading
    word = STATES[trading]
    if trading is TradingState.ACTIVE:
        return fine("state", f"{word.word}: {word.line}")
    why = f" ({now.state.trading_why})" if now.state.trading_why else ""
    return warning("state", f"{word.word}{why}: {word.line}", "`smart-leverage status` says more")


def _plan(now: Remembered) -> Finding:
    plan = now.state.plan
    if plan is None:
        return fine("plan", "none is running")
    kind = group_told(plan.kind)
    found = f"{plan.plan_id} sells {kind} down, stage {plan.stage}, due {iso(plan.deadline_ns)}"
    return warning("plan", found)


def _unknown(now: Remembered) -> Finding:
    orders = now.state.orders.by_id
    unanswered = (OrderState.INTENT, OrderState.UNKNOWN)
    names = [name for name, tracked in orders.items() if tracked.state in unanswered]
    if not names:
        return fine("orders", f"{len(orders)} under way, no outcome unknown")
    return warning(
        "orders", f"outcome unknown: {several(names)}", "every start looks them up at the broker"
    )


def _stops(now: Remembered) -> Finding:
    bare = sorted(now.state.bare_since.items())
    held = len(now.state.held())
    if not bare:
        return fine("stops", f"{held} {'position' if held == 1 else 'positions'}, none without one")
    names = [f"{key} for {span(now.at_ns - since_ns)}" for key, since_ns in bare]
    return warning("stops", f"without a live stop: {several(names)}", "a running account sets them")
