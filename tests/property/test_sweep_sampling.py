"""Samples: order, reach, evenness, and that more of them only adds."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.known import chunk_size
from smart_leverage.research.sweep.sampling import at_random, grid, quasi
from smart_leverage.research.sweep.space import NAMES, Axis, Space

counts = st.integers(1, 300)
seeds = st.integers(0, 2**32 - 1)
lists = st.lists(
    st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5, unique=True), min_size=1, max_size=4
)
KEYS = sorted(NAMES)


def listed(values: list[list[float]]) -> Space:
    axes = zip(KEYS, values, strict=False)
    return Space(tuple(Axis(key, tuple(each), min(each), max(each)) for key, each in axes))


def ranges(count: int) -> Space:
    return Space(tuple(Axis(key, (), 0.0, 1.0) for key in KEYS[:count]))


@given(lists)
def test_a_grid_has_every_combination_once_the_last_axis_fastest(values) -> None:
    assert [tuple(point) for point in grid(listed(values))] == list(product(*values))


def test_a_grid_of_ranges_is_refused_with_what_is_missing() -> None:
    with pytest.raises(ConfigError) as refused:
        grid(ranges(2))
    assert len(refused.value.problems) == 2
    assert "a count beside from and to" in str(refused.value)


@pytest.mark.parametrize("sample", [at_random, quasi])
@given(counts, counts, seeds)
def test_a_longer_sample_begins_with_the_shorter_one(sample, one, other, seed) -> None:
    short, long = sorted((one, other))
    space = ranges(5)
    assert (sample(space, long, seed)[:short] == sample(space, short, seed)).all()


@pytest.mark.parametrize("sample", [at_random, quasi])
@given(counts, seeds)
def test_every_value_lies_between_the_ends_and_on_the_list(sample, count, seed) -> None:
    space = Space((Axis(KEYS[0], (), 0.1, 0.3), Axis(KEYS[1], (0.2, 0.7), 0.2, 0.7)))
    points = sample(space, count, seed)
    assert points.shape == (count, 2)
    assert ((points[:, 0] >= 0.1) & (points[:, 0] <= 0.3)).all()
    assert set(points[:, 1]) <= {0.2, 0.7}


@given(seeds, st.integers(1, 3))
def test_quasi_random_points_fill_every_part_of_an_axis(seed, power) -> None:
    for place, base in enumerate((2, 3, 5, 7)):
        count = base**power
        shares = quasi(ranges(4), count, seed)[:, place]
        # The defining property of a Halton sequence, which permuted digits keep.
        assert sorted((shares * count).astype(int)) == list(range(count))


def test_axes_of_large_bases_do_not_go_up_and_down_together() -> None:
    points = quasi(ranges(len(KEYS)), 500, 1)
    related = np.corrcoef(points.T) - np.eye(points.shape[1])
    assert np.abs(related).max() < 0.25


@given(st.integers(1, 10_000_000))
def test_parts_are_few_and_whole_groups(sets: int) -> None:
    size = chunk_size(sets)
    assert size % 32 == 0
    assert sets / size <= 64 or size == 1024
