"""A trading process collects garbage when nobody waits for it."""

import gc
from collections.abc import Iterator

import pytest

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.runtime.tidying import DUE, MIDDLE, QUIET_NS, YOUNG, Tidying


@pytest.fixture
def tidying() -> Iterator[Tidying]:
    before, is_on = gc.get_threshold(), gc.isenabled()
    one = Tidying(0)
    one.begin()
    try:
        yield one
    finally:
        one.end()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    assert gc.isenabled() is is_on


def come_to_stay() -> list[list[int]]:
    """Make so many lasting objects that a collection is due."""
    return [[number] for number in range(2 * YOUNG * MIDDLE * DUE)]


def test_whatever_lasts_is_looked_at_in_quiet_only(tidying: Tidying) -> None:
    full = gc.get_stats()[2]["collections"]
    kept = come_to_stay()
    tidying.busy(SECOND_NS)
    assert not tidying.look(SECOND_NS + QUIET_NS - 1)
    assert gc.get_stats()[2]["collections"] == full, kept[0]
    assert tidying.look(SECOND_NS + QUIET_NS)
    assert gc.get_stats()[2]["collections"] == full + 1


def test_in_quiet_without_anything_new_nothing_is_collected(tidying: Tidying) -> None:
    assert not tidying.look(10 * QUIET_NS)
    kept = come_to_stay()
    assert tidying.look(10 * QUIET_NS), kept[0]
    assert not tidying.look(20 * QUIET_NS)
