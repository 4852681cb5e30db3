"""The embedded market as a source of data: bars of any length, quotes, trades and last words."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.market_rows import BarRow, QuoteRow, Snapshot, Span, TradeRow
from smart_leverage.domain.timeframes import (
    DAY,
    MINUTE,
    BarCalendar,
    Bucket,
    Timeframe,
    Unit,
)
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.tape import Tape, ticks_in, whole

_PLACES = 8


class EmbeddedMarket:
    """Bars, quotes and trades of some series, as `MarketSource` has it."""

    def __init__(self, made: Callable[[], Sequence[BarSeries]]) -> None:
        """Speak of the series that `made` returns; it is called once, when somebody asks.

        They begin and end where they begin and end.
        """
        self._made = made
        self._held: dict[Key, _Line] | None = None
        self._one_at_a_time = Lock()

    @property
    def _lines(self) -> "dict[Key, _Line]":
        if self._held is None:
            with self._one_at_a_time:
                if self._held is None:
                    self._held = {each.key: _Line(each) for each in self._made() if len(each)}
        return self._held

    def listed(self) -> Sequence[Key]:
        """Return what there are prices of."""
        return list(self._lines)

    def bars(self, key: Key, frame: Timeframe, span: Span, now_ns: int) -> Iterator[BarRow]:
        """Yield the bars that begin in a span and have closed."""
        line = self._lines.get(key)
        return iter(()) if line is None else line.bars(frame, span, now_ns)

    def quotes(self, key: Key, span: Span, now_ns: int) -> Iterator[QuoteRow]:
        """Yield the quotes of a span."""
        line = self._lines.get(key)
        return iter(()) if line is None else line.tape.quotes(_until(span, now_ns))

    def trades(self, key: Key, span: Span, now_ns: int) -> Iterator[TradeRow]:
        """Yield the trades of a span."""
        line = self._lines.get(key)
        return iter(()) if line is None else line.tape.trades(_until(span, now_ns))

    def latest_bar(self, key: Key, now_ns: int) -> BarRow | None:
        """Return the last minute that has closed."""
        return next(self.bars(key, MINUTE, Span(0, now_ns, is_descending=True), now_ns), None)

    def latest_quote(self, key: Key, now_ns: int) -> QuoteRow | None:
        """Return the last quote."""
        return next(self.quotes(key, Span(0, now_ns, is_descending=True), now_ns), None)

    def latest_trade(self, key: Key, now_ns: int) -> TradeRow | None:
        """Return the last trade."""
        return next(self.trades(key, Span(0, now_ns, is_descending=True), now_ns), None)

    def snapshot(self, key: Key, now_ns: int) -> Snapshot | None:
        """Return the last word on an instrument; None before the first."""
        line, quote = self._lines.get(key), self.latest_quote(key, now_ns)
        if line is None or quote is None:
            return None
        minute = line.growing_minute(now_ns) or self.latest_bar(key, now_ns)
        day, day_before = line.days(now_ns)
        return Snapshot(self.latest_trade(key, now_ns), quote, minute, day, day_before)


def _until(span: Span, now_ns: int) -> Span:
    return span._replace(end_ns=min(span.end_ns, now_ns))


class _Line:
    """One series, with what its longer bars are made of."""

    def __init__(self, series: BarSeries) -> None:
        asset_class = AssetClass(series.key.partition(":")[0])
        self._is_whole = asset_class is AssetClass.US_EQUITY
        self._series = series
        self._calendar = calendar_for(asset_class)
        self._cut = BarCalendar(asset_class)
        self.tape = Tape(series, is_whole=self._is_whole)
        # Per bar, so that a longer bar is a sum over a slice.
        bars = [whole(bar) if self._is_whole else bar for bar in series]
        self._volumes = [bar.volume for bar in bars]
        self._trades = array("q", (_trades(bar) for bar in bars))
        self._money = array("d", (bar.volume * _average(bar) for bar in bars))

    def bars(self, frame: Timeframe, span: Span, now_ns: int) -> Iterator[BarRow]:
        """Yield bars of a length that begin in a span and have closed.

        A length that is no multiple of the series' own step has none: nothing is made up.
        """
        first = self._cut.bucket(frame, self._series.starts[0])
        span = span._replace(end_ns=min(span.end_ns, now_ns))
        if span.end_ns < first.start_ns or not self._fits(frame):
            return
        buckets = self._falling(frame, span) if span.is_descending else self._rising(frame, span)
        for bucket in buckets:
            if self._is_closed(bucket, now_ns):
                yield self._row(bucket.start_ns, *self._places(bucket))

    def _fits(self, frame: Timeframe) -> bool:
        length_ns = {Unit.MINUTE: MINUTE_NS, Unit.HOUR: HOUR_NS}.get(frame.unit)
        return length_ns is None or frame.number * length_ns % self._series.step_ns == 0

    def _rising(self, frame: Timeframe, span: Span) -> Iterator[Bucket]:
        """Yield the intervals with bars in them that begin in a span."""
        starts = self._series.starts
        place = bisect_left(starts, span.start_ns)
        while place < len(starts):
            bucket = self._cut.bucket(frame, starts[place])
            if bucket.start_ns > span.end_ns:
                return
            if bucket.start_ns >= span.start_ns:
                yield bucket
            place = bisect_left(starts, bucket.end_ns)

    def _falling(self, frame: Timeframe, span: Span) -> Iterator[Bucket]:
        """Yield them, the latest first."""
        starts = self._series.starts
        place = bisect_left(starts, self._cut.bucket(frame, span.end_ns).end_ns) - 1
        while place >= 0:
            bucket = self._cut.bucket(frame, starts[place])
            if bucket.start_ns < span.start_ns:
                return
            yield bucket
            place = bisect_left(starts, bucket.start_ns) - 1

    def _is_closed(self, bucket: Bucket, now_ns: int) -> bool:
        """Tell whether nothing can be traded any more in an interval."""
        if bucket.end_ns <= now_ns:
            return True
        calendar = self._calendar
        return not calendar.is_open(now_ns) and calendar.next_open(now_ns) >= bucket.end_ns

    def _places(self, bucket: Bucket) -> tuple[int, int]:
        starts = self._series.starts
        return bisect_left(starts, bucket.start_ns), bisect_left(starts, bucket.end_ns)

    def _row(self, at_ns: int, first: int, stop: int) -> BarRow:
        """Return what the bars of the series with an index in [first, stop) add up to."""
        series = self._series
        volume, money = sum(self._volumes[first:stop]), sum(self._money[first:stop])
        return BarRow(
            at_ns=at_ns,
            open=series.opens[first],
            high=max(series.highs[first:stop]),
            low=min(series.lows[first:stop]),
            close=series.closes[stop - 1],
            volume=volume if self._is_whole else round(volume, _PLACES),
            trades=sum(self._trades[first:stop]),
            average=round(money / volume, _PLACES) if volume else None,
        )

    # -- what is still growing --------------------------------------------------------------------

    def growing_minute(self, now_ns: int) -> BarRow | None:
        """Return what the trades of the present minute add up to; None where there are none."""
        return self._growing(self._cut.bucket(MINUTE, now_ns).start_ns, now_ns)

    def _growing(self, since_ns: int, now_ns: int) -> BarRow | None:
        trades = list(self.tape.trades(Span(since_ns, now_ns)))
        if not trades:
            return None
        prices = [trade.price for trade in trades]
        volume = sum(trade.size for trade in trades)
        money = sum(trade.price * trade.size for trade in trades)
        return BarRow(
            at_ns=since_ns,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=volume if self._is_whole else round(volume, _PLACES),
            trades=len(trades),
            average=round(money / volume, _PLACES),
        )

    def days(self, now_ns: int) -> tuple[BarRow | None, BarRow | None]:
        """Return the last day with prices, as far as it has come, and the one before."""
        starts, ends = self._series.starts, self._series.ends
        begun = bisect_right(starts, now_ns) - 1
        if begun < 0:
            return None, None
        today = self._cut.bucket(DAY, starts[begun])
        first, stop = bisect_left(starts, today.start_ns), bisect_right(ends, now_ns)
        closed = self._row(today.start_ns, first, stop) if stop > first else None
        growing = None if stop > begun else self._growing(starts[begun], now_ns)
        before = first - 1
        if before < 0:
            return _joined(today, closed, growing), None
        past = self._cut.bucket(DAY, starts[before])
        return _joined(today, closed, growing), self._row(past.start_ns, *self._places(past))


def _joined(day: Bucket, closed: BarRow | None, growing: BarRow | None) -> BarRow | None:
    """Return a day of the minutes that have closed and the one that has not."""
    if closed is None or growing is None:
        row = closed or growing
        return None if row is None else row._replace(at_ns=day.start_ns)
    volume = closed.volume + growing.volume
    money = sum((row.average or 0.0) * row.volume for row in (closed, growing))
    return BarRow(
        at_ns=day.start_ns,
        open=closed.open,
        high=max(closed.high, growing.high),
        low=min(closed.low, growing.low),
        close=growing.close,
        volume=volume if isinstance(volume, int) else round(volume, _PLACES),
        trades=(closed.trades or 0) + (growing.trades or 0),
        average=round(money / volume, _PLACES) if volume else None,
    )


def _trades(bar: Bar) -> int:
    """Return how many trades of a bar the tape shows; fewer than ticks if it has fewer units."""
    count = ticks_in(bar)
    return min(count, bar.volume) if isinstance(bar.volume, int) else count if bar.volume else 0


def _average(bar: Bar) -> float:
    """Return the mean price of the ticks of a bar, whose price walks in three equal legs.

    The legs are straight, so the mean of the ticks is that of their ends, less half a step of the
    whole way: there is a tick at the open and none at the close.
    """
    way = (bar.open + 2.0 * bar.high + 2.0 * bar.low + bar.close) / 6.0
    return way + (bar.open - bar.close) / (2.0 * ticks_in(bar))
