"""One decision as JSON tells it: the record, its sentence, and what bound it."""

from typing import Any

from smart_leverage.domain.sentences import sentence
from smart_leverage.ledger.rows import DecisionRow, OrderRow


def decision_fields(row: DecisionRow) -> dict[str, Any]:
    """Return the fields of a decision in a stable order, with the sentence for people."""
    said = sentence(row.reason, row.unit, row.bound, row.would_be, is_sale=row.side == "sell")
    return {
        "id": row.decision_id,
        "seq": row.seq,
        "at_ns": row.at_ns,
        "bot": row.bot,
        "source": row.source,
        "key": row.key,
        "side": row.side.value,
        "asked": row.asked,
        "allowed": row.allowed,
        "given": row.given,
        "price": row.price,
        "verdict": row.verdict,
        "reason": row.reason,
        "sentence": said,
        "unit": row.unit,
        "bound": row.bound,
        "would_be": row.would_be,
        "figures": row.figures,
    }


def fate_fields(order: OrderRow | None) -> dict[str, Any] | None:
    """Return what became of a decision: its order as it stands; None where none was sent."""
    if order is None:
        return None
    return {
        "client_order_id": order.client_order_id,
        "state": order.state.value,
        "filled_qty": order.filled_qty,
    }
