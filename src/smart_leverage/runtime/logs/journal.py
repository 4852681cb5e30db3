"""What happened to an account, as lines of its log; orders only for who looks that closely."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from smart_leverage.domain.orders import OrderState
from smart_leverage.domain.records import (
    AccountOpened,
    AssetLocked,
    BreakerMoved,
    CancelIntended,
    ConsentGiven,
    Decided,
    EnforcementChanged,
    Filled,
    FillRevised,
    FlowSeen,
    IncomeSeen,
    Intended,
    LimitChanged,
    Noted,
    OrderMoved,
    PlanMoved,
    RampMoved,
    Record,
    Resumed,
    SeatChanged,
    StateChanged,
    TierGranted,
    Unprotected,
)

JOURNAL = "smart_leverage.journal"
DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING

_ALARMING = frozenset(
    {
        *("broker.lost", "clock.jumped", "fill.not_revised", "order.external"),
        "stream.refused",
        "order.stalled",
        *("reconcile.difference", "state.tripped"),
    }
)
"""Codes of notes that a person should see."""

Line = tuple[int, str, dict[str, Any]]


def hear(record: Record) -> None:
    """Log a record, if it is one that is told; it is durable already."""
    told = _TOLD.get(type(record))
    # The usual record on the way of an order is not told at all, and costs this look-up.
    if told is None or not _LOG.isEnabledFor(told[0]):
        return
    level, event, fields = told[1](record)
    _LOG.log(level, event, extra=fields)


_LOG = logging.getLogger(JOURNAL)


def trouble(line: str) -> None:
    """Log that the ledger is in trouble; there is no record of it while it is."""
    _LOG.error(line)


def _opened(record: AccountOpened) -> Line:
    fields = {"preset": record.preset, "policy": record.policy_hash, "cash": record.cash}
    return INFO, "account opened", fields


def _decided(record: Decided) -> Line:
    fields = {
        "decision_id": record.decision_id,
        "bot": record.bot,
        "key": record.key,
        "side": record.side.value,
        "asked": record.asked,
        "given": record.given,
        "reason": record.reason,
    }
    return DEBUG, f"decision: {record.verdict}", fields


def _intended(record: Intended) -> Line:
    order = record.order
    fields = {
        "decision_id": record.decision_id or None,
        "order": order.client_order_id,
        "bot": order.bot,
        "key": order.key,
        "side": order.side.value,
        "qty": order.qty,
    }
    return DEBUG, "order intended", fields


def _moved(record: OrderMoved) -> Line:
    fields = {"order": record.client_order_id, "status": record.status, "filled": record.filled_qty}
    if record.state is OrderState.REJECTED:
        fields |= {"code": record.broker_code, "why": record.reason}
        return INFO, "order rejected by the broker", fields
    return DEBUG, f"order {record.state.value}", fields


def _cancel(record: CancelIntended) -> Line:
    return DEBUG, "cancel intended", {"order": record.client_order_id}


def _filled(record: Filled) -> Line:
    fill = record.fill
    fields = {
        "order": fill.client_order_id,
        "key": fill.key,
        "side": fill.side.value,
        "qty": fill.qty,
        "price": fill.price,
    }
    return DEBUG, "fill", fields


def _revised(record: FillRevised) -> Line:
    before, after = record.before, record.after
    fields: dict[str, Any] = {
        "order": before.client_order_id,
        "key": before.key,
        "side": before.side.value,
    }
    fields |= {"qty_before": before.qty, "price_before": before.price}
    if after is None:
        return WARNING, "execution taken back by the broker", fields
    fields |= {"qty": after.qty, "price": after.price}
    return WARNING, "execution corrected by the broker", fields


def _state(record: StateChanged) -> Line:
    level = INFO if record.after == "active" else WARNING
    return level, f"state {record.before} to {record.after}", {"why": record.why, "who": record.who}


def _resumed(record: Resumed) -> Line:
    return WARNING, "resumed", {"who": record.who, "why": record.reason}


def _tier(record: TierGranted) -> Line:
    return INFO, f"tier {record.before} to {record.after}", {"why": record.why}


def _breaker(record: BreakerMoved) -> Line:
    word = "tripped" if record.is_tripped else "reset"
    return (
        WARNING,
        f"breaker {record.breaker} {word}",
        {"value": record.value, "limit": record.limit},
    )


def _lock(record: AssetLocked) -> Line:
    return WARNING, "asset locked", {"key": record.key}


def _limit(record: LimitChanged) -> Line:
    fields = {"limit": record.name, "after": record.after, "who": record.who, "why": record.reason}
    return INFO, "limit changed", fields


def _seat(record: SeatChanged) -> Line:
    seat = record.seat
    word = "revoked" if seat.is_revoked else "suspended" if seat.is_suspended else "given"
    fields = {
        "bot": seat.bot,
        "token_id": seat.token_id,
        "scopes": ",".join(seat.scopes),
        "who": record.who,
        "why": record.reason,
    }
    return INFO, f"token {word}", fields


def _enforcement(record: EnforcementChanged) -> Line:
    return WARNING, "enforcement changed", {"after": record.after, "who": record.who}


def _plan(record: PlanMoved) -> Line:
    fields = {"plan": record.plan_id, "group": record.group, "exposure": record.exposure}
    return INFO, f"plan {record.status}", fields | {"why": record.why}


def _bare(record: Unprotected) -> Line:
    return WARNING, "without a live stop", {"key": record.key}


def _flow(record: FlowSeen) -> Line:
    return INFO, "deposit or withdrawal", {"amount": record.amount, "source": record.source}


def _income(record: IncomeSeen) -> Line:
    fields = {"amount": record.amount, "key": record.key, "qty": record.qty}
    return INFO, record.source, fields


def _note(record: Noted) -> Line:
    level = WARNING if record.code in _ALARMING or record.code.endswith(".refused") else INFO
    return level, record.text, {"code": record.code}


def _plain(event: str) -> Callable[[Record], Line]:
    return lambda record: (INFO, event, {})


_TOLD: Mapping[type, tuple[int, Callable[[Any], Line]]] = {
    AccountOpened: (INFO, _opened),
    Decided: (DEBUG, _decided),
    Intended: (DEBUG, _intended),
    OrderMoved: (DEBUG, _moved),
    CancelIntended: (DEBUG, _cancel),
    Filled: (DEBUG, _filled),
    FillRevised: (WARNING, _revised),
    StateChanged: (INFO, _state),
    Resumed: (WARNING, _resumed),
    TierGranted: (INFO, _tier),
    BreakerMoved: (WARNING, _breaker),
    AssetLocked: (WARNING, _lock),
    LimitChanged: (INFO, _limit),
    SeatChanged: (INFO, _seat),
    EnforcementChanged: (WARNING, _enforcement),
    RampMoved: (INFO, _plain("caps have grown")),
    ConsentGiven: (INFO, _plain("consent given")),
    PlanMoved: (INFO, _plan),
    Unprotected: (WARNING, _bare),
    FlowSeen: (INFO, _flow),
    IncomeSeen: (INFO, _income),
    Noted: (INFO, _note),
}
"""What is told: the least level at which it can be, and how."""
