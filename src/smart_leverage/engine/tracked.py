"""Orders under way: what is reserved, what waits, what an answer changes."""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from decimal import Decimal

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, OrderClass, OrderState, Role, Side
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
        "intended_ns",
        "is_held",
        "is_resent",
        "misses",
        "order",
        "parent",
        "replaced_at",
        "replaces",
        "reserve_price",
        "sent_ns",
        "state",
        "taken",
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
        self.misses = 0
        self.is_resent = False
        """Whether this process has sent it a second time; the journal counts all attempts."""
        self.broker_order_id = ""

    @property
    def qty(self) -> Decimal:
        """The whole quantity, as the venue has it once it has told every fill."""
        return self.order.qty - self.taken

    @property
    def remaining(self) -> Decimal:
        """Quantity that may still fill; an order that filled further than its change has none."""
        return max(self.qty - self.filled, ZERO)

    @property
    def cost(self) -> Decimal:
        """What the rest would cost at the price at which it is reserved."""
        return self.remaining * self.reserve_price

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


ENDED_KEPT = 10_000
"""How many ended orders stay in memory, so that a late fill still finds its order."""


class TrackedOrders:
    """Every order that is not final, by id and by instrument, and the ended ones for a while."""

    def __init__(self) -> None:
        self.by_id: dict[str, Tracked] = {}
        self._by_key: dict[Key, dict[str, Tracked]] = {}
        self._ended: OrderedDict[str, Tracked] = OrderedDict()
        self._owed: dict[str, tuple[Key, Exits]] = {}

    def add(self, tracked: Tracked, before: str = "") -> None:
        """Reserve for a new intent; `before` is the order in whose place it comes."""
        order = tracked.order
        tracked.exits = self._exits(tracked, before)
        self.by_id[order.client_order_id] = tracked
        self._by_key.setdefault(order.key, {})[order.client_order_id] = tracked

    def _exits(self, tracked: Tracked, before: str) -> Exits | None:
        """Return the exits that an order is one of, or that come with it."""
        order, known = tracked.order, self.find(tracked.parent or before)
        exits = None if known is None else known.exits
        if exits is None and (tracked.parent or order.order_class is not OrderClass.SIMPLE):
            exits = Exits(order.bot, order.qty)
            exits.is_working = order.side is Side.SELL
        if exits is not None and order.side is Side.SELL:
            exits.is_seen = True
            exits.qty = max(exits.qty, order.qty)
        return exits

    def entered(self, entry: Tracked) -> None:
        """An entry has filled: the venue holds its exits back no longer, before it says so."""
        exits = entry.exits
        if exits is None or not entry.is_buy:
            return
        exits.qty, exits.is_working = entry.qty, True
        self._owed[entry.order.client_order_id] = entry.order.key, exits
        for one in self.of(entry.order.key):
            if one.exits is exits:
                one.is_held = False

    def forgive(self, client_order_id: str) -> None:
        """Reserve nothing for exits of which the venue lists none any more."""
        self._owed.pop(client_order_id, None)

    def owed(self, key: Key, bot: str | None = None) -> Decimal:
        """Return what exits may sell that nobody has told of, of all bots or of one."""
        return sum((one.left for _, one in self._unseen(key) if bot in (None, one.bot)), ZERO)

    def entries_owed(self) -> list[str]:
        """Return the entries that have filled and of whose exits nobody has told."""
        return [name for name, (_, exits) in self._owed.items() if exits.is_owed]

    def _unseen(self, key: Key) -> list[tuple[str, Exits]]:
        self._owed = {name: one for name, one in self._owed.items() if one[1].is_owed}
        return [(name, exits) for name, (of, exits) in self._owed.items() if of == key]

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

    def named(self, broker_order_id: str) -> Tracked | None:
        """Return the order to which the broker gave an id, under way or ended."""
        for orders in (self.by_id, self._ended):
            for tracked in orders.values():
                if broker_order_id and tracked.broker_order_id == broker_order_id:
                    return tracked
        return None

    def before(self, tracked: Tracked) -> Tracked | None:
        """Return the order that this one replaces, while both may fill."""
        return self.by_id.get(tracked.replaces)

    def after(self, tracked: Tracked) -> Tracked | None:
        """Return the order that is to come in the place of this one, while it may fill."""
        name = tracked.order.client_order_id
        return next((one for one in self.of(tracked.order.key) if one.replaces == name), None)

    def reserved(self, tracked: Tracked) -> Decimal:
        """Return the quantity that an order reserves; a change only what the one before does not.

        So that the sum over both is the larger of the two: the venue lets only one of them fill.
        """
        before = self.before(tracked)
        taken = ZERO if before is None else before.remaining
        return max(tracked.remaining - taken, ZERO)

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

    def stops(self, key: Key) -> list[Tracked]:
        """Return the stops of an instrument; beside the live one, those that may not have ended."""
        return [tracked for tracked in self.of(key) if tracked.order.role is Role.STOP]

    @property
    def has_buys(self) -> bool:
        """Whether any increase is under way."""
        return any(tracked.is_buy for tracked in self.by_id.values())

    def selling(self, key: Key) -> Decimal:
        """Return the quantity that sells under way may still take, protective stops left out.

        A stop gives way to a sale: the engine cancels it first and protects the rest again.
        """
        return self.together(self.sales(key)) + self.owed(key)

    def together(self, sales: Iterable[Tracked]) -> Decimal:
        """Return the quantity that sales may take together; of a pair of exits only one does."""
        total, pairs = ZERO, dict[int, Exits]()
        for tracked in sales:
            if tracked.exits is None:
                total += self.reserved(tracked)
            else:
                pairs[id(tracked.exits)] = tracked.exits
        return total + sum((exits.left for exits in pairs.values()), ZERO)

    def resting_sales(self, key: Key) -> list[Tracked]:
        """Return the sales of bots that wait for their price; the house sells before them."""
        return [tracked for tracked in self.sales(key) if tracked.order.is_resting]


def _is_sale(tracked: Tracked) -> bool:
    return not (tracked.is_buy or tracked.is_held or tracked.order.role is Role.STOP)
