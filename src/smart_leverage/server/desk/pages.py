"""Pages over the rows of several symbols: by symbol, then by time, so many rows all together."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from smart_leverage.domain.market_rows import BarRow, Place, QuoteRow, Span, TradeRow
from smart_leverage.wire.data import HistoryRequest

T = TypeVar("T", BarRow, QuoteRow, TradeRow)


class Page(NamedTuple, Generic[T]):
    """The rows of a page by symbol, and its last row where another page follows."""

    rows: dict[str, list[T]]
    after: Place | None


def page(request: HistoryRequest, rows_of: Callable[[str, Span], Iterator[T]]) -> Page[T]:
    """Return the rows that a request is for, beginning behind the last row of the page before.

    Args:
        request: Which symbols and which span.
        rows_of: Yields the rows of a symbol in a span, in its order; each has a time of its own.
    """
    found: dict[str, list[T]] = {}
    left, last = request.limit, None
    for symbol in request.symbols:
        if request.after is not None and symbol < request.after.symbol:
            continue
        for row in rows_of(symbol, _left_of(request, symbol)):
            if not left:
                return Page(found, last)
            found.setdefault(symbol, []).append(row)
            left, last = left - 1, Place(symbol, row.at_ns)
    return Page(found, None)


def _left_of(request: HistoryRequest, symbol: str) -> Span:
    """Return the part of a request's span that no page has shown yet."""
    after, span = request.after, request.span
    if after is None or after.symbol != symbol:
        return span
    if span.is_descending:
        return span._replace(end_ns=min(span.end_ns, after.at_ns - 1))
    return span._replace(start_ns=max(span.start_ns, after.at_ns + 1))
