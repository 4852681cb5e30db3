"""Decisions, fills and changes of state as they come: a line for people, an object for programs."""

from typing import TYPE_CHECKING, Any

from smart_leverage.domain.records import Decided, Filled, FillRevised, Record, StateChanged
from smart_leverage.domain.sentences import STATES, money, plain, price, sentence
from smart_leverage.domain.stamps import second
from smart_leverage.policy.reasons import TradingState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIGNS = {"approved": "●", "cut": "▲", "denied": "■"}
_STATE_SIGNS = {"active": "●", "reducing": "▲"}
SHOWN = (Decided, Filled, FillRevised, StateChanged)
"""What is shown; everything else stands in the ledger."""


def line_of(record: Record) -> str:
    """Return what happened in one line: time in UTC, sign and word, what, and why."""
    return f"{second(record.at_ns)[11:19]}  {_LINES[type(record)](record)}"


def fields_of(seq: int, record: Record) -> dict[str, Any]:
    """Return what happened as an object: the record's own fields, with its kind and number."""
    kind, fields = _FIELDS[type(record)](record)
    return {"kind": kind, "seq": seq, "at_ns": record.at_ns, **fields}


def _decided(record: Decided) -> str:
    value, given = money(record.asked * record.price, 0), money(record.given * record.price, 0)
    shown = f"{value} → {given}" if record.verdict == "cut" else value
    why = "" if record.reason == "none" else f"   {_said(record)}"
    sign = _SIGNS.get(record.verdict, "○")
    what = f"{record.side.value} {_symbol(record.key)} for {shown}"
    return f"{sign} {record.verdict:<8}  {record.decision_id:<6} {record.bot}: {what}{why}"


def _filled(record: Filled) -> str:
    fill = record.fill
    worth = money(fill.qty * fill.price, 0)
    what = f"{fill.side.value} {plain(fill.qty)} {_symbol(fill.key)} at {price(fill.price)}"
    return f"✓ filled           {what}, {worth}"


def _revised(record: FillRevised) -> str:
    before, after = record.before, record.after
    what = f"{before.side.value} {plain(before.qty)} {_symbol(before.key)} at {price(before.price)}"
    if after is None:
        return f"▲ taken back       {what}, by the broker"
    return f"▲ corrected        {what}: {plain(after.qty)} at {price(after.price)}, by the broker"


def _state(record: StateChanged) -> str:
    word = STATES[TradingState[record.after.upper()]]
    sign = _STATE_SIGNS.get(record.after, "■")
    return f"{sign} {word.word}, {record.why}: {word.line}"


def _decision_fields(record: Decided) -> tuple[str, dict[str, Any]]:
    names = ("decision_id", "bot", "source", "key", "side", "asked", "allowed", "given", "price")
    fields = {name: getattr(record, name) for name in (*names, "verdict", "reason")}
    bounds = {"unit": record.unit, "bound": record.bound, "would_be": record.would_be}
    fields["side"] = record.side.value
    return "decision", {**fields, "sentence": _said(record), **bounds}


def _fill_fields(record: Filled) -> tuple[str, dict[str, Any]]:
    fill = record.fill
    return "fill", {
        "order": fill.client_order_id,
        "key": fill.key,
        "side": fill.side.value,
        "qty": fill.qty,
        "price": fill.price,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
    }


def _revision_fields(record: FillRevised) -> tuple[str, dict[str, Any]]:
    before, after = record.before, record.after
    return "revision", {
        "order": before.client_order_id,
        "key": before.key,
        "side": before.side.value,
        "qty_before": before.qty,
        "price_before": before.price,
        "qty": 0 if after is None else after.qty,
        "price": None if after is None else after.price,
    }


def _state_fields(record: StateChanged) -> tuple[str, dict[str, Any]]:
    return "state", {
        "before": record.before,
        "after": record.after,
        "why": record.why,
        "who": record.who,
    }


def _said(record: Decided) -> str:
    is_sale = record.side.value == "sell"
    return sentence(record.reason, record.unit, record.bound, record.would_be, is_sale=is_sale)


def _symbol(key: str) -> str:
    return key.partition(":")[2]


_LINES: "Mapping[type, Callable[[Any], str]]" = {
    Decided: _decided,
    Filled: _filled,
    FillRevised: _revised,
    StateChanged: _state,
}
_FIELDS: "Mapping[type, Callable[[Any], tuple[str, dict[str, Any]]]]" = {
    Decided: _decision_fields,
    Filled: _fill_fields,
    FillRevised: _revision_fields,
    StateChanged: _state_fields,
}
