"""One thread that follows the ledger and answers for it: a state never leaves it, texts do."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.records import Record
from smart_leverage.ledger.base import Entry
from smart_leverage.runtime.following import Follower, Hear
from smart_leverage.runtime.remembered import Fold
from smart_leverage.server.desk.screens.health import Health, examine
from smart_leverage.server.desk.screens.history import History
from smart_leverage.server.desk.screens.news import News
from smart_leverage.server.desk.screens.standing import Standing

T = TypeVar("T")

EXAMINE_EVERY_NS = 5 * SECOND_NS


class ReadingRoom:
    """Keeps an account's standing up to date; whoever asks waits at most for what is new."""

    def __init__(self, ledger: Path, now_ns: Callable[[], int]) -> None:
        """Follow a ledger, which need not be there yet; nothing is read before somebody asks."""
        self._ledger = ledger
        self._now_ns = now_ns
        self._thread = ThreadPoolExecutor(1, "reading")
        self._examining: asyncio.Future[Health] | None = None
        self._health: Health | None = None
        self.history, self.news = History(), News()
        self._follower: Follower | None = None

    def begin(self) -> None:
        """Read what there is, beside everything else: a long ledger takes its time once."""
        self._thread.submit(self._follow)

    async def ask(self, question: Callable[[Standing | None], T]) -> T:
        """Return the answer to a question, which is put on the thread; None without an account."""
        self._look()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: question(self._standing()))

    async def follow(self) -> bool:
        """Read what is new; return whether anything was."""
        self._look()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._follow)

    def close(self) -> None:
        """Read no more."""
        self._thread.submit(self._close)
        self._thread.shutdown(cancel_futures=True)

    # -- on the thread ----------------------------------------------------------------------------

    def _begin(self) -> Hear:
        self.history, self.news = History(), News()
        history, news = self.history, self.news

        def hear(entry: Entry, record: Record | None, fold: Fold) -> None:
            history.hear(entry, record, fold)
            news.hear(entry, record, fold)

        return hear

    def _follow(self) -> bool:
        if self._follower is None:
            self._follower = Follower(self._ledger, self._begin)
        return self._follower.follow()

    def _standing(self) -> Standing | None:
        self._follow()
        follower = self._follower
        now = None if follower is None else follower.now()
        if follower is None or now is None or follower.reader is None:
            return None
        return Standing(
            now, self.history, follower.reader, self._health, follower.trouble, self._now_ns()
        )

    def _close(self) -> None:
        if self._follower is not None:
            self._follower.close()

    # -- beside it --------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look at the account's process again, beside everything else: that may take seconds."""
        now_ns = self._now_ns()
        is_fresh = self._health is not None and now_ns - self._health.checked_ns < EXAMINE_EVERY_NS
        if is_fresh or (self._examining is not None and not self._examining.done()):
            return
        loop = asyncio.get_running_loop()
        self._examining = loop.run_in_executor(None, examine, self._ledger, now_ns)
        self._examining.add_done_callback(self._seen)

    def _seen(self, found: "asyncio.Future[Health]") -> None:
        if not found.cancelled() and found.exception() is None:
            self._health = found.result()
