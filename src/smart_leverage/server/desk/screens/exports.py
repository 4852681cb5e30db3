"""Decisions as files: the same rows as on the page, plain numbers, every field."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from smart_leverage.domain.stamps import iso
from smart_leverage.runtime.plain import plain
from smart_leverage.runtime.told import decision_fields, fate_fields
from smart_leverage.server.desk.screens.standing import Decision

ROWS_MAX = 100_000
"""Most rows of one file."""

_RISKY = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run."""


def as_json(decisions: Iterable[Decision]) -> bytes:
    """Return one object a line, as the command `orders --json` writes it."""
    rows = ({**decision_fields(one.row), "order": fate_fields(one.order)} for one in decisions)
    lines = (json.dumps(plain(row), ensure_ascii=False, allow_nan=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def as_csv(decisions: Iterable[Decision]) -> bytes:
    """Return a table; a text that a spreadsheet would run is kept from it."""
    out = io.StringIO()
    writer: Any = None
    for one in decisions:
        row = decision_fields(one.row)
        row |= {
            "time": iso(row.pop("at_ns")),
            "figures": "; ".join(f"{name} {text}" for name, text in row["figures"].items()),
            "order": "" if one.order is None else one.order.client_order_id,
            "state": "" if one.order is None else one.order.state.value,
        }
        if writer is None:
            writer = csv.DictWriter(out, row.keys(), lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: _tame(value) for name, value in row.items()})
    return out.getvalue().encode()


def _tame(value: Any) -> Any:
    text = str(value)
    is_number = text.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(_RISKY) and not is_number else value
