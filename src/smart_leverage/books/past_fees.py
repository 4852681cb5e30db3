"""Fees that a broker books apart from the execution, later in the day or on the next one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.exact import ZERO, apportion
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind


class Charged(NamedTuple):
    """The part of every execution, by its id, and the fees that found none."""

    by_deal: dict[str, Decimal]
    homeless: frozenset[str]


def charged(deals: Sequence[Deal]) -> Charged:
    """Spread the fees of one instrument over the executions that they are for.

    A fee in coin is for what was bought, in proportion to quantity; one in dollars for what was
    sold, in proportion to value. It is for its own day, UTC, or for the day before when nothing
    was on its own.
    """
    fees = [deal for deal in deals if deal.kind is DealKind.FEE]
    by_deal: dict[str, Decimal] = defaultdict(lambda: ZERO)
    homeless = set()
    days = _by_day(deals) if fees else {}
    for fee in fees:
        side = Side.SELL if fee.fee_asset == "USD" else Side.BUY
        day = fee.at_ns // DAY_NS
        found = days.get((day, side)) or days.get((day - 1, side)) or []
        sizes = [(deal.id, deal.qty * (deal.price if side is Side.SELL else 1)) for deal in found]
        taken = sum((by_deal[deal.id] for deal in found), ZERO)
        if not found or (side is Side.BUY and taken + fee.fee >= sum(size for _, size in sizes)):
            homeless.add(fee.id)  # also where more coins would go than came
            continue
        for name, part in _parts(fee.fee, sizes):
            by_deal[name] += part
    return Charged(dict(by_deal), frozenset(homeless))


def is_charged(fee: Deal, to: Charged) -> bool:
    """Tell whether a fee found what it is for."""
    return fee.id not in to.homeless


def _by_day(deals: Iterable[Deal]) -> dict[tuple[int, Side], list[Deal]]:
    days: dict[tuple[int, Side], list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.kind is DealKind.TRADE:
            days[deal.at_ns // DAY_NS, deal.side].append(deal)
    return days


def _parts(total: Decimal, sizes: Sequence[tuple[str, Decimal]]) -> Iterable[tuple[str, Decimal]]:
    """Yield each part; what rounding leaves stays with the last, so that they add up."""
    left, whole = total, sum((size for _, size in sizes), ZERO)
    for name, size in sizes:
        part = apportion(left, size, whole)
        yield name, part
        left, whole = left - part, whole - size
