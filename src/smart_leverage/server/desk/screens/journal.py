"""The last entries of the journal, each as one line."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from smart_leverage.domain import records
from smart_leverage.domain.enforcement import told as told_rollout
from smart_leverage.domain.evidence import told as told_evidence
from smart_leverage.domain.limits import told as told_limit
from smart_leverage.domain.sentences import (
    BREAKERS,
    group_told,
    money,
    percent,
    plain,
    plan_told,
    price,
    short,
)
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.reader import Reader


class Line(NamedTuple):
    """One entry as people read it."""

    seq: int
    at_ns: int
    kind: str
    text: str


def tail(reader: Reader, count: int) -> list[Line]:
    """Return the last entries, newest first."""
    after = max(reader.head().seq - count, 0)
    return [line(entry) for entry in reversed(list(reader.entries(after)))]


def line(entry: Entry) -> Line:
    """Return an entry as a line; of a kind that has no words its key stands alone."""
    text = entry.key
    try:
        record = records.decode(entry.payload)
    except msgspec.MsgspecError:
        return Line(entry.seq, entry.at_ns, entry.kind, "of another version")
    tell = _TELLERS.get(type(record))
    return Line(entry.seq, entry.at_ns, entry.kind, text if tell is None else tell(record))


def _symbol(key: str) -> str:
    return key.partition(":")[2] or key


def _decided(one: records.Decided) -> str:
    why = "" if one.reason == "none" else f": {short(one.reason)}"
    return f"{one.decision_id} {one.bot} {one.side} {_symbol(one.key)} {one.verdict}{why}"


def _intended(one: records.Intended) -> str:
    order = one.order
    return f"{order.role.value} {order.side} {plain(order.qty)} {_symbol(order.key)}"


def _filled(one: records.Filled) -> str:
    fill = one.fill
    return f"{fill.side} {plain(fill.qty)} {_symbol(fill.key)} at {price(fill.price)}"


def _revised(one: records.FillRevised) -> str:
    before, after = one.before, one.after
    what = f"{before.side} {plain(before.qty)} {_symbol(before.key)} at {price(before.price)}"
    if after is None:
        return f"{what} taken back by the broker"
    return f"{what} corrected to {plain(after.qty)} at {price(after.price)}"


def _marked(one: records.Marked) -> str:
    return f"equity {money(one.equity)}, crypto {money(one.crypto, 0)}"


def _breaker(one: records.BreakerMoved) -> str:
    word = BREAKERS.get(one.breaker)
    name = one.breaker if word is None else word.word
    return f"{name} {'tripped' if one.is_tripped else 'cleared'}, {percent(one.value, 2)}"


def _plan(one: records.PlanMoved) -> str:
    group, status = group_told(one.group), plan_told(one.status, one.group)
    return f"{one.plan_id} {group} {status}, {percent(one.exposure)} held"


_TELLERS: Mapping[type, Callable[[Any], str]] = {
    records.AccountOpened: lambda one: f"{one.account}, {one.mode}, {money(one.cash)}",
    records.InstrumentListed: lambda one: one.instrument.symbol,
    records.Adopted: lambda one: f"{plain(one.qty)} {_symbol(one.key)} at {price(one.price)}",
    records.FlowSeen: lambda one: f"{one.source} {money(one.amount)}",
    records.IncomeSeen: lambda one: (
        f"{one.source} {money(one.amount)}"
        + (f", {plain(one.qty)} {_symbol(one.key)}" if one.key else "")
    ),
    records.Decided: _decided,
    records.Intended: _intended,
    records.OrderMoved: lambda one: f"{one.state.value} {one.reason}".rstrip(),
    records.CancelIntended: lambda one: one.reason,
    records.Filled: _filled,
    records.FillRevised: _revised,
    records.Marked: _marked,
    records.BaselineSet: lambda one: f"{one.period} {one.label} {money(one.equity)}",
    records.BreakerMoved: _breaker,
    records.AssetLocked: lambda one: f"{_symbol(one.key)}, {percent(one.loss, 2)} lost",
    records.TierGranted: lambda one: f"{one.before} → {one.after}, {one.why}",
    records.ExposureMoved: lambda one: f"{one.sleeve} {percent(one.after)}, {one.binding} binds",
    records.StateChanged: lambda one: f"{one.before} → {one.after}, {one.why}, by {one.who}",
    records.Resumed: lambda one: f"by {one.who}: {one.reason}",
    records.LimitChanged: lambda one: f"{told_limit(one)}, by {one.who}",
    records.SeatChanged: lambda one: f"key of {one.seat.bot}, by {one.who}: {one.reason}",
    records.EnforcementChanged: told_rollout,
    records.RampMoved: told_rollout,
    records.ConsentGiven: told_rollout,
    records.EvidenceRecorded: lambda one: told_evidence(one.measured),
    records.PlanMoved: _plan,
    records.Unprotected: lambda one: f"{_symbol(one.key)}: {one.why}",
    records.Noted: lambda one: f"{one.code}: {one.text}",
}
