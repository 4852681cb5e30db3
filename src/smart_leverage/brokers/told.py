"""What was told of orders: each thing once, in whatever order and how often it is heard of."""

from collections import deque
from decimal import Decimal
from itertools import takewhile

from smart_leverage.domain.orders import BrokerOrder, Fill, TradeUpdate
from smart_leverage.domain.seen import Latest, Seen

KEPT = 20_000
"""So many of the last updates can be asked for again, and so many ended orders are known."""

ZERO = Decimal(0)


class Told:
    """What was told of orders, each thing once, with numbers that grow over restarts as well."""

    def __init__(self) -> None:
        self.updates: deque[TradeUpdate] = deque(maxlen=KEPT)
        self.open: dict[str, BrokerOrder] = {}
        """By the broker's id, as they were told last."""
        self.last = 0
        self._ended = Latest[str, BrokerOrder](KEPT)
        self._executions = Seen()
        self._revised: set[tuple[str, str]] = set()

    def since(self, sequence: int) -> list[TradeUpdate]:
        """Return what was told above a sequence, oldest first."""
        return [*takewhile(lambda each: each.sequence > sequence, reversed(self.updates))][::-1]

    def order(self, broker_order_id: str) -> BrokerOrder | None:
        """Return an order as it was told last, None where that was never or very long ago."""
        return self.open.get(broker_order_id) or self._ended.get(broker_order_id)

    def fill(self, order: BrokerOrder, fill: Fill, event: str, cumulated: Decimal) -> bool:
        """Tell of an execution; return whether what was filled before it had been told as well."""
        before = self.filled(order)
        if self.has(fill.execution_id):
            return True
        self._executions.add(fill.execution_id)
        known = self.order(order.broker_order_id)
        is_old = known is not None and _is_behind(order, known)
        self._add(event, known if known is not None and is_old else order, fill.at_ns, fill)
        return before + fill.qty >= cumulated

    def has(self, execution_id: str) -> bool:
        """Tell whether an execution was told."""
        return self._executions.has(execution_id)

    def change(self, event: str, order: BrokerOrder, at_ns: int) -> None:
        """Tell that an order stands as it does, unless that was told, or something later."""
        known = self.order(order.broker_order_id)
        if known is not None and _is_behind(order, known):
            return
        if known is None or (known.status, known.filled_qty) != (order.status, order.filled_qty):
            self._add(event, order, at_ns, None)

    def revise(
        self, event: str, order: BrokerOrder, revises: str, after: Fill | None, at_ns: int
    ) -> None:
        """Tell that an execution was taken back, or what it is instead, unless that was told.

        Less may be filled than before: this alone takes something of what was told back.
        """
        what = (revises, "" if after is None else after.execution_id)
        if what in self._revised:
            return
        self._revised.add(what)
        self._add(event, order, at_ns, after, revises)

    def filled(self, order: BrokerOrder) -> Decimal:
        """Return how much of an order was told as filled."""
        known = self.order(order.broker_order_id)
        return ZERO if known is None else known.filled_qty

    def _add(
        self, event: str, order: BrokerOrder, at_ns: int, fill: Fill | None, revises: str = ""
    ) -> None:
        self.last = max(self.last + 1, at_ns)
        self._put(order)
        self.updates.append(
            TradeUpdate(
                sequence=self.last,
                event=event,
                broker_order=order,
                at_ns=at_ns,
                fill=fill,
                revises=revises,
            )
        )

    def _put(self, order: BrokerOrder) -> None:
        name = order.broker_order_id
        self.open.pop(name, None)
        self._ended.pop(name, None)
        into = self.open if order.is_open else self._ended
        into[name] = order


def _is_behind(order: BrokerOrder, known: BrokerOrder) -> bool:
    """Tell whether an order stands where it stood before it was told last."""
    return order.filled_qty < known.filled_qty or (order.is_open and not known.is_open)
