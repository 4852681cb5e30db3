"""One decision as JSON tells it: the record, its sentence, and what bound it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smart_leverage.ledger.rows import DecisionRow


def decision_fields(row: "DecisionRow") -> dict[str, Any]:
    """Return the fields of a decision in a stable order, with the sentence for people."""
    from smart_leverage.domain.sentences import sentence

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
