"""Explains one decision to the value that bound it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_leverage.domain.records import PastImported
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.ledger.rows import DecisionRow, OrderRow, PlanRow


@command("smart-leverage explain d41", "smart-leverage explain 4107 --json")
def explain(
    screen: Screen,
    which: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A decision (d41), an event of the ledger (4107), or an order's id."
        ),
    ],
    ledger: LedgerPath = None,
) -> None:
    """Explain a decision to the value that bound it.

    Shows what was asked, what bound it, the arithmetic, and what was sent. An event or an order
    that belongs to a decision leads to it. Of an import it shows the files and who wanted it.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.read_only import opened

    with opened(ledger_path(ledger)) as reader:
        past = _past(reader, which)
        if past is not None:
            _tell_past(screen, past)
            return
        decision = _find(reader, which)
        sent = _sent(reader, decision)
        plan = reader.plan(decision.figures["plan"]) if "plan" in decision.figures else []
        if screen.as_json:
            screen.record(_fields(reader, decision, sent, plan))
        else:
            screen.say(*_lines(reader, decision, sent, plan))


def _lines(
    reader: "Reader",
    decision: "DecisionRow",
    sent: "Sequence[OrderRow]",
    plan: "Sequence[PlanRow]",
) -> list[str]:
    from smart_leverage.reports.explain import explain as explained

    instrument = next((one for one in reader.instruments() if one.key == decision.key), None)
    return explained(decision, instrument=instrument, orders=sent, plan=plan)


def _fields(
    reader: "Reader",
    decision: "DecisionRow",
    sent: "Sequence[OrderRow]",
    plan: "Sequence[PlanRow]",
) -> dict[str, Any]:
    from smart_leverage.cli.told import decision_fields

    orders = [{**_as_dict(row), "fills": reader.fills_of(row.client_order_id)} for row in sent]
    return {**decision_fields(decision), "orders": orders, "plan": plan}


def _as_dict(row: "OrderRow") -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _sent(reader: "Reader", decision: "DecisionRow") -> "list[OrderRow]":
    return reader.orders(decision_id=decision.decision_id) if decision.given > 0 else []


def _past(reader: "Reader", which: str) -> "PastImported | None":
    """Return the import that an event is, belongs to, or that is named; None for anything else."""
    from smart_leverage.domain.records import PastImported, decode

    if which.isascii() and which.isdigit() and 0 < len(which) < 19 and int(which):
        entry = next(reader.entries(after=int(which) - 1), None)
        if entry is None or entry.seq != int(which) or not entry.kind.startswith("past."):
            return None
        which = entry.key
    records = (decode(entry.payload) for entry in reader.entries_about(which))
    return next((each for each in records if isinstance(each, PastImported)), None)


def _tell_past(screen: Screen, past: "PastImported") -> None:
    from smart_leverage.domain.stamps import iso
    from smart_leverage.reports.explain import printable

    if screen.as_json:
        screen.record({name: getattr(past, name) for name in past.__struct_fields__})
        return
    lines = [
        f"{iso(past.at_ns)}  import {past.import_id} by {past.who}: {past.reason}",
        f"→ {past.deals:,} deals from before our time; none of them was decided here",
    ]
    lines += [
        f"  {file.name}  {file.form}, {file.rows:,} rows, {file.counted:,} counted, "
        f"{iso(file.first_ns)[:10]} to {iso(file.last_ns)[:10]}, sha256 {file.sha256}"
        for file in past.files
    ]
    lines += [f"  left out  {why}: {count:,}" for why, count in sorted(past.left_out.items())]
    screen.say(*map(printable, lines))


def _find(reader: "Reader", which: str) -> "DecisionRow":
    """Return the decision that is meant, or that an event or order comes from."""
    from smart_leverage.domain.errors import BadData

    seq = int(which) if which.isascii() and which.isdigit() and len(which) < 19 else None
    found = reader.decision(which if seq is None else seq)
    if found is None and seq is not None:
        return _of_event(reader, seq)
    if found is None:
        order = reader.order(which)
        found = None if order is None else reader.decision(order.decision_id)
    if found is None:
        raise BadData(
            f"no decision {which!r} in this ledger",
            fix="`smart-leverage orders` lists them; an order that we did not send has none",
        )
    return found


def _of_event(reader: "Reader", seq: int) -> "DecisionRow":
    from smart_leverage.domain.errors import BadData

    entry = next(reader.entries(after=seq - 1), None) if seq else None
    if entry is None or entry.seq != seq:
        last = reader.head().seq
        raise BadData(f"no event {seq} in this ledger", fix=f"the last one is {last}")
    order = reader.order(entry.key) if entry.key else None
    found = None if order is None else reader.decision(order.decision_id)
    if found is None:
        raise BadData(
            f"event {seq} is of kind {entry.kind!r} and belongs to no decision",
            fix="`smart-leverage orders` lists the decisions",
        )
    return found
