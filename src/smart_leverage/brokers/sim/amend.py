"""What may be changed about an order that is at the venue already."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from smart_leverage.brokers.sim.book import Group
from smart_leverage.brokers.sim.codes import final_already, inadmissible, malformed
from smart_leverage.brokers.sim.exact import EXACT, is_amount, trim
from smart_leverage.brokers.sim.ticket import Part, Ticket
from smart_leverage.domain.orders import Order, OrderClass, Side


class Amendment(NamedTuple):
    """What a client wants to be different; None leaves it.

    `qty` counts the whole order, with what has been filled already.
    """

    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None


def check_changeable(ticket: Ticket, change: Amendment) -> None:
    """Refuse a change that no price or quantity could make right.

    Raises:
        Refused: The order is over, not at the exchange yet, or of a kind that cannot be changed.
    """
    if ticket.is_final:
        raise final_already(ticket.status)
    if ticket.status == "accepted":
        raise malformed("unable to replace order, order isn't sent to exchange yet")
    if ticket.order.order_class is OrderClass.OTO:
        raise inadmissible("oto orders cannot be replaced")
    if ticket.part is Part.ENTRY and ticket.filled_qty:
        raise inadmissible("entry orders cannot be replaced once they have filled in part")
    if change.trail is not None and not ticket.order.trails:
        raise inadmissible("only trailing_stop orders have a trail")
    if change.qty is None:
        return
    if not is_amount(change.qty):
        raise malformed("qty must be > 0")
    if change.qty == ticket.order.qty:
        return
    if ticket.part.is_exit:
        raise inadmissible("qty of take_profit and stop_loss orders cannot be replaced")
    if ticket.order.qty != ticket.order.qty.to_integral_value() or change.qty % 1:
        raise inadmissible("qty of fractional orders cannot be replaced")
    if change.qty <= ticket.filled_qty:
        raise inadmissible("qty must be more than what is filled", filled_qty=ticket.filled_qty)


def changed_order(ticket: Ticket, change: Amendment, client_order_id: str) -> Order:
    """Return the order that takes the ticket's place; its quantity is what is left to trade.

    An exit is returned as a simple order, because it is judged as one; `as_member` undoes that.
    """
    old = ticket.order
    whole = old.qty if change.qty is None else change.qty
    limit = old.limit_price if change.limit_price is None else change.limit_price
    stop = old.stop_price if change.stop_price is None else change.stop_price
    order = msgspec.structs.replace(
        old,
        client_order_id=client_order_id,
        qty=trim(EXACT.subtract(whole, ticket.filled_qty)),
        limit_price=limit,
        stop_price=change.stop_price if old.trails else stop,  # its own one is made anew
        **_trail(old, change),
    )
    if not ticket.part.is_exit:
        return order
    return msgspec.structs.replace(
        order,
        order_class=OrderClass.SIMPLE,
        take_profit=None,
        stop_loss=None,
        stop_loss_limit=None,
    )


def _trail(old: Order, change: Amendment) -> dict[str, Decimal]:
    """Return another distance in the unit that the old one has."""
    if change.trail is None:
        return {}
    return {"trail_price" if old.trail_percent is None else "trail_percent": change.trail}


def as_member(order: Order, ticket: Ticket, group: Group | None) -> Order:
    """Return a changed exit as a member of its group again, or refuse one that crosses the other.

    Raises:
        Refused: The target would not stand on the profitable side of the stop.
    """
    if group is None or not ticket.part.is_exit:
        return order
    other = group.sibling(ticket)
    mine, theirs = _exit_price(order, ticket.part), None
    if other is not None and not other.is_final:
        theirs = _exit_price(other.order, other.part)
    if mine is not None and theirs is not None:
        above = mine - theirs if ticket.part is Part.TARGET else theirs - mine
        if (above if order.side is Side.SELL else -above) <= 0:
            raise inadmissible("take_profit must be on the profitable side of stop_loss")
    target = order.limit_price if ticket.order.take_profit is not None else None
    return msgspec.structs.replace(
        order,
        order_class=ticket.order.order_class,
        take_profit=target,
        stop_loss=ticket.order.stop_loss,
        stop_loss_limit=ticket.order.stop_loss_limit,
    )


def _exit_price(order: Order, part: Part) -> Decimal | None:
    return order.limit_price if part is Part.TARGET else order.stop_price
