"""Runs tests against a mutant in a process that is forked when all it needs is loaded.

Most mutants change the body of a function. Their processes are forked where tests are collected
already: the functions that exist get the changed code, and chosen tests run at once. A mutant that
changes what happens at import needs our code to be loaded anew: its process is forked where only
other people's code is loaded, and a finder hands out the changed source in the place of the
module's own. Nothing is written to the disk.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, NoReturn

import pytest

LOADED = ("hypothesis", "hypothesis.stateful", "msgspec", "pydantic", "typer", "rich", "tomllib",
          "sqlite3", "schemathesis", "schemathesis.pytest.plugin", "xdist", "exchange_calendars",
          "starlette", "numpy", "_pytest.assertion.rewrite")  # fmt: skip
"""What tests import of other people; loading it once saves seconds for every mutant."""

OPTIONS = ("-q", "--tb=no", "--assert=plain", "--capture=no", "--no-header",
           "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants")  # fmt: skip
PATIENCE_S = 600
SLOWER = 10
SPARE_S = 2.0
"""A test may take so many times what it takes where nothing was changed, and this much more."""
CPU_S = 240
"""For the process as a whole, should a test not listen."""
MEMORY = 8 << 30


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    ENDLESS = "endless"


class Chosen(NamedTuple):
    """A test that is to run, and what it takes where nothing was changed."""

    name: str
    cpu_s: float


class Verdict(NamedTuple):
    """What became of a mutant, by which test, after how many."""

    fate: Fate
    by: str = ""
    tests: int = 0
    cpu_s: float = 0.0


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


class Functions:
    """The functions that exist of the modules that are changed, by where they begin."""

    def __init__(self, objects: Iterable[object], sources: Path) -> None:
        self._known: dict[tuple[str, int, str], list[FunctionType]] = {}
        for each in objects:
            if type(each) is FunctionType and each.__code__.co_filename.startswith(str(sources)):
                self._known.setdefault(_place(each.__code__), []).append(each)

    def change(self, path: str, source: str) -> int:
        """Give all functions of a module the code of a changed source; return how many differ."""
        changed, waiting = 0, [compile(source, path, "exec", dont_inherit=True)]
        while waiting:
            for code in waiting.pop().co_consts:
                if not isinstance(code, CodeType):
                    continue
                waiting.append(code)
                for function in self._known.get(_place(code), ()):
                    if function.__code__ != code:
                        function.__code__ = code
                        changed += 1
        return changed


def _place(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_qualname


class Judge:
    """Runs collected tests one by one, and knows whether one has failed."""

    def __init__(self, then: Callable[["Judge", pytest.Session], object]) -> None:
        self._then = then
        self.items: dict[str, pytest.Item] = {}
        self.has_failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self._then(self, session)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.has_failed |= report.failed

    def passes(self, name: str) -> bool:
        """Run one test with fixtures of its own."""
        self.has_failed, item = False, self.items[name]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.has_failed

    def first_failing(self, chosen: Sequence[Chosen], told: Connection) -> Verdict:
        """Run tests until one fails; what has no end is told before the process is over."""
        for number, each in enumerate(chosen, start=1):
            if each.name not in self.items:
                continue
            verdict = Verdict(Fate.ENDLESS, each.name, number)

            def over(*_: object, verdict: Verdict = verdict) -> NoReturn:
                told.send(verdict)
                os._exit(0)

            signal.signal(signal.SIGPROF, over)
            signal.setitimer(signal.ITIMER_PROF, SLOWER * each.cpu_s + SPARE_S)
            try:
                is_fine = self.passes(each.name)
            except BaseException:  # noqa: BLE001 - whatever breaks has noticed the mutant
                is_fine = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            if not is_fine:
                return Verdict(Fate.KILLED, each.name, number)
        return Verdict(Fate.SURVIVED, "", len(chosen))


class Child:
    """A forked process that does one thing and tells what came of it."""

    def __init__(self, does: Callable[[Connection], object], patience_s: float) -> None:
        self.answer, theirs = multiprocessing.Pipe(duplex=False)
        self._until = time.monotonic() + patience_s
        self._pid = os.fork()
        if self._pid == 0:
            _be(does, theirs)
        theirs.close()

    def result(self) -> tuple[Any, float]:
        """Wait for its end; return its answer, None if it broke, and the CPU that it took."""
        answer, is_late = None, not self.answer.poll(max(self._until - time.monotonic(), 0.0))
        if is_late:
            os.kill(self._pid, signal.SIGKILL)
        else:
            with contextlib.suppress(EOFError):
                answer = self.answer.recv()
        self.answer.close()
        _, status, used = os.wait4(self._pid, 0)
        if is_late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
            answer = Verdict(Fate.ENDLESS)
        return answer, used.ru_utime + used.ru_stime

    def verdict(self) -> Verdict:
        """Wait for its end; a process that breaks has noticed its mutant."""
        answer, cpu_s = self.result()
        verdict = answer if isinstance(answer, Verdict) else Verdict(Fate.KILLED, "its process", 1)
        return verdict._replace(cpu_s=cpu_s)


def _be(does: Callable[[Connection], object], told: Connection) -> NoReturn:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 10))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        told.send(does(told))
    finally:
        os._exit(0)


def prepare() -> None:
    """Load what is not ours; nothing of ours may be loaded yet."""
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    ours = [name for name in sys.modules if name.startswith("smart_leverage")]
    assert not ours, f"loaded too early: {ours}"


def loaded_anew(module: str, source: str, chosen: Sequence[Chosen]) -> Verdict:
    """Run tests against a changed module where nothing of ours is loaded yet."""
    files = list(dict.fromkeys(each.name.partition("::")[0] for each in chosen))

    def does(told: Connection) -> Verdict:
        found: list[Verdict] = []

        def then(judge: Judge, session: pytest.Session) -> None:
            if not session.testsfailed:  # else there are tests that could not be imported
                found.append(judge.first_failing(chosen, told))

        judge = Judge(then)
        name = f"smart_leverage.{module.replace('/', '.')}"
        sys.meta_path.insert(0, _Finder(name, source))
        pytest.main([*OPTIONS, *files], plugins=[judge])
        return found[0] if found else Verdict(Fate.KILLED, "its import", 1)

    return Child(does, PATIENCE_S).verdict()


class Loader:
    """The process in which nothing of ours is loaded: it runs one mutant of an import at a time."""

    def __init__(self) -> None:
        self.answer, theirs = multiprocessing.Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self.answer.close()
            with contextlib.suppress(EOFError):
                while True:
                    theirs.send(loaded_anew(*theirs.recv()))
            os._exit(0)
        theirs.close()

    def begin(self, module: str, source: str, chosen: Sequence[Chosen]) -> None:
        """Let it run a mutant; its verdict is the answer."""
        self.answer.send((module, source, list(chosen)))

    def verdict(self) -> Verdict:
        """Wait for what it says of the mutant it has."""
        verdict = self.answer.recv()
        assert isinstance(verdict, Verdict)
        return verdict

    def end(self) -> None:
        """Let it end."""
        self.answer.close()
        os.waitpid(self._pid, 0)
