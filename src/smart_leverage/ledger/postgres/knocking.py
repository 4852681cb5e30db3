"""Finds out, aside, whether a server answers again: whoever sells must not wait for that."""

import threading
import time
from contextlib import suppress

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.reader import ServerReader

EVERY_S = 1.0
WITHIN_S = 30.0
"""Nobody who stopped asking is answered for longer than this."""


class Knocker:
    """Asks a server for the ledger, in a thread of its own, while somebody wants to know."""

    def __init__(self, address: Address) -> None:
        """Make it; nothing is asked yet."""
        self._address = address
        self._is_heard = threading.Event()
        self._thread: threading.Thread | None = None

    def answers(self) -> bool:
        """Tell, without waiting, whether the server has answered since it was asked last."""
        if self._is_heard.is_set():
            self._is_heard.clear()
            return True
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._knock, name="ledger-knock", daemon=True)
            self._thread.start()
        return False

    def _knock(self) -> None:
        until_s = time.monotonic() + WITHIN_S
        while time.monotonic() < until_s:
            with suppress(LedgerError), ServerReader.at(self._address) as reader:
                reader.head()
                self._is_heard.set()
                return
            time.sleep(EVERY_S)
