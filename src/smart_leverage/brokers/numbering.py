"""Numbers for rows that have none: each gets one when it is first seen, and keeps it."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path


class Numbering:
    """A file with one name a line; a name's number is its line. Only added to."""

    def __init__(self, path: Path) -> None:
        """Read what was numbered before; a line that was cut off is none."""
        self._path = path
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        if path.exists():
            text = path.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]
            if whole != text:
                path.write_bytes(whole)
            for name in whole.decode("utf-8").splitlines():
                self._numbers.setdefault(name, len(self._numbers) + 1)

    @property
    def last(self) -> int:
        """The highest number that was given."""
        return len(self._numbers)

    def of(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of some names; new ones are durable before they are returned."""
        with self._lock:
            new = [name for name in dict.fromkeys(names) if name not in self._numbers]
            if new:
                self._add(new)
            return [self._numbers[name] for name in names]

    def _add(self, names: Sequence[str]) -> None:
        lines = "".join(f"{name}\n" for name in names).encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for name in names:
            self._numbers[name] = len(self._numbers) + 1
