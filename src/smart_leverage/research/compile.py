"""Compiles rules: every call of a rule to another becomes a call to the other's compiled form.

The engine interprets the functions of `policy` and `fills`; the kernel runs the same functions as
machine code. A rule finds the rules it calls by their names in its module, and those names mean
interpreted functions. So each rule is rebuilt with names that mean compiled ones, callees first.

Compiled and interpreted results are equal bit for bit: nothing is reordered (no fast-math), and a
division by zero, which a rule may not attempt, gives infinity instead of an exception.
"""

import hashlib
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.core.caching import FunctionCache

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.research import merging
from smart_leverage.research.merging import PartCompiler, WholeCompiler
from smart_leverage.rule import RULES

F = TypeVar("F", bound=Callable[..., Any])

_njit: Any = numba.njit
_PLAIN = {"error_model": "numpy", "nogil": True, "_nrt": False}
_WITHIN = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": PartCompiler,
}


_EMITTER = hashlib.sha256(Path(merging.__file__).read_bytes()).hexdigest()
"""How rules become machine code; what was emitted otherwise is not used again."""


class RuleCache(FunctionCache):
    """A cache on disk that also forgets a function when something it calls has changed.

    The library compares only the function's own file, so a caller would go on using the machine
    code of an old callee from another file.
    """

    def __init__(self, function: Callable[..., Any], fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__(function)  # type: ignore[no-untyped-call]

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        key = super()._index_key(sig, codegen)  # type: ignore[no-untyped-call]
        return (*key, self._fingerprint, _EMITTER)


class RuleCompiler:
    """Compiles functions and remembers them; each is compiled at its first call per signature.

    What a function calls becomes a part of it, so that calls cost nothing. Compiled code must not
    make arrays: it counts no references to them.
    """

    def __init__(
        self,
        cache_folder: Path | None = None,
        apart: frozenset[Callable[..., Any]] = frozenset(),
    ) -> None:
        """Prepare a compiler.

        Args:
            cache_folder: Where machine code is kept for the next process. None keeps none.
            apart: Functions that are called, and not merged into their callers: those that are long
                would only be there several times.
        """
        self._cache_folder = cache_folder
        self._apart = apart
        self._compiled: dict[Callable[..., Any], Callable[..., Any]] = {}
        self._inner: dict[Callable[..., Any], Callable[..., Any]] = {}
        self._open: list[Callable[..., Any]] = []

    def compile(self, function: F) -> F:
        """Return the compiled form of a rule, or of a function that calls rules.

        Raises:
            InvariantViolation: A rule calls a function that is not a rule, or rules call each
                other in a circle.
        """
        if function not in self._compiled:
            twin = self._linked(function)
            dispatcher = _njit(pipeline_class=WholeCompiler, **_PLAIN)(twin)
            if self._cache_folder is not None:
                _keep(dispatcher, self._cache_folder, fingerprint(function))
            self._compiled[function] = cast("Callable[..., Any]", dispatcher)
        return cast("F", self._compiled[function])

    def link(self, function: F) -> F:
        """Return an interpreted copy of a function that calls the compiled form of every rule."""
        callees = {name: self.compile(callee) for name, callee in _callees(function)}
        return cast("F", _rebuilt(function, callees))

    def _linked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a copy of a function whose names mean compiled functions, callees first."""
        if function in self._open:
            raise InvariantViolation(f"{_name(function)} calls itself through other rules")
        self._open.append(function)
        try:
            callees = {name: self._within(callee) for name, callee in _callees(function)}
        finally:
            self._open.pop()
        return _rebuilt(function, callees)

    def _within(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the form of a function that only compiled ones call."""
        if function not in self._inner:
            is_merged = function not in self._apart
            dispatcher = _njit(forceinline=is_merged, **_PLAIN, **_WITHIN)(self._linked(function))
            _forget_literals(dispatcher)
            self._inner[function] = cast("Callable[..., Any]", dispatcher)
        return self._inner[function]


def _forget_literals(dispatcher: Any) -> None:
    """Compile a callee once for a type of number, and not once more for every constant."""
    resolve, of_type = dispatcher.get_call_template, cast("Any", types.unliteral)

    def plain(args: Any, kws: Any) -> Any:
        named = {name: of_type(kind) for name, kind in kws.items()}
        return resolve(tuple(map(of_type, args)), named)

    dispatcher.get_call_template = plain


def fingerprint(function: Callable[..., Any]) -> str:
    """Return a digest of a function's code, of every constant it uses and of all it calls."""
    parts = [_name(function), *_code_parts(_plain(function).__code__)]
    callees = dict(_callees(function))
    for name, value in _globals_used(function):
        parts.append(fingerprint(value) if name in callees else f"{name}={_described(value)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _plain(function: Callable[..., Any]) -> FunctionType:
    if not isinstance(function, FunctionType):
        raise InvariantViolation(f"{function!r} is not a plain function and cannot be compiled")
    return function


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _globals_used(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    plain = _plain(function)
    for name in plain.__code__.co_names:
        if name in plain.__globals__:
            yield name, plain.__globals__[name]


def _callees(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    rules = set(RULES.values())
    for name, value in _globals_used(function):
        if not isinstance(value, FunctionType):
            continue
        if function in rules and value not in rules:
            raise InvariantViolation(f"{_name(function)} calls {_name(value)}, which is no rule")
        yield name, value


def _rebuilt(
    function: Callable[..., Any], callees: dict[str, Callable[..., Any]]
) -> Callable[..., Any]:
    plain = _plain(function)
    names = {**plain.__globals__, **callees}
    copy = FunctionType(
        plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__
    )
    copy.__module__ = plain.__module__
    copy.__qualname__ = plain.__qualname__
    copy.__kwdefaults__ = plain.__kwdefaults__
    return copy


def _keep(dispatcher: Any, folder: Path, digest: str) -> None:
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)  # read once, when the cache is made
    try:
        dispatcher._cache = RuleCache(dispatcher.py_func, digest)
    finally:
        config.CACHE_DIR = before


def _code_parts(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)


def _described(value: object) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type) and issubclass(value, Enum):
        return repr([(member.name, member.value) for member in value])
    if isinstance(value, type):
        return f"{value.__qualname__}{getattr(value, '_fields', '')}"
    return repr(value)
