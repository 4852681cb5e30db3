"""Runs tests against a mutant in a process of its own, which is forked when all else is loaded.

Only our own code is loaded anew for each mutant: a finder hands out the changed source in the place
of the module's own. Nothing is written to the disk.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from types import CodeType, ModuleType
from typing import NoReturn

import pytest

LOADED = ("hypothesis", "hypothesis.stateful", "msgspec", "pydantic", "typer", "rich", "tomllib",
          "sqlite3", "schemathesis", "schemathesis.pytest.plugin", "xdist", "exchange_calendars",
          "starlette", "numpy", "_pytest.assertion.rewrite")  # fmt: skip
"""What tests import of other people; loading it once saves seconds for every mutant."""

OPTIONS = ("-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist",
           "--hypothesis-profile=mutants")  # fmt: skip
PATIENCE_S = 600
CPU_S = 90
"""More than any of the tests take together; what goes on for longer has no end."""
MEMORY = 4 << 30


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    ENDLESS = "endless"


class _Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from a source that is not the one on the disk."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        loader = _Changed(fullname, spec.origin)
        loader.source, spec.loader = self._source, loader
        return spec


def prepare() -> None:
    """Load what is not ours; nothing of ours may be loaded yet."""
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    ours = [name for name in sys.modules if name.startswith("smart_leverage")]
    assert not ours, f"loaded too early: {ours}"


def fate_of(module: str, source: str, tests: Sequence[str]) -> Fate:
    """Run tests against a changed module, until the first of them fails."""
    child = os.fork()
    if child == 0:
        _judge(module, source, tests)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _fate(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Fate.ENDLESS


def _fate(status: int) -> Fate:
    if status == 0:
        return Fate.SURVIVED
    is_endless = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
    return Fate.ENDLESS if is_endless else Fate.KILLED


def _judge(module: str, source: str, tests: Sequence[str]) -> NoReturn:
    """Be the process in which the tests run; end with 0 if all of them pass."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        name = f"smart_leverage.{module.replace('/', '.')}"
        sys.meta_path.insert(0, _Finder(name, source))
        code = int(pytest.main([*OPTIONS, *tests]))
    except BaseException:  # noqa: BLE001 - whatever breaks has noticed the mutant
        code = 1
    finally:
        os._exit(min(code, 1))
