"""Hears every call that changes a file under a folder, and may let one fail."""

import errno
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from threading import RLock
from typing import NamedTuple

IO_ERRORS = (errno.EIO, errno.ENOSPC)


class Op(StrEnum):
    """What a call does to a disk; a mark does nothing, it tells what was promised by then."""

    CREATE = "create"
    OPEN = "open"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    SYNC_FOLDER = "sync folder"
    RENAME = "rename"
    UNLINK = "unlink"
    MARK = "mark"


class Call(NamedTuple):
    """One call. `file` numbers the file itself, whatever its names are; `name` is one of them.

    `at` is the place of a write, or the size after a cut; `to` is a new name; `content` is what was
    written, and of a mark what it says.
    """

    op: Op
    file: int = 0
    name: str = ""
    at: int = 0
    content: bytes = b""
    to: str = ""


Refuse = Callable[[Call], int]
"""Looks at a call before it is made; returns the number of an error, or 0 to let it pass."""


def never(call: Call) -> int:
    """Refuse nothing."""
    return 0


class Calls:
    """The calls of one folder in the order in which they were made; used by several threads."""

    def __init__(self, folder: Path, refuse: Refuse = never) -> None:
        self.folder = folder.resolve()
        self.made: list[Call] = []
        self.lock = RLock()
        self.refuse = refuse
        self._files: dict[str, int] = {}
        self._count = 0

    def name_of(self, path: object) -> str | None:
        """Return the name of a path below the folder; None when it lies elsewhere."""
        if not isinstance(path, str | os.PathLike):
            return None
        where = Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - links stay as they are
        return str(where.relative_to(self.folder)) if self.folder in where.parents else None

    def file_of(self, name: str) -> int:
        """Return the number of the file that has a name now; it is made where there is none."""
        with self.lock:
            if name not in self._files:
                self._count += 1
                self._files[name] = self._count
                self.made.append(Call(Op.CREATE, self._count, name))
            return self._files[name]

    def ask(self, call: Call) -> None:
        """Ask whether a call may be made.

        Raises:
            OSError: It is to fail.
        """
        if number := self.refuse(call):
            raise OSError(number, os.strerror(number), call.name)

    def note(self, call: Call) -> None:
        """Keep a call that was made."""
        with self.lock:
            self.made.append(call)
            if call.op is Op.RENAME:
                self._files[call.to] = self._files.pop(call.name, 0) or self.file_of(call.to)
            elif call.op is Op.UNLINK:
                self._files.pop(call.name, None)

    def mark(self, what: str, *words: object) -> None:
        """Note that something was promised, or begun."""
        text = " ".join((what, *map(str, words)))
        with self.lock:
            self.made.append(Call(Op.MARK, content=text.encode()))
