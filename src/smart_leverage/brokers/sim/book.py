"""Orders at the venue by symbol, with the prices at which any of them could wake up."""

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from smart_leverage.brokers.sim.exact import EXACT, ZERO, exact_price, trim
from smart_leverage.brokers.sim.ticket import Part, Ticket
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.policy.margin import MarginRates, initial_rate, maintenance_rate

MARGIN_RATES = MarginRates()
NO_LOW = 0.0
NO_HIGH = math.inf


class Rates(NamedTuple):
    """Shares of a position's value that must be own money: to open it, and to keep it."""

    initial: float
    maintenance: float


class Line:
    """One symbol at the venue: its price, its open orders, and what would wake one of them.

    A bar whose low stays above `low_trigger` and whose high stays below `high_trigger` cannot
    change any order; these floats are all that an ordinary instant looks at, once `set_triggers`
    has brought them up to date where `is_stale`.
    """

    __slots__ = (
        "_available",
        "_exact",
        "_exact_of",
        "_rates_long",
        "_rates_short",
        "ask",
        "bid",
        "buy_holds",
        "buy_limit",
        "buy_stop",
        "closed_ns",
        "high_trigger",
        "instrument",
        "is_coin",
        "is_opening",
        "is_stale",
        "key",
        "low_trigger",
        "mark",
        "opened_ns",
        "print_number",
        "rank",
        "sell_holds",
        "sell_limit",
        "sell_stop",
        "takers",
        "tickets",
    )

    def __init__(self, instrument: Instrument, rank: int) -> None:
        self.instrument = instrument
        self.key = instrument.key
        self.rank = rank
        self.is_coin = instrument.asset_class is AssetClass.CRYPTO
        self._rates_long = _rates(instrument, instrument.maintenance_rate_long, is_short=False)
        self._rates_short = _rates(instrument, instrument.maintenance_rate_short, is_short=True)
        self.tickets: list[Ticket] = []
        self.buy_holds = self.sell_holds = ZERO
        self.mark = self.bid = self.ask = math.nan
        self._exact_of = math.nan
        self._exact: Decimal | None = None
        self.closed_ns = self.opened_ns = -1
        self.is_opening = False
        self.print_number = 0
        self.touch()
        self.set_triggers()

    def touch(self) -> None:
        """Note that an order came, went or changed."""
        self.is_stale = True
        self._available: tuple[Decimal, Decimal] | None = None

    @property
    def price(self) -> Decimal | None:
        """Last price, None before the first."""
        if self.mark != self._exact_of:
            self._exact_of = self.mark
            self._exact = None if math.isnan(self.mark) else exact_price(self.mark)
        return self._exact

    def rates(self, is_short: bool) -> Rates:
        """Return the margin rates of a long or a short position."""
        return self._rates_short if is_short else self._rates_long

    def set_triggers(self) -> None:
        """Recompute the prices at which an order of this symbol could trade."""
        self.buy_limit = self.sell_stop = NO_LOW
        self.sell_limit = self.buy_stop = NO_HIGH
        self.takers = 0
        self.is_stale = False
        for ticket in self.tickets:
            if ticket.is_working:
                self._add_trigger(ticket)
        self.low_trigger = max(self.buy_limit, self.sell_stop)
        self.high_trigger = min(self.sell_limit, self.buy_stop)

    def _add_trigger(self, ticket: Ticket) -> None:
        if ticket.is_waiting_stop:
            stop = float(ticket.order.stop_price or ZERO)
            if ticket.is_buy:
                self.buy_stop = min(self.buy_stop, stop)
            else:
                self.sell_stop = max(self.sell_stop, stop)
            if ticket.is_trailing:  # beyond its mark it does not trade yet, but it moves
                mark = float(ticket.hwm or ZERO)
                if ticket.is_buy:
                    self.buy_limit = max(self.buy_limit, mark)
                else:
                    self.sell_limit = min(self.sell_limit, mark)
        elif ticket.takes_market:
            self.takers += 1
        else:
            limit = float(ticket.limit_price or ZERO)
            if ticket.is_buy:
                self.buy_limit = max(self.buy_limit, limit)
            else:
                self.sell_limit = min(self.sell_limit, limit)

    def held_qty(self, side: Side, without: Ticket | None = None) -> Decimal:
        """Return the quantity that open orders of a side hold; one exit of a group counts.

        Exits that wait for their entry hold nothing yet. `without` leaves an order out, an exit
        together with its group: the other exit holds the same quantity.
        """
        spared = without.group if without is not None and without.part.is_exit else 0
        held = ZERO
        groups: dict[int, Decimal] = {}
        for ticket in self.tickets:
            if ticket.order.side is not side or ticket is without or ticket.status == "held":
                continue
            if ticket.part.is_exit and ticket.group == spared:
                continue
            if ticket.part.is_exit:
                groups[ticket.group] = max(groups.get(ticket.group, ZERO), ticket.remaining)
            else:
                held = EXACT.add(held, ticket.remaining)
        return reduce(EXACT.add, groups.values(), held)

    def available_qty(self, qty: Decimal) -> Decimal:
        """Return what open orders leave of a holding, with its sign."""
        known = self._available
        if known is None or known[0] is not qty:
            held = self.held_qty(Side.BUY if qty < 0 else Side.SELL)
            free = max(ZERO, EXACT.subtract(EXACT.abs(qty), held))
            known = self._available = (qty, trim(EXACT.minus(free) if qty < 0 else free))
        return known[1]


def _rates(instrument: Instrument, stated: Decimal, *, is_short: bool) -> Rates:
    price, factor = float(instrument.reference_price), float(instrument.factor)
    maintenance = maintenance_rate(price, factor, is_short, float(stated), MARGIN_RATES)
    return Rates(initial_rate(maintenance, instrument.marginable, MARGIN_RATES), maintenance)


class Lines(dict[Key, Line]):
    """Every symbol that has been touched; a new one is set up at its first mention."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry

    def __missing__(self, key: Key) -> Line:
        if key not in self.registry:
            raise BadData(f"{key} is not in the venue's registry")
        line = Line(self.registry[key], self.registry.rank(key))
        self[key] = line
        return line


class Group:
    """Orders that live and die together: an entry and its exits, or two exits alone."""

    __slots__ = ("entry", "number", "stop", "target")

    def __init__(self, number: int) -> None:
        self.number = number
        self.entry: Ticket | None = None
        self.target: Ticket | None = None
        self.stop: Ticket | None = None

    def put(self, ticket: Ticket) -> None:
        """Give a ticket its place; a replacement takes the place of what it replaced."""
        if ticket.part is Part.ENTRY:
            self.entry = ticket
        elif ticket.part is Part.TARGET:
            self.target = ticket
        else:
            self.stop = ticket

    def members(self) -> Iterator[Ticket]:
        """Return the tickets of the group, the entry first."""
        return (each for each in (self.entry, self.target, self.stop) if each is not None)

    def sibling(self, ticket: Ticket) -> Ticket | None:
        """Return the other exit."""
        if not ticket.part.is_exit:
            return None
        return self.stop if ticket.part is Part.TARGET else self.target


class Book:
    """Every order that the venue ever took, and quick ways to the open ones."""

    def __init__(self, registry: Registry) -> None:
        self.lines = Lines(registry)
        self.tickets: list[Ticket] = []
        self.by_client_id: dict[str, Ticket] = {}
        self.open: dict[int, Ticket] = {}
        self.groups: dict[int, Group] = {}
        self.next_expiry_ns = 0
        self.held_lines: dict[int, Line] = {}
        """The symbols whose orders hold funds, by rank."""
        self._holds: dict[int, Decimal] = {}

    def add(self, ticket: Ticket) -> None:
        """Take a new ticket in."""
        self.tickets.append(ticket)
        self.by_client_id[ticket.order.client_order_id] = ticket
        if ticket.is_final:
            return
        if ticket.group:
            self.groups.setdefault(ticket.group, Group(ticket.group)).put(ticket)
        self.open[ticket.number] = ticket
        self.next_expiry_ns = min(self.next_expiry_ns, ticket.expires_at_ns)
        line = self.lines[ticket.order.key]
        line.tickets.append(ticket)
        self._hold(ticket, line)
        line.touch()

    def restore(self, tickets: Iterable[Ticket]) -> None:
        """Take tickets back from a file, in the order of their numbers."""
        for ticket in tickets:
            self.add(ticket)
        self.next_expiry_ns = 0

    def settle(self, ticket: Ticket) -> None:
        """Bring the quick ways up to date after a ticket has changed."""
        line = self.lines[ticket.order.key]
        self._hold(ticket, line)
        if ticket.is_final and self.open.pop(ticket.number, None) is not None:
            line.tickets.remove(ticket)
            self._forget_group(ticket.group)
        line.touch()

    def hold_of(self, ticket: Ticket) -> Decimal:
        """Return the value for which an open order holds funds, if it needs any to fill."""
        return self._holds.get(ticket.number, ZERO)

    def _hold(self, ticket: Ticket, line: Line) -> None:
        """Bring what the orders of a symbol hold together up to date; exact, so in any order."""
        now = ZERO
        if ticket.reserve_price and not (ticket.is_final or ticket.part.is_exit):
            now = EXACT.multiply(ticket.remaining, ticket.reserve_price)
        change = EXACT.subtract(now, self._holds.pop(ticket.number, ZERO))
        if now:
            self._holds[ticket.number] = now
        if not change:
            return
        if ticket.is_buy:
            line.buy_holds = EXACT.add(line.buy_holds, change)
        else:
            line.sell_holds = EXACT.add(line.sell_holds, change)
        if line.buy_holds or line.sell_holds:
            self.held_lines[line.rank] = line
        else:
            self.held_lines.pop(line.rank, None)

    def _forget_group(self, number: int) -> None:
        group = self.groups.get(number)
        if group is not None and all(each.is_final for each in group.members()):
            del self.groups[number]

    def expired(self, at_ns: int) -> list[Ticket]:
        """Return the open tickets whose time is up, and note when to look again."""
        if at_ns < self.next_expiry_ns:
            return []
        due = [each for each in self.open.values() if each.expires_at_ns <= at_ns]
        later = (each.expires_at_ns for each in self.open.values() if each.expires_at_ns > at_ns)
        self.next_expiry_ns = min(later, default=2**63 - 1)
        return due

    def waiting(self) -> list[Ticket]:
        """Return the tickets that wait for their session."""
        return [each for each in self.open.values() if each.status == "accepted"]
