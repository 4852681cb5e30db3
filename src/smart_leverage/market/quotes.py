"""Quotes at any moment between bars: the embedded market for an account that runs in real time."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from msgspec import Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.instruments import Key
from smart_leverage.market.bars import BarSeries

HALF_SPREAD = 0.0005
"""Distance of bid and ask from the price, fraction."""

_PLACES = 8


class Quote(Struct, frozen=True):
    """What an instrument can be sold and bought for; account currency.

    `at_ns` is when the market said so; 0 for the moment at which it was asked.
    """

    key: Key
    bid: float
    ask: float
    at_ns: int = 0

    @property
    def middle(self) -> float:
        """The price between both."""
        return round((self.bid + self.ask) / 2.0, _PLACES)


class QuotePath:
    """Walks through bars as a market does: from open over both extremes to the close.

    The nearer extreme comes first: a bar that rises sees its low before its high. Nothing is quoted
    while no bar covers the moment, so shares fall silent outside their sessions.
    """

    def __init__(self, series: Sequence[BarSeries], half_spread: float = HALF_SPREAD) -> None:
        self._series = series
        self._half = half_spread

    @property
    def until_ns(self) -> int:
        """When the last bar ends."""
        return max(each.ends[-1] for each in self._series)

    def at(self, at_ns: int) -> list[Quote]:
        """Return the quotes of everything that trades at an instant, in registry order."""
        quotes = []
        for each in self._series:
            place = bisect_right(each.starts, at_ns) - 1
            if place >= 0 and at_ns < each.ends[place]:
                quotes.append(quoted(each.key, each[place], at_ns, self._half))
        return quotes

    def closed(self, after_ns: int, until_ns: int) -> Iterator[tuple[Key, Bar]]:
        """Yield the last bar of each instrument that ended in (after, until]."""
        for each in self._series:
            place = bisect_right(each.ends, until_ns) - 1
            if place >= 0 and each.ends[place] > after_ns:
                yield each.key, each[place]


def quoted(key: Key, bar: Bar, at_ns: int, half_spread: float = HALF_SPREAD) -> Quote:
    """Return the quote of an instrument at an instant inside of a bar."""
    price = price_at(bar, at_ns)
    spread = price * half_spread
    return Quote(key, round(price - spread, _PLACES), round(price + spread, _PLACES))


def price_at(bar: Bar, at_ns: int) -> float:
    """Return where the price of a bar stands at an instant inside of it."""
    first, second = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    way = (bar.open, first, second, bar.close)
    walked = 3.0 * (at_ns - bar.start_ns) / (bar.end_ns - bar.start_ns)
    leg = min(int(walked), 2)
    return way[leg] + (way[leg + 1] - way[leg]) * (walked - leg)
