"""What a source of bars or quotes is asked, and what it answers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from smart_leverage.domain.market_rows import QuoteRow
from smart_leverage.market.columns import Columns

if TYPE_CHECKING:
    from smart_leverage.domain.instruments import AssetClass

RAW = "raw"
"""Prices as they were traded; all others change whenever a later split or dividend comes."""


QUOTES = "quotes"
"""Stands in place of the step of a series that has no bars."""


class Wanted(NamedTuple):
    """One series: `symbol` as people write it, BTC/USD or SPY; the step as "1h", or `QUOTES`."""

    asset_class: "AssetClass"
    symbol: str
    step: str
    adjustment: str = RAW


class BarSpan(NamedTuple):
    """The instants [from, until), UTC nanoseconds."""

    from_ns: int
    until_ns: int


class BarRow(NamedTuple):
    """One bar as a source gave it; a value that it left out is NaN.

    `at_ns` is the start, UTC; of a day of shares it is the date of its session at 00:00 UTC.
    """

    at_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float


Row = BarRow | QuoteRow


class RowSource(Protocol):
    """Who has bars, or quotes. It is only ever asked for what has ended."""

    @property
    def name(self) -> str:
        """What its folder is called; different prices have different names, "alpaca-sip"."""

    @property
    def settled_s(self) -> int:
        """So many seconds after its end a time may be asked for and changes no more."""

    def fetch(self, wanted: Wanted, span: BarSpan) -> Iterator[Sequence[Row]]:
        """Yield pages of what begins in a span, as they come; more may come on either side of it.

        Raises:
            SourceDown: No answer that can be used, after all tries.
            BadData: It refuses the question.
        """


def columns_of(rows: Sequence[BarRow]) -> Columns:
    """Return rows as columns of a file; their stamps are instants in UTC."""
    at = [row.at_ns for row in rows]
    return Columns(
        ns=at,
        wall_ns=at,
        is_date=False,
        opens=[row.open for row in rows],
        highs=[row.high for row in rows],
        lows=[row.low for row in rows],
        closes=[row.close for row in rows],
        volumes=[row.volume for row in rows],
    )
