"""Bars of any exchange that ccxt knows; the library is imported when one is asked.

This module needs nothing else that is not in Python itself, so that it can be tried beside any
version of that library.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import localcontext
from typing import Any
from urllib.parse import urlsplit

from smart_leverage.domain.errors import BadData, ConfigError, SourceDown
from smart_leverage.market.download.rows import RAW, BarRow, BarSpan, Wanted

TRIES = 6
WAIT_FIRST_S, WAIT_MAX_S = 1.0, 30.0
ANSWER_MS = 20_000
PAGE = 500
SETTLED_S = 5 * 60
"""Exchanges correct a bar for some minutes after its end."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MS = 1_000_000


class ExchangeBars:
    """Asks one exchange through ccxt, page by page; see `RowSource`."""

    def __init__(
        self, exchange: str, *, url: str = "", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Make the client; nothing is sent yet.

        Args:
            exchange: As ccxt calls it, "kraken".
            url: Another address than the exchange's own: a server on this machine.
            sleep: Waits between tries.

        Raises:
            ConfigError: ccxt is not installed, does not know the exchange, or it has no bars.
        """
        self._id, self._sleep = exchange, sleep
        self._ccxt, self._client = public_client(exchange, url)
        if self._client.has.get("fetchOHLCV") is not True:
            raise ConfigError([f"{exchange} publishes no bars"], "source")

    @property
    def name(self) -> str:
        """Every exchange has prices of its own."""
        return f"ccxt-{self._id}"

    @property
    def settled_s(self) -> int:
        """How long a bar is left alone."""
        return SETTLED_S

    def close(self) -> None:
        """Let go of connections."""
        session = getattr(self._client, "session", None)
        if session is not None:
            session.close()

    def fetch(self, wanted: Wanted, span: BarSpan) -> Iterator[Sequence[BarRow]]:
        """Yield pages of bars; see `RowSource`.

        Some exchanges answer from the first bar at or after the instant, some only the window that
        begins there, which may be empty in front of later bars. An empty page therefore moves on
        by one page and is no end.
        """
        if wanted.adjustment != RAW:
            raise BadData("coins have no splits and dividends", fix=f"ask for {RAW}")
        step_ms = self._step_ms(wanted.step)
        at_ms, until_ms = span.from_ns // _MS, span.until_ns // _MS
        while at_ms < until_ms:
            rows = self._page(wanted, at_ms)
            page = [row for row in map(_row, rows) if at_ms * _MS <= row.at_ns < span.until_ns]
            yield page
            reached = max((int(row[0]) for row in rows), default=-1)
            at_ms = reached + step_ms if reached >= at_ms else at_ms + PAGE * step_ms

    def _step_ms(self, step: str) -> int:
        offered = self._client.timeframes or {}
        if step not in offered:
            raise BadData(f"{self._id} has no bars of {step}", fix=f"one of {', '.join(offered)}")
        return int(self._client.parse_timeframe(step)) * 1_000

    def _page(self, wanted: Wanted, at_ms: int) -> list[list[Any]]:
        last: Exception | None = None
        for number in range(TRIES):
            try:
                with localcontext():  # the library changes how its thread rounds, for good
                    found = self._client.fetch_ohlcv(
                        wanted.symbol, wanted.step, since=at_ms, limit=PAGE
                    )
                return [row for row in found or [] if row and row[0] is not None]
            except self._ccxt.NetworkError as error:  # also where it asks for fewer requests
                last = error
            except self._ccxt.BaseError as error:
                raise BadData(f"{self._id} refuses: {_shown(error)}") from None
            if number + 1 < TRIES:
                self._sleep(self._pause_s(number))
        raise SourceDown(f"{self._id} did not answer in {TRIES} tries: {_shown(last)}")

    def _pause_s(self, number: int) -> float:
        heads = self._client.last_response_headers or {}
        asked = next((str(heads[name]) for name in heads if name.lower() == "retry-after"), "")
        if asked.isdecimal():
            return min(float(asked), 4 * WAIT_MAX_S)
        return float(min(WAIT_FIRST_S * 2**number, WAIT_MAX_S))


def public_client(exchange: str, url: str = "") -> tuple[Any, Any]:
    """Return the library, and its client of an exchange without keys; nothing is sent yet.

    Raises:
        ConfigError: ccxt is not installed, or does not know the exchange.
    """
    try:
        import ccxt
    except ImportError:
        fix = "pip install 'smart-leverage[ccxt]'"
        raise ConfigError([f"ccxt is not installed; {fix}"], "source") from None
    if exchange not in ccxt.exchanges:
        raise ConfigError([f"ccxt knows no exchange {exchange[:40]!r}"], "source")
    client = getattr(ccxt, exchange)(
        {"enableRateLimit": True, "timeout": ANSWER_MS, "maxRetriesOnFailure": 0}
    )
    if url:
        client.urls["api"] = _moved(client.urls["api"], _own_machine(url))
    return ccxt, client


def _row(given: Sequence[Any]) -> BarRow:
    numbers = [math.nan if value is None else float(value) for value in given[1:6]]
    return BarRow(int(given[0]) * _MS, *numbers)


def _shown(error: Exception | None) -> str:
    text = " ".join(str(error).split())
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _own_machine(url: str) -> str:
    parts = urlsplit(url)
    if parts.hostname in _LOOPBACK and parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    raise ConfigError([f"url = {url!r}: a server on this machine"], "source")


def _moved(urls: Any, host: str) -> Any:
    """Return addresses at another host, with the paths that they had."""
    if isinstance(urls, Mapping):
        return {name: _moved(value, host) for name, value in urls.items()}
    if isinstance(urls, str):
        return f"{host}{urlsplit(urls).path}"
    return urls
