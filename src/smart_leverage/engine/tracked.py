"""One order under way: what is known of it, and what of it may still fill."""

import base64
import hashlib
from decimal import Decimal

from smart_leverage.domain.orders import BrokerOrder, Order, OrderState, Side
from smart_leverage.engine.exits import Exits

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
        "exits",
        "filled",
        "hwm",
        "intended_ns",
        "is_held",
        "is_resent",
        "is_under_way",
        "last_word",
        "misses",
        "order",
        "parent",
        "replaced_at",
        "replaces",
        "reserve_price",
        "sent_ns",
        "state",
        "stop_price",
        "taken",
        "undone",
        "was_held",
    )

    def __init__(
        self,
        order: Order,
        reserve_price: Decimal,
        intended_ns: int,
        decision_id: str = "",
        replaces: str = "",
        parent: str = "",
    ) -> None:
        self.order = order
        self.parent = parent
        """The order that brought this exit along; exits of one order never fill both."""
        self.exits: Exits | None = None
        """What it sells together with the other exit, or what will be sold once it has filled."""
        self.is_held = False
        """Whether the venue holds this exit back until its entry has filled."""
        self.was_held = False
        """Whether that was its last word; we know by the entry's fill before it takes it back."""
        self.replaces = replaces
        """The order in whose place we want this one; empty for an order of its own."""
        self.replaced_at: Decimal | None = None
        """What it had filled when it gave way to an order that we do not know yet."""
        self.taken = ZERO
        """What that order has filled since: the venue takes it off this quantity."""
        self.decision_id = decision_id
        self.reserve_price = reserve_price
        self.intended_ns = self.sent_ns = intended_ns
        self.state = OrderState.INTENT
        self.filled = ZERO
        self.undone = ZERO
        """What of that the broker took back afterwards."""
        self.misses = 0
        self.is_resent = False
        """Whether this process has sent it a second time; the journal counts all attempts."""
        self.is_under_way = False
        """Whether this process has let it leave, and how that went has not come back yet."""
        self.broker_order_id = ""
        self.last_word: BrokerOrder | None = None
        """What the broker said of its end while executions were still to come."""
        self.hwm: Decimal | None = None
        self.stop_price = order.stop_price
        """Where it waits now: of a trailing stop what the broker told last, with the best price."""

    @property
    def qty(self) -> Decimal:
        """The whole quantity, as the venue has it once it has told every fill."""
        return self.order.qty - self.taken

    @property
    def remaining(self) -> Decimal:
        """Quantity that may still fill; an order that filled further than its change has none."""
        return max(self.qty - self.filled + max(self.undone, ZERO), ZERO)

    @property
    def cost(self) -> Decimal:
        """What the rest would cost at the price at which it is reserved."""
        return self.remaining * self.reserve_price

    def beside(self, before: "Tracked | None") -> Decimal:
        """Return the quantity that it reserves beside the order in whose place it is to come.

        So that the sum over both is the larger of the two: the venue lets only one of them fill.
        """
        return self.remaining if before is None else max(self.remaining - before.remaining, ZERO)

    def adds_to(self, other: "Tracked") -> bool:
        """Tell whether this purchase may cost or hold more than the one that it replaces."""
        is_more = self.remaining > other.remaining or self.reserve_price > other.reserve_price
        return self.is_buy and is_more

    @property
    def is_of_house(self) -> bool:
        """Whether it is one of our own duties, which no bot sees or touches."""
        return self.order.role.is_house

    @property
    def is_buy(self) -> bool:
        """Whether it adds to a position."""
        return self.order.side is Side.BUY
