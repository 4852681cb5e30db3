"""Makes the order log of a replay out of files of history, and of bars where there are any."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from smart_leverage.books.exact import exactly, ratio
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind
from smart_leverage.domain.registry import Registry
from smart_leverage.history.base import Read
from smart_leverage.market.bars import BarSeries
from smart_leverage.runtime.replay_log import Execution, LoggedOrder, OrderLog, Trail

_PRICE_STEP = Decimal("0.000000001")


def log_of_history(reads: Sequence[Read], registry: Registry) -> OrderLog:
    """Return the orders of a history, each at its first fill and with all that it filled.

    The fills are the prices. Splits and fees apart are not replayed: the venue has fees of its own.

    Raises:
        BadData: There is no execution in any of the files, or an instrument was split.
    """
    deals: dict[str, Deal] = {}
    instruments: dict[str, Instrument] = {}
    for read in reads:
        deals |= {deal.id: deal for deal in read.deals}
        instruments |= read.instruments
    split = next((deal for deal in deals.values() if deal.kind is DealKind.SPLIT), None)
    if split is not None:
        raise BadData(
            f"{split.key} was split in this history",
            fix="replay the part before and the part after it, each with its own --hold",
        )
    trades = [deal for deal in deals.values() if deal.kind is DealKind.TRADE]
    if not trades:
        raise BadData("no execution in these files", fix="give the fills, not the equity alone")
    registry = registry.with_instruments({each.key: each for each in instruments.values()}.values())
    orders = _orders(trades, registry)
    keys = {(registry[key].asset_class, registry[key].symbol): key for key in _keys(trades)}
    trails = {
        key: Trail(
            Execution(deal.at_ns, deal.qty, deal.price) for deal in trades if deal.key == key
        )
        for key in _keys(trades)
    }
    return OrderLog(tuple(orders), registry, keys, trails, {})


def with_bars(log: OrderLog, series: Sequence[BarSeries]) -> OrderLog:
    """Return the log with the openings and closes of bars among its prices.

    Of the time before its first order only the last price is kept: the account begins with it.

    Raises:
        BadData: A bar's instrument is none of the log.
    """
    trails, begins_ns = dict(log.trails), min(order.at_ns for order in log.orders)
    for each in series:
        if each.key not in trails:
            raise BadData(
                f"{each.key} is not in the history", file=each.source.name, fix="leave it out"
            )
        prints = [
            *zip(each.ends, each.closes, strict=True),
            *zip(each.starts, each.opens, strict=True),  # of one instant the opening is the later
        ]
        before = max((int(at_ns) for at_ns, _ in prints if at_ns <= begins_ns), default=0)
        trails[each.key] = trails[each.key].joined(
            Execution(int(at_ns), Decimal(0), Decimal(repr(float(price))))
            for at_ns, price in prints
            if at_ns >= before
        )
    return log._replace(trails=trails)


def _keys(trades: Iterable[Deal]) -> list[Key]:
    return sorted({deal.key for deal in trades})


@exactly
def _orders(trades: Sequence[Deal], registry: Mapping[Key, Instrument]) -> list[LoggedOrder]:
    by_order: dict[str, list[Deal]] = defaultdict(list)
    covers: dict[str, Decimal] = defaultdict(Decimal)
    held: dict[Key, Decimal] = defaultdict(Decimal)
    for deal in sorted(trades, key=lambda deal: deal.rank):
        by_order[deal.order].append(deal)
        covers[deal.order] += _covering(deal, held[deal.key])
        held[deal.key] = _after(deal, held[deal.key])
    orders = []
    for row, slices in enumerate(by_order.values(), start=1):
        first, last = slices[0], slices[-1]
        qty = sum((deal.qty for deal in slices), Decimal(0))
        value = sum((deal.qty * deal.price for deal in slices), Decimal(0))
        price = ratio(value, qty).quantize(_PRICE_STEP)
        instrument = registry[first.key]
        orders.append(
            LoggedOrder(
                row=row,
                at_ns=first.at_ns,
                symbol=instrument.symbol,
                asset_class=instrument.asset_class,
                side=first.side,
                qty=qty,
                fill=Execution(last.at_ns, qty, price),
                covers=covers[first.order],
            )
        )
    return orders


def _covering(deal: Deal, held: Decimal) -> Decimal:
    """Return what of a purchase closes a short, marked as such or not."""
    if deal.side is not Side.BUY:
        return Decimal(0)
    return deal.qty if deal.is_short else min(deal.qty, max(-held, Decimal(0)))


def _after(deal: Deal, held: Decimal) -> Decimal:
    """Return what the history holds after a deal; a plain sale opens no short."""
    if deal.side is Side.BUY:
        return held + deal.qty
    return held - (deal.qty if deal.is_short else min(deal.qty, max(held, Decimal(0))))
