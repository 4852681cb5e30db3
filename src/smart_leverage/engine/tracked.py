"""Orders under way: what is reserved, what waits, what an answer changes."""

import base64
import hashlib
from collections import OrderedDict
from decimal import Decimal

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, OrderState, Role, Side

ZERO = Decimal(0)


def order_id(account: str, bot: str, session: str, sequence: int) -> str:
    """Return the id of an order; a replay of the same account derives the same one."""
    content = f"{account}\n{bot}\n{session}\n{sequence}".encode()
    digest = hashlib.sha256(content).digest()[:15]
    return "sl-" + base64.b32encode(digest).decode().lower()


class Tracked:
    """One order that is not final, with what is reserved for it."""

    __slots__ = (
        "broker_order_id",
        "decision_id",
        "filled",
        "intended_ns",
        "is_resent",
        "misses",
        "order",
        "reserve_price",
        "sent_ns",
        "state",
    )

    def __init__(
        self, order: Order, reserve_price: Decimal, intended_ns: int, decision_id: str = ""
    ) -> None:
        self.order = order
        self.decision_id = decision_id
        self.reserve_price = reserve_price
        self.intended_ns = self.sent_ns = intended_ns
        self.state = OrderState.INTENT
        self.filled = ZERO
        self.misses = 0
        self.is_resent = False
        """Whether this process has sent it a second time; the journal counts all attempts."""
        self.broker_order_id = ""

    @property
    def remaining(self) -> Decimal:
        """Quantity that may still fill."""
        return self.order.qty - self.filled

    @property
    def is_buy(self) -> bool:
        """Whether it adds to a position."""
        return self.order.side is Side.BUY


ENDED_KEPT = 10_000
"""How many ended orders stay in memory, so that a late fill still finds its order."""


class TrackedOrders:
    """Every order that is not final, by id and by instrument, and the ended ones for a while."""

    def __init__(self) -> None:
        self.by_id: dict[str, Tracked] = {}
        self._by_key: dict[Key, dict[str, Tracked]] = {}
        self._ended: OrderedDict[str, Tracked] = OrderedDict()

    def add(self, tracked: Tracked) -> None:
        """Reserve for a new intent."""
        order = tracked.order
        self.by_id[order.client_order_id] = tracked
        self._by_key.setdefault(order.key, {})[order.client_order_id] = tracked

    def drop(self, client_order_id: str) -> None:
        """Release a final order."""
        tracked = self.by_id.pop(client_order_id, None)
        if tracked is None:
            return
        orders = self._by_key[tracked.order.key]
        del orders[client_order_id]
        if not orders:
            del self._by_key[tracked.order.key]
        self._ended[client_order_id] = tracked
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)

    def find(self, client_order_id: str) -> Tracked | None:
        """Return an order, under way or ended."""
        return self.by_id.get(client_order_id) or self._ended.get(client_order_id)

    def of(self, key: Key) -> tuple[Tracked, ...]:
        """Return the orders of one instrument, oldest first."""
        orders = self._by_key.get(key)
        return () if orders is None else tuple(orders.values())

    def keys(self) -> list[Key]:
        """Return the instruments with orders under way."""
        return list(self._by_key)

    def buys(self) -> list[Tracked]:
        """Return every increase under way."""
        return [tracked for tracked in self.by_id.values() if tracked.is_buy]

    def last_sale(self, key: Key) -> Tracked | None:
        """Return the sale of an instrument that ended last, protective stops left out."""
        ended = (one for one in reversed(self._ended.values()) if one.order.key == key)
        return next((one for one in ended if _is_sale(one)), None)

    def sales(self, key: Key) -> list[Tracked]:
        """Return the sales of an instrument under way, protective stops left out."""
        return [tracked for tracked in self.of(key) if _is_sale(tracked)]

    @property
    def has_buys(self) -> bool:
        """Whether any increase is under way."""
        return any(tracked.is_buy for tracked in self.by_id.values())

    def selling(self, key: Key) -> Decimal:
        """Return the quantity that sells under way may still take, protective stops left out.

        A stop gives way to a sale: the engine cancels it first and protects the rest again.
        """
        return sum((tracked.remaining for tracked in self.sales(key)), ZERO)


def _is_sale(tracked: Tracked) -> bool:
    return not tracked.is_buy and tracked.order.role is not Role.STOP
