"""The streams of market data: which rows a client wants, and the messages around the rows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from smart_leverage.domain.instruments import AssetClass
from smart_leverage.wire.data import DataReader, Row

SUBSCRIPTIONS_MAX = 200
"""So many pairs of channel and symbol on one connection."""

ROWS = {
    "bars": "b",
    "quotes": "q",
    "trades": "t",
    "updatedBars": "u",
    "dailyBars": "d",
    "orderbooks": "o",
    "statuses": "s",
    "lulds": "l",
    "corrections": "c",
    "cancelErrors": "x",
}
"""Channels, and the letter that their rows bear."""

_COMMON = ("trades", "quotes", "bars", "updatedBars", "dailyBars")
_CHANNELS = {
    AssetClass.US_EQUITY: (*_COMMON, "statuses", "lulds", "corrections", "cancelErrors"),
    AssetClass.CRYPTO: (*_COMMON, "orderbooks"),
}

_ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    410: "invalid subscribe action for this feed",
}


class StreamError(Exception):
    """A message that gets an error for an answer; the connection goes on."""

    def __init__(self, code: int) -> None:
        super().__init__(_ERRORS[code])
        self.code = code


class Wanted(NamedTuple):
    """A channel, and a symbol in it or `*` for all of them."""

    channel: str
    symbol: str


ALL = "*"


def connected() -> list[Row]:
    """Return the first message of a connection."""
    return [{"T": "success", "msg": "connected"}]


def authenticated() -> list[Row]:
    """Return the answer to credentials that are right."""
    return [{"T": "success", "msg": "authenticated"}]


def error(code: int) -> list[Row]:
    """Return a refusal."""
    return [{"T": "error", "code": code, "msg": _ERRORS[code]}]


def labelled(channel: str, symbol: str, row: Row) -> Row:
    """Return a row as it stands in a stream; an order book is always told whole."""
    label: Row = {"T": ROWS[channel], "S": symbol}
    return label | row | ({"r": True} if channel == "orderbooks" else {})


class Subscriptions:
    """What one connection wants to be told."""

    def __init__(self, asset_class: AssetClass) -> None:
        self._reader = DataReader(asset_class)
        self._channels = _CHANNELS[asset_class]
        self.wanted: frozenset[Wanted] = frozenset()

    def change(self, heard: Mapping[str, Any]) -> list[Row]:
        """Do what a message says and return the answer, which lists all that is wanted now.

        Raises:
            StreamError: It cannot be read, or wants too much; nothing is changed.
        """
        action = heard.get("action")
        if action not in ("subscribe", "unsubscribe"):
            raise StreamError(400)
        named = frozenset(
            Wanted(channel, symbol)
            for channel, symbols in heard.items()
            if channel != "action"
            for symbol in self._symbols(channel, symbols)
        )
        wanted = self.wanted | named if action == "subscribe" else self.wanted - named
        if len(wanted) > SUBSCRIPTIONS_MAX:
            raise StreamError(405)
        self.wanted = wanted
        return [{"T": "subscription", **{each: self._in(each) for each in self._channels}}]

    def has(self, channel: str, symbol: str) -> bool:
        """Tell whether the rows of a symbol are wanted."""
        return Wanted(channel, symbol) in self.wanted or Wanted(channel, ALL) in self.wanted

    def _in(self, channel: str) -> list[str]:
        return sorted(each.symbol for each in self.wanted if each.channel == channel)

    def _symbols(self, channel: str, symbols: object) -> list[str]:
        if channel not in ROWS or not isinstance(symbols, list):
            raise StreamError(400)
        if channel not in self._channels and symbols:
            raise StreamError(410)
        for symbol in symbols:
            if not (type(symbol) is str and (symbol == ALL or self._reader.is_symbol(symbol))):
                raise StreamError(400)
        return symbols
