"""Pictures are made of short paths that go through the right places."""

import re

import pytest

from smart_leverage.reports.html.plot import (
    Band,
    Scale,
    area,
    dots,
    drawn,
    line,
    merged,
    padded,
    stepped,
    steps,
)


def walked(path: str) -> list[tuple[int, int]]:
    """Return the points of a path that `line` has made."""
    numbers = [int(each) for each in re.findall(r"-?\d+", path)]
    points, x, y = [], 0, 0
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = x + dx, y + dy
        points.append((x, y))
    return points


def test_a_line_goes_through_its_points() -> None:
    points = [(0, 500), (3, 488), (5, 496), (5, 100), (9, 100)]
    assert walked(line(points)) == points


def test_a_surface_ends_on_its_level() -> None:
    assert area([(10, 5), (20, 8)], 1000) == "m10 5 10 3V1000H10z"
    assert area([], 1000) == ""


def test_a_step_keeps_its_height_until_the_next_one() -> None:
    assert steps([(0, 40), (10, 30), (20, 30)], 100) == "M0 40H10V30H100"


def test_dots_have_a_length_because_paper_shows_no_others() -> None:
    assert dots([(1, 2), (3, 4)]) == "M1 2h1M3 4h1"


def test_a_scale_puts_the_highest_value_on_top() -> None:
    scale = Scale(0.0, 10.0)
    assert [scale.percent(each) for each in (0.0, 5.0, 10.0)] == [100.0, 50.0, 0.0]
    assert Scale(0.0, 10.0, units=2000, flips=False).units(5.0) == 1000


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        pytest.param(0.0, 1.0, [0.0, 0.25, 0.5, 0.75, 1.0], id="shares"),
        pytest.param(93_000.0, 98_500.0, [93_000.0, 94_000.0, 95_000.0], id="money"),
        pytest.param(-0.081, 0.0, [-0.08, -0.06, -0.04, -0.02, 0.0], id="below-zero"),
    ],
)
def test_an_axis_has_round_values(low: float, high: float, values: list[float]) -> None:
    found = Scale(low, high).round_values(4)
    assert found[: len(values)] == pytest.approx(values)
    assert 3 <= len(found) <= 7


def test_a_range_without_any_height_can_be_drawn() -> None:
    for scale in (Scale(5.0, 5.0), Scale(0.0, 0.0), padded(100.0, 100.0)):
        assert scale.low < scale.high
        assert scale.round_values(4)


def test_what_the_crosshair_reads_adds_up_to_the_values() -> None:
    times = [1_000_000_000 * second for second in (10, 20, 35)]
    series = drawn(times, [1.5, -2.25, 3.0], 100).series("equity", "money", "main", 100)
    assert series.times == [10, 10, 15]
    assert series.values == [150, -375, 525]


def test_a_step_series_keeps_its_changes_only() -> None:
    cap = stepped([1, 2, 3, 4], [0.25, 0.25, 0.4, 0.4], 100)
    assert (cap.times, cap.values) == ([1, 3], [0.25, 0.4])


@pytest.mark.parametrize(
    ("width", "room"),
    [
        pytest.param(60.0, "all", id="wide-band"),
        pytest.param(10.0, "wide", id="not-on-a-phone"),
        pytest.param(2.0, "none", id="narrow-band"),
    ],
)
def test_a_word_is_written_into_a_band_only_where_it_fits(width: float, room: str) -> None:
    assert Band(0.0, width, "", "HALTED", "").room == room


def band(x: float, width: float, css: str = "halted") -> Band:
    return Band(x, width, css, css.upper(), f"{css} at {x}")


def test_few_bands_are_drawn_as_they_are() -> None:
    bands = [band(0.0, 10.0), band(50.0, 0.3)]
    assert merged(bands, 10) == bands


def test_of_too_many_bands_what_held_longest_is_drawn_everywhere() -> None:
    bands = [band(each * 1.0, 0.75) for each in range(50)]
    bands += [band(each + 0.75, 0.25, "active") for each in range(50)]
    bands.append(band(75.0, 0.3, "active"))
    found = merged(bands, 20)
    assert [(each.x, each.width, each.css) for each in found] == [
        (0.0, 50.0, "halted"),
        (75.0, 5.0, "active"),
    ]


def test_bands_stay_in_the_frame() -> None:
    found = merged([band(each * 0.5, 0.6) for each in range(200)], 30)
    assert found[0].x == 0.0
    assert found[-1].end == pytest.approx(100.0, abs=0.1)
