"""The exchange's lists: whole, however many pages they have, and in whatever order those come."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from smart_leverage.brokers.budget import Lane
from smart_leverage.brokers.ccxt import reading
from smart_leverage.brokers.ccxt.line import Call, Line
from smart_leverage.domain.errors import BadData, BrokerDown

Row = Mapping[str, Any]

PAGE = 100
"""Rows that a list has at most where the exchange does not say."""

DAY_MS = 24 * 3600 * 1000
WINDOWS_MAX = 400
"""Questions for one list; one that goes on beyond that is none."""


class Lists:
    """Asks for orders, executions and flows of one exchange."""

    def __init__(self, line: Line, now_ms: Callable[[], int]) -> None:
        """Remember the line, and what the clock shows."""
        self._line, self._now_ms = line, now_ms
        self._features = (line.exchange.features or {}).get("spot") or {}

    def open_orders(self, market: str | None, lane: Lane = Lane.READ) -> list[Row]:
        """Return open orders of one market, or of all."""
        return self._line.ask_list(lambda client: client.fetch_open_orders(market), lane)

    @property
    def lists_all_markets(self) -> bool:
        """Whether open orders of all markets come with one question."""
        return not (self._features.get("fetchOpenOrders") or {}).get("symbolRequired", False)

    def ended_orders(self, market: str, since_ms: int) -> list[Row]:
        """Return orders of a market since a time, whether they are open or not."""
        has = self._line.exchange.has
        if has.get("fetchOrders") is True:
            return self._pages("fetch_orders", "fetchOrders", market, since_ms)
        found = self._pages("fetch_closed_orders", "fetchClosedOrders", market, since_ms)
        if has.get("fetchCanceledOrders") is True:
            found += self._pages("fetch_canceled_orders", "fetchCanceledOrders", market, since_ms)
        return found

    def executions(self, market: str, since_ms: int) -> list[reading.Row]:
        """Return our executions in a market since a time."""
        return self._pages("fetch_my_trades", "fetchMyTrades", market, since_ms)

    def executions_of(self, order_id: str, market: str, since_ms: int) -> list[reading.Row]:
        """Return every execution of one order, which was sent at a time."""
        if self._line.exchange.has.get("fetchOrderTrades") is True:
            return self._line.ask_list(lambda client: client.fetch_order_trades(order_id, market))
        rows = self.executions(market, since_ms)
        return [row for row in rows if str(row.get("order")) == order_id]

    def flows(self, since_ms: int) -> list[Row]:
        """Return deposits and withdrawals since a time, where the exchange lists them."""
        found: list[Row] = []
        for call, feature in (
            ("fetch_deposits", "fetchDeposits"),
            ("fetch_withdrawals", "fetchWithdrawals"),
        ):
            if self._line.exchange.has.get(feature) is True:
                found += self._pages(call, feature, None, since_ms, span_ms=89 * DAY_MS)
        return found

    def _pages(
        self,
        call: str,
        feature: str,
        market: str | None,
        since_ms: int,
        span_ms: int = DAY_MS,
    ) -> list[Row]:
        """Return all rows since a time.

        Exchanges differ in whether the oldest or the newest rows of a full page are left out. So a
        window whose page is full is asked for again as two halves, whichever they are.
        """
        limit = int((self._features.get(feature) or {}).get("limit") or PAGE)
        if market is not None and self._line.ability.lists_newest:
            page = self._line.ask_list(_newest(call, market, limit))
            reaches = any(_at_ms(row) < since_ms for row in page)
            if reaches or len(page) < limit:
                return [row for row in page if _at_ms(row) >= since_ms]
        found: dict[str, Row] = {}
        until_ms = self._now_ms() + DAY_MS  # the exchange's clock may be ahead of ours
        windows = [
            (at, min(at + span_ms, until_ms) - 1)
            for at in range(min(since_ms, until_ms - 1), until_ms, span_ms)
        ]
        windows.reverse()
        for _ in range(WINDOWS_MAX):
            if not windows:
                return list(found.values())
            first, last = windows.pop()
            page = self._line.ask_list(_window(call, market, first, last, limit))
            if len(page) >= limit:
                if last - first < 2:  # and no exchange takes a window without length
                    break
                middle = (first + last) // 2
                windows += [(middle + 1, last), (first, middle)]
                continue
            found |= {_name(row): row for row in page}
        raise BrokerDown("a list of the exchange has no end")


def _window(call: str, market: str | None, first: int, last: int, limit: int) -> Call:
    return lambda client: getattr(client, call)(market, first, limit, {"until": last})


def _newest(call: str, market: str, limit: int) -> Call:
    return lambda client: getattr(client, call)(market, None, limit)


def _at_ms(row: Row) -> int:
    try:
        return reading.needed_instant(row, "timestamp") // reading.MS_NS
    except BadData as error:
        raise BrokerDown(f"a row of the exchange has no time: {error}") from error


def _name(row: Row) -> str:
    """Return what tells a row from others; flows of some exchanges have no id of their own."""
    for name in ("id", "txid"):
        if row.get(name):
            return f"{row.get('symbol')}/{row[name]}"
    raise BrokerDown("a row of the exchange has no id")


def each_of(what: str, rows: Iterable[Row], read: Callable[[Row], Any]) -> list[Any]:
    """Return what was read of every row.

    Raises:
        BrokerDown: One cannot be read.
    """
    try:
        return [read(row) for row in rows]
    except (BadData, TypeError, AttributeError, KeyError) as error:
        raise BrokerDown(f"{what} of the exchange cannot be read: {error}") from error
