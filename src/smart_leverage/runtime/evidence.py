"""What the rule has done to an account lately, or would have: what a step up is judged by."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.enforcement import OBSERVED, WARNED
from smart_leverage.domain.records import AssetLocked, BreakerMoved, Decided, Record

KINDS = frozenset({"decision", "breaker", "asset.locked"})
"""Kinds of records that are evidence; others need not be read."""

ZERO = Decimal(0)


class Line(NamedTuple):
    """One kind of event with its reason: how often it was done, or would have been, and on what.

    `what` is denied, cut, sold or tripped; `worth` is money at the prices of those decisions.
    """

    what: str
    reason: str
    done: int
    foreseen: int
    worth: Decimal


def evidence(records: Iterable[Record], since_ns: int) -> list[Line]:
    """Count what is in the journal since a time; lines are sorted by what and reason."""
    lines: dict[tuple[str, str], Line] = {}
    for record in records:
        if record.at_ns < since_ns:
            continue
        found = _found(record)
        if found is not None:
            known = lines.get(found[:2], Line(found.what, found.reason, 0, 0, ZERO))
            lines[found[:2]] = known._replace(
                done=known.done + found.done,
                foreseen=known.foreseen + found.foreseen,
                worth=known.worth + found.worth,
            )
    return [lines[name] for name in sorted(lines)]


def _found(record: Record) -> Line | None:
    if isinstance(record, BreakerMoved) and record.is_tripped:
        return Line("tripped", f"limit: {record.breaker}", 1, 0, ZERO)
    if isinstance(record, AssetLocked):
        return Line("tripped", f"lock: {record.key.partition(':')[2]}", 1, 0, ZERO)
    if not isinstance(record, Decided):
        return None
    is_foreseen = record.verdict in (OBSERVED, WARNED)
    if record.source == "house":
        qty = record.allowed if is_foreseen else record.given
        return _line("sold", record, qty, is_foreseen)
    if is_foreseen:
        given = Decimal(record.figures.get("given if enforced", "0"))
        return _line("cut" if given else "denied", record, record.asked - given, True)
    if record.verdict in ("cut", "denied"):
        return _line(record.verdict, record, record.asked - record.given, False)
    return None


def _line(what: str, record: Decided, qty: Decimal, is_foreseen: bool) -> Line:
    return Line(what, record.reason, not is_foreseen, is_foreseen, qty * record.price)
