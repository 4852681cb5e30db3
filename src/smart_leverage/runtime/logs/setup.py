"""Sets logging up: every record, ours or a library's, passes one chain before it is written."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TextIO

import structlog

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.redaction import STARS, is_secret_name, redactor
from smart_leverage.domain.stamps import iso
from smart_leverage.runtime.logs.handing import QUEUE_MAX, Handing, Lines, PrivateFile, Writing
from smart_leverage.runtime.logs.journal import JOURNAL

OURS = "smart_leverage"
TEXT_MAX = 4_000
TRACE_MAX = 16_000
"""Characters of a text, and of a trace; a body of a request never belongs into a log."""

_FIELDS_MAX = 32
_NOT_TOLD = frozenset({"_record", "_from_structlog", "asctime", "message", "trace"})

Line = MutableMapping[str, Any]


class LogConfig(NamedTuple):
    """What is written, and how much of it is kept."""

    level: str = "info"
    """Of our own lines; those of libraries are kept from a warning on, as they may show bodies."""
    size_mb: int = 10
    files: int = 5


class Names(NamedTuple):
    """What every line says of where it comes from."""

    account: str
    mode: str
    process: str


class Log:
    """A log that is being written; `dropped` counts the lines that were left out."""

    def __init__(self, path: Path, handing: Handing, file: PrivateFile) -> None:
        self.path = path
        self._handing = handing
        self._file = file

    @property
    def dropped(self) -> int:
        """Lines that a full queue, a flood or a disk left out."""
        return self._handing.dropped + self._file.failed


@contextmanager
def logging_to(
    folder: Path, names: Names, config: LogConfig, terminal: TextIO | None = None
) -> Iterator[Log]:
    """Write the log of a process until the block ends.

    Args:
        folder: Of the run; the file is called after the process.
        names: Stand on every line.
        config: How much.
        terminal: Where a person reads warnings, those of the journal excepted, which they are told
            in other words; None for nobody.
    """
    lines: Lines = Lines(QUEUE_MAX)
    handing, path = Handing(lines), folder / f"{names.process}.jsonl"
    file = PrivateFile(path, config.size_mb << 20, config.files)
    file.setFormatter(_formatter(names, structlog.processors.JSONRenderer()))
    handlers: list[logging.Handler] = [file]
    if terminal is not None:
        handlers.append(_readable(terminal, names))
    writing = Writing(lines, *handlers)
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    before = (root.level, ours.level, sys.excepthook, threading.excepthook)
    root.addHandler(handing)
    root.setLevel(logging.WARNING)
    ours.setLevel(config.level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook, threading.excepthook = _told_in(sys.stderr), _told_of_thread
    writing.start()
    try:
        yield Log(path, handing, file)
    finally:
        root.removeHandler(handing)
        root.setLevel(before[0])
        ours.setLevel(before[1])
        sys.excepthook, threading.excepthook = before[2], before[3]
        logging.captureWarnings(capture=False)
        writing.stop()
        file.close()


def _readable(terminal: TextIO, names: Names) -> logging.Handler:
    handler = logging.StreamHandler(terminal)
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: record.name != JOURNAL)
    handler.setFormatter(_formatter(names, _told))
    return handler


# -- the chain ------------------------------------------------------------------------------------


def _formatter(
    names: Names, renderer: Callable[[Any, str, Line], str | bytes]
) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[_bound(names), without_secrets, renderer],
    )


def _bound(names: Names) -> Callable[[Any, str, Line], Line]:
    """Return what puts time, level and names in front of a line, and a trace behind it."""

    def bind(logger: Any, method: str, line: Line) -> Line:
        record: logging.LogRecord = line["_record"]
        more = {name: value for name, value in line.items() if name not in _NOT_TOLD}
        made: Line = {
            "at": iso(int(record.created * SECOND_NS)).replace(" ", "T", 1),
            "level": record.levelname.lower(),
            "event": more.pop("event", ""),
            **names._asdict(),
            "decision_id": more.pop("decision_id", None),
            "logger": record.name,
            **dict(list(more.items())[:_FIELDS_MAX]),
        }
        if trace := line.get("trace"):
            made["trace"] = str(trace)[-TRACE_MAX:]
        return made

    return bind


def without_secrets(logger: Any, method: str, line: Line) -> Line:
    """Return a line in which nothing looks like a secret; what is no plain value becomes text."""
    return {str(redactor(name)): _safe(name, value) for name, value in line.items()}


def _safe(name: str, value: Any) -> Any:
    if is_secret_name(name):
        return STARS
    if value is None or isinstance(value, bool | int | float):
        return value
    most = TRACE_MAX if name == "trace" else TEXT_MAX
    # Cut before, so that no length of a text makes the search long; and after, for the rest.
    text = redactor(str(value)[: 2 * most])
    return text if len(text) <= most else f"{text[:most]}…"


def _told(logger: Any, method: str, line: Line) -> str:
    """Return a line for a person: time, level, what happened, and what else is known of it."""
    own = ("at", "level", "event", "account", "mode", "process", "logger", "trace")
    more = [
        f"{name}={value}" for name, value in line.items() if name not in own and value is not None
    ]
    text = _printable("  ".join([f"{line['at'][11:19]} {line['level']}", line["event"], *more]))
    trace = line.get("trace")
    return "\n".join([text, *map(_printable, trace.splitlines())]) if trace else text


def _printable(text: str) -> str:
    """Return a text that cannot steer a terminal."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


# -- what nobody caught ---------------------------------------------------------------------------


def _told_in(
    stream: TextIO,
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """Return a hook that logs what nobody caught and shows it, in both without secrets."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            logging.getLogger(OURS).critical("nobody caught this", exc_info=(kind, error, trace))
        stream.write(redactor("".join(traceback.format_exception(kind, error, trace))))

    return hook


def _told_of_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_type is SystemExit or what.exc_value is None:
        return
    name = what.thread.name if what.thread is not None else "?"
    logging.getLogger(OURS).critical(
        "the thread %s ended", name, exc_info=(what.exc_type, what.exc_value, what.exc_traceback)
    )
