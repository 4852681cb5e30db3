"""Quotes and trades of the embedded market: one of each at every whole second of a bar."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.market_rows import QuoteRow, Span, TradeRow
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.quotes import price_at, quoted

_PLACES = 9
_PRICE_PLACES = 8


class _Tick(NamedTuple):
    """A second of a bar: which one, of how many."""

    at_ns: int
    bar: Bar
    number: int
    of: int

    @property
    def size(self) -> float | int:
        """The part of the bar's volume that falls to this second; all of them add up to it."""
        volume = self.bar.volume
        if isinstance(volume, int):
            return volume * (self.number + 1) // self.of - volume * self.number // self.of
        upto = round(volume * (self.number + 1) / self.of, _PLACES)
        return round(upto - round(volume * self.number / self.of, _PLACES), _PLACES)


def ticks_in(bar: Bar) -> int:
    """Return how many ticks a bar has: one at its start, and one every second inside of it."""
    return -(-(bar.end_ns - bar.start_ns) // SECOND_NS)


class Tape:
    """What was quoted and traded of one instrument; nothing while no bar covers the second.

    Quotes are those at which the embedded venue fills. Trades are where the price stands, which is
    the middle, and never beyond the bar. They are as large as the bar's volume makes them, and so
    is what a quote offers: a nominal figure.
    """

    def __init__(self, series: BarSeries, *, is_whole: bool) -> None:
        """Read this series; with `is_whole` volumes are whole units."""
        self._series = series
        self._is_whole = is_whole

    def quotes(self, span: Span) -> Iterator[QuoteRow]:
        """Yield the quotes of a span."""
        for tick in self._ticks(span):
            quote = quoted(self._series.key, tick.bar, tick.at_ns)
            size = max(tick.size, 1) if self._is_whole else tick.size
            yield QuoteRow(tick.at_ns, quote.bid, size, quote.ask, size)

    def trades(self, span: Span) -> Iterator[TradeRow]:
        """Yield the trades of a span; a second in which nothing changed hands has none."""
        for tick in self._ticks(span):
            if not tick.size:
                continue
            price = round(price_at(tick.bar, tick.at_ns), _PRICE_PLACES)
            before_ns = max(tick.at_ns - SECOND_NS, tick.bar.start_ns)
            is_buy = price >= round(price_at(tick.bar, before_ns), _PRICE_PLACES)
            yield TradeRow(tick.at_ns, price, tick.size, tick.at_ns // SECOND_NS, is_buy)

    def _ticks(self, span: Span) -> Iterator[_Tick]:
        series = self._series
        first = max(bisect_right(series.starts, span.start_ns) - 1, 0)
        stop = bisect_right(series.starts, span.end_ns)
        places = range(first, stop)
        for place in reversed(places) if span.is_descending else places:
            bar = series[place]
            if self._is_whole:
                bar = whole(bar)
            count = ticks_in(bar)
            low = max(-(-(span.start_ns - bar.start_ns) // SECOND_NS), 0)
            high = min((span.end_ns - bar.start_ns) // SECOND_NS + 1, count)
            numbers = range(low, high)
            for number in reversed(numbers) if span.is_descending else numbers:
                yield _Tick(bar.start_ns + number * SECOND_NS, bar, number, count)


def whole(bar: Bar) -> Bar:
    """Return a bar with a volume of whole units."""
    return Bar(
        bar.start_ns, bar.end_ns, bar.open, bar.high, bar.low, bar.close, int(round(bar.volume))
    )
