"""What is remembered of very much that was named: the last of it whole, more of it in few bytes.

Whoever runs for years can keep neither every name nor forget one that somebody may say again.
"""

from array import array
from collections import OrderedDict, defaultdict
from hashlib import blake2b
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")

LEAST = 1 << 20
"""So many names are known at least, and twice as many at most: 18 MiB."""

BUCKETS = 1 << 14


class Seen:
    """The last names of very many; one that was never added is taken for known once in 10¹² times.

    Two generations: when the younger one is full, the elder is forgotten as a whole.
    """

    def __init__(self, least: int = LEAST) -> None:
        self._least = least
        self._elder: dict[int, array[int]] = {}
        self._begin()

    def _begin(self) -> None:
        self._younger: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))
        self._count = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seen) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def add(self, *name: str) -> None:
        """Remember a name, which may have several parts."""
        if self._count == self._least:
            self._elder = self._younger
            self._begin()
        digest = _digest(name)
        self._younger[digest % BUCKETS].append(digest)
        self._count += 1

    def has(self, *name: str) -> bool:
        """Tell whether a name was added, as far as that is remembered."""
        digest = _digest(name)
        place = digest % BUCKETS
        return any(digest in each.get(place, ()) for each in (self._younger, self._elder))


class Latest(OrderedDict[K, V]):
    """A dictionary of so many entries at most: a new one takes the place of the oldest."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy is made of; the one of the library does not know how many it takes."""
        return type(self), (self._most,), None, None, iter(list(self.items()))

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self._most:
            self.popitem(last=False)


def _digest(name: tuple[str, ...]) -> int:
    whole = "\0".join(name).encode()
    return int.from_bytes(blake2b(whole, digest_size=8).digest(), "big")
