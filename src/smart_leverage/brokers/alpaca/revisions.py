"""Which execution it is that the broker takes back or corrects.

Stream and list name one execution differently, and what is said of it afterwards names it by either
id, or by none. What no id tells, its figures may.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from smart_leverage.brokers.alpaca import reading
from smart_leverage.brokers.told import KEPT
from smart_leverage.domain.orders import BrokerOrder, Fill
from smart_leverage.domain.seen import Latest

Row = Mapping[str, Any]

REVISIONS = frozenset({"trade_bust", "trade_correct"})
"""The broker's words, of messages of the stream and of rows of the list alike."""


class Names:
    """Executions by the ids that the broker gives them: the stream others than the list."""

    def __init__(self) -> None:
        self._fills = Latest[str, Fill](2 * KEPT)
        self._of_order = Latest[str, dict[str, Fill]](KEPT)

    def learn(self, row: Row, fill: Fill) -> None:
        """Remember by which id a row of the stream or of a list names an execution."""
        for name in _ids(row):
            self._fills.setdefault(name, fill)
        own = self._of_order.setdefault(fill.client_order_id, {})
        own.setdefault(fill.execution_id, fill)

    def named(self, row: Row) -> Fill | None:
        """Return the execution that a row says it takes back or corrects, None if unknown."""
        return self._fills.get(str(row.get("previous_execution_id")))

    def alike(self, order: BrokerOrder, row: Row) -> Fill | None:
        """Return the one execution of an order that it can be, by its figures; None of several."""
        own = list(self._of_order.get(order.order.client_order_id, {}).values())
        if word_of(row) == "trade_bust" and row.get("qty") and row.get("price"):
            figures = reading.amount(row, "qty"), reading.amount(row, "price")
            own = [each for each in own if (each.qty, each.price) == figures]
        return own[0] if len(own) == 1 else None


def _ids(row: Row) -> list[str]:
    """Return the ids of an execution in a row: of an activity it is the part behind its time."""
    activity = str(row.get("id") or "").rpartition("::")[2]
    return [name for name in (str(row.get("execution_id") or ""), activity) if name]


def word_of(row: Row) -> str:
    """Return the broker's word for what a row of the stream or of a list is about."""
    return str(row.get("event") or row.get("type"))


def is_revision(row: Row) -> bool:
    """Tell whether a row is about an execution that had been told."""
    return word_of(row) in REVISIONS


def corrected(before: Fill, row: Row) -> Fill:
    """Return an execution as it is corrected, named by what it is now: all rows can say that."""
    qty = reading.amount(row, "qty") if row.get("qty") else before.qty
    price = reading.amount(row, "price") if row.get("price") else before.price
    name = f"{before.execution_id}={qty.normalize():f}@{price.normalize():f}"
    return msgspec.structs.replace(before, execution_id=name, qty=qty, price=price)
