"""Names that were given: the last of very many are known, in little memory."""

import copy
import pickle
import tracemalloc
from collections.abc import Callable

import pytest

from smart_leverage.domain.seen import Latest, Seen


def test_a_name_is_known_by_all_its_parts() -> None:
    seen = Seen()
    seen.add("one", "order-1")
    assert seen.has("one", "order-1")
    assert not seen.has("two", "order-1")
    assert not seen.has("one", "order-2")
    assert not seen.has("oneorder-1")


def test_so_many_are_known_at_least_and_twice_as_many_at_most() -> None:
    seen = Seen(least=1_000)
    for number in range(10_000):
        seen.add(str(number))
        assert seen.has(str(max(number - 999, 0)))
    known = [number for number in range(10_000) if seen.has(str(number))]
    assert known == list(range(8_000, 10_000))


def test_a_name_takes_a_few_bytes() -> None:
    tracemalloc.start()
    try:
        seen = Seen()
        for number in range(200_000):
            seen.add("bot", str(number))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 200_000 * 40, used
    assert seen.has("bot", "0")


def test_a_new_entry_takes_the_place_of_the_oldest() -> None:
    latest = Latest[str, int](2)
    for name, number in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        latest[name] = number
    assert dict(latest) == {"b": 2, "c": 4}
    latest.setdefault("d", 5)
    assert dict(latest) == {"c": 4, "d": 5}


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copy_holds_the_same_and_as_many(
    copied: Callable[[Latest[str, int]], Latest[str, int]],
) -> None:
    latest = Latest[str, int](2)
    latest["a"], latest["b"] = 1, 2
    twin = copied(latest)
    assert twin == latest
    twin["c"] = 3
    assert list(twin) == ["b", "c"]
    assert list(latest) == ["a", "b"]
