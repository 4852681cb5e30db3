"""Every order under way: found by id, by instrument and by what it does, with what all reserve."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderClass, OrderState, Role, Side
from smart_leverage.domain.seen import Latest
from smart_leverage.engine.exits import Exits
from smart_leverage.engine.instrument_orders import InstrumentOrders
from smart_leverage.engine.reserving import Reserved
from smart_leverage.engine.tracked import Tracked

ZERO = Decimal(0)

ENDED_KEPT = 10_000
"""How many ended orders stay in memory, so that a late fill still finds its order."""


class TrackedOrders:
    """Every order that is not final, by id and by instrument, and the ended ones for a while.

    What they reserve is added up as they change, so whoever changes one says so with `touch`.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, Tracked] = {}
        self.unknown: set[str] = set()
        """Those of which only the broker can say whether it has them."""
        self._by_key: dict[Key, InstrumentOrders] = {}
        self._changes: dict[str, Tracked] = {}
        """Those that are to come in the place of another one."""
        self._ended = Latest[str, Tracked](ENDED_KEPT)
        self._owed: dict[str, tuple[Key, Exits]] = {}

    def add(self, tracked: Tracked, before: str = "") -> None:
        """Reserve for a new intent; `before` is the order in whose place it comes."""
        order = tracked.order
        tracked.exits = self._exits(tracked, before)
        self.by_id[order.client_order_id] = tracked
        own = self._by_key.get(order.key)
        if own is None:
            own = self._by_key[order.key] = InstrumentOrders()
        own.add(order.client_order_id, tracked)
        if tracked.replaces:
            self._changes[order.client_order_id] = tracked
        self.touch(tracked)

    def move(self, tracked: Tracked, state: OrderState) -> None:
        """Give an order another state."""
        tracked.state = state
        name = tracked.order.client_order_id
        if state is OrderState.UNKNOWN and name in self.by_id:
            self.unknown.add(name)
        else:
            self.unknown.discard(name)

    def hold(self, tracked: Tracked, *, is_held: bool) -> None:
        """Note whether the venue holds an exit back."""
        if tracked.is_held is not is_held:
            tracked.is_held = is_held
            self.touch(tracked)

    def touch(self, tracked: Tracked) -> None:
        """Count an order anew, and the one that is to come in its place: it reserves the rest."""
        for one in (tracked, self.after(tracked)):
            if one is not None and one.order.client_order_id in self.by_id:
                own = self._by_key[one.order.key]
                own.count(one.order.client_order_id, one, self.before(one))

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
                self.hold(one, is_held=False)

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
        own = self._by_key[tracked.order.key]
        own.drop(client_order_id, tracked)
        if not own.all:
            del self._by_key[tracked.order.key]
        self._changes.pop(client_order_id, None)
        self.unknown.discard(client_order_id)
        self._ended[client_order_id] = tracked
        self.touch(tracked)

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
        return self.by_id.get(tracked.replaces) if tracked.replaces else None

    def after(self, tracked: Tracked) -> Tracked | None:
        """Return the order that is to come in the place of this one, while it may fill."""
        if not self._changes:
            return None
        name = tracked.order.client_order_id
        return next((one for one in self._changes.values() if one.replaces == name), None)

    def reserved(self, tracked: Tracked) -> Decimal:
        """Return the quantity that an order reserves, beside the one that it is to replace."""
        return tracked.beside(self.before(tracked))

    def reservations(self) -> dict[Key, Reserved]:
        """Return what the increases under way reserve, by instrument."""
        totals = ((key, own.buying.total()) for key, own in self._by_key.items())
        return {key: total for key, total in totals if total is not None}

    def of(self, key: Key) -> tuple[Tracked, ...]:
        """Return the orders of one instrument, oldest first."""
        own = self._by_key.get(key)
        return () if own is None else tuple(own.all.values())

    def keys(self) -> list[Key]:
        """Return the instruments with orders under way."""
        return list(self._by_key)

    def buys(self) -> list[Tracked]:
        """Return every increase under way."""
        return [tracked for tracked in self.by_id.values() if tracked.is_buy]

    def buys_of(self, key: Key) -> tuple[Tracked, ...]:
        """Return the increases of one instrument under way, oldest first."""
        own = self._by_key.get(key)
        return () if own is None else tuple(own.buys.values())

    def is_buying(self, key: Key) -> bool:
        """Whether any increase of an instrument is under way."""
        own = self._by_key.get(key)
        return own is not None and bool(own.buys)

    def last_sale(self, key: Key) -> Tracked | None:
        """Return the sale of an instrument that ended last, protective stops left out."""
        ended = (one for one in reversed(self._ended.values()) if one.order.key == key)
        return next((one for one in ended if _is_sale(one)), None)

    def sales(self, key: Key) -> Iterator[Tracked]:
        """Yield the sales of an instrument under way, protective stops left out."""
        own = self._by_key.get(key)
        return iter(()) if own is None else own.sales()

    def stops(self, key: Key) -> list[Tracked]:
        """Return the stops of an instrument; beside the live one, those that may not have ended."""
        own = self._by_key.get(key)
        return [] if own is None else list(own.stops.values())

    @property
    def buys_unknown(self) -> int:
        """How many increases there may be at the venue, or not."""
        return sum(self.by_id[name].is_buy for name in self.unknown)

    @property
    def has_buys(self) -> bool:
        """Whether any increase is under way."""
        return any(own.buys for own in self._by_key.values())

    def selling(self, key: Key, bot: str | None = None) -> Decimal:
        """Return the quantity that sells under way may still take, of all bots or of one.

        Protective stops are left out: a stop gives way to a sale, which the engine sees to.
        """
        own, owed = self._by_key.get(key), self.owed(key, bot)
        if own is None or not own.others:
            return owed
        return own.alone(bot) + self.together(own.paired(bot)) + owed

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
