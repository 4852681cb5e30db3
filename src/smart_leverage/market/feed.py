"""Joins series of different steps and calendars into one line of instants."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from msgspec import Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.market.bars import BarSeries

_STRIDE = 512
"""Bars that the fastest series may run ahead before its instants are handed out."""


class Instant(Struct, frozen=True):
    """Everything that bars say at one moment; either list may be empty.

    `closes` are the bars that end now and become known; `opens` are the first prints of the bars
    that start now. Closes come first: what decides on them has not seen the opens.
    """

    at_ns: int
    closes: list[tuple[Key, Bar]]
    opens: list[tuple[Key, float]]


class _Cursor:
    """How far one series has been handed out, its closes and its opens apart."""

    __slots__ = ("closed", "key", "opened", "series")

    def __init__(self, series: BarSeries) -> None:
        self.key = series.key
        self.series = series
        self.closed = 0
        self.opened = 0

    def horizon_ns(self) -> int:
        """Return the end of the bar one stride ahead."""
        ends = self.series.ends
        return ends[min(self.closed + _STRIDE, len(ends)) - 1]


def instants(series: Sequence[BarSeries]) -> Iterator[Instant]:
    """Yield every moment at which a bar ends or starts, in time order.

    A series that stops simply says nothing any more. Memory stays bounded: only a stretch of some
    hundred bars of each series is held as records at a time.

    Args:
        series: In registry order, which becomes the order inside an instant; at most one per key.

    Raises:
        BadData: Two series speak of the same key.
    """
    _refuse_twins(series)
    cursors = [_Cursor(each) for each in series if len(each)]
    while cursors:
        until_ns = min(cursor.horizon_ns() for cursor in cursors)
        yield from _stretch(cursors, until_ns)
        cursors = [cursor for cursor in cursors if cursor.closed < len(cursor.series)]


def _refuse_twins(series: Sequence[BarSeries]) -> None:
    seen: dict[Key, BarSeries] = {}
    for each in series:
        twin = seen.setdefault(each.key, each)
        if twin is not each:
            raise BadData(
                f"{each.key} has bars already from {twin.source.name}",
                file=each.source.name,
                fix="give one series per instrument",
            )


def _stretch(cursors: list[_Cursor], until_ns: int) -> Iterator[Instant]:
    """Yield the instants up to and including `until_ns` and move every cursor past it."""
    found: dict[int, Instant] = {}
    for cursor in cursors:
        _collect_closes(cursor, until_ns, found)
    for cursor in cursors:
        _collect_opens(cursor, until_ns, found)
    for at_ns in sorted(found):
        yield found[at_ns]


def _collect_closes(cursor: _Cursor, until_ns: int, found: dict[int, Instant]) -> None:
    key, series = cursor.key, cursor.series
    stop = bisect_right(series.ends, until_ns, cursor.closed)
    for bar in series.bars(cursor.closed, stop):
        at_ns = bar.end_ns
        instant = found.get(at_ns)
        if instant is None:
            found[at_ns] = Instant(at_ns, [(key, bar)], [])
        else:
            instant.closes.append((key, bar))
    cursor.closed = stop


def _collect_opens(cursor: _Cursor, until_ns: int, found: dict[int, Instant]) -> None:
    key, series = cursor.key, cursor.series
    stop = bisect_right(series.starts, until_ns, cursor.opened)
    starts = series.starts[cursor.opened : stop]
    for at_ns, price in zip(starts, series.opens[cursor.opened : stop], strict=True):
        instant = found.get(at_ns)
        if instant is None:
            found[at_ns] = Instant(at_ns, [], [(key, price)])
        else:
            instant.opens.append((key, price))
    cursor.opened = stop
