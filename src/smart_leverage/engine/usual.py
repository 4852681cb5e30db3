"""What the purchases of a bot usually come to."""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import Intended

LEAST = 10
"""With fewer purchases nobody knows what is usual; the caps alone bind."""

REMEMBERED = 100

Usual = deque[Decimal]
"""The values of a bot's last purchases of its own size, money."""


def heed_order(usual: dict[str, Usual], record: Intended) -> None:
    """Remember what a purchase came to that a bot sized itself."""
    order = record.order
    if order.role is Role.BOT and order.side is Side.BUY and not record.is_foreign:
        last = usual.setdefault(order.bot, deque(maxlen=REMEMBERED))
        last.append(order.qty * record.reserve_price)


def median_of(last: Sequence[Decimal]) -> Decimal | None:
    """Return the middle value, the upper one of two; None while too few are known."""
    return sorted(last)[len(last) // 2] if len(last) >= LEAST else None
