"""Explains one decision to the value that bound it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.records import PastImported
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.ledger.rows import OrderRow
    from smart_leverage.runtime.explaining import Explanation


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
    from smart_leverage.runtime.explaining import explanation

    with opened(ledger_path(ledger)) as reader:
        past = _past(reader, which)
        if past is not None:
            _tell_past(screen, past)
            return
        found = explanation(reader, which)
        if screen.as_json:
            screen.record(_fields(reader, found))
        else:
            screen.say(*found.lines)


def _fields(reader: "Reader", found: "Explanation") -> dict[str, Any]:
    from smart_leverage.runtime.told import decision_fields

    orders = [
        {**_as_dict(row), "fills": reader.fills_of(row.client_order_id)} for row in found.orders
    ]
    return {
        **decision_fields(found.decision),
        "orders": orders,
        "plan": found.plan,
        "revisions": found.revisions,
    }


def _as_dict(row: "OrderRow") -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


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
