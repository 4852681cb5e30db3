"""Compiles what only becomes part of a caller: translated, but neither optimised nor emitted alone.

The library optimises and emits every function of its own, and once more in every function that it
is merged into. Of a rule that nobody calls but other compiled functions, all that is thrown away.
What is still called and not merged is private to its caller: no number that it does not use is
passed. Else a call hands over every field of every array and record, some hundreds of them.

What Python passes lies apart in memory as far as it is changed: no array is there twice, nor a part
of one. So what is known of one array is still known when another has been written to.

Processors with vectors of 512 bits are used as if they had none; that costs a sweep 5 % less.
"""

from functools import cache
from typing import Any

from llvmlite.binding import Linkage, get_host_cpu_features
from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

_Compiler: Any = Compiler
_Library: Any = JITCodeLibrary


_PLAIN_LENGTH = '"target-features"="-avx512f"'
"""In decisions, where numbers come one by one, masks of 512 bits cost more than branches."""


@cache
def _has_masks() -> bool:
    return bool(get_host_cpu_features().get("avx512f"))


def _without_masks(module: Any) -> None:
    """Have the functions of a module emitted for a processor without vectors of 512 bits.

    Results are the same bits. The library has one target for all code of a process, and that is
    left to others as it is.
    """
    if not _has_masks():
        return
    for function in module.functions:
        if not function.is_declaration:
            set.add(function.attributes, _PLAIN_LENGTH)  # it knows only words, not pairs of them


class PartLibrary(_Library):  # type: ignore[misc]
    """Code that waits to be merged into that of a caller."""

    def add_ir_module(self, module: Any) -> None:
        """Take a module in."""
        _without_masks(module)
        super().add_ir_module(module)

    def _optimize_final_module(self) -> None:
        """The caller is optimised, with this in it."""

    def _finalize_final_module(self) -> None:
        """The caller is emitted, with this in it."""
        self._finalize_dynamic_globals()
        self._finalized = True


class PartCompiler(_Compiler):  # type: ignore[misc]
    """Compiles a function that Python never calls."""

    def compile_extra(self, function: Any) -> Any:
        """Compile a function into a library of parts."""
        target = self.state.targetctx
        self.state.library = PartLibrary(target.codegen(), function.__qualname__)
        target.get_executable = _no_executable  # the target of this one compilation
        return super().compile_extra(function)


class WholeLibrary(_Library):  # type: ignore[misc]
    """Code that Python calls, with all its parts in it."""

    def add_ir_module(self, module: Any) -> None:
        """Take a module in."""
        _without_masks(module)
        super().add_ir_module(module)

    def _optimize_final_module(self) -> None:
        """Keep the parts from outside callers, so that they are passed only what they use."""
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()


class WholeCompiler(_Compiler):  # type: ignore[misc]
    """Compiles a function that Python calls, and that calls parts."""

    def compile_extra(self, function: Any) -> Any:
        """Compile a function into a library of its own."""
        target = self.state.targetctx
        self.state.library = WholeLibrary(target.codegen(), function.__qualname__)
        self.state.library.enable_object_caching()
        self.state.flags.noalias = True  # see above
        return super().compile_extra(function)


def _no_executable(library: Any, described: Any, environment: Any) -> Any:
    """Return an entry without code, which is what callers know a function by."""
    module = described.lookup_module()
    return _dynfunc.make_function(
        module, described.qualname, described.qualname, 0, environment, (library,)
    )
