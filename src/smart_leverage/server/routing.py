"""Finds the route of a path: exactly first, then by its parts, the longest rest last."""

from collections.abc import Iterable, Mapping
from typing import Generic, Protocol, TypeVar

REST = ":path}"


class Placed(Protocol):
    """Something that stands at a path for a method."""

    @property
    def method(self) -> str:
        """In capitals."""
        ...

    @property
    def path(self) -> str:
        """With `{name}` for what varies."""
        ...


R = TypeVar("R", bound=Placed)


class Table(Generic[R]):
    """Routes by method; a path has one reading, decoded once, and no dots or empty parts in it."""

    def __init__(self, routes: Iterable[R]) -> None:
        self._exact: dict[tuple[str, str], R] = {}
        self._shaped: dict[str, list[tuple[list[str], R]]] = {}
        for route in routes:
            if "{" in route.path:
                parts = route.path.strip("/").split("/")
                self._shaped.setdefault(route.method, []).append((parts, route))
            else:
                self._exact[route.method, route.path] = route

    def find(self, method: str, path: str) -> tuple[R, Mapping[str, str]] | None:
        """Return the route of a path and its variable parts; None where there is none."""
        path = path if path == "/" else path.removesuffix("/")
        route = self._exact.get((method, path))
        if route is not None:
            return route, {}
        parts = path.strip("/").split("/")
        if "" in parts or "." in parts or ".." in parts or path.startswith("//"):
            return None
        for shape, route in self._shaped.get(method, ()):
            values = _values(shape, parts)
            if values is not None:
                return route, values
        return None

    def knows(self, path: str) -> bool:
        """Tell whether a path exists for any method."""
        methods = {*(method for method, _ in self._exact), *self._shaped}
        return any(self.find(method, path) for method in methods)


def _values(shape: list[str], parts: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for place, name in enumerate(shape):
        if name.endswith(REST):
            if place >= len(parts):
                return None
            values[name[1 : -len(REST)]] = "/".join(parts[place:])
            return values
        if place >= len(parts):
            return None
        if name.startswith("{"):
            values[name[1:-1]] = parts[place]
        elif name != parts[place]:
            return None
    return values if len(shape) == len(parts) else None
