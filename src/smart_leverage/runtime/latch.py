"""The halt that needs no database and no server: a file whose presence stops every increase."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from smart_leverage.ledger.files import sync_folder

HALT = "HALT"
"""Name of the file in the account's folder."""


class HaltNote(NamedTuple):
    """What the file says: who halted and why, as far as it can be read."""

    who: str
    reason: str


class HaltFile:
    """Looked at before every increase; whatever cannot be looked at counts as halted."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HALT
        self._name = os.fspath(self.path)

    @property
    def is_set(self) -> bool:
        """Whether increases have to stay."""
        try:
            os.lstat(self._name)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def set(self, who: str, reason: str) -> None:
        """Write the file and make it durable; it works with a full disk as long as a name fits.

        Raises:
            OSError: Not even an empty file could be made, or it may not outlive a power loss.
        """
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            with suppress(OSError):  # the name alone halts; the words are for people
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{_line(who)}\n{_line(reason)}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self.path.parent)  # a name that is not synced is gone after a power loss

    def read(self) -> HaltNote:
        """Return what the file says; a file made by hand may say nothing."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        words = [line.strip() for line in lines[:2]] + ["", ""]
        return HaltNote(words[0] or "halt file", words[1] or "the halt file is there")

    def clear(self) -> None:
        """Take the file away; only a resume does that. If it comes back, increases stay."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            sync_folder(self.path.parent)


def _line(text: str) -> str:
    return " ".join(text.split())[:400]
