"""Reads the order log of an account: what was sent when, what filled, and the prices it shows."""

import csv
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from smart_leverage.books.book import Book
from smart_leverage.books.trades import Trade
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import Fill, Order, Side
from smart_leverage.domain.registry import Registry, unknown_coin, unknown_equity
from smart_leverage.domain.stamps import read_stamp

ZERO = Decimal(0)
COLUMNS = (
    *("submitted_at", "symbol", "side", "qty", "asset_class"),
    *("filled_at", "filled_qty", "filled_avg_price"),
)
"""Columns that a log needs; others may be there and are not read."""


class Execution(NamedTuple):
    """What an order filled at, as the log says it."""

    at_ns: int
    qty: Decimal
    price: Decimal


class LoggedOrder(NamedTuple):
    """One row: an order as it was sent, and its fill if there was one.

    `covers` is what of a purchase closes a short, where the log knows.
    """

    row: int
    at_ns: int
    symbol: str
    asset_class: AssetClass
    side: Side
    qty: Decimal
    fill: Execution | None
    covers: Decimal = ZERO


class Trail:
    """The fill prices of one symbol, which stand for its market."""

    def __init__(self, fills: Iterable[Execution]) -> None:
        """Keep them in order of time; there is at least one."""
        ordered = sorted(fills)
        self._times = [fill.at_ns for fill in ordered]
        self._prices = [fill.price for fill in ordered]

    @property
    def first(self) -> Decimal:
        """The first fill price."""
        return self._prices[0]

    def joined(self, others: Iterable[Execution]) -> "Trail":
        """Return a trail with more prices; of one instant the fills of the log come last."""
        prints = {other.at_ns: other for other in others}
        own = zip(self._times, self._prices, strict=True)
        prints |= {at_ns: Execution(at_ns, Decimal(0), price) for at_ns, price in own}
        return Trail(prints.values())

    def at(self, at_ns: int) -> Decimal:
        """Return the last fill price at or before a time; before the first one, the first."""
        return self._prices[max(bisect_right(self._times, at_ns) - 1, 0)]


class OrderLog(NamedTuple):
    """A log whose symbols were found in the registry, or entered there by the strictest reading.

    `keys` and `trails` hold the symbols that have a price; `unpriced` counts the orders of those
    that have none, which cannot be offered to anybody.
    """

    orders: tuple[LoggedOrder, ...]
    registry: Registry
    keys: dict[tuple[AssetClass, str], Key]
    trails: dict[Key, Trail]
    unpriced: dict[str, int]

    @property
    def offered(self) -> list[tuple[LoggedOrder, Key]]:
        """The orders that can be offered, in order of time, with their keys."""
        found = [(order, self.keys.get((order.asset_class, order.symbol))) for order in self.orders]
        return [(order, key) for order, key in found if key is not None]


def is_log(path: Path) -> bool:
    """Whether a file is a table with every column of a log."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return {*COLUMNS} <= {*header}


def read_log(path: Path, registry: Registry) -> OrderLog:
    """Return the log of a CSV file.

    Raises:
        BadData: The file, row and fault; a symbol that nothing can be called is one.
        OSError: The file cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as text:
        table = csv.DictReader(text)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise BadData(f"the log has no column {', '.join(missing)}", file=path.name)
        rows = [_order(number, row, path.name) for number, row in enumerate(table, start=1)]
    return log_of(rows, registry)


def log_of(orders: Sequence[LoggedOrder], registry: Registry) -> OrderLog:
    """Return the log of these rows, with every symbol's key and prices.

    Raises:
        BadData: A priced symbol cannot be one.
    """
    ordered = tuple(sorted(orders, key=lambda order: (order.at_ns, order.row)))
    fills: dict[tuple[AssetClass, str], list[Execution]] = {}
    for order in ordered:
        if order.fill is not None:
            fills.setdefault((order.asset_class, order.symbol), []).append(order.fill)
    keys, trails = {}, {}
    for (asset_class, symbol), seen in fills.items():
        trail = Trail(seen)
        instrument = _instrument(registry, symbol, asset_class, trail.first)
        registry = registry.with_instrument(instrument)
        keys[asset_class, symbol] = instrument.key
        trails[instrument.key] = trail
    unpriced = Counter(
        each.symbol for each in ordered if (each.asset_class, each.symbol) not in keys
    )
    return OrderLog(ordered, registry, keys, trails, dict(unpriced))


def _instrument(
    registry: Registry, symbol: str, asset_class: AssetClass, price: Decimal
) -> Instrument:
    try:
        return registry.resolve(symbol, asset_class)
    except BadData:  # unknown: what cannot be judged counts as the strictest of its class
        if asset_class is AssetClass.CRYPTO:
            return unknown_coin(symbol, price)
        return unknown_equity(symbol)


def _order(number: int, row: dict[str, str], file: str) -> LoggedOrder:
    try:
        return LoggedOrder(
            row=number,
            at_ns=_time(row["submitted_at"]),
            symbol=row["symbol"],
            asset_class=AssetClass(row["asset_class"]),
            side=Side(row["side"]),
            qty=_amount(row["qty"]),
            fill=_fill(row),
        )
    except (ValueError, InvalidOperation) as fault:
        raise BadData(f"order unreadable: {fault}", file=file, row=number) from fault


def _fill(row: dict[str, str]) -> Execution | None:
    if not row["filled_at"]:
        return None
    return Execution(
        at_ns=_time(row["filled_at"]),
        qty=_amount(row["filled_qty"]),
        price=_amount(row["filled_avg_price"]),
    )


def _time(text: str) -> int:
    stamp = read_stamp(text)
    if stamp.offset_s is None:
        raise ValueError(f"{text!r} has no zone")
    return stamp.ns


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not (amount.is_finite() and amount > 0):
        raise ValueError(f"{text!r} is not a positive number")
    return amount


class RoundTrips(NamedTuple):
    """What the fills of a log add up to, first in, first out; money without fees.

    `symbols` are those that were looked at, `open_value` is what is left open at the last prices
    and `open_profit` that value less what was paid for it; short positions count negative.
    """

    symbols: tuple[str, ...]
    fills: int
    trades: tuple[Trade, ...]
    wins: int
    win_rate: Decimal | None
    realised: Decimal
    open_value: Decimal
    open_profit: Decimal


def sold_first(log: OrderLog) -> tuple[str, ...]:
    """Return the symbols of which a sale filled before any purchase did.

    Somebody else bought them, outside of the log, so their first entry price is not known.
    """
    first: dict[str, tuple[int, int, Side]] = {}
    for order in log.orders:
        if order.fill is not None:
            fact = (order.fill.at_ns, order.row, order.side)
            first[order.symbol] = min(first.get(order.symbol, fact), fact)
    return tuple(symbol for symbol, fact in first.items() if fact[2] is Side.SELL)


def round_trips(log: OrderLog, without: Sequence[str] = ()) -> RoundTrips:
    """Return the round trips of the log's own fills; the account is taken to begin empty.

    Args:
        without: Symbols that are left out.
    """
    book = Book()
    book.open(ZERO)
    fills = 0
    for key in log.trails:
        book.list_instrument(log.registry[key])
    for order, key in log.offered:
        if order.fill is not None and order.symbol not in without:
            fills += 1
            _book(book, order, order.fill, key)
    trades = book.trades()
    realised = sum((trade.net for trade in trades), ZERO)
    last = max((order.fill.at_ns for order in log.orders if order.fill), default=0)
    worth = sum((book.qty(key) * log.trails[key].at(last) for key in book.keys), ZERO)
    counted = book.record.with_forced
    symbols = {order.symbol: None for order in log.orders if order.fill is not None}
    return RoundTrips(
        symbols=tuple(each for each in symbols if each not in without),
        fills=fills,
        trades=trades,
        wins=counted.wins,
        win_rate=counted.win_rate,
        realised=realised,
        open_value=worth,
        open_profit=book.cash + worth - realised,
    )


def _book(book: Book, order: LoggedOrder, fill: Execution, key: Key) -> None:
    name = f"row-{order.row:06d}"
    sent = Order(client_order_id=name, bot="log", key=key, side=order.side, qty=order.qty)
    book.apply_fill(
        Fill(
            execution_id=name,
            client_order_id=name,
            key=key,
            side=order.side,
            qty=fill.qty,
            price=fill.price,
            fee=ZERO,
            fee_asset="USD",
            at_ns=fill.at_ns,
        ),
        sent,
    )
