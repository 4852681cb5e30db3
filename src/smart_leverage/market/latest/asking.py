"""One question to Alpaca's server of market data: the last quotes, or yesterday's closes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

import httpx2
import msgspec

from smart_leverage.domain.errors import ConfigError, SourceDown
from smart_leverage.domain.instruments import AssetClass, Key, key_of
from smart_leverage.domain.redaction import redactor
from smart_leverage.market.download.line import host_of
from smart_leverage.market.latest.spread import is_price
from smart_leverage.market.quotes import Quote

OWN = "https://data.alpaca.markets"
FEEDS = ("iex", "sip", "delayed_sip")
CONNECT_S, ANSWER_S = 3.0, 5.0
ANSWER_MAX = 16 * 1024 * 1024
AT_ONCE = 200
"""So many symbols are asked for in one question; more would not fit into an address."""

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Quote(msgspec.Struct):
    t: datetime
    bp: float
    ap: float


class _Quotes(msgspec.Struct):
    quotes: dict[str, _Quote | None] = {}


class _Bar(msgspec.Struct):
    c: Decimal


class _Day(msgspec.Struct, rename="camel"):
    prev_daily_bar: _Bar | None = None


class _Days(msgspec.Struct):
    snapshots: dict[str, _Day | None] = {}


class _Place(NamedTuple):
    """Where the answers of one class are."""

    quotes: str
    days: str


_PLACES = {
    AssetClass.US_EQUITY: _Place("/v2/stocks/quotes/latest", "/v2/stocks/snapshots"),
    AssetClass.CRYPTO: _Place("/v1beta3/crypto/us/latest/quotes", "/v1beta3/crypto/us/snapshots"),
}


class AlpacaQuotes:
    """Asks; nothing is repeated here, since what is asked next is newer."""

    def __init__(self, keys: tuple[str, str], *, url: str = "", feed: str = FEEDS[0]) -> None:
        """Remember whom to ask; nothing is sent yet.

        Args:
            keys: Key id and secret.
            url: Another address than Alpaca's own: a server on this machine.
            feed: Whose quotes of shares.

        Raises:
            ConfigError: The address or the feed is none.
        """
        if feed not in FEEDS:
            raise ConfigError([f"feed = {feed!r}: one of {', '.join(FEEDS)}"], "alpaca")
        redactor.hide(keys[1])
        self._feed = feed
        self._client = httpx2.Client(
            base_url=host_of(url, OWN),
            headers={"APCA-API-KEY-ID": keys[0], "APCA-API-SECRET-KEY": keys[1]},
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S, pool=CONNECT_S),
            transport=httpx2.HTTPTransport(retries=0),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def quotes(self, keys: Sequence[Key]) -> list[Quote]:
        """Return the last quotes of instruments; what has none, or none that is a price, is absent.

        Raises:
            SourceDown: No answer, or none that can be read.
        """
        found = []
        for asset_class, symbols in _batches(keys):
            body = self._ask(_PLACES[asset_class].quotes, asset_class, symbols)
            for symbol, quote in _decoded(body, _Quotes).quotes.items():
                if quote is not None and is_price(quote.bp, quote.ap):
                    key = key_of(asset_class, symbol)
                    found.append(Quote(key, quote.bp, quote.ap, _ns(quote.t)))
        return found

    def closes(self, keys: Sequence[Key]) -> dict[Key, Decimal]:
        """Return what instruments closed at on the day before, as far as it is known.

        Raises:
            SourceDown: No answer, or none that can be read.
        """
        found = {}
        for asset_class, symbols in _batches(keys):
            body = self._ask(_PLACES[asset_class].days, asset_class, symbols)
            is_share = asset_class is AssetClass.US_EQUITY  # theirs stand at the top, without name
            kind = dict[str, _Day | None]
            days = _decoded(body, kind) if is_share else _decoded(body, _Days).snapshots
            for symbol, day in days.items():
                if day is not None and day.prev_daily_bar is not None:
                    found[key_of(asset_class, symbol)] = day.prev_daily_bar.c
        return found

    def _ask(self, path: str, asset_class: AssetClass, symbols: Sequence[str]) -> bytes:
        params = {"symbols": ",".join(symbols)}
        if asset_class is AssetClass.US_EQUITY:
            params["feed"] = self._feed
        return self._exchange(path, params)

    def _exchange(self, path: str, params: Mapping[str, str]) -> bytes:
        try:
            with self._client.stream("GET", path, params=dict(params)) as response:
                read = bytearray()
                for part in response.iter_bytes():
                    read += part
                    if len(read) > ANSWER_MAX:
                        raise SourceDown(f"an answer to {path} without end")
        except httpx2.HTTPError as error:
            raise SourceDown(f"no answer to {path}: {type(error).__name__}") from error
        if response.status_code != 200:
            raise SourceDown(f"{path} is answered by status {response.status_code}")
        return bytes(read)


def _batches(keys: Sequence[Key]) -> list[tuple[AssetClass, list[str]]]:
    """Return symbols by class, as many at once as a question holds."""
    batches: list[tuple[AssetClass, list[str]]] = []
    for asset_class in AssetClass:
        prefix = f"{asset_class.value}:"
        symbols = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
        firsts = range(0, len(symbols), AT_ONCE)
        batches += [(asset_class, symbols[first : first + AT_ONCE]) for first in firsts]
    return batches


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise SourceDown(f"quotes cannot be read: {error}") from None


def _ns(at: datetime) -> int:
    since = at.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
