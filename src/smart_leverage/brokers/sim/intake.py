"""Turns accepted orders into tickets: alone, with exits, or in the place of another."""

from decimal import Decimal

import msgspec

from smart_leverage.brokers.sim.book import Book, Line
from smart_leverage.brokers.sim.config import SimConfig
from smart_leverage.brokers.sim.floor import Floor
from smart_leverage.brokers.sim.gate import Terms, effective_limit
from smart_leverage.brokers.sim.hours import Hours
from smart_leverage.brokers.sim.ids import venue_id
from smart_leverage.brokers.sim.shape import exit_side
from smart_leverage.brokers.sim.ticket import Part, Ticket
from smart_leverage.brokers.sim.unit import Counters
from smart_leverage.domain.orders import Order, OrderClass, OrderType

_NO_EXITS = {"take_profit": None, "stop_loss": None, "stop_loss_limit": None}


class Intake:
    """Gives orders their numbers, identifiers, expiry and first status."""

    def __init__(
        self, book: Book, floor: Floor, hours: Hours, counters: Counters, config: SimConfig
    ) -> None:
        self._book = book
        self._floor = floor
        self._hours = hours
        self._counters = counters
        self._config = config

    def take(self, order: Order, line: Line, terms: Terms) -> Ticket:
        """Return the ticket of a new order; its exits are tickets of their own."""
        part = _first_part(order)
        is_open = self._hours.is_open(line.instrument, self._counters.now_ns)
        status = "new" if is_open else "accepted"
        ticket = self._ticket(order, line, terms.limit_price, status, part)
        ticket.reserve_price = terms.reserve_price
        ticket.hwm = line.price if order.trails else None
        ticket.group = 0 if part is Part.ALONE else ticket.number
        self._open(ticket)
        if part is not Part.ALONE:
            for exit_ in self._exits(ticket, line, status):
                self._open(exit_)
        return ticket

    def take_over(self, old: Ticket, order: Order, line: Line, terms: Terms) -> Ticket:
        """Return the ticket that replaces another one, in its place and group."""
        new = self._ticket(order, line, terms.limit_price, old.status, old.part)
        new.status = "held" if old.status == "held" else "new"
        new.reserve_price = terms.reserve_price
        new.is_triggered, new.hwm = old.is_triggered, old.hwm
        new.group, new.parent_id = old.group, old.parent_id
        new.replaces = old.broker_order_id
        old.status, old.replaced_by = "replaced", new.broker_order_id
        self._book.add(new)
        self._book.settle(old)
        self._floor.emit(old, "replaced")
        self._floor.emit(new, "restated" if new.status == "held" else "new")
        self._rename_parent(new)
        return new

    def leg_id(self) -> str:
        """Return a client order id that the venue gives because nobody else did."""
        return venue_id(self._config.seed, "client", self._counters.tickets + 1)

    def _rename_parent(self, parent: Ticket) -> None:
        group = self._book.groups.get(parent.group)
        if group is None:
            return
        for member in group.members():
            if member.parent_id == parent.replaces and not member.is_final:
                member.parent_id = parent.broker_order_id
                if member.status == "held":
                    member.order = msgspec.structs.replace(member.order, qty=parent.order.qty)
                    member.expires_at_ns = parent.expires_at_ns
                self._floor.emit(member, "restated", why=f"with {parent.broker_order_id}")

    def _open(self, ticket: Ticket) -> None:
        self._book.add(ticket)
        if ticket.status == "held":
            self._floor.touch(ticket)  # the stream tells of an exit only when it works or ends
        else:
            self._floor.emit(ticket, ticket.status)

    def _exits(self, first: Ticket, line: Line, status: str) -> list[Ticket]:
        """Return the exits beside the first order: an OCO's first order is its target."""
        order = first.order
        base = msgspec.structs.replace(order, side=exit_side(order), stop_price=None, **_NO_EXITS)
        is_oco = order.order_class is OrderClass.OCO
        wanted: list[tuple[Part, Decimal | None, Decimal | None]] = []
        if order.take_profit is not None and not is_oco:
            wanted.append((Part.TARGET, order.take_profit, None))
        if order.stop_loss is not None:
            wanted.append((Part.STOP, order.stop_loss_limit, order.stop_loss))
        exits = []
        for part, limit, stop in wanted:
            leg = msgspec.structs.replace(
                base,
                client_order_id=self.leg_id(),
                type=_exit_type(limit, stop),
                limit_price=limit,
                stop_price=stop,
            )
            worst = effective_limit(leg, line)
            exit_ = self._ticket(leg, line, worst, status if is_oco else "held", part)
            exit_.group, exit_.parent_id = first.number, first.broker_order_id
            exit_.expires_at_ns = first.expires_at_ns
            exits.append(exit_)
        return exits

    def _ticket(
        self, order: Order, line: Line, limit: Decimal | None, status: str, part: Part
    ) -> Ticket:
        self._counters.tickets += 1
        number, now_ns = self._counters.tickets, self._counters.now_ns
        return Ticket(
            number=number,
            order=order,
            broker_order_id=venue_id(self._config.seed, "order", number),
            status=status,
            submitted_at_ns=now_ns,
            updated_at_ns=now_ns,
            active_since_ns=now_ns,
            expires_at_ns=self._hours.expires_ns(line.instrument, now_ns, order.time_in_force),
            limit_price=limit,
            part=part,
        )


def _first_part(order: Order) -> Part:
    if order.order_class is OrderClass.SIMPLE:
        return Part.ALONE
    return Part.TARGET if order.order_class is OrderClass.OCO else Part.ENTRY


def _exit_type(limit: Decimal | None, stop: Decimal | None) -> OrderType:
    if stop is None:
        return OrderType.LIMIT
    return OrderType.STOP if limit is None else OrderType.STOP_LIMIT
