"""Where the machine code of the kernel comes from: compiled once, kept on disk, and said so."""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from numba.core import event

from smart_leverage.research.compile import RuleCompiler

F = TypeVar("F", bound=Callable[..., Any])

Tell = Callable[[str], None]

CACHE = "NUMBA_CACHE_DIR"
"""Names the folder for machine code, as the library has it; else the user's own cache folder."""

TELL_EVERY = 40
"""After so many functions a line says how far it is."""

_LOCK = threading.Lock()
_COMPILERS: dict[tuple[Path | None, frozenset[Callable[..., Any]]], RuleCompiler] = {}


def cache_folder() -> Path | None:
    """Return where machine code is kept, None where nothing can be written."""
    named = os.environ.get(CACHE)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    folder = (Path(named) if named else Path(home) / "smart-leverage") / "kernel"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def tell_on_screen(line: str) -> None:
    """Write a line where a person looks and no program reads."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def compiled(function: F, apart: frozenset[Callable[..., Any]] = frozenset()) -> F:
    """Return the compiled form of a function of the kernel; for `apart` see `RuleCompiler`."""
    folder = cache_folder()
    with _LOCK:
        if (folder, apart) not in _COMPILERS:
            _COMPILERS[folder, apart] = RuleCompiler(folder, apart)
        return _COMPILERS[folder, apart].compile(function)


class Speaker(event.Listener):
    """Says that the kernel is being compiled, how far that is, and where it is kept.

    Machine code that is found on disk is loaded without a word.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._done = 0
        self._open = 0
        self._began = 0.0

    def on_start(self, event: Any) -> None:
        """A function begins to be compiled; the first one is told of."""
        if not self._done and not self._open:
            folder = cache_folder()
            kept = f"kept in {folder}" if folder else "kept nowhere, no folder can be written"
            self._tell(f"compiling the policy to machine code, once for each version of it; {kept}")
            self._began = time.monotonic()
        self._open += 1

    def on_end(self, event: Any) -> None:
        """A function has been compiled."""
        self._open -= 1
        self._done += 1
        if not self._open:
            self._tell(f"compiled {self._done} functions in {time.monotonic() - self._began:.0f} s")
        elif not self._done % TELL_EVERY:
            self._tell(f"compiling: {self._done} functions")


@contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Say whether and how far the kernel is being compiled while the body runs."""
    with event.install_listener("numba:compile", Speaker(tell)):
        yield
