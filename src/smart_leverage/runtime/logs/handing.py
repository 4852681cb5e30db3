"""From whoever logs to the thread that writes: nobody waits for a disk, and no flood fills it."""

import copy
import logging
import logging.handlers
import os
import queue
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

QUEUE_MAX = 10_000
FLOOD_MAX = 50
"""So many lines of one wording are written in a window; the rest are counted."""

FLOOD_S = 10.0
END_WITHIN_S = 2.0
FILE_MODE = 0o600

Lines = queue.Queue[logging.LogRecord | None]


class Handing(logging.handlers.QueueHandler):
    """Hands records over, complete as text; when too many wait the new one is dropped, counted."""

    def __init__(self, lines: Lines) -> None:
        """Hand over to this queue."""
        super().__init__(lines)
        self.dropped = 0
        self._window_s = 0.0
        self._seen: dict[tuple[str, str], int] = {}

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return a copy whose arguments and trace are text: what they name may change or end."""
        record = copy.copy(record)
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            # Under a name of our own: the library's formatter forgets the one it has for this.
            record.trace = logging.Formatter().formatException(record.exc_info)
        record.exc_info = record.exc_text = None
        return record

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over, unless its like have just filled the log."""
        if record.levelno < logging.INFO or not self._is_flood(record):
            super().emit(record)
        else:
            self.dropped += 1

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put it into the queue, or drop it: whoever logs has something to do."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Count what could not be said; the library would print it, secrets and all."""
        self.dropped += 1

    def _is_flood(self, record: logging.LogRecord) -> bool:
        now_s = time.monotonic()
        if now_s - self._window_s > FLOOD_S:
            self._window_s, self._seen = now_s, {}
        wording = (record.name, str(record.msg))
        self._seen[wording] = count = self._seen.get(wording, 0) + 1
        return count > FLOOD_MAX


class Writing(logging.handlers.QueueListener):
    """The thread that writes; it ends within bounds, whatever the disk does."""

    def __init__(self, lines: Lines, *handlers: logging.Handler) -> None:
        """Write what comes through the queue with these."""
        super().__init__(lines, *handlers, respect_handler_level=True)
        self._lines = lines

    def enqueue_sentinel(self) -> None:
        """Say that nothing more comes."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=END_WITHIN_S)


class PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that its owner alone can read; what it cannot write is left out."""

    def __init__(self, path: Path, size: int, older: int) -> None:
        """Write to a path, and keep so many older files of a size in bytes."""
        super().__init__(path, maxBytes=size, backupCount=older, encoding="ascii")
        self.failed = 0

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """Tell whether the file is full; the library would make the line to learn its length."""
        return self.stream is not None and self.stream.tell() >= self.maxBytes

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
        return open(handle, "a", encoding="ascii", errors="backslashreplace")  # noqa: PTH123

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Count it; a full disk is told by those who need it."""
        self.failed += 1
