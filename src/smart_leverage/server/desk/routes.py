"""The routes of one class of instruments: bars, quotes, trades, the latest of each, last words."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from smart_leverage.domain.instruments import AssetClass, Key, key_of
from smart_leverage.domain.market_rows import BarRow, QuoteRow, Span, TradeRow
from smart_leverage.market.base import MarketSource
from smart_leverage.server.desk.pages import page
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.wire.data import (
    LOCATIONS,
    DataReader,
    HistoryRequest,
    Row,
    RowWriter,
    page_json,
    single_page_json,
)
from smart_leverage.wire.errors import bad_json, not_found
from smart_leverage.wire.reading import Query

T = TypeVar("T", BarRow, QuoteRow, TradeRow)
SYMBOL = "symbol"
LOCATION = "location"


class DataRoutes:
    """Answers from a source; a path that names one symbol gets the form of one symbol."""

    def __init__(
        self, source: MarketSource, asset_class: AssetClass, now_ns: Callable[[], int]
    ) -> None:
        """Join the parts."""
        self._source = source
        self._asset_class = asset_class
        self._now_ns = now_ns
        self._reader = DataReader(asset_class)
        self._write = RowWriter(asset_class)

    # -- history ----------------------------------------------------------------------------------

    async def bars(self, call: Call) -> Reply:
        """List bars of some length."""
        now_ns = self._now_ns()
        request = self._reader.bars(_query(call), now_ns, call.values.get(SYMBOL))

        def rows(symbol: str, span: Span) -> Iterator[BarRow]:
            return self._source.bars(self._key(symbol), request.frame, span, now_ns)

        return await self._listed(call, "bars", request, rows, self._write.bar)

    async def quotes(self, call: Call) -> Reply:
        """List quotes."""
        now_ns = self._now_ns()
        request = self._reader.history(_query(call), now_ns, call.values.get(SYMBOL))

        def rows(symbol: str, span: Span) -> Iterator[QuoteRow]:
            return self._source.quotes(self._key(symbol), span, now_ns)

        return await self._listed(call, "quotes", request, rows, self._write.quote)

    async def trades(self, call: Call) -> Reply:
        """List trades."""
        now_ns = self._now_ns()
        request = self._reader.history(_query(call), now_ns, call.values.get(SYMBOL))

        def rows(symbol: str, span: Span) -> Iterator[TradeRow]:
            return self._source.trades(self._key(symbol), span, now_ns)

        return await self._listed(call, "trades", request, rows, self._write.trade)

    async def _listed(
        self,
        call: Call,
        name: str,
        request: HistoryRequest,
        rows_of: Callable[[str, Span], Iterator[T]],
        write: Callable[[T], Row],
    ) -> Reply:
        """Answer with a page, made on another thread: thousands of rows take a while."""

        def made() -> Reply:
            found = page(request, rows_of)
            rows = {symbol: [write(row) for row in each] for symbol, each in found.rows.items()}
            symbol = call.values.get(SYMBOL)
            if symbol is None:
                return reply(page_json(name, rows, found.after))
            return reply(single_page_json(symbol, name, rows.get(symbol, []), found.after))

        return await asyncio.to_thread(made)

    # -- the latest -------------------------------------------------------------------------------

    async def latest_bars(self, call: Call) -> Reply:
        """Return the last minute of each symbol that has closed."""
        return self._latest(call, "bar", self._source.latest_bar, self._write.bar)

    async def latest_quotes(self, call: Call) -> Reply:
        """Return the last quote of each symbol."""
        return self._latest(call, "quote", self._source.latest_quote, self._write.quote)

    async def latest_trades(self, call: Call) -> Reply:
        """Return the last trade of each symbol."""
        return self._latest(call, "trade", self._source.latest_trade, self._write.trade)

    async def latest_books(self, call: Call) -> Reply:
        """Return the order book of each symbol."""
        return self._latest(call, "orderbook", self._source.latest_quote, self._write.book)

    def _latest(
        self,
        call: Call,
        name: str,
        read: Callable[[Key, int], T | None],
        write: Callable[[T], Row],
    ) -> Reply:
        symbol = call.values.get(SYMBOL)
        now_ns, rows = self._now_ns(), dict[str, Row]()
        for each in self._reader.latest(_query(call), symbol):
            row = read(self._key(each), now_ns)
            if row is not None:
                rows[each] = write(row)
        if symbol is None:
            return reply({f"{name}s": rows})
        return reply({"symbol": symbol, name: _only(rows.values(), symbol)})

    async def snapshots(self, call: Call) -> Reply:
        """Return the last word on each symbol; that of shares stands at the top, without a name."""
        symbol = call.values.get(SYMBOL)
        now_ns, rows = self._now_ns(), dict[str, Row]()
        for each in self._reader.latest(_query(call), symbol):
            snapshot = self._source.snapshot(self._key(each), now_ns)
            if snapshot is not None:
                rows[each] = self._write.snapshot(snapshot)
        if symbol is not None:
            return reply({"symbol": symbol, **_only(rows.values(), symbol)})
        return reply(rows if self._asset_class is AssetClass.US_EQUITY else {"snapshots": rows})

    def _key(self, symbol: str) -> Key:
        return key_of(self._asset_class, symbol)


def _query(call: Call) -> Query:
    """Return the parameters of a request that is nothing but an address of ours."""
    if call.body:
        raise bad_json("no body is taken here")
    location = call.values.get(LOCATION)
    if location is not None and location not in LOCATIONS:
        raise not_found("endpoint not found")
    return call.query


def _only(rows: Iterable[Row], symbol: str) -> Row:
    for row in rows:
        return row
    raise not_found(f"no data for {symbol}")
