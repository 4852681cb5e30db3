"""What a market has said since it was listened to last, by channel and symbol."""

from collections.abc import Iterator, Set
from typing import NamedTuple

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.market_rows import BarRow, Span
from smart_leverage.domain.timeframes import MINUTE
from smart_leverage.market.base import MarketSource
from smart_leverage.wire.data import Row, RowWriter
from smart_leverage.wire.data_stream import ALL, Wanted

PAUSE_MAX_NS = 10 * MINUTE_NS
"""What happened longer ago is not told any more: after a pause a reader lists what it missed."""


class Topic(NamedTuple):
    """Rows of one kind about one instrument."""

    asset_class: AssetClass
    channel: str
    symbol: str


class Ticking:
    """Remembers when it looked last; nothing is told twice, and of quotes only the latest."""

    def __init__(self, source: MarketSource) -> None:
        self._source = source
        self._write = {each: RowWriter(each) for each in AssetClass}
        self._looked_ns: int | None = None

    def news(self, now_ns: int, wanted: Set[tuple[AssetClass, Wanted]]) -> dict[Topic, list[Row]]:
        """Return what is new by now of what somebody wants."""
        before_ns, self._looked_ns = self._looked_ns, now_ns
        if before_ns is None or now_ns <= before_ns:
            return {}
        before_ns = max(before_ns, now_ns - PAUSE_MAX_NS)
        found: dict[Topic, list[Row]] = {}
        for key in self._source.listed():
            kind, _, symbol = key.partition(":")
            asset_class = AssetClass(kind)
            channels = {
                each.channel
                for each_class, each in wanted
                if each_class is asset_class and each.symbol in (symbol, ALL)
            }
            for channel in sorted(channels):
                rows = list(self._rows(channel, key, asset_class, before_ns, now_ns))
                if rows:
                    found[Topic(asset_class, channel, symbol)] = rows
        return found

    def _rows(
        self, channel: str, key: Key, asset_class: AssetClass, before_ns: int, now_ns: int
    ) -> Iterator[Row]:
        write = self._write[asset_class]
        if channel in ("quotes", "orderbooks"):
            quote = self._source.latest_quote(key, now_ns)
            if quote is not None and quote.at_ns > before_ns:
                yield write.quote(quote) if channel == "quotes" else write.book(quote)
        elif channel == "trades":
            yield from map(
                write.trade, self._source.trades(key, Span(before_ns + 1, now_ns), now_ns)
            )
        elif channel == "bars":
            yield from map(write.bar, self._closed(key, before_ns, now_ns))
        elif channel == "dailyBars" and any(self._closed(key, before_ns, now_ns)):
            snapshot = self._source.snapshot(key, now_ns)
            if snapshot is not None and snapshot.day is not None:
                yield write.bar(snapshot.day)

    def _closed(self, key: Key, before_ns: int, now_ns: int) -> Iterator[BarRow]:
        """Yield the minutes that have closed since; a channel without rows here has none at all."""
        last = self._source.latest_bar(key, before_ns)
        start_ns = before_ns - PAUSE_MAX_NS if last is None else last.at_ns + 1
        return self._source.bars(key, MINUTE, Span(start_ns, now_ns), now_ns)
