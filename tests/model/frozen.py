"""A whole world as bytes, so that a search can go on from it twice; closures included.

What never changes is not copied: the journal's links, instruments, what was configured.
"""

import io
import pickle
import sys
from collections.abc import Callable
from operator import attrgetter
from types import CellType, CodeType, FunctionType
from typing import Any

from smart_leverage.brokers.base import Capabilities
from smart_leverage.domain.calendars import RiskCalendar
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.records import AccountOpened
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.limits import Limits
from smart_leverage.engine.proof import ExactCaps
from smart_leverage.engine.rollout import Rollout
from smart_leverage.engine.state import State
from smart_leverage.runtime.meter import Durations, Meter

SHARED = (
    *(Instrument, EngineConfig, Limits, Rollout, RiskCalendar, ExactCaps, Capabilities),
    *(AccountOpened, Meter, Durations, CodeType),
)
"""Kinds whose objects are the same one in every copy: they are constant here, or only count."""

TABLES = {State: "_appliers", Engine: "_handlers"}
"""Which method takes what is the same for all, and made anew."""

_CONSTANT: list[Any] = []
_NUMBERS: dict[int, int] = {}


def share(constant: Any) -> int:
    """Keep an object for good, and return the number by which every copy refers to it."""
    number = _NUMBERS.get(id(constant))
    if number is None:
        number = _NUMBERS[id(constant)] = len(_CONSTANT)
        _CONSTANT.append(constant)
    return number


def shared(number: int) -> Any:
    """Return what was kept under a number."""
    return _CONSTANT[number]


class Freezer(pickle.Pickler):
    """Writes objects down; a function that closes over something keeps what it closed over."""

    def reducer_override(self, obj: Any) -> Any:
        """Say how an object is written down, where the usual way does not do."""
        if isinstance(obj, SHARED):
            return shared, (share(obj),)
        if type(obj) in TABLES:
            table = TABLES[type(obj)]
            rest = {name: each for name, each in vars(obj).items() if name != table}
            return object.__new__, (type(obj),), rest, None, None, _with_table
        if type(obj) is FunctionType and obj.__qualname__ == "<lambda>":
            return shared, (share(obj),)  # a default of a parameter
        if type(obj) is FunctionType and "<locals>" in obj.__qualname__:
            cells = tuple(cell.cell_contents for cell in obj.__closure__ or ())
            given = (share(obj.__code__), obj.__module__, obj.__name__, obj.__defaults__, cells)
            return _function, given
        return NotImplemented


def _with_table(thing: Any, rest: dict[str, Any]) -> None:
    vars(thing).update(rest)
    plan = _PLANS.get(type(thing)) or _PLANS.setdefault(type(thing), _plan(type(thing)))
    table = {kind: attrgetter(path)(thing) for kind, path in plan.items()}
    setattr(thing, TABLES[type(thing)], table)


_PLANS: dict[type, dict[type, str]] = {}


def _plan(kind: type) -> dict[type, str]:
    """Return how the entries of a table are found from the object that has it."""
    model = State() if kind is State else Engine(EngineConfig())
    owners = {id(each): f"{name}." for name, each in vars(model).items()} | {id(model): ""}
    table: dict[type, Any] = getattr(model, TABLES[kind])
    return {of: f"{owners[id(each.__self__)]}{each.__name__}" for of, each in table.items()}


def _function(
    code: int, module: str, name: str, defaults: tuple[Any, ...] | None, cells: tuple[Any, ...]
) -> Callable[..., Any]:
    inside = vars(sys.modules[module])
    closure = tuple(CellType(each) for each in cells)
    return FunctionType(shared(code), inside, name, defaults, closure)


def freeze(world: Any) -> bytes:
    """Return a world as bytes, for this process."""
    kept = io.BytesIO()
    Freezer(kept, pickle.HIGHEST_PROTOCOL).dump(world)
    return kept.getvalue()


def thaw(kept: bytes) -> Any:
    """Return another world that is as the one was."""
    return pickle.loads(kept)
