"""Finds the package's functions for reference cases, and data sets that some of them name."""

import importlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

ROOT = Path(__file__).parents[2]
MARKET_DATA = ROOT / ".." / "shared" / "data"

Case = Mapping[str, Any]


class NotBuilt(Exception):
    """A case needs a function that is not there."""


class DataNotPresent(Exception):
    """A case needs a data set that is not on this machine."""


class Public:
    """Finds the package's functions by name, as they are or prepared by the caller.

    Args:
        prepare: Applied to every function of `policy` found, for example to compile it.
        data: Folder of the data sets that some cases name.
    """

    def __init__(
        self,
        prepare: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
        data: Path = MARKET_DATA,
    ) -> None:
        self._prepare = prepare
        self._data = data

    def __call__(self, path: str) -> Any:
        """Return `smart_leverage.<path>`, or say that it is not built."""
        module, _, name = f"smart_leverage.{path}".rpartition(".")
        try:
            value = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError as error:
            # A module of ours that cannot import something else is broken, not missing.
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            value = None
        if value is None:
            raise NotBuilt(path)
        is_rule = path.startswith("policy.") and isinstance(value, FunctionType)
        if self._prepare is not None and is_rule:
            return self._prepare(value)
        return value

    def dataset(self, name: str) -> Path:
        """Return the file of a data set, or say that it is not present."""
        file = self._data / name.split(" of ", maxsplit=1)[0]
        if not file.is_file():
            raise DataNotPresent(str(file))
        return file


def number(value: object) -> float:
    """Return an input as a float; no value is NaN, and so is the text `nan`."""
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def plainly(path: str, **renamed: str) -> Callable[..., Any]:
    """Make an entry for a function that takes the inputs as they are, some under another name."""

    def entry(public: Public, **inputs: Any) -> Any:
        arguments = {renamed.get(name, name): number(value) for name, value in inputs.items()}
        return fields(public(path)(**arguments))

    return entry


def fields(answer: Any) -> Any:
    """Return a record by the names of its fields, and anything else as it is."""
    return answer._asdict() if hasattr(answer, "_asdict") else answer
