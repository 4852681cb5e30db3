"""What the purchases of a bot usually come to."""

from bisect import bisect_left, insort
from collections import deque
from decimal import Decimal

from msgspec import Struct, field

from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import Intended

LEAST = 10
"""With fewer purchases nobody knows what is usual; the caps alone bind."""

REMEMBERED = 100


class Usual(Struct):
    """The values of a bot's last purchases of its own size, money: as they came, and by size."""

    last: deque[Decimal] = field(default_factory=deque)
    sorted: list[Decimal] = field(default_factory=list)

    def add(self, value: Decimal) -> None:
        """Remember one more, and forget the oldest when they are too many."""
        if len(self.last) == REMEMBERED:
            del self.sorted[bisect_left(self.sorted, self.last.popleft())]
        self.last.append(value)
        insort(self.sorted, value)

    @property
    def median(self) -> Decimal | None:
        """The middle value, the upper one of two; None while too few are known."""
        return self.sorted[len(self.sorted) // 2] if len(self.sorted) >= LEAST else None


def heed_order(usual: dict[str, Usual], record: Intended) -> None:
    """Remember what a purchase came to that a bot sized itself."""
    order = record.order
    if order.role is Role.BOT and order.side is Side.BUY and not record.is_foreign:
        known = usual.get(order.bot)
        if known is None:
            known = usual[order.bot] = Usual()
        known.add(order.qty * record.reserve_price)
