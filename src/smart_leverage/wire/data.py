"""Market data as the venue words it: what an address asks for, and rows as JSON or msgpack.

Prices are plain numbers here, and times are instants, which either encoding writes in its own way.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from smart_leverage.domain.classify import PAIR
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.market_rows import BarRow, Place, QuoteRow, Snapshot, Span, TradeRow
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.domain.timeframes import MINUTE, BarCalendar, Timeframe, read_timeframe
from smart_leverage.wire.errors import invalid
from smart_leverage.wire.reading import Query

Row = dict[str, object]

LIMIT, LIMIT_MAX = 1_000, 10_000
SYMBOLS_MAX = 200
FEEDS = ("sip", "iex", "delayed_sip", "boats", "overnight", "otc")
ADJUSTMENTS = ("raw", "split", "dividend", "all")
LOCATIONS = ("us", "us-1", "us-2", "eu-1", "bs-1")

_HISTORY = frozenset({"symbols", "start", "end", "limit", "sort", "page_token"})
_OF_SHARES = frozenset({"feed", "currency", "asof"})
_SHARE = re.compile(r"[A-Z][A-Z0-9.-]{0,24}", re.ASCII)
_TOKEN_MAX = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# -- requests -------------------------------------------------------------------------------------


class HistoryRequest(NamedTuple):
    """Rows of some symbols, in their order, at most `limit` of them all together."""

    symbols: tuple[str, ...]
    span: Span
    limit: int
    after: Place | None
    frame: Timeframe = MINUTE


class DataReader:
    """Reads the addresses of one class; dates mean the days by which its bars are cut."""

    def __init__(self, asset_class: AssetClass) -> None:
        self._asset_class = asset_class
        self._cut = BarCalendar(asset_class)
        self._shape = _SHARE if asset_class is AssetClass.US_EQUITY else PAIR

    def bars(self, query: Query, now_ns: int, symbol: str | None = None) -> HistoryRequest:
        """Return what bars are asked for; see `history`."""
        text = query.text("timeframe")
        if text is None:
            raise invalid("timeframe is required")
        try:
            frame = read_timeframe(text)
        except ValueError as error:
            raise invalid(f"timeframe must be one of {error}") from None
        if self._asset_class is AssetClass.US_EQUITY:
            for word in query.words("adjustment"):
                _one_of("adjustment", word, ADJUSTMENTS)
        request = self.history(query, now_ns, symbol, "timeframe", "adjustment")
        return request._replace(frame=frame)

    def history(
        self, query: Query, now_ns: int, symbol: str | None = None, *more: str
    ) -> HistoryRequest:
        """Return which rows are asked for: from the beginning of today to now, unless it says more.

        Args:
            query: The parameters of the address; a date without a time means the whole of its day.
            now_ns: The present.
            symbol: Of the path, where the address is about one.
            more: Further parameters that are read elsewhere.

        Raises:
            WireError: It cannot be read, or asks for something that is not offered.
        """
        self._only(query, _HISTORY.union(more))
        start = self._instant(query, "start", self._cut.day_start_ns(now_ns), is_end=False)
        end = self._instant(query, "end", now_ns, is_end=True)
        if start > end and query.text("start") and query.text("end"):
            raise invalid("end must not be before start")
        return HistoryRequest(
            symbols=self.symbols(query, symbol),
            span=Span(start, end, query.word("sort", ("asc", "desc"), "asc") == "desc"),
            limit=query.count("limit", LIMIT, 1, LIMIT_MAX),
            after=_place(query.text("page_token")),
        )

    def latest(self, query: Query, symbol: str | None = None) -> tuple[str, ...]:
        """Return of which symbols the last word is asked for."""
        self._only(query, frozenset({"symbols"}))
        return self.symbols(query, symbol)

    def symbols(self, query: Query, symbol: str | None) -> tuple[str, ...]:
        """Return the symbols that are asked for, each once, in order."""
        names = query.words("symbols") if symbol is None else (symbol,)
        found = sorted({name.strip() for name in names})
        if not found:
            raise invalid("symbols is required")
        if len(found) > SYMBOLS_MAX:
            raise invalid(f"more than {SYMBOLS_MAX} symbols")
        for name in found:
            if not self.is_symbol(name):
                raise invalid(f"invalid symbol: {name[:32]}")
        return tuple(found)

    def is_symbol(self, name: str) -> bool:
        """Tell whether a name is spelt as this class spells its own: coins with a slash."""
        return self._shape.fullmatch(name) is not None

    def _only(self, query: Query, names: frozenset[str]) -> None:
        """Refuse what is not offered; the feeds all show the one market that there is."""
        is_share = self._asset_class is AssetClass.US_EQUITY
        query.only(*names, *(_OF_SHARES if is_share else ()))
        if is_share:
            _one_of("feed", (query.text("feed") or "iex").lower(), FEEDS)
            _one_of("currency", (query.text("currency") or "USD").upper(), ("USD",))

    def _instant(self, query: Query, name: str, default: int, *, is_end: bool) -> int:
        text = query.text(name)
        if text is None:
            return default
        try:
            stamp = read_stamp(text)
            if not stamp.is_date:
                return stamp.ns
            day = self._cut.day(date.fromisoformat(text.strip()))
        except (ValueError, OverflowError):
            raise invalid(f"{name} is no time, as in 2026-08-03T13:30:00Z or 2026-08-03") from None
        return day.end_ns - 1 if is_end else day.start_ns


def _one_of(name: str, word: str, words: Sequence[str]) -> None:
    if word not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}")


# -- the place where a page ended -----------------------------------------------------------------


def page_token(place: Place | None) -> str | None:
    """Return the token of the page that goes on behind a row."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(f"{place.symbol}|{place.at_ns}".encode()).decode()


def _place(token: str | None) -> Place | None:
    if token is None:
        return None
    try:
        if len(token) > _TOKEN_MAX:
            raise ValueError
        text = base64.b64decode(token, b"-_", validate=True).decode("ascii")
        symbol, _, at = text.partition("|")
        if not (symbol and at.isdigit() and len(at) <= 19):
            raise ValueError
    except (ValueError, binascii.Error):
        raise invalid("page_token is none that was given here") from None
    return Place(symbol, int(at))


# -- rows -----------------------------------------------------------------------------------------


def moment(at_ns: int) -> datetime:
    """Return an instant; JSON writes it as a text ending in Z, msgpack as a timestamp."""
    return _EPOCH + timedelta(microseconds=at_ns // 1_000)


class RowWriter:
    """Writes the rows of one class; shares name an exchange, a tape and conditions as well."""

    def __init__(self, asset_class: AssetClass) -> None:
        self._is_share = asset_class is AssetClass.US_EQUITY

    def bar(self, row: BarRow) -> Row:
        """Return a bar as it is written."""
        return {
            "t": moment(row.at_ns),
            "o": row.open,
            "h": row.high,
            "l": row.low,
            "c": row.close,
            "v": row.volume,
            "n": row.trades,
            "vw": row.average,
        }

    def quote(self, row: QuoteRow) -> Row:
        """Return a quote as it is written."""
        written: Row = {
            "t": moment(row.at_ns),
            "ap": row.ask,
            "as": row.ask_size,
            "bp": row.bid,
            "bs": row.bid_size,
        }
        if self._is_share:
            written |= {"ax": "V", "bx": "V", "c": ["R"], "z": "C"}
        return written

    def trade(self, row: TradeRow) -> Row:
        """Return a trade as it is written."""
        written: Row = {
            "t": moment(row.at_ns),
            "p": row.price,
            "s": row.size,
            "i": row.number,
        }
        if self._is_share:
            return written | {"x": "V", "c": ["@"], "z": "C"}
        return written | {"tks": "B" if row.is_buy else "S"}

    def book(self, row: QuoteRow) -> Row:
        """Return the order book that a quote is the whole of."""
        return {
            "t": moment(row.at_ns),
            "b": [{"p": row.bid, "s": row.bid_size}],
            "a": [{"p": row.ask, "s": row.ask_size}],
        }

    def snapshot(self, row: Snapshot) -> Row:
        """Return the last word on an instrument as it is written; what is not there is left out."""
        written = {
            "latestTrade": row.trade and self.trade(row.trade),
            "latestQuote": row.quote and self.quote(row.quote),
            "minuteBar": row.minute and self.bar(row.minute),
            "dailyBar": row.day and self.bar(row.day),
            "prevDailyBar": row.day_before and self.bar(row.day_before),
        }
        return {name: part for name, part in written.items() if part is not None}


def page_json(name: str, rows: Mapping[str, Iterable[Row]], after: Place | None) -> Row:
    """Return a page of several symbols."""
    return {name: dict(rows), "next_page_token": page_token(after)}


def single_page_json(symbol: str, name: str, rows: Iterable[Row], after: Place | None) -> Row:
    """Return a page of the one symbol that the path names."""
    return {"symbol": symbol, name: list(rows), "next_page_token": page_token(after)}
