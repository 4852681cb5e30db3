"""Finds the decision that somebody means, and everything that explains it."""

from typing import NamedTuple

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.records import FillRevised, decode
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.rows import DecisionRow, OrderRow, PlanRow
from smart_leverage.reports.explain import explain


class Explanation(NamedTuple):
    """A decision with what was sent for it, and the plan that it belongs to."""

    decision: DecisionRow
    instrument: Instrument | None
    orders: list[OrderRow]
    plan: list[PlanRow]
    revisions: list[FillRevised]

    @property
    def lines(self) -> list[str]:
        """As a person reads it."""
        return explain(
            self.decision,
            instrument=self.instrument,
            orders=self.orders,
            plan=self.plan,
            revisions=self.revisions,
        )


def explanation(reader: Reader, which: str) -> Explanation:
    """Return what explains a decision.

    Args:
        reader: Of the ledger.
        which: A decision (d41), an event of the ledger (4107), or an order's id.

    Raises:
        BadData: There is no such decision.
    """
    decision = _find(reader, which)
    sent = reader.orders(decision_id=decision.decision_id) if decision.given > 0 else []
    instrument = next((one for one in reader.instruments() if one.key == decision.key), None)
    plan = reader.plan(decision.figures["plan"]) if "plan" in decision.figures else []
    about = [each for order in sent for each in reader.entries_about(order.client_order_id)]
    told = [decode(each.payload) for each in about if each.kind == "fill.revised"]
    revisions = [each for each in told if isinstance(each, FillRevised)]
    return Explanation(decision, instrument, sent, plan, revisions)


def _find(reader: Reader, which: str) -> DecisionRow:
    """Return the decision that is meant, or that an event or order comes from."""
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


def _of_event(reader: Reader, seq: int) -> DecisionRow:
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
