"""Which instants a sweep looks at together, and between which prices an instrument stays then."""

import numpy as np
import pytest

from smart_leverage.research.kernel.market import (
    CLOSELY,
    DECIDING,
    QUIET,
    ROLLING,
    SPAN,
    ends_of,
)


def spans_one_by_one(busy: list[int], first: list[int]) -> list[int]:
    """Return the same ends by going from instant to instant."""
    ends, begin = [], 0
    for t in range(1, len(busy)):
        is_over = busy[t - 1] == CLOSELY or first[t - 1] < first[t] or busy[t] >= ROLLING
        if is_over or t - begin == SPAN:
            ends.append(t)
            begin = t
    return [*ends, len(busy)]


@pytest.mark.parametrize("seed", range(40))
def test_spans_end_where_an_instant_by_instant_search_ends_them(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count = int(chance.integers(1, 400))
    often = 0.001 if seed % 2 else 0.2  # rare ones leave stretches longer than a span
    kinds = chance.choice([DECIDING, ROLLING, CLOSELY], count)
    busy = np.where(chance.random(count) < often, kinds, QUIET).astype(np.uint8)
    busy[0] = CLOSELY
    signals = (busy == DECIDING) | ((busy != QUIET) & (chance.random(count) < 0.5))
    first = np.concatenate([[0], np.cumsum(signals)])
    assert ends_of(busy, first).tolist() == spans_one_by_one(busy.tolist(), first.tolist())
