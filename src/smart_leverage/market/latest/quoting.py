"""The last quotes of everything that is listed, kept up to date by a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Protocol

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.errors import SourceDown
from smart_leverage.domain.instruments import Key
from smart_leverage.market.quotes import Quote

_LOG = logging.getLogger(__name__)

EVERY_S = 2.0
"""Two questions each two seconds: a third of what the smallest plan allows a minute."""

CLOSES_EVERY_S = 900.0
AGAIN_MAX_S = 30.0
FOREVER_NS = 1 << 62


class Asker(Protocol):
    """Who knows what instruments cost; each raises `SourceDown` where there is no answer."""

    def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return the last quotes."""
        ...

    def closes(self, keys: Sequence[Key]) -> dict[Key, Decimal]:
        """Return the closes of the day before."""
        ...


class LatestQuotes:
    """Has the newest quotes at hand; whoever asks never waits.

    A quote is handed on once, with the time at which it was made, so that one which nothing renews
    grows old: then nothing is bought at it, whether the market is closed or the source is gone.
    """

    def __init__(
        self,
        asker: Asker,
        keys: Callable[[], Sequence[Key]],
        warn: Callable[[str], None] = lambda line: None,
        every_s: float = EVERY_S,
    ) -> None:
        """Remember whom to ask; see `begin`.

        Args:
            asker: Who is asked.
            keys: What of; asked anew each time.
            warn: Tells a person when quotes stay away, and when they are back.
            every_s: How long between two questions.
        """
        self._asker, self._keys, self._warn, self._every_s = asker, keys, warn, every_s
        self._lock = threading.Lock()
        self._fresh: dict[Key, Quote] = {}
        self._told_ns: dict[Key, int] = {}
        self._closes: dict[Key, Decimal] = {}
        self._closes_s = -CLOSES_EVERY_S
        self._is_over = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="quotes", daemon=True)

    def begin(self) -> None:
        """Ask once, so that there are prices, then go on asking."""
        self._look()
        self._thread.start()

    def threads(self) -> Sequence[threading.Thread]:
        """Return the thread that asks, as long as it is needed."""
        return () if self._is_over.is_set() else (self._thread,)

    def close(self) -> None:
        """Ask no more."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(AGAIN_MAX_S)

    # -- what a driver asks -------------------------------------------------------------------

    @property
    def until_ns(self) -> int:
        """A real market does not end."""
        return FOREVER_NS

    def at(self, at_ns: int) -> list[Quote]:
        """Return the quotes that have come since this was asked last."""
        del at_ns  # it is now
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        return list(fresh.values())

    def closed(self, after_ns: int, until_ns: int) -> Iterator[tuple[Key, Bar]]:
        """Yield no bars: who proposes from bars has them from elsewhere."""
        del after_ns, until_ns
        return iter(())

    def last_close(self, key: Key) -> Decimal | None:
        """Return what an instrument closed at on the day before; None where nobody knows."""
        return self._closes.get(key)

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_over.wait(min(self._every_s * 2**self._failures, AGAIN_MAX_S)):
            try:
                self._look()
            except Exception:  # noqa: BLE001 - a bug of ours: quotes grow old, and the next may do
                _LOG.exception("asking for quotes broke")

    def _look(self) -> None:
        try:
            self._take(self._asker.quotes(self._keys()))
        except SourceDown as error:
            if not self._failures:
                self._warn(f"▲ no prices: {error}; nothing is bought meanwhile")
            self._failures = min(self._failures + 1, 10)
            return
        if self._failures:
            self._failures = 0
            self._warn("● prices are back")
        if time.monotonic() - self._closes_s >= CLOSES_EVERY_S:
            self._closes_s = time.monotonic()
            with suppress(SourceDown):  # they are shown to bots, and nothing is decided by them
                self._closes = self._asker.closes(self._keys())

    def _take(self, quotes: Sequence[Quote]) -> None:
        with self._lock:
            for quote in quotes:
                if quote.at_ns > self._told_ns.get(quote.key, 0):
                    self._fresh[quote.key] = quote
                    self._told_ns[quote.key] = quote.at_ns
