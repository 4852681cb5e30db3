"""What a source of market data promises: what was known at a moment, and nothing later."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.market_rows import BarRow, QuoteRow, Snapshot, Span, TradeRow
from smart_leverage.domain.timeframes import Timeframe


class MarketSource(Protocol):
    """Answers for one market; an instrument that it does not know has no rows.

    Every answer is as of `now_ns`: bars have closed by then, quotes and trades have happened. It
    may be asked from several threads at once.
    """

    def listed(self) -> Sequence[Key]:
        """Return what it has prices of, in registry order."""
        ...

    def bars(self, key: Key, frame: Timeframe, span: Span, now_ns: int) -> Iterator[BarRow]:
        """Yield the bars that begin in a span and have closed."""
        ...

    def quotes(self, key: Key, span: Span, now_ns: int) -> Iterator[QuoteRow]:
        """Yield the quotes of a span."""
        ...

    def trades(self, key: Key, span: Span, now_ns: int) -> Iterator[TradeRow]:
        """Yield the trades of a span."""
        ...

    def latest_bar(self, key: Key, now_ns: int) -> BarRow | None:
        """Return the last minute that has closed."""
        ...

    def latest_quote(self, key: Key, now_ns: int) -> QuoteRow | None:
        """Return the last quote, which is that of the last session while it is closed."""
        ...

    def latest_trade(self, key: Key, now_ns: int) -> TradeRow | None:
        """Return the last trade."""
        ...

    def snapshot(self, key: Key, now_ns: int) -> Snapshot | None:
        """Return the last word on an instrument; None before the first."""
        ...
