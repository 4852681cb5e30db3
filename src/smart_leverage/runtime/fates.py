"""What became of decisions: the order of each as the ledger knows it now."""

from collections.abc import Sequence

from smart_leverage.domain.sentences import percent
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.rows import DecisionRow, OrderRow

_PAGE = 500


def fates(reader: Reader, decisions: Sequence[DecisionRow]) -> dict[str, OrderRow]:
    """Return the order of each decision that gave something, by decision id."""
    given = [row.seq for row in decisions if row.given > 0]
    found: dict[str, OrderRow] = {}
    if not given:
        return found
    before = 2**63 - 1
    while before > min(given):
        page = reader.orders(before=before, limit=_PAGE)
        found.update({order.decision_id: order for order in page if order.decision_id})
        if len(page) < _PAGE:
            break
        before = page[-1].intended_seq
    return found


def fate(order: OrderRow | None) -> str:
    """Return how an order stands, in a word or two; nothing where none was sent."""
    if order is None:
        return ""
    if order.filled_qty and order.filled_qty < order.qty:
        return f"{order.state}, {percent(order.filled_qty / order.qty, 0)} filled"
    return order.state.value
