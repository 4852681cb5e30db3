"""In which market an order is, by the name that we gave it: no exchange can be asked without."""

import os
import threading
from pathlib import Path


class Names:
    """A file with a name and a market in each line; only added to.

    It is no proof of anything and not waited for: what a power loss takes from it is searched in
    every market instead.
    """

    def __init__(self, path: Path) -> None:
        """Read what was named before; a line that was cut off is none."""
        self._path, self._lock = path, threading.Lock()
        self._markets: dict[str, str] = {}
        if path.exists():
            text = path.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]
            if whole != text:
                path.write_bytes(whole)
            for line in whole.decode("utf-8", "replace").splitlines():
                name, _, market = line.rpartition(" ")
                self._markets[name] = market

    def market(self, name: str) -> str | None:
        """Return the market of an order, None where it was never heard of."""
        return self._markets.get(name)

    def keep(self, name: str, market: str) -> None:
        """Remember where an order is sent, before it leaves."""
        with self._lock:
            if self._markets.get(name) == market:
                return
            self._markets[name] = market
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, f"{name} {market}\n".encode())
            finally:
                os.close(descriptor)

    @property
    def markets(self) -> set[str]:
        """Every market in which something was ordered."""
        return set(self._markets.values())
