"""What a market has said: rows of bars, quotes and trades, and which of them somebody wants."""

from typing import NamedTuple


class BarRow(NamedTuple):
    """A bar of any length, labelled by the instant at which its interval begins.

    `volume` is whole shares, or coins. `trades` and `average` (weighted by volume) are None where
    the source does not know them.
    """

    at_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float | int
    trades: int | None
    average: float | None


class QuoteRow(NamedTuple):
    """What an instrument could be sold and bought for at an instant, and how much of it."""

    at_ns: int
    bid: float
    bid_size: float | int
    ask: float
    ask_size: float | int


class TradeRow(NamedTuple):
    """One execution; `number` tells it from the others of the instrument, rising with time."""

    at_ns: int
    price: float
    size: float | int
    number: int
    is_buy: bool
    """Whether the one who came to an order that rested was buying."""


class Snapshot(NamedTuple):
    """The last word on an instrument; the bars of the minute and the day may still be growing."""

    trade: TradeRow | None
    quote: QuoteRow | None
    minute: BarRow | None
    day: BarRow | None
    day_before: BarRow | None


class Span(NamedTuple):
    """The rows from one instant to another, both included, in which order."""

    start_ns: int
    end_ns: int
    is_descending: bool = False


class Place(NamedTuple):
    """The last row that somebody was given: which symbol's, and when."""

    symbol: str
    at_ns: int
