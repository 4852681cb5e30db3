"""A long series is drawn with few points, and none of its extremes is lost."""

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.reports.thinning import changes, thinned


def test_a_short_series_stays_as_it_is() -> None:
    assert thinned([1, 2, 3], [5.0, 1.0, 9.0], 4) == [0, 1, 2]
    assert thinned([], [], 4) == []


def test_the_highest_and_the_lowest_point_of_a_long_series_are_kept() -> None:
    values = [0.0] * 100_000
    values[54_321], values[12_345] = 7.0, -7.0
    kept = thinned(list(range(100_000)), values, 1_000)
    assert {54_321, 12_345, 0, 99_999} <= set(kept)
    assert len(kept) <= 1_000


def test_a_long_silence_takes_no_points_away_from_the_rest() -> None:
    times = [*range(5_000), 10**9]
    kept = thinned(times, [float(each % 7) for each in times], 400)
    assert kept[-1] == 5_000


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.floats(-1e6, 1e6)), min_size=1, max_size=300),
    st.integers(4, 60),
)
def test_what_is_kept_has_order_ends_extremes_and_bound(
    pairs: list[tuple[int, float]], points_max: int
) -> None:
    pairs.sort(key=lambda pair: pair[0])
    times, values = [each[0] for each in pairs], [each[1] for each in pairs]
    kept = thinned(times, values, points_max)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(points_max, 4)
    shown = [values[index] for index in kept]
    assert (max(shown), min(shown)) == (max(values), min(values))
    assert (kept[0], kept[-1]) == (0, len(pairs) - 1)


def test_a_step_line_needs_its_steps_only() -> None:
    assert changes([0.25, 0.25, 0.4, 0.4, 0.25]) == [0, 2, 4]
    assert changes([]) == []
