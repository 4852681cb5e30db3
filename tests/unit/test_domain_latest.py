"""A dictionary of the last entries."""

from smart_leverage.domain.latest import Latest


def test_a_new_entry_takes_the_place_of_the_oldest() -> None:
    latest = Latest[str, int](2)
    for name, number in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        latest[name] = number
    assert dict(latest) == {"b": 2, "c": 4}
    latest.setdefault("d", 5)
    assert dict(latest) == {"c": 4, "d": 5}
