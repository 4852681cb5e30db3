"""The last quotes of an exchange, asked through ccxt, which needs no keys for that."""

import time
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

from smart_leverage.domain.errors import SourceDown
from smart_leverage.domain.instruments import Key
from smart_leverage.market.download.exchanges import public_client
from smart_leverage.market.latest.spread import is_price
from smart_leverage.market.quotes import Quote

MS_NS = 1_000_000


class ExchangeQuotes:
    """Asks; nothing is repeated here, since what is asked next is newer."""

    def __init__(self, exchange: str, quote: str = "USD", *, url: str = "") -> None:
        """Make the client; nothing is sent yet.

        Args:
            exchange: As ccxt calls it.
            quote: The currency that counts as dollars.
            url: A server on this machine in the exchange's place.

        Raises:
            ConfigError: ccxt is not installed, or does not know the exchange.
        """
        self._ccxt, self._client = public_client(exchange, url)
        self._quote = quote

    def close(self) -> None:
        """Let go of connections."""
        session = getattr(self._client, "session", None)
        if session is not None:
            session.close()

    def quotes(self, keys: Sequence[Key]) -> list[Quote]:
        """Return the last quotes of coins that are traded there.

        Raises:
            SourceDown: No answer, or none that can be read.
        """
        try:
            with localcontext():  # the library changes how its thread rounds, for good
                markets = self._client.load_markets()
                wanted = {name: key for key in keys if (name := self._name(key)) in markets}
                rows = self._asked(list(wanted)) if wanted else {}
        except (self._ccxt.BaseError, OSError, ValueError) as error:
            raise SourceDown(f"no quotes: {type(error).__name__}") from error
        found = (self._quote_of(wanted[name], row) for name, row in rows.items() if name in wanted)
        return [quote for quote in found if quote is not None]

    def closes(self, keys: Sequence[Key]) -> dict[Key, Decimal]:
        """Return nothing: exchanges know of no day before."""
        del keys
        return {}

    def _name(self, key: Key) -> str:
        coin, _, money = key.removeprefix("crypto:").rpartition("/")
        return f"{coin}/{self._quote}" if money == "USD" else ""

    def _asked(self, names: list[str]) -> dict[str, Any]:
        has = self._client.has
        if has.get("fetchBidsAsks") is True:
            return dict(self._client.fetch_bids_asks(names))
        if has.get("fetchTickers") is True:
            return dict(self._client.fetch_tickers(names))
        return {name: self._client.fetch_ticker(name) for name in names}

    def _quote_of(self, key: Key, row: Any) -> Quote | None:
        bid, ask = row.get("bid"), row.get("ask")
        if bid is None or ask is None or not is_price(float(bid), float(ask)):
            return None
        # Many exchanges say no time: what they answer is how it stands now.
        at_ns = int(row["timestamp"]) * MS_NS if row.get("timestamp") else time.time_ns()
        return Quote(key, float(bid), float(ask), at_ns)
