"""Marks a function as a rule: pure, scalar, and compilable by a machine."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

RULES: dict[str, Callable[..., Any]] = {}
"""Every rule by `module.name`, in the order of definition: callees stand before callers."""


def rule(function: F) -> F:
    """Register a rule and return it unchanged.

    A rule takes and returns numbers, enums and named tuples. It has no I/O, clock, array, Decimal,
    logging or exception, so that the research kernel can compile the very function that the engine
    interprets. Registration only makes that checkable: one test compiles every rule listed here.
    """
    RULES[f"{function.__module__}.{function.__name__}"] = function
    return function
