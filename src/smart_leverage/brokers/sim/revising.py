"""What the venue may say of an execution afterwards: it never was, or it was another one."""

from decimal import ROUND_CEILING, Decimal

import msgspec

from smart_leverage.brokers.sim.codes import forbidden, inadmissible, malformed
from smart_leverage.brokers.sim.exact import EXACT, ROUNDED, STEP_MIN, ZERO, is_amount, trim
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.domain.orders import Fill, Side

CASH = "USD"


def corrected(before: Fill, execution_id: str, qty: Decimal | None, price: Decimal | None) -> Fill:
    """Return an execution with another quantity or price, its fee in proportion.

    Raises:
        Refused: That is no quantity or price, or nothing would be another.
    """
    qty = before.qty if qty is None else qty
    price = before.price if price is None else price
    if not (is_amount(qty) and is_amount(price)) or EXACT.remainder(qty, STEP_MIN):
        raise malformed("qty and price must be > 0, qty of nine decimals at most")
    if (qty, price) == (before.qty, before.price):
        raise malformed("a correction corrects the quantity or the price")
    part, whole = qty, before.qty
    if before.fee_asset == CASH:
        part, whole = EXACT.multiply(qty, price), EXACT.multiply(before.qty, before.price)
    fee = ROUNDED.divide(EXACT.multiply(before.fee, part), whole)
    return msgspec.structs.replace(
        before,
        execution_id=execution_id,
        qty=trim(qty),
        price=trim(price),
        fee=trim(fee.quantize(STEP_MIN, rounding=ROUND_CEILING, context=ROUNDED)),
    )


def check_revision(ticket: Ticket, before: Fill, after: Fill | None, held: Decimal) -> None:
    """Refuse what the venue does not do: to an order that works, or to coins that are gone.

    Raises:
        Refused: Nothing was changed.
    """
    if not ticket.is_final:
        raise inadmissible(f'order is still in "{ticket.status}" state')
    filled = EXACT.subtract(ticket.filled_qty, before.qty)
    if after is not None and EXACT.add(filled, after.qty) > ticket.order.qty:
        raise inadmissible("more would be filled than was ordered")
    left = EXACT.add(held, EXACT.subtract(units(after), units(before)))
    if before.key.startswith("crypto:") and left < min(held, ZERO):
        raise forbidden("the coins have been sold since", missing=EXACT.minus(left))


def units(fill: Fill | None) -> Decimal:
    """Return what a fill adds to a holding, fees in coin taken off; nothing without one."""
    if fill is None:
        return ZERO
    gross = fill.qty if fill.side is Side.BUY else EXACT.minus(fill.qty)
    return gross if fill.fee_asset == CASH else EXACT.subtract(gross, fill.fee)


def money(fill: Fill | None) -> Decimal:
    """Return what a fill adds to the cash, its fee taken off; nothing without one."""
    if fill is None:
        return ZERO
    value = EXACT.multiply(fill.qty, fill.price)
    gross = EXACT.minus(value) if fill.side is Side.BUY else value
    return EXACT.subtract(gross, fill.fee) if fill.fee_asset == CASH else gross


def fee_back(before: Fill, after: Fill | None) -> Decimal:
    """Return what comes back of a fee, in what it was taken in; negative where it is more."""
    return EXACT.subtract(before.fee, ZERO if after is None else after.fee)
