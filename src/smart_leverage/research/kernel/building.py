"""Where the machine code of the kernel comes from: compiled once, kept on disk, and said so."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from smart_leverage.research.compile import RuleCompiler

F = TypeVar("F", bound=Callable[..., Any])

_LOG = logging.getLogger(__name__)

FIRST = "compiling the kernel, once for this version of its rules; kept in {folder}"
AGAIN = "loading the kernel from {folder}"


def cache_folder() -> Path:
    """Return where machine code is kept: `SMART_LEVERAGE_CACHE`, else the user's cache folder."""
    named = os.environ.get("SMART_LEVERAGE_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return (base if named else base.expanduser() / "smart-leverage") / "kernel"


_COMPILERS: dict[Path, RuleCompiler] = {}


def compiled(function: F) -> F:
    """Return the compiled form of a function of the kernel."""
    folder = cache_folder()
    if folder not in _COMPILERS:
        _COMPILERS[folder] = RuleCompiler(folder)
    return _COMPILERS[folder].compile(function)
