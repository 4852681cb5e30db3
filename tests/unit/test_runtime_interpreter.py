"""A trading process collects garbage when nobody waits for it."""

import gc
import sys
from collections.abc import Iterator

import pytest

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.runtime.interpreter import (
    DUE,
    MIDDLE,
    QUIET_NS,
    SWITCH_S,
    YOUNG,
    Tidying,
    set_for_trading,
)


@pytest.fixture
def tidying() -> Iterator[Tidying]:
    with set_for_trading():
        yield Tidying(0)


def test_the_interpreter_is_set_for_trading_and_as_it_was_before_afterwards() -> None:
    before = gc.get_threshold(), sys.getswitchinterval(), gc.isenabled()
    with set_for_trading():
        assert gc.get_freeze_count() > 0
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
        assert gc.get_threshold() != before[0]
    assert (gc.get_threshold(), sys.getswitchinterval(), gc.isenabled()) == before
    assert gc.get_freeze_count() == 0


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
